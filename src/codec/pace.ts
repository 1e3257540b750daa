/** Work between two macrotasks, in bytes at level 1 speed: about 4 ms at 250 MB/s. */
const BUDGET = 1 << 20;
/** What a step costs beyond its bytes: chunks of one byte take about 8 µs each, and so does an empty frame. */
const STEP_COST = 2048;

/**
 * Lets the event loop breathe: streams that are fed from memory run in microtasks alone and would block it.
 *
 * One pace is shared by all streams of an instance, so that a hundred of them stop it no longer than one. It counts
 * bytes and not time, because Workers freeze their clocks while code runs.
 */
export class Pace {
  #spent = 0;
  #pause: Promise<void> | undefined;

  /** Accounts for one step's work; a promise where the event loop has to run before more is. */
  spend(cost: number): Promise<void> | undefined {
    this.#spent += STEP_COST + cost;
    if (this.#spent < BUDGET) return undefined;
    this.#pause ??= macrotask().then(() => {
      this.#spent = 0;
      this.#pause = undefined;
    });
    return this.#pause;
  }
}

/** What a byte costs at a level, in bytes at level 1: from the speeds of zstd's own table, rounded up. */
export function costFactor(level: number): number {
  if (level <= 2) return 1;
  if (level <= 4) return 2;
  if (level <= 9) return 8;
  return level <= 15 ? 32 : 128;
}

/** setImmediate where there is one: timers are clamped to 1 ms in Node and to 4 ms in browsers. */
function macrotask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (resume: () => void) => unknown };
  return new Promise((resume) => (setImmediate === undefined ? setTimeout(resume, 0) : setImmediate(resume)));
}
