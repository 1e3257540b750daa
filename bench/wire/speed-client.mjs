// Measures one cell in a process that does nothing else: the stock client and zstash in turn, round by round. Takes the
// cell as JSON in its first argument, and prints what it found as JSON.
import { percentile } from "../interleave.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { openCompressing, openStock } from "./side.mjs";

/**
 * @typedef {{ url: string, token: string, size: number, atOnce: number, pipelining: boolean, objects: boolean, random: boolean, fetch: boolean, pairs: number, seconds: number }} Cell
 */
const cell = /** @type {Cell} */ (JSON.parse(process.argv[2]));
// A function that stands in for fetch is used as it is: the other transport of zstash.
if (cell.fetch) {
  const platform = globalThis.fetch;
  globalThis.fetch = (input, init) => platform(input, init);
}
const text = cell.random ? randomText(cell.size) : jsonOfSize(cell.size);
const value = cell.objects ? { text, rows: Array.from({ length: 20 }, (_, id) => ({ id })) } : text;
const config = {
  url: cell.url,
  token: cell.token,
  enableAutoPipelining: cell.pipelining,
  automaticDeserialization: cell.objects,
};
const sides = [
  { name: "stock", client: openStock(config) },
  { name: "zstash", client: openCompressing(config) },
].map((side) => ({
  ...side,
  cpu: /** @type {number[]} */ ([]),
  set: /** @type {number[]} */ ([]),
  get: /** @type {number[]} */ ([]),
}));

/** Rounds that are counted at least, and the share of the time before it in which compilers warm up. */
const ROUNDS_MIN = 4;
const WARM = 0.3;
const start = performance.now();
const elapsed = () => (performance.now() - start) / 1000;
for (let [round, counted] = [0, 0]; counted < ROUNDS_MIN || elapsed() < cell.seconds; round++) {
  const warm = round > 0 && elapsed() >= cell.seconds * WARM;
  if (warm) counted++;
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
    const { cpu, set, get } = await runRound(side);
    if (!warm) continue;
    side.cpu.push(cpu);
    side.set.push(...set);
    side.get.push(...get);
  }
}
const [stock, own] = sides;
const ratios = own.cpu.map((cpu, round) => cpu / stock.cpu[round]);
console.log(
  JSON.stringify({
    cpu: {
      stock: Math.min(...stock.cpu),
      own: Math.min(...own.cpu),
      minimum: Math.min(...own.cpu) / Math.min(...stock.cpu),
      median: percentile(ratios, 0.5),
      low: percentile(ratios, 0.1),
      high: percentile(ratios, 0.9),
    },
    set: { stock: percentile(stock.set, 0.5), own: percentile(own.set, 0.5) },
    get: { stock: percentile(stock.get, 0.5), own: percentile(own.get, 0.5) },
  }),
);
process.exit(0);

/**
 * Letters and digits that no compressor makes smaller than its limit.
 *
 * @param {number} size
 */
function randomText(size) {
  let [state, out] = [1, ""];
  while (out.length < size) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out += String.fromCharCode(33 + ((state >>> 8) % 94));
  }
  return out;
}

/**
 * Milliseconds of each SET and GET, and of processor time a pair.
 *
 * @param {(typeof sides)[number]} side
 */
async function runRound({ name, client }) {
  /** @type {number[]} */
  const set = [];
  /** @type {number[]} */
  const get = [];
  /** @param {number[]} times @param {() => Promise<unknown>} work */
  const timed = async (times, work) => {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  };
  const before = process.cpuUsage();
  for (let pair = 0; pair < cell.pairs; pair += cell.atOnce) {
    const keys = Array.from({ length: cell.atOnce }, (_, index) => `speed:${name}:${index}`);
    await Promise.all(keys.map((key) => timed(set, () => client.set(key, value))));
    await Promise.all(keys.map((key) => timed(get, () => client.get(key))));
  }
  const { user, system } = process.cpuUsage(before);
  return { set, get, cpu: (user + system) / 1000 / cell.pairs };
}
