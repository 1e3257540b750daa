/** Times sides in turn, each as often as fits a few milliseconds, and says what the samples say. */
import { percentile } from "../interleave.mjs";

/**
 * Something timed: nanoseconds a call. `against` names the side whose time is divided by this one's.
 *
 * @typedef {{ name: string, against?: string | undefined, bytes?: number | undefined, time(calls: number): Promise<number> | number }} Timed
 *
 * Least, median, 10th and 90th percentile: of microseconds a call (`us`), and of the time of zstash over this side's in the
 * same round (`ratio`, whose first is of the minima).
 *
 * @typedef {{ bytes?: number | undefined, us: Four, ratio?: Four | undefined }} Summary
 * @typedef {readonly [least: number, median: number, low: number, high: number]} Four
 */

/** Rounds of warming up before what is counted. */
const WARM_UP = 8;
const MOST_CALLS = 4096;

/** Three digits that count are more than what a machine repeats. @param {number} number */
const rounded = (number) => Number(number.toPrecision(4));

/** @param {number} least @param {readonly number[]} samples @returns {Four} */
const four = (least, samples) => [
  rounded(least),
  rounded(percentile(samples, 0.5)),
  rounded(percentile(samples, 0.1)),
  rounded(percentile(samples, 0.9)),
];

/**
 * What every machine takes for a function of JavaScript's that is not awaited.
 *
 * @param {() => unknown} work
 * @returns {(calls: number) => Promise<number> | number}
 */
export function timed(work) {
  return (calls) => {
    const start = performance.now();
    const first = work();
    if (first instanceof Promise) return timedAsync(work, first, calls, start);
    for (let call = 1; call < calls; call++) work();
    return ((performance.now() - start) * 1e6) / calls;
  };
}

/**
 * @param {() => unknown} work
 * @param {Promise<unknown>} first
 * @param {number} calls
 * @param {number} start
 */
async function timedAsync(work, first, calls, start) {
  await first;
  for (let call = 1; call < calls; call++) await work();
  return ((performance.now() - start) * 1e6) / calls;
}

/**
 * @param {readonly Timed[]} sides
 * @param {{ rounds: number, budget: number }} options `budget`: milliseconds of a side in a round
 * @returns {Promise<Record<string, Summary>>}
 */
export async function measureInTurn(sides, { rounds, budget }) {
  /** @type {Map<string, { calls: number, samples: number[] }>} */
  const states = new Map();
  for (const { name, time } of sides) {
    // Until engines have compiled what they run, and it is known how many calls are long enough to be timed.
    let [calls, warm] = [1, 0];
    while (warm < WARM_UP * budget * 1e6) {
      const spent = Math.max(1, (await time(calls)) * calls);
      warm += spent;
      calls = Math.max(1, Math.min(MOST_CALLS, Math.round((calls * budget * 1e6) / spent), calls * 8));
    }
    states.set(name, { calls, samples: [] });
  }
  const stateOf = (/** @type {string} */ name) => {
    const state = states.get(name);
    if (state === undefined) throw new Error(`there is no side ${name}`);
    return state;
  };
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const { name, time } = sides[(turn + round) % sides.length];
      const state = stateOf(name);
      state.samples.push((await time(state.calls)) / 1000);
    }
  }
  return Object.fromEntries(
    sides.map(({ name, against, bytes }) => {
      const { samples } = stateOf(name);
      const least = Math.min(...samples);
      /** @type {Summary} */
      const summary = { bytes, us: four(least, samples) };
      if (against !== undefined) {
        const own = stateOf(against).samples;
        summary.ratio = four(
          Math.min(...own) / least,
          samples.map((sample, index) => own[index] / sample),
        );
      }
      return [name, summary];
    }),
  );
}
