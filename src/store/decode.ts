/**
 * Decodes the frames of a stored value, and begins again if its decoder's context was given to another stream
 * meanwhile.
 */
import { createPullStream, type ByteGenerator } from "../codec/pull-stream.ts";
import { pacing, type Pacing } from "../codec/pacing.ts";
import { stopwatch } from "../codec/stopwatch.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { ByteReader, ByteStream, ByteTransform } from "../streams.ts";
import { withoutDictionary } from "../value/decode.ts";
import type { DictionarySource } from "../value/dictionaries.ts";
import type { StoreSettings } from "./options.ts";
import type { StoredBytes } from "./pieces.ts";
import { withKey } from "./reply.ts";
import type { ReadTrace } from "./value-events.ts";

/** Settings of decoding frames. */
export interface DecodingSettings extends Pick<StoreSettings, "maxWindowLog" | "retry"> {
  readonly dictionaries: DictionarySource | undefined;
  readonly trace: ReadTrace | undefined;
  /** A value that is read whole does not wait for readers of others that have paused. */
  readonly pacing: Pacing;
}

/**
 * The content of frames. A reader that pauses for long may find that its context was lost (CONTEXT_LOST): then the
 * value is read and decoded once more, as often as requests are repeated, and the content that was already passed on
 * is skipped.
 */
export function decodeFrames(
  { maxWindowLog, dictionaries, retry, trace, pacing: pace }: DecodingSettings,
  key: string,
  zstd: Zstd,
  { stream, again }: Pick<StoredBytes, "stream" | "again">,
  signal: AbortSignal | undefined,
): ByteStream {
  const input = new Input(stream.getReader());
  return createPullStream(
    async function* decode(ended): ByteGenerator {
      let given = 0;
      for (let attempt = 0; ; attempt++) {
        let skip = given;
        const options = { maxWindowLog, dictionaries, [stopwatch]: trace, [pacing]: pace };
        const transform = zstd.decompressStream(options);
        const reader = transform.readable.getReader();
        ended.addEventListener("abort", () => void reader.cancel().catch(() => undefined), { once: true });
        const pumping = pump(input, transform);
        try {
          for (let next = await reader.read(); !next.done; next = await reader.read()) {
            const chunk = next.value.subarray(skip);
            skip -= next.value.length - chunk.length;
            given += chunk.length;
            if (chunk.length > 0) yield chunk;
          }
          endTrace(trace, given);
          return;
        } catch (error) {
          await pumping;
          const lost =
            error instanceof ZstashError && error.code === "CONTEXT_LOST" && attempt < retry.retries;
          const start = lost && !ended.aborted ? again?.(input.taken, ended) : undefined;
          if (start === undefined) {
            const failure = withKey(withoutDictionary(error, dictionaries), key);
            if (trace?.byStream === true && !ended.aborted) trace.failed(failure);
            throw failure;
          }
          input.startAgain(start);
        }
      }
    },
    signal,
    () => input.cancel(),
  );
}

/** Notes that all content of a value was read. */
export function endTrace(trace: ReadTrace | undefined, size: number): void {
  if (trace === undefined) return;
  trace.size = size;
  if (trace.byStream) trace.ended();
}

/** Writes the input into a transform, reading one chunk ahead. Failures show on the other side. */
async function pump(input: Input, { writable }: ByteTransform): Promise<void> {
  const writer = writable.getWriter();
  // A failure is reported where it is thrown.
  writer.closed.catch(() => undefined);
  try {
    for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) {
      input.readAhead();
      await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
  }
}

/** Frames as they arrive, which can be read from their start once more. */
class Input {
  readonly #rest: ByteReader;
  /** The bytes before the rest. */
  #start: ByteGenerator | undefined;
  #ahead: Promise<Uint8Array | undefined> | undefined;
  /** The number of bytes taken, from the start on. */
  taken = 0;

  constructor(rest: ByteReader) {
    this.#rest = rest;
  }

  async take(): Promise<Uint8Array | undefined> {
    if (this.#start !== undefined) {
      const { done, value } = await this.#start.next();
      if (done !== true) return value;
      this.#start = undefined;
    }
    const ahead = this.#ahead ?? this.#read();
    this.#ahead = undefined;
    const chunk = await ahead;
    this.taken += chunk?.length ?? 0;
    return chunk;
  }

  readAhead(): void {
    if (this.#start !== undefined) return;
    this.#ahead ??= this.#read();
    // Thrown when its turn comes.
    this.#ahead.catch(() => undefined);
  }

  startAgain(start: ByteGenerator): void {
    this.#start = start;
  }

  cancel(): void {
    this.#rest.cancel().catch(() => undefined);
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#rest.read();
    return done ? undefined : value;
  }
}
