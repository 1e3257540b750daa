/** A stream over an async generator. */
import { onAbort } from "../signals.ts";
import type { ByteStream } from "../streams.ts";

/** Bytes as they are produced, one chunk at a time. */
export type ByteGenerator = AsyncGenerator<Uint8Array, void, undefined>;

/**
 * A stream of a generator's chunks. The generator runs only while a reader waits, so nothing is queued.
 *
 * The generator's signal is aborted however the stream ends: by its reader's cancel, by `signal`, or by itself.
 */
export function createPullStream(
  generate: (signal: AbortSignal) => ByteGenerator,
  signal?: AbortSignal,
): ByteStream {
  const ended = new AbortController();
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
  // Chunks come from responses and from the codec, never out of shared memory.
  return stream as unknown as ByteStream;
}
