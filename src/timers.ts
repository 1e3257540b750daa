/**
 * The platform's timers, as they are when this module loads: what a test fakes later does not stop a stream.
 *
 * Nobody here wakes anybody else. On Workers a request takes its timers, promises and I/O with it when it ends, so a
 * waiter that another request was to resume would wait for good: each waiter has a timer of its own, and looks at
 * shared data whenever that fires.
 */
const {
  setTimeout: start,
  clearTimeout: stop,
  setInterval: startInterval,
  clearInterval: stopInterval,
} = globalThis;
const { setImmediate: immediate } = globalThis as { setImmediate?: (resume: () => void) => unknown };

/** The longest pause between two looks at shared data, in ms: what a waiter may lose at most. */
export const POLL_MAX = 16;

/** Milliseconds since 1970. Workers stop this clock while code runs; it moves on with each timer. */
export const now: () => number = Date.now;

/** Resolves in the next turn of the event loop: setImmediate where there is one, timers are clamped to 1…4 ms. */
export function macrotask(): Promise<void> {
  return new Promise((resume) => void (immediate === undefined ? start(resume, 0) : immediate(resume)));
}

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function delay(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const abort = (): void => {
      stop(timer);
      reject(signal!.reason);
    };
    const timer = start(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Runs `work` every `ms` until the returned function is called. Keeps no process alive where a timer can be told. */
export function every(ms: number, work: () => void): () => void {
  const timer = startInterval(work, ms);
  (timer as { unref?: () => void }).unref?.();
  return () => stopInterval(timer);
}

/**
 * Looks at shared data until `look` gives a value: at once, then after pauses of 1, 2, 4 … 16 ms, each a timer of the
 * caller's own.
 */
export async function poll<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T> {
  for (let ms = 1; ; ms = Math.min(POLL_MAX, ms * 2)) {
    const found = look();
    if (found !== undefined) return found;
    await delay(ms, signal);
  }
}
