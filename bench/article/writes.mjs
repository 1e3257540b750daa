/** SET of 1 KB of JSON through the client alone and with zstash at several levels, over loopback to a local server on a real Redis. */
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { drawnOrder, percentile, record } from "../interleave.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { withServer } from "./server.mjs";

/** The client alone, and levels of zstd. */
export const WRITERS = /** @type {const} */ (["uncompressed", "level 1", "level 3", "level 19"]);

/**
 * Milliseconds of a SET, one after the other, all writers in turn, in an order that is drawn for each round.
 *
 * @param {{ url: string, token: string }} server
 * @param {string} text
 * @param {number} count
 */
async function timeWrites({ url, token }, text, count) {
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: false };
  const clients = record(WRITERS, (name) =>
    name === "uncompressed"
      ? new Redis(options)
      : new CompressingRedis({
          ...options,
          compression: { policy: () => ({ minSize: 0, level: Number(name.split(" ")[1]) }) },
        }),
  );
  const samples = record(WRITERS, () => /** @type {number[]} */ ([]));
  const warmUp = Math.ceil(count / 10);
  for (let round = -warmUp; round < count; round++) {
    for (const at of drawnOrder(WRITERS.length)) {
      const name = WRITERS[at];
      const start = performance.now();
      await clients[name].set(`article:${name}`, text);
      if (round >= 0) samples[name].push(performance.now() - start);
    }
  }
  const [stored, sizes] = [record(WRITERS, () => 0), new Redis(options)];
  for (const name of WRITERS) stored[name] = await sizes.strlen(`article:${name}`);
  return record(WRITERS, (name) => ({
    stored: stored[name],
    n: samples[name].length,
    p50: percentile(samples[name], 0.5),
    p99: percentile(samples[name], 0.99),
  }));
}

/** @param {boolean} quick */
export const measure = (quick) =>
  withServer(async (_, { backend, ...address }) => ({
    writes: await timeWrites(address, jsonOfSize(1024), quick ? 20 : 3000),
    versions: { "local server on": backend },
  }));
