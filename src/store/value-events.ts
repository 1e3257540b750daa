/**
 * Tells the listener of a store what happened to values: how one was stored, that one was decoded, or why it was not.
 */
import { createReaderStream, type ByteGenerator } from "../codec/pull-stream.ts";
import type { Stopwatch } from "../codec/stopwatch.ts";
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { emit, type EventListener, type EventSubject, type ValueKind } from "../metrics/events.ts";
import type { ByteReader, ByteStream } from "../streams.ts";

/** How a `put` compresses a value, or why it does not. */
export interface PutTrace extends Stopwatch {
  level: number;
  kind: ValueKind;
  dictionaryId: number | undefined;
  /** Set if the value is stored uncompressed. */
  failure: unknown;
}

/** The trace of a `put` that has not begun. */
export function newPutTrace(): PutTrace {
  return { ms: 0, level: 0, kind: "binary", dictionaryId: undefined, failure: undefined };
}

/** Reports that a value has been stored. */
export function tellPut(
  onEvent: EventListener,
  key: string,
  { level, kind, dictionaryId, failure, ms }: PutTrace,
  { size, storedSize }: { readonly size: number; readonly storedSize: number },
): void {
  const subject = { command: "PUT", key, size };
  emit(
    onEvent,
    failure === undefined
      ? { type: "compressed", ...subject, storedSize, level, kind, ms, dictionaryId, written: true }
      : { type: "uncompressed", ...subject, error: failure },
  );
}

/** Error codes that say nothing about the stored value. */
const notOfValues: ReadonlySet<ZstashErrorCode> = new Set<ZstashErrorCode>([
  "REDIS",
  "REQUEST_LIMIT",
  "RECORD_LIMIT",
  "COMMAND_REFUSED",
]);

/** One read of a value: what is found out on its way, and the event at its end. At most one event is sent. */
export class ReadTrace implements Stopwatch {
  /** Milliseconds in the codec. */
  ms = 0;
  /** The number of content bytes so far. */
  size = 0;
  /** The size of the value in Redis, or the bytes of it that were read. */
  storedSize = 0;
  /** True once it is known that the value has to be decoded. */
  encoded = false;
  /** True if the decoding stream reports its end. Otherwise its reader does, which may refuse the content. */
  readonly byStream: boolean;
  readonly #listener: EventListener;
  readonly #command: string;
  readonly #key: string;
  #told = false;

  constructor(
    listener: EventListener,
    { command, key, byStream }: Pick<EventSubject, "command" | "key"> & Pick<ReadTrace, "byStream">,
  ) {
    this.#listener = listener;
    this.#command = command;
    this.#key = key;
    this.byStream = byStream;
  }

  /** All of the content was read. Uncompressed values are not reported, nor a stream that is left before its end. */
  ended(): void {
    if (!this.encoded || this.#told) return;
    this.#told = true;
    const [command, key] = [this.#command, this.#key];
    const { size, storedSize, ms } = this;
    emit(this.#listener, { type: "decoded", command, key, size, storedSize, ms });
  }

  /**
   * The read has failed. A failure that says nothing about the value is not reported: a broken connection, a signal.
   */
  failed(error: unknown): void {
    if (!(error instanceof ZstashError) || this.#told) return;
    const { code, effect } = error;
    if (effect !== undefined || notOfValues.has(code)) return;
    this.#told = true;
    emit(this.#listener, { type: "decode-failed", command: this.#command, key: this.#key, code, error });
  }

  /** Counts content as it passes, and reports how it ends. */
  over(content: ByteStream): ByteStream {
    if (!this.encoded) return content;
    return createReaderStream(content.getReader(), (reader, left) => this.#pass(reader, left));
  }

  async *#pass(reader: ByteReader, left: AbortSignal): ByteGenerator {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        this.size += next.value.length;
        yield next.value;
      }
    } catch (error) {
      if (!left.aborted) this.failed(error);
      throw error;
    }
    this.ended();
  }
}
