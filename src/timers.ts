/**
 * The platform's timers, captured when this module loads: timers that a test fakes later do not stop a stream.
 *
 * On Workers a request that ends takes its timers, promises and I/O with it, and whoever waited for them waits
 * forever. So no waiter relies on another: each has its own timer, and looks at shared data whenever it fires.
 */

import { onAbort } from "./signals.ts";

const {
  setTimeout: start,
  clearTimeout: stop,
  setInterval: startInterval,
  clearInterval: stopInterval,
} = globalThis;
const { performance: clock = Date } = globalThis as { performance?: { now(): number } };
let { setImmediate: immediate } = globalThis as { setImmediate?: (resume: () => void) => unknown };

/** The longest pause between two looks at shared data, in ms: the most time that a waiter may lose. */
export const POLL_MAX = 16;

/**
 * Milliseconds since an arbitrary moment, for differences. Workers stop this clock while code runs; it moves on with
 * each timer. It is not the date, because Next.js refuses to prerender a page that asks for the date before it waits
 * for a request.
 */
export const now: () => number = clock.now.bind(clock);

/** Milliseconds since 1970. Unlike `now`, this clock moves on while the machine sleeps or is frozen. */
export const wallClock: () => number = Date.now;

/**
 * Resolves in the next turn of the event loop: by setImmediate where it exists, because timers are clamped to 1…4 ms.
 */
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
 * Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it is aborted. `listen` receives a
 * function that ends the pause early: only for hosts on which one request may resume another.
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

/**
 * Runs `work` every `ms` milliseconds until the returned function is called. Where the runtime allows it, the timer
 * does not keep the process alive.
 */
export function every(ms: number, work: () => void): () => void {
  const timer = startInterval(work, ms);
  (timer as { unref?: () => void }).unref?.();
  return () => stopInterval(timer);
}

/** The pause before the next look at shared data, in ms: 1, 2, 4 … up to `most`. */
export function nextPause(ms: number, most: number = POLL_MAX): number {
  return Math.min(most, ms * 2);
}
