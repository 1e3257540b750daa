/** Latencies and processor time of SET and GET pairs, side by side. */
import { percentile, record } from "../interleave.mjs";
import { sides } from "./clients.mjs";

/**
 * Times SET and GET pairs, one after the other, in blocks: every side has its block in every round, in rotating order.
 * The processor time is the whole process's, other threads and garbage collection included.
 *
 * @param {Awaited<ReturnType<typeof import("./clients.mjs").openClients>>} clients
 * @param {string} text
 * @param {{ rounds: number, block: number }} options `block` is pairs of a side in a round; a first round is dropped.
 * @returns {Promise<Record<import("./clients.mjs").Side, { n: number, set: Latency, get: Latency, cpu: number, cpuRatio: Spread | undefined }>>}
 * Milliseconds, `cpu` the median of the blocks' means a pair. Ratios are of the stock client's in the same round.
 *
 * @typedef {{ p50: number, p99: number }} Latency
 * @typedef {{ median: number, low: number, high: number }} Spread 10th and 90th percentile of the rounds.
 */
export async function timePairs(clients, text, { rounds, block }) {
  const samples = record(sides, () => ({
    set: /** @type {number[]} */ ([]),
    get: /** @type {number[]} */ ([]),
    cpu: /** @type {number[]} */ ([]),
  }));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = sides[(turn + round + sides.length) % sides.length];
      const { set, get, cpu } = await runBlock(clients[side], `wire:${side}`, text, block);
      if (round < 0) continue;
      samples[side].set.push(...set);
      samples[side].get.push(...get);
      samples[side].cpu.push(cpu);
    }
  }
  const { cpu: stock } = samples.stock;
  return record(sides, (side) => {
    const { set, get, cpu } = samples[side];
    return {
      n: set.length,
      set: latency(set),
      get: latency(get),
      cpu: percentile(cpu, 0.5),
      cpuRatio: side === "stock" ? undefined : spread(cpu.map((time, round) => time / stock[round])),
    };
  });
}

/**
 * @param {import("@upstash/redis").Redis} client
 * @param {string} key
 * @param {string} text
 * @param {number} pairs
 */
async function runBlock(client, key, text, pairs) {
  const set = [];
  const get = [];
  let different = 0;
  const before = process.cpuUsage();
  for (let pair = 0; pair < pairs; pair++) {
    const start = performance.now();
    await client.set(key, text);
    const written = performance.now();
    const again = /** @type {string} */ (await client.get(key));
    get.push(performance.now() - written);
    set.push(written - start);
    if (again.length !== text.length) different++;
  }
  const { user, system } = process.cpuUsage(before);
  if (different > 0) throw new Error(`${key}: ${different} other values came back`);
  return { set, get, cpu: (user + system) / 1000 / pairs };
}

/** @param {readonly number[]} samples */
function latency(samples) {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };
}

/** @param {readonly number[]} ratios */
function spread(ratios) {
  return { median: percentile(ratios, 0.5), low: percentile(ratios, 0.1), high: percentile(ratios, 0.9) };
}
