/**
 * A stream whose source is loaded when a reader first asks for a chunk: a page that only decodes whole values never
 * fetches the code of streams. `cancelled` hears of a reader that leaves before that.
 */
export function loadedStream(
  load: () => Promise<ReadableStream<Uint8Array>>,
  cancelled?: (reason: unknown) => Promise<void>,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
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
}
