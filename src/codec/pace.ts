/** How streams share the event loop: how much work one turn may do, and who works next. */
import { SLOW_WAIT } from "../limits.ts";
import { macrotask, now } from "../timers.ts";
import { tellWait } from "./waits.ts";

/** The work of all streams in one turn, in bytes at the speed of level 1: about 4 ms at 250 MB/s. */
const BUDGET = 1 << 20;
/** What taking or giving a chunk costs beyond its bytes: chunks of one byte take about 8 µs each. */
const CHUNK_COST = 2048;
/** The same for a step inside a chunk, such as an empty frame: about 1 µs. */
export const STEP_COST = 256;
/** The same of a frame among many that are decoded in one call: about 0.15 µs. */
export const RUN_COST = 32;
/** What starting a stream costs, for an instance and its context: about 0.5 ms. */
export const START_COST = 131072;

/**
 * Lets the event loop run: streams that are fed from memory run only in microtasks, and would block it.
 *
 * All streams of a codec share one pace, so that a hundred of them block the loop no longer than one. It counts bytes
 * and not time, because Workers stop their clocks while code runs.
 *
 * Every waiter resumes itself by its own macrotask; they share only data. Turns are numbered: the first waiter that
 * wakes opens the next turn with a full budget, and a waiter that finds it spent waits on. So that fast waiters do
 * not starve others, nobody works twice in a round; a round ends with the first turn in which nobody had to wait. A
 * waiter whose request has ended never wakes, and so blocks nobody.
 */
export class Pace {
  #turn = 0;
  #round = 0;
  #spent = 0;
  /** Whether a waiter that has not worked in this round found the turn's budget spent. */
  #denied = false;
  readonly #onWait: (ms: number) => void;

  /** `onWait` is called after slow waits, with their milliseconds. */
  constructor(onWait: (ms: number) => void = (ms) => tellWait("turn", ms)) {
    this.#onWait = onWait;
  }

  /** Accounts for the work of one step; returns a promise if the event loop has to run before the next. */
  spend(bytes: number, overhead: number = CHUNK_COST): Promise<void> | undefined {
    this.#spent += overhead + bytes;
    return this.#spent < BUDGET ? undefined : this.#wait();
  }

  /**
   * Waits until the event loop has run for others, if it has to; undefined if not. Throws the signal's reason if the
   * request that wants the turn is aborted.
   */
  takeTurn(signal: AbortSignal | undefined): Promise<void> | undefined {
    // The signal is the caller's own, and some platforms' signals have no `throwIfAborted`.
    const check = (): void => {
      if (signal?.aborted === true) throw signal.reason;
    };
    check();
    return this.spend(0, 0)?.then(check);
  }

  /** Accounts for work without waiting after it: for work that waits before it begins. */
  charge(bytes: number): void {
    this.#spent += CHUNK_COST + bytes;
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

/** What a byte costs at a level, in bytes at level 1: from the speeds in zstd's own table, rounded up. */
export function costFactor(level: number): number {
  if (level <= 2) return 1;
  if (level <= 4) return 2;
  if (level <= 9) return 8;
  return level <= 15 ? 32 : 128;
}

/** Runs `work` at once, or after the pause if there is one. */
export function afterPause(pause: Promise<void> | undefined, work: () => void): Promise<void> | undefined {
  if (pause !== undefined) return pause.then(work);
  work();
  return undefined;
}
