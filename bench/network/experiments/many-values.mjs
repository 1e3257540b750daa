/** Ten thousand values of 1.2 KB through the stock client and zstash over links of several rates: operations a second, tails, bytes. */
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { percentile, record } from "../../interleave.mjs";
import { valuesOf } from "../values.mjs";

const SIZE = 1200;
/** Milliseconds of a round trip, as within a region. */
const ROUND_TRIP = 1;
/** Rates with the rounds that there is time for. */
const RATES = [
  { mbit: 10, rounds: 1 },
  { mbit: 100, rounds: 3 },
  { mbit: 1000, rounds: 3 },
];

/** The two ways to read "a pipeline of 10,000, 50 at once": values of a pipeline, and pipelines under way at a time. */
const shapes = /** @type {const} */ ([
  { name: "one pipeline of all", most: Infinity, inFlight: 1 },
  { name: "pipelines of 50, 50 at once", most: 50, inFlight: 50 },
]);
/** Values that are sent before anything is measured. */
const WARM = 2000;
const SIDES = /** @type {const} */ (["stock", "zstash"]);
const OPERATIONS = /** @type {const} */ (["set", "get"]);

/**
 * Of all rounds of a cell: operations a second in the median and the best round, milliseconds of pipelines, processor time of the client, and
 * IP bytes and packets of a round, both directions together; `oneWay` are the bytes of the direction that had more, which is what a
 * link with a rate for each direction is busy with. Files from before it was counted do not have it.
 *
 * @typedef {{ rounds: number, perSecond: number, best: number, p50: number, p99: number, pipelines: number, cpuMs: number, bytes: number, oneWay?: number, packets: number }} Speed
 * @typedef {{ mbit: number, shape: string, operation: "set" | "get", sides: Record<"stock" | "zstash", Speed> }} Cell
 */

/**
 * All values in pipelines of at most `most`, `inFlight` at a time.
 *
 * @param {{ redis: Redis, keys: string }} client and what its keys begin with
 * @param {readonly string[]} values
 * @param {"set" | "get"} operation
 * @param {(typeof shapes)[number]} shape
 * @returns {Promise<number[]>} milliseconds of each pipeline
 */
async function runAll({ redis, keys }, values, operation, { most, inFlight }) {
  const size = Math.min(most, values.length);
  /** @type {number[]} */
  const samples = [];
  let next = 0;
  const worker = async () => {
    while (next < values.length) {
      const start = next;
      next += size;
      const part = values.slice(start, start + size);
      const begin = performance.now();
      const pipeline = redis.pipeline();
      for (const [index, value] of part.entries()) {
        if (operation === "set") pipeline.set(`${keys}:${start + index}`, value);
        else pipeline.get(`${keys}:${start + index}`);
      }
      const replies = await pipeline.exec();
      samples.push(performance.now() - begin);
      const expected = (/** @type {number} */ index) => (operation === "set" ? "OK" : part[index]);
      if (replies.length !== part.length || replies.some((reply, index) => reply !== expected(index)))
        throw new Error(`a pipeline of ${operation} came back different`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return samples;
}

/**
 * Pipelines of many small values over links of 10 to 1,000 Mbit.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const manyValues = {
  name: "many-values",
  title: "Ten thousand small values in pipelines",
  lab: "direct",
  /** @param {import("../experiments.mjs").Context} context */
  async run({ quick, warm, token, link, setLink, progress }) {
    const values = valuesOf(quick ? 500 : 10_000, SIZE);
    const options = { token, automaticDeserialization: false };
    const clients = {
      stock: { redis: new Redis({ ...options, url: warm[0] }), keys: "stock" },
      zstash: { redis: new CompressingRedis({ ...options, url: warm[1] }), keys: "zstash" },
    };
    // Everything has run hot before the first cell.
    await setLink({});
    for (const shape of shapes) {
      for (const side of SIDES)
        for (const operation of OPERATIONS)
          await runAll(clients[side], values.slice(0, WARM), operation, shape);
    }
    /** @type {Cell[]} */
    const cells = [];
    const rates = quick ? [{ mbit: 1000, rounds: 1 }] : RATES;
    for (const { mbit, rounds } of rates) {
      for (const shape of shapes) {
        await setLink({ mbit, rtt: ROUND_TRIP });
        for (const operation of OPERATIONS) {
          progress(
            cells.length,
            rates.length * shapes.length * 2,
            `${mbit} Mbit, ${shape.name}, ${operation}`,
          );
          const samples = record(SIDES, () => ({
            ms: /** @type {number[]} */ ([]),
            pipelines: /** @type {number[]} */ ([]),
            cpu: /** @type {number[]} */ ([]),
            bytes: /** @type {number[]} */ ([]),
            oneWay: /** @type {number[]} */ ([]),
            packets: /** @type {number[]} */ ([]),
          }));
          for (let round = 0; round < rounds; round++) {
            for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
              const [before, cpu, start] = [await link.stats(), process.cpuUsage(), performance.now()];
              samples[side].pipelines.push(...(await runAll(clients[side], values, operation, shape)));
              samples[side].ms.push(performance.now() - start);
              const { user, system } = process.cpuUsage(cpu);
              const after = await link.stats();
              samples[side].cpu.push((user + system) / 1000);
              const [up, down] = [after.upBytes - before.upBytes, after.downBytes - before.downBytes];
              samples[side].bytes.push(up + down);
              samples[side].oneWay.push(Math.max(up, down));
              samples[side].packets.push(
                after.upPackets + after.downPackets - before.upPackets - before.downPackets,
              );
            }
          }
          const sides = record(SIDES, (side) => {
            const { ms, pipelines, cpu, bytes, oneWay, packets } = samples[side];
            return {
              rounds,
              perSecond: Math.round((values.length * 1000) / percentile(ms, 0.5)),
              best: Math.round((values.length * 1000) / Math.min(...ms)),
              p50: Math.round(percentile(pipelines, 0.5) * 10) / 10,
              p99: Math.round(percentile(pipelines, 0.99) * 10) / 10,
              pipelines: pipelines.length,
              cpuMs: Math.round(percentile(cpu, 0.5)),
              bytes: percentile(bytes, 0.5),
              oneWay: percentile(oneWay, 0.5),
              packets: percentile(packets, 0.5),
            };
          });
          cells.push({ mbit, shape: shape.name, operation, sides });
        }
      }
    }
    return { count: values.length, size: SIZE, rtt: ROUND_TRIP, cells };
  },
};
