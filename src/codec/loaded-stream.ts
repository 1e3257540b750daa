/** Streams of "zstash/decode", whose code is loaded by their first read. */
import type { ByteReader, ByteStream } from "../streams.ts";

/**
 * A stream whose source is loaded when a reader first asks for a chunk: a page that only decodes whole values never
 * fetches the code for streams. `load` yields the function that opens the stream; it is not called for a reader that
 * has left meanwhile: `cancelled` is.
 */
export function loadedStream(
  load: () => Promise<() => ByteStream>,
  cancelled?: (reason: unknown) => Promise<void>,
): ByteStream {
  let reader: ByteReader | undefined;
  let left = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        if (reader === undefined) {
          const open = await load();
          if (left) return;
          reader = open().getReader();
        }
        const { done, value } = await reader.read();
        if (left) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        left = true;
        return reader === undefined ? cancelled?.(reason) : reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return stream as ByteStream;
}
