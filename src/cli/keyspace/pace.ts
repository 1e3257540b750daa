/** Limits work to a number of values a second, so that a live database keeps serving others. */
import { delay, now } from "../../timers.ts";

/** A pace of a number of values a second; 0 means as fast as possible. */
export class Pace {
  readonly #perSecond: number;
  #next = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Resolves when the next `values` values may be taken. Time in which nothing was asked for is not made up for. */
  async take(values: number): Promise<void> {
    if (this.#perSecond === 0 || values === 0) return;
    const time = now();
    const turn = Math.max(time, this.#next);
    this.#next = turn + (values / this.#perSecond) * 1000;
    if (turn > time) await delay(turn - time);
  }
}
