/**
 * Signs of life of work that others wait for. On Workers a promise ends with the request that made it, and whoever waited
 * for it would wait for good: so the work is data, and each waiter looks at it by a timer of its own.
 */

import { delay, every, nextPause, now } from "./timers.ts";

/** Milliseconds between two signs. */
const BEAT = 100;
/** Milliseconds without a sign after which work counts as abandoned, in at least as many looks: a busy loop has few. */
const STALE = 300;
const STALE_LOOKS = 8;

/** Work that is under way. */
export interface Work {
  /** The time of its last sign. */
  seen: number;
}

/** Gives signs until the returned function is called, or the request that called this has ended. */
export function giveSigns(work: Work): () => void {
  work.seen = now();
  return every(BEAT, () => (work.seen = now()));
}

/** Waits while work is under way. Returns false if it is abandoned instead. */
export async function hasEnded(work: Work, isUnderWay: () => boolean): Promise<boolean> {
  let { seen } = work;
  let since = now();
  let looks = 0;
  for (let pause = 1; isUnderWay(); pause = nextPause(pause)) {
    await delay(pause);
    if (seen !== work.seen) [seen, since, looks] = [work.seen, now(), 0];
    else if (++looks >= STALE_LOOKS && now() - since >= STALE) return !isUnderWay();
  }
  return true;
}
