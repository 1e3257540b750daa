/** How streams share the event loop: how much work one turn of it may hold, and who works next. */
import { SLOW_WAIT } from "../limits.ts";
import { macrotask, now } from "../timers.ts";
import { tellWait } from "./waits.ts";

/** Work of all streams in one turn, in bytes at level 1 speed: about 4 ms at 250 MB/s. */
const BUDGET = 1 << 20;
/** What taking or giving a chunk costs beyond its bytes: chunks of one byte take about 8 µs each. */
const CHUNK_COST = 2048;
/** The same of a step inside a chunk, which an empty frame takes: about 1 µs. */
export const STEP_COST = 256;
/** The same of a frame among many that are decoded in one call: about 0.15 µs. */
export const RUN_COST = 32;
/** What starting a stream costs: an instance and its context, about 0.5 ms. */
export const START_COST = 131072;

/**
 * Lets the event loop breathe: streams that are fed from memory run in microtasks alone and would block it.
 *
 * One pace is shared by all streams of a codec, so that a hundred of them hold the loop no longer than one. It counts
 * bytes and not time, because Workers stop their clocks while code runs.
 *
 * Every waiter resumes itself by a macrotask of its own; what they share is data. Turns are numbered: whoever wakes
 * first opens the next one with a full budget, and who finds it spent goes on waiting. So that the quick do not starve
 * the others, nobody works twice in a round, and a round ends with the first turn in which nobody was denied. A waiter
 * whose request has ended never wakes and so stands in nobody's way.
 */
export class Pace {
  #turn = 0;
  #round = 0;
  #spent = 0;
  /** Whether a waiter that had not worked in this round found the turn's budget spent. */
  #denied = false;
  readonly #onWait: (ms: number) => void;

  /** The function is told of slow waits, in milliseconds. */
  constructor(onWait: (ms: number) => void = (ms) => tellWait("turn", ms)) {
    this.#onWait = onWait;
  }

  /** Accounts for one step's work; a promise where the event loop has to run before more is done. */
  spend(bytes: number, overhead: number = CHUNK_COST): Promise<void> | undefined {
    this.#spent += overhead + bytes;
    return this.#spent < BUDGET ? undefined : this.#wait();
  }

  async #wait(): Promise<void> {
    const worked = this.#round;
    const since = now();
    for (;;) {
      const turn = this.#turn;
      await macrotask();
      if (turn === this.#turn) this.#open();
      if (worked === this.#round) continue;
      if (this.#spent < BUDGET) {
        const waited = now() - since;
        if (waited >= SLOW_WAIT) this.#onWait(waited);
        return;
      }
      this.#denied = true;
    }
  }

  #open(): void {
    this.#turn += 1;
    this.#spent = 0;
    if (!this.#denied) this.#round += 1;
    this.#denied = false;
  }
}

/** What a byte costs at a level, in bytes at level 1: from the speeds of zstd's own table, rounded up. */
export function costFactor(level: number): number {
  if (level <= 2) return 1;
  if (level <= 4) return 2;
  if (level <= 9) return 8;
  return level <= 15 ? 32 : 128;
}

/** Runs `work` at once, or after what has to be waited for. */
export function afterPause(pause: Promise<void> | undefined, work: () => void): Promise<void> | undefined {
  if (pause !== undefined) return pause.then(work);
  work();
  return undefined;
}
