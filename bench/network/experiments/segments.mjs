/** A pipeline of 12 KB and other ways to write its values, over paths of small MTU and MSS: time, segments, or no answer. */
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { createStore } from "zstash/store";
import { pathKinds, setPath } from "../routes.mjs";
import { valuesOf } from "../values.mjs";

const LINK = { mbit: 100, rtt: 20 };
const VALUES = { count: 10, size: 1200 };
/** The article's advice: at most 4 KB in a batch. */
const BATCH = 3;
/** Above what probing takes to find out that a packet is too large, 3.5 s. */
const TIMEOUT_MS = 6_000;
/** A piece that fits the smallest of these paths with its head. */
const PIECE_SIZE = 800;
/** Two round trips: the last acknowledgements are counted too. */
const SETTLE_MS = 40;

/**
 * The ways to write the values, by name; each has its client, whose connection is its own.
 *
 * @param {import("../experiments.mjs").Context} context
 * @param {readonly string[]} values
 * @returns {Record<string, { open(): Promise<unknown>, write(): Promise<unknown>, read(): Promise<readonly unknown[]> }>}
 */
function waysOf({ warm, token }, values) {
  const keys = values.map((_, index) => `segments:${index}`);
  /** @param {number} port */
  const options = (port) => ({
    url: warm[port],
    token,
    retry: /** @type {const} */ (false),
    automaticDeserialization: false,
    enableAutoPipelining: false,
  });
  /** @param {number} port @returns {Redis} */
  const stock = (port) => new Redis({ ...options(port), signal: () => AbortSignal.timeout(TIMEOUT_MS) });
  /** @param {number} port @param {import("zstash/upstash").CompressionOptions} [compression] */
  const compressing = (port, compression = {}) =>
    new CompressingRedis({ ...options(port), timeout: TIMEOUT_MS, compression });
  /** @param {Redis} redis @param {number} start @param {number} end */
  const batch = async (redis, start, end) => {
    const pipeline = redis.pipeline();
    for (let index = start; index < end; index++) pipeline.set(keys[index], values[index]);
    await pipeline.exec();
  };
  /** @param {Redis} redis @param {number} count values in a request */
  const way = (redis, count) => ({
    open: () => redis.exists("nothing"),
    async write() {
      for (let start = 0; start < values.length; start += count)
        await batch(redis, start, Math.min(values.length, start + count));
    },
    read: () => Promise.all(keys.map((key) => redis.get(key))),
  });
  /** @param {Redis} redis */
  const singly = (redis) => ({
    ...way(redis, 1),
    async write() {
      for (const [index, value] of values.entries()) await redis.set(keys[index], value);
    },
  });
  const store = createStore({
    url: warm[6],
    token,
    timeout: TIMEOUT_MS,
    retry: false,
    pieceSize: PIECE_SIZE,
    concurrency: 1,
  });
  return {
    "one pipeline by @upstash/redis": way(stock(0), values.length),
    "one pipeline by zstash/redis": way(compressing(1), values.length),
    "batches of at most 4 KB by @upstash/redis": way(stock(2), BATCH),
    "a SET each by @upstash/redis": singly(stock(3)),
    "a SET each by zstash/redis": singly(compressing(4)),
    "one pipeline by zstash/redis with maxRequestSize 1000": way(
      compressing(5, { maxRequestSize: 1000 }),
      values.length,
    ),
    [`all as one value by zstash/store in pieces of ${PIECE_SIZE}`]: {
      open: () => store.stat("nothing"),
      write: () => store.put("segments:whole", values.join("")),
      read: async () => [await store.getText("segments:whole")],
    },
  };
}

/**
 * What became of a way on a path: milliseconds and packets, or what stopped it. Packets are those that the link in the middle
 * took, acknowledgements too.
 *
 * @typedef {{ ms: number, upPackets: number, downPackets: number, upBytes: number, failure?: string | undefined }} Crossing
 */

/**
 * The pipeline of the article over every kind of path.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const segments = {
  name: "segments",
  title: "A pipeline of 12 KB over paths of small MTU and MSS",
  lab: "routed",
  /** @param {import("../experiments.mjs").Context} context */
  async run(context) {
    const { lab, link, setLink, progress, quick } = context;
    const values = valuesOf(VALUES.count, VALUES.size);
    const ways = waysOf(context, values);
    const kinds = quick ? pathKinds.slice(0, 2) : pathKinds;
    /** @type {{ path: string, ways: Record<string, Crossing> }[]} */
    const rows = [];
    for (const [index, kind] of kinds.entries()) {
      setPath(lab, kind);
      await setLink(LINK);
      /** @type {Record<string, Crossing>} */
      const crossings = {};
      for (const [at, [name, way]] of Object.entries(ways).entries()) {
        progress(
          index * Object.keys(ways).length + at,
          kinds.length * Object.keys(ways).length,
          `${kind.name}: ${name}`,
        );
        crossings[name] = await cross(way, link, quick ? 1 : 3);
      }
      rows.push({ path: kind.name, ways: crossings });
    }
    setPath(lab, {});
    await setLink(LINK);
    for (const [name, way] of Object.entries(ways)) {
      await way.write();
      if ((await way.read()).join("") !== values.join("")) throw new Error(`${name}: other values came back`);
    }
    return { ...VALUES, ...LINK, timeoutMs: TIMEOUT_MS, rows };
  },
};

/**
 * The fastest of some rounds; a way that has no answer is tried once.
 *
 * @param {{ open(): Promise<unknown>, write(): Promise<unknown> }} way
 * @param {import("../lab.mjs").Link} link
 * @param {number} rounds
 * @returns {Promise<Crossing>}
 */
async function cross({ open, write }, link, rounds) {
  await open();
  /** @type {Crossing | undefined} */
  let best;
  for (let round = 0; round < rounds; round++) {
    await settle();
    const before = await link.stats();
    const start = performance.now();
    /** @type {string | undefined} */
    let failure;
    try {
      await write();
    } catch (error) {
      const { name, code } = /** @type {Error & { code?: string }} */ (error);
      failure = name === "TimeoutError" || code === "TIMEOUT" ? "no answer" : (code ?? name);
    }
    const ms = performance.now() - start;
    await settle();
    const after = await link.stats();
    const crossing = {
      ms: Math.round(ms * 10) / 10,
      upPackets: after.upPackets - before.upPackets,
      downPackets: after.downPackets - before.downPackets,
      upBytes: after.upBytes - before.upBytes,
      failure,
    };
    if (failure !== undefined) return crossing;
    if (best === undefined || ms < best.ms) best = crossing;
    // One that has found the path's MTU by losing packets would not lose them again.
    if (ms > TIMEOUT_MS / 4) break;
  }
  return /** @type {Crossing} */ (best);
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
