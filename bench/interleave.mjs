/**
 * Times several functions in turn, round by round, so that what else the machine does hits all of them alike.
 *
 * @param {Record<string, () => unknown>} sides the first is the one the ratios are of
 * @param {{ rounds?: number, budget?: number, size?: number, warmup?: number }} options `budget` bytes of work a
 * round and side decide how often each side is called
 * @returns {{ times: Record<string, { min: number, median: number }>, ratios: Record<string, { min: number, median: number, low: number, high: number }> }}
 * microseconds a call, and time of the first side over each other one: of the minima, and the median, 10th and 90th
 * percentile of the rounds
 */
export function interleave(sides, { rounds = 40, budget = 1 << 20, size = 1024, warmup = 1500 } = {}) {
  const names = Object.keys(sides);
  const calls = Math.max(1, Math.min(2000, Math.round(budget / (size + 512))));
  for (const name of names) for (let i = 0; i < Math.min(warmup, calls * 4); i++) sides[name]();
  const samples = Object.fromEntries(names.map((name) => [name, []]));
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
  const times = Object.fromEntries(
    names.map((name) => [name, { min: Math.min(...samples[name]), median: percentile(samples[name], 0.5) }]),
  );
  const ratios = Object.fromEntries(
    names.slice(1).map((name) => {
      const perRound = samples[first].map((time, round) => time / samples[name][round]);
      return [
        name,
        {
          min: times[first].min / times[name].min,
          median: percentile(perRound, 0.5),
          low: percentile(perRound, 0.1),
          high: percentile(perRound, 0.9),
        },
      ];
    }),
  );
  return { times, ratios };
}

/** The value below which the share `at` of the samples lies, nearest rank. */
export function percentile(samples, at) {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1))];
}
