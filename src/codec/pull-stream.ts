/** A stream over an async generator. */
import { onAbort } from "../signals.ts";
import type { ByteReader, ByteStream } from "../streams.ts";

/** Bytes as they are produced, one chunk at a time. */
export type ByteGenerator = AsyncGenerator<Uint8Array, void, undefined>;

/**
 * Makes a stream of a generator's chunks. The generator runs only while a reader waits, so nothing is queued.
 *
 * The generator's signal is aborted when the stream ends, in whatever way: by its reader's cancel, by `signal`, or by
 * itself. `release` is called then, once, and frees what the stream holds from the start: a generator that nobody
 * reads from never runs, and neither does its `finally`.
 */
export function createPullStream(
  generate: (signal: AbortSignal) => ByteGenerator,
  signal?: AbortSignal,
  release?: () => void,
): ByteStream {
  const ended = new AbortController();
  if (release !== undefined) ended.signal.addEventListener("abort", release, { once: true });
  const chunks = generate(ended.signal);
  let ignore: (() => void) | undefined;
  let output: ReadableStreamDefaultController<Uint8Array>;

  const end = (reason: unknown): void => {
    ignore?.();
    ended.abort(reason);
    // Ends a generator suspended at `yield`; one awaiting a read sees the aborted signal.
    chunks.return().catch(() => undefined);
  };
  const abort = (): void => {
    output.error(signal!.reason);
    end(signal!.reason);
  };

  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        output = controller;
        if (signal?.aborted === true) abort();
        else if (signal !== undefined) ignore = onAbort(signal, abort);
      },
      async pull() {
        try {
          const { done, value } = await chunks.next();
          if (ended.signal.aborted) return;
          if (done !== true) return output.enqueue(value);
          output.close();
          end(undefined);
        } catch (error) {
          end(error);
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
  // Chunks come from responses and from the codec, never from shared memory.
  return stream as unknown as ByteStream;
}

/** Makes a stream of what `generate` makes from a reader. The reader is cancelled however the stream ends. */
export function createReaderStream(
  reader: ByteReader,
  generate: (reader: ByteReader, signal: AbortSignal) => ByteGenerator,
): ByteStream {
  const release = (): void => void reader.cancel().catch(() => undefined);
  return createPullStream((ended) => generate(reader, ended), undefined, release);
}

/** All chunks of a reader. */
export async function* chunksOf(reader: ByteReader): ByteGenerator {
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}
