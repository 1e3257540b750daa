/**
 * Signs of life of work that others wait for. On Workers a promise ends with the request that made it, and its
 * waiters would then wait forever. So the work is plain data, and each waiter looks at it by its own timer.
 */

import { delay, every, nextPause, now } from "./timers.ts";

/** Milliseconds between two signs. */
const BEAT = 100;
/**
 * Milliseconds without a sign after which work counts as abandoned. At least as many looks are needed too: a busy
 * event loop has few.
 */
export const STALE = 300;
export const STALE_LOOKS = 8;

/** Work that is under way. */
export interface Work {
  /** The time of its last sign, in ms. */
  seen: number;
}

/** Gives signs until the returned function is called or the calling request ends. */
export function giveSigns(work: Work): () => void {
  work.seen = now();
  return every(BEAT, () => (work.seen = now()));
}

/** Waits while work is under way. Returns true when it has ended, and false if it was abandoned. */
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
