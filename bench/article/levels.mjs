/** Levels 1 to 19 on JSON of 1 and 16 KB: times of the codec, of SETs through the client, and what zstd does meanwhile. */
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { drawnOrder, percentile } from "../interleave.mjs";
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

/** Milliseconds for which each level runs before anything is counted. V8 compiles what runs often anew, in the background. */
const WARM_MS = 150;
/** And that it then has for it. */
const SETTLE_MS = 200;
/** SETs of each client before anything is counted. */
const WARM_SETS = 60;

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

/**
 * Runs every level until V8 has compiled what it calls: each strategy has functions of its own.
 *
 * @param {(level: number) => unknown} compress
 * @param {number} ms
 */
async function warmUp(compress, ms) {
  for (let pass = 0; pass < 2; pass++) {
    for (const level of LEVELS) {
      let calls = 0;
      for (const end = performance.now() + ms; calls < 5 || performance.now() < end; calls++) compress(level);
    }
    await settle();
  }
}

/**
 * Microseconds of compressing at each level, all levels in turn, in an order that is drawn for each round.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {number} size
 * @param {number} rounds
 */
async function timeCodec(zstd, size, rounds) {
  const bytes = jsonBytes(size);
  const samples = LEVELS.map(() => /** @type {number[]} */ ([]));
  await warmUp((level) => zstd.compress(bytes, { level }), rounds < 100 ? 1 : WARM_MS);
  for (let round = 0; round < rounds; round++) {
    for (const at of drawnOrder(LEVELS.length)) {
      const level = LEVELS[at];
      const start = performance.now();
      zstd.compress(bytes, { level });
      samples[at].push((performance.now() - start) * 1000);
    }
  }
  return LEVELS.map((level, at) => ({
    bytes: zstd.compress(bytes, { level }).length,
    us: summary(samples[at]),
  }));
}

/**
 * Milliseconds of a SET at each level, one after the other, all levels in turn, in an order that is drawn for each round; the first
 * client is the one without compression.
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
  const warm = rounds < 100 ? 1 : WARM_SETS;
  for (let round = -warm; round < rounds; round++) {
    if (round === 0) await settle();
    for (const at of drawnOrder(clients.length)) {
      const start = performance.now();
      await clients[at].set("article:levels", text);
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
    const small = await timeCodec(zstd, SIZES[0], quick ? 5 : 2000);
    const large = await timeCodec(zstd, SIZES[1], quick ? 5 : 400);
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
