/**
 * The platform's timers, as they are when this module loads: what a test fakes later does not stop a stream.
 *
 * On Workers a request takes its timers, promises and I/O with it when it ends, and what it was to resume waits for
 * good. So no waiter relies on another: each has a timer of its own, and looks at shared data whenever that fires.
 */

import { onAbort } from "./signals.ts";

const {
  setTimeout: start,
  clearTimeout: stop,
  setInterval: startInterval,
  clearInterval: stopInterval,
} = globalThis;
let { setImmediate: immediate } = globalThis as { setImmediate?: (resume: () => void) => unknown };

/** The longest pause between two looks at shared data, in ms: what a waiter may lose at most. */
export const POLL_MAX = 16;

/**
 * Milliseconds since some moment, for differences. Workers stop this clock while code runs; it moves on with each timer. It
 * is not the date: Next.js refuses to prerender a page that asks for one before it waits for a request.
 */
export const now: () => number =
  (globalThis.performance as Performance | undefined)?.now.bind(performance) ?? Date.now;

/** Milliseconds since 1970: this clock moves on while the machine sleeps or is frozen. */
export const wallClock: () => number = Date.now;

/** Resolves in the next turn of the event loop: setImmediate where there is one, timers are clamped to 1…4 ms. */
export function macrotask(): Promise<void> {
  return new Promise((resume) => {
    if (immediate === undefined) return void start(resume, 0);
    try {
      immediate(resume);
    } catch {
      // The edge sandbox of Next.js has one that only throws.
      immediate = undefined;
      start(resume, 0);
    }
  });
}

/**
 * Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. `listen` is handed a function that ends
 * the pause early: only for hosts on which one request may resume another.
 */
export function delay(
  ms: number,
  signal?: AbortSignal | undefined,
  listen?: (wake: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const settle = (): void => {
      stop(timer);
      ignore?.();
    };
    const abort = (): void => {
      settle();
      reject(signal!.reason);
    };
    const wake = (): void => {
      settle();
      resolve();
    };
    const timer = start(wake, ms);
    const ignore = signal === undefined ? undefined : onAbort(signal, abort);
    listen?.(wake);
  });
}

/** Runs `work` every `ms` until the returned function is called. Keeps no process alive where a timer can be told. */
export function every(ms: number, work: () => void): () => void {
  const timer = startInterval(work, ms);
  (timer as { unref?: () => void }).unref?.();
  return () => stopInterval(timer);
}

/** The pause before the next look at shared data, in ms: 1, 2, 4 … up to `most`. */
export function nextPause(ms: number, most: number = POLL_MAX): number {
  return Math.min(most, ms * 2);
}
