/** Where a busy client's processor time goes: SET and GET of 1 KB and 100 KB through the client alone and with zstash. */
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { percentile, record } from "../interleave.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { LAYERS, layerOf, showJson } from "../profile/layers.mjs";
import { recordStacks } from "../profile/record.mjs";
import { withServer } from "./server.mjs";

const SIZES = [1024, 102_400];
/** Callers that each wait for their own reply: enough that the client, and not the server, is what is busy. */
const CALLERS = 16;

/** Calls in a loop that are timed, after as many that are not. */
const LOOP = 2000;

/**
 * Runs pairs of SET and GET for some time.
 *
 * @param {Redis} redis
 * @param {string} text
 * @param {number} ms
 * @param {() => unknown} [between] what else is done after each pair
 */
async function runPairs(redis, text, ms, between) {
  let pairs = 0;
  const end = performance.now() + ms;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const key = `article:profile:${caller}`;
    while (performance.now() < end) {
      await redis.set(key, text);
      if ((await redis.get(key)) !== text) throw new Error("another value came back");
      pairs++;
      between?.();
    }
  });
  await Promise.all(callers);
  return pairs;
}

/**
 * @param {Redis} redis
 * @param {string} text
 * @param {{ warm: number, ms: number }} times
 */
async function profileClient(redis, text, { warm, ms }) {
  await runPairs(redis, text, warm);
  const before = process.cpuUsage();
  let pairs = 0;
  const stacks = await recordStacks(async () => {
    pairs = await runPairs(redis, text, ms);
  });
  const { user, system } = process.cpuUsage(before);
  const layers = record(LAYERS, () => 0);
  for (const { frames, us } of stacks) layers[layerOf(frames)] += us;
  const busy = Object.values(layers).reduce((sum, us) => sum + us, 0);
  return {
    pairs,
    cpuUs: Number(((user + system) / pairs).toPrecision(4)),
    shares: record(LAYERS, (layer) => Number((layers[layer] / busy).toFixed(5))),
  };
}

/**
 * Microseconds of compressing a text once and decompressing it, the median: in a loop, and one call at a time between the pairs of a
 * busy client that has no codec, where nothing but other code and other data has been through the processor's caches.
 *
 * @param {Redis} redis
 * @param {string} text
 * @param {{ warm: number, ms: number }} times
 */
async function timeCodec(redis, text, { warm, ms }) {
  const zstd = await loadZstd();
  const samples = /** @type {number[]} */ ([]);
  const once = () => {
    const start = performance.now();
    zstd.decompressText(zstd.compress(text, { level: 1 }));
    samples.push((performance.now() - start) * 1000);
  };
  const median = () => Number(percentile(samples.splice(0), 0.5).toPrecision(4));
  await runPairs(redis, text, warm, once);
  samples.splice(0);
  await runPairs(redis, text, ms / 2, once);
  const between = median();
  const loops = Math.max(100, Math.round((LOOP * 1024) / text.length));
  for (let call = 0; call < loops; call++) once();
  samples.splice(0);
  for (let call = 0; call < loops; call++) once();
  return { loop: median(), between };
}

/** @typedef {Awaited<ReturnType<typeof profileClient>>} Profile */

/** @param {boolean} quick */
export const measure = (quick) =>
  withServer(async (_, { backend, url, token }) => {
    const options = { url, token, automaticDeserialization: false, enableAutoPipelining: false };
    const times = quick ? { warm: 200, ms: 400 } : { warm: 2500, ms: 10_000 };
    const hideJson = showJson();
    /**
     * `codec` is not in files from before it was measured.
     *
     * @type {{ size: number, stock: Profile, zstash: Profile, codec?: Awaited<ReturnType<typeof timeCodec>> }[]}
     */
    const cells = [];
    try {
      for (const size of SIZES) {
        const text = jsonOfSize(size);
        const stock = await profileClient(new Redis(options), text, times);
        const zstash = await profileClient(new CompressingRedis(options), text, times);
        const codec = await timeCodec(new Redis(options), text, times);
        cells.push({ size, stock, zstash, codec });
      }
    } finally {
      hideJson();
    }
    return { callers: CALLERS, cells, versions: { "local server on": backend } };
  });
