/** Many compressions, streams and requests at once: how long each takes, and what the process needs for all. */
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { percentile } from "../interleave.mjs";
import { textsOfSize } from "./values.mjs";

/**
 * What N pieces of work at once took: `ms` all of them, `p50` and `p99` a piece from the common start to its end, `hold` the
 * longest time without a turn of the event loop, all in ms; `right` how many gave what went in, `errors` how many failed, by code.
 *
 * @typedef {{ ms: number, p50: number, p99: number, hold: number, right: number, errors: Readonly<Record<string, number>> }} Burst
 */

/**
 * @param {number} count
 * @param {(index: number) => Promise<boolean>} work whether the result was right
 * @returns {Promise<Burst>}
 */
async function burst(count, work) {
  /** @type {number[]} */
  const times = [];
  /** @type {Record<string, number>} */
  const errors = {};
  let right = 0;
  const start = performance.now();
  let [turned, hold] = [start, 0];
  const turns = setInterval(() => {
    const now = performance.now();
    hold = Math.max(hold, now - turned);
    turned = now;
  }, 1);
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      try {
        if (await work(index)) right += 1;
      } catch (error) {
        const { code, name } = /** @type {{ code?: string, name: string }} */ (error);
        errors[code ?? name] = (errors[code ?? name] ?? 0) + 1;
      }
      times.push(performance.now() - start);
    }),
  );
  const ms = performance.now() - start;
  // The timer has to come once more.
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearInterval(turns);
  return {
    ms,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    hold,
    right,
    errors,
  };
}

/** Bytes of a value: of a call, of a stream, of a request. */
export const SIZES = { calls: 1024, streams: 64 << 10, requests: 4096 };

/** N calls of `compress` and `decompress` of 1 KB. @param {number} count */
export async function calls(count) {
  const zstd = await loadZstd();
  const text = textsOfSize(SIZES.calls);
  const values = Array.from({ length: count }, (_, index) => new TextEncoder().encode(text(index)));
  const same = (/** @type {Uint8Array} */ one, /** @type {Uint8Array} */ other) =>
    Buffer.compare(one, other) === 0;
  for (let index = 0; index < 2000; index++) zstd.decompress(zstd.compress(values[index % count]));
  const all = await burst(count, async (index) =>
    same(zstd.decompress(zstd.compress(values[index])), values[index]),
  );
  return { zstash: all, memory: zstd.stats().memory };
}

/**
 * N compression streams of 64 KiB that lead into N decompression streams.
 *
 * @param {number} count
 * @param {{ waitTimeout?: number }} [options]
 */
export async function streams(count, options = {}) {
  const zstd = await loadZstd(options);
  const text = textsOfSize(SIZES.streams);
  const encoder = new TextEncoder();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, zstd.stats().live)), 50);
  const all = await burst(count, async (index) => {
    const bytes = encoder.encode(text(index));
    const there = new Response(bytes).body?.pipeThrough(zstd.compressStream({ level: 1 }));
    const back = there?.pipeThrough(zstd.decompressStream());
    return Buffer.compare(new Uint8Array(await new Response(back).arrayBuffer()), bytes) === 0;
  });
  clearInterval(watch);
  return { zstash: all, memory: zstd.stats().memory, contexts: most };
}

/**
 * N times SET and GET of a value of its own through one client.
 *
 * @param {number} count
 * @param {{ url: string, token: string }} address
 * @param {{ client: "zstash" | "stock", pipelined: boolean }} way
 */
export async function requests(count, { url, token }, { client, pipelined }) {
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: pipelined };
  const redis = client === "stock" ? new Redis(options) : new CompressingRedis(options);
  const text = textsOfSize(SIZES.requests);
  await redis.set("scale:0", text(0));
  if ((await redis.get("scale:0")) !== text(0)) throw new Error("another value came back");
  return burst(count, async (index) => {
    await redis.set(`scale:${index}`, text(index));
    return (await redis.get(`scale:${index}`)) === text(index);
  });
}
