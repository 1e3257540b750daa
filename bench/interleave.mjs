/** Times of several functions side by side, and what their samples say. */

/**
 * Times several functions in turn, round by round, so that what else the machine does hits all of them alike.
 *
 * @template {string} Side
 * @param {Record<Side, () => unknown>} sides the first is the one the ratios are of
 * @param {{ rounds?: number, budget?: number, size?: number, warmup?: number }} options `budget` bytes of work a
 * round and side decide how often each side is called
 * @returns {{ times: Record<Side, { min: number, median: number }>, ratios: Record<Side, { min: number, median: number, low: number, high: number }> }}
 * microseconds a call, and time of the first side over each other one: of the minima, and the median, 10th and 90th
 * percentile of the rounds
 */
export function interleave(sides, { rounds = 40, budget = 1 << 20, size = 1024, warmup = 1500 } = {}) {
  const names = /** @type {Side[]} */ (Object.keys(sides));
  const calls = Math.max(1, Math.min(2000, Math.round(budget / (size + 512))));
  for (const name of names) for (let i = 0; i < Math.min(warmup, calls * 4); i++) sides[name]();
  const samples = record(names, () => /** @type {number[]} */ ([]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length];
      const work = sides[name];
      const start = performance.now();
      for (let call = 0; call < calls; call++) work();
      samples[name].push(((performance.now() - start) * 1000) / calls);
    }
  }
  const [first] = names;
  const times = record(names, (name) => ({
    min: Math.min(...samples[name]),
    median: percentile(samples[name], 0.5),
  }));
  const ratios = record(names.slice(1), (name) => {
    const perRound = samples[first].map((time, round) => time / samples[name][round]);
    return {
      min: times[first].min / times[name].min,
      median: percentile(perRound, 0.5),
      low: percentile(perRound, 0.1),
      high: percentile(perRound, 0.9),
    };
  });
  return { times, ratios };
}

/**
 * The numbers from 0 to below a count in an order that is drawn. In a fixed cycle each side would always follow the same one, and have
 * what that left behind: cold caches, a full heap, a socket that the server has closed meanwhile.
 *
 * @param {number} count
 */
export function drawnOrder(count) {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/**
 * An object with a value for each name.
 *
 * @template {string} Name
 * @template Value
 * @param {readonly Name[]} names
 * @param {(name: Name) => Value} make
 * @returns {Record<Name, Value>}
 */
export function record(names, make) {
  return /** @type {Record<Name, Value>} */ (Object.fromEntries(names.map((name) => [name, make(name)])));
}

/**
 * The value below which the share `at` of the samples lies, nearest rank.
 *
 * @param {readonly number[] | Float64Array} samples Not empty.
 * @param {number} at In (0, 1].
 */
export function percentile(samples, at) {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1))];
}

/**
 * How far changes lie from their middle, as a standard deviation (1.4826 times the median of the distances): what cells of the same
 * code differ by between two runs. Few that became slower do not move it, nor do all that did so alike.
 *
 * @param {readonly number[]} changes
 */
export function deviation(changes) {
  if (changes.length === 0) return 0;
  const middle = percentile(changes, 0.5);
  return (
    1.4826 *
    percentile(
      changes.map((change) => Math.abs(change - middle)),
      0.5,
    )
  );
}
