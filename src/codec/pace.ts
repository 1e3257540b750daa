/** Gives the event loop back between steps of streams. */

/** Work between two macrotasks, in bytes at level 1 speed: about 4 ms at 250 MB/s. */
const BUDGET = 1 << 20;
/** The cost of a step beyond its bytes: chunks of one byte take about 8 µs each, and so does an empty frame. */
const STEP_COST = 2048;
/** The cost of starting a stream: an instance and its context, about 0.5 ms. */
export const START_COST = 131072;

/**
 * Lets the event loop breathe: streams that are fed from memory run in microtasks alone and would block it.
 *
 * One pace is shared by all streams of an instance, so that a hundred of them stop it no longer than one. It counts
 * bytes and not time, because Workers freeze their clocks while code runs.
 */
export class Pace {
  #spent = 0;
  readonly #waiting: { readonly cost: number; readonly resume: () => void }[] = [];

  /** Accounts for one step's work. Returns a promise if the event loop has to run before the next. */
  spend(bytes: number): Promise<void> | undefined {
    const cost = STEP_COST + bytes;
    this.#spent += cost;
    if (this.#spent < BUDGET && this.#waiting.length === 0) return undefined;
    return new Promise((resume) => {
      if (this.#waiting.push({ cost, resume }) === 1) void this.#resumeLater();
    });
  }

  /** Resumes as many as the budget has room for, assuming that each one's next step costs what its last did. */
  async #resumeLater(): Promise<void> {
    while (this.#waiting.length > 0) {
      await macrotask();
      this.#spent = 0;
      for (let expected = 0; expected < BUDGET;) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        expected += next.cost;
        next.resume();
      }
    }
  }
}

/** The cost of a byte at a level, in bytes at level 1: from the speeds of zstd's own table, rounded up. */
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
