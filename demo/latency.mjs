/** Latencies of two clients side by side: every operation of the one is next to the same operation of the other. */
import { percentile, record } from "../bench/interleave.mjs";

/**
 * @typedef {{ p50: number, p99: number }} Latency Milliseconds.
 * @typedef {{ set(key: string, value: string): Promise<unknown>, get(key: string): Promise<unknown> }} Client
 */

/**
 * SETs and GETs `rounds` values, taken in turn, through each client. Who goes first alternates, so that neither
 * always finds warm caches or the other's garbage.
 *
 * @template {string} Name
 * @param {Readonly<Record<Name, Client>>} clients By name; each writes below a prefix of its own.
 * @param {readonly { key: string, text: string }[]} values
 * @param {number} rounds
 * @returns {Promise<Record<Name, { set: Latency, get: Latency, different: number }>>} `different` counts the GETs
 * that did not give what was SET.
 */
export async function interleave(clients, values, rounds) {
  const names = /** @type {Name[]} */ (Object.keys(clients));
  const times = record(names, () => ({
    set: new Float64Array(rounds),
    get: new Float64Array(rounds),
    different: 0,
  }));
  for (let round = 0; round < rounds; round++) {
    const { key, text } = values[round % values.length];
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const start = performance.now();
      await clients[name].set(`${name}:${key}`, text);
      times[name].set[round] = performance.now() - start;
    }
    for (const name of order) {
      const start = performance.now();
      const again = await clients[name].get(`${name}:${key}`);
      times[name].get[round] = performance.now() - start;
      if (again !== text) times[name].different++;
    }
  }
  /** @param {Float64Array} list */
  const summary = (list) => ({ p50: percentile(list, 0.5), p99: percentile(list, 0.99) });
  return record(names, (name) => ({
    set: summary(times[name].set),
    get: summary(times[name].get),
    different: times[name].different,
  }));
}
