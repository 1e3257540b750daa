/**
 * A stream of what a generator yields, which runs only while a reader waits: nothing is queued.
 *
 * The generator's signal is aborted however the stream ends: by its reader's cancel, by `signal`, or by itself.
 */
export function createPullStream(
  generate: (signal: AbortSignal) => AsyncGenerator<Uint8Array, void, undefined>,
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  const ended = new AbortController();
  const chunks = generate(ended.signal);
  let output: ReadableStreamDefaultController<Uint8Array>;

  const end = (reason: unknown): void => {
    signal?.removeEventListener("abort", abort);
    ended.abort(reason);
    // One that waits at a yield is let go; one that waits for a read hears of it from the signal.
    chunks.return().catch(() => undefined);
  };
  const abort = (): void => {
    output.error(signal!.reason);
    end(signal!.reason);
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        output = controller;
        if (signal?.aborted === true) abort();
        else signal?.addEventListener("abort", abort);
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
}
