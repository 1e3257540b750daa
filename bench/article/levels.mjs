/** Levels 1 to 19 on JSON of 1 and 16 KB: times of the codec, of SETs through the client, and what zstd does meanwhile. */
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { percentile } from "../interleave.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { buildNamedModule } from "../profile/named-module.mjs";
import { recordStacks } from "../profile/record.mjs";
import { treeOf } from "../profile/tree.mjs";
import { namesOf } from "../profile/zstd-functions.mjs";
import { withServer } from "./server.mjs";

const LEVELS = Array.from({ length: 19 }, (_, index) => index + 1);
/** The article's, and zstash's own for text. */
const PROFILED = [1, 3, 12, 19];
const SIZES = /** @type {const} */ ([1024, 16_384]);

/** @param {number} size */
const jsonBytes = (size) => new TextEncoder().encode(jsonOfSize(size)).slice(0, size);

/** @param {readonly number[]} times @returns {[median: number, p99: number]} */
const summary = (times) => [
  Number(percentile(times, 0.5).toPrecision(4)),
  Number(percentile(times, 0.99).toPrecision(4)),
];

/**
 * Microseconds of compressing at each level, all levels in turn.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {number} size
 * @param {number} rounds
 */
function timeCodec(zstd, size, rounds) {
  const bytes = jsonBytes(size);
  const samples = LEVELS.map(() => /** @type {number[]} */ ([]));
  const warmUp = Math.ceil(rounds / 5);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [at, level] of LEVELS.entries()) {
      const start = performance.now();
      zstd.compress(bytes, { level });
      if (round >= 0) samples[at].push((performance.now() - start) * 1000);
    }
  }
  return LEVELS.map((level, at) => ({
    bytes: zstd.compress(bytes, { level }).length,
    us: summary(samples[at]),
  }));
}

/**
 * Milliseconds of a SET at each level, one after the other, all levels in turn; first without compression.
 *
 * @param {{ url: string, token: string }} server
 * @param {number} size
 * @param {number} rounds
 */
async function timeWrites({ url, token }, size, rounds) {
  const text = jsonOfSize(size);
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: false };
  const clients = [
    new Redis(options),
    ...LEVELS.map((level) => new CompressingRedis({ ...options, compression: { policy: { level } } })),
  ];
  const samples = clients.map(() => /** @type {number[]} */ ([]));
  const warmUp = Math.ceil(rounds / 10);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [at, redis] of clients.entries()) {
      const start = performance.now();
      await redis.set("article:levels", text);
      if (round >= 0) samples[at].push(performance.now() - start);
    }
  }
  const [uncompressed, ...levels] = samples.map(summary);
  return { uncompressed, levels };
}

/**
 * What was on top of what while a value was compressed again and again.
 *
 * @param {import("zstash").Zstd} zstd the build that has names
 * @param {number} level
 * @param {number} ms
 */
async function profileLevel(zstd, level, ms) {
  const bytes = jsonBytes(SIZES[1]);
  const run = (/** @type {number} */ time) => {
    let calls = 0;
    for (const end = performance.now() + time; performance.now() < end; calls++)
      zstd.compress(bytes, { level });
    return calls;
  };
  // V8 compiles what runs often anew, in the background.
  run(ms / 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  let calls = 0;
  const stacks = await recordStacks(() => (calls = run(ms)), 100);
  const named = stacks.flatMap(({ frames, us }) => {
    const names = namesOf(frames);
    return names === undefined ? [] : [{ names, us }];
  });
  return { level, calls, tree: treeOf(named) };
}

/** @param {boolean} quick */
export const measure = (quick) =>
  withServer(async (_, { backend, ...address }) => {
    const zstd = await loadZstd();
    const [small, large] = SIZES.map((size) =>
      timeCodec(zstd, size, quick ? 5 : size === SIZES[0] ? 2000 : 400),
    );
    const rounds = quick ? 3 : 400;
    const { uncompressed, levels } = await timeWrites(address, SIZES[1], rounds);
    const named = await loadZstd({ module: await buildNamedModule() });
    const profiles = [];
    for (const level of PROFILED) profiles.push(await profileLevel(named, level, quick ? 200 : 4000));
    return {
      sizes: SIZES,
      rounds,
      uncompressed,
      levels: LEVELS.map((level, at) => ({ level, small: small[at], large: large[at], set: levels[at] })),
      profiles,
      versions: { "local server on": backend },
    };
  });
