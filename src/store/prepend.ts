import type { ByteStream, ReadableBytes } from "../streams.ts";

/**
 * What a reader has not read yet as a stream again, behind a chunk that it has. It is read only when it is asked for.
 *
 * @param toError What is thrown for an error of the reader.
 */
export function prepend(
  reader: ReturnType<ReadableBytes["getReader"]>,
  first: Uint8Array | undefined,
  toError: (error: unknown) => unknown = (error) => error,
): ByteStream {
  let read = first;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (read !== undefined && read.length > 0) {
          controller.enqueue(read);
          read = undefined;
          return;
        }
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value!);
        } catch (error) {
          throw toError(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return stream as unknown as ByteStream;
}
