/**
 * Measures for how long a server has been silent. Time in which the event loop stood still does not count: what came
 * meanwhile has not been read, and what was to be sent has not left.
 */

/** Looks at which a timer may be late in one silence: a background tab's timers are late at each look. */
export const LATE_LOOKS_MAX = 10;
/** Parts of a limit after which the next look is taken: a loop that stood still is noticed by a late timer. */
const LOOKS = 4;
/** Milliseconds by which timers are late in an idle loop; the shortest pause between two looks too. */
const SLACK = 5;

/**
 * A silence that is looked at by one timer. A look that is late by some time means that the loop stood still for so
 * long, so that this time does not count, and as much of the time before is given again. After `LATE_LOOKS_MAX` late
 * looks all time counts.
 */
export class Silence {
  /** Milliseconds of silence that count. */
  #counted = 0;
  #lateLooks = 0;
  /** The time of the last look, and the one for which the next was planned. */
  #looked = 0;
  #due = 0;

  /** Begins to look; returns the milliseconds until the first look. */
  begin(time: number, limit: number): number {
    this.#counted = this.#lateLooks = 0;
    return this.#plan(time, limit, limit);
  }

  /**
   * Looks at a silence that began at `since`, all in ms. Returns the milliseconds until the next look; 0 when the
   * silence has lasted for `limit`.
   */
  look(time: number, since: number, limit: number): number {
    if (since > this.#looked) this.#counted = this.#lateLooks = 0;
    let late = Math.max(0, time - this.#due - SLACK);
    if (late > 0 && ++this.#lateLooks > LATE_LOOKS_MAX) late = 0;
    this.#counted += Math.max(0, time - Math.max(since, this.#looked) - 2 * late);
    const left = limit - this.#counted;
    return left < 1 ? 0 : this.#plan(time, left, limit);
  }

  #plan(time: number, left: number, limit: number): number {
    const pause = Math.max(Math.min(SLACK, limit), Math.min(left, Math.ceil(limit / LOOKS)));
    this.#looked = time;
    this.#due = time + pause;
    return pause;
  }
}
