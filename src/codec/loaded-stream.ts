/** Streams of "zstash/decode", whose code is loaded by their first reader. */
import type { ByteReader, ByteStream } from "../streams.ts";

/**
 * A stream whose source is loaded when a reader first asks for a chunk: a page that only decodes whole values never
 * fetches the code of streams. `cancelled` is called for a reader that leaves before that.
 */
export function loadedStream(
  load: () => Promise<ByteStream>,
  cancelled?: (reason: unknown) => Promise<void>,
): ByteStream {
  let reader: ByteReader | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        reader ??= (await load()).getReader();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => (reader === undefined ? cancelled?.(reason) : reader.cancel(reason)),
    },
    { highWaterMark: 0 },
  );
  return stream as ByteStream;
}
