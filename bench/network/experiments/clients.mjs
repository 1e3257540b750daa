/** SET and GET through @upstash/redis alone and with zstash, over links of all kinds. */
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { withCompression } from "zstash/upstash";
import { jsonOfSize } from "../../json-of-size.mjs";
import { get } from "../rest.mjs";
import { valuesOf } from "../values.mjs";

const KiB = 1024;
const MiB = 1024 * KiB;
const RATES = [10, 100, 1000];
const ROUND_TRIPS = [1, 20, 80];
const LOSSES = [0, 1];
/** A pipeline of small values: where compression has the least to give and costs the most for its bytes. */
const PIPELINE = { count: 50, size: 1200 };
/** Pipelines that are sent as a crowd, to measure throughput instead of time: so many in all, and at a time. */
const CROWD = { pipelines: 24, inFlight: 8 };

/**
 * A link, and what is done over it: a value of a size, or pipelines.
 *
 * @typedef {{ mbit: number, rtt: number, loss: number }} Link
 * @typedef {{ size: number, kind?: "pipeline" | "crowd" }} Task
 * @typedef {Task & Link} Cell
 * @typedef {Record<"set" | "get", (redis: Redis, key: string) => Promise<unknown>>} Work
 */

/**
 * What is done in a cell: `12288`, `pipeline`, `crowd`.
 *
 * @param {Task} cell
 */
const workName = ({ kind, size }) => kind ?? `${size}`;

/**
 * @param {readonly number[]} rates
 * @param {readonly number[]} roundTrips
 * @param {readonly number[]} losses
 */
function links(rates, roundTrips, losses) {
  return rates.flatMap((mbit) => roundTrips.flatMap((rtt) => losses.map((loss) => ({ mbit, rtt, loss }))));
}

/**
 * The whole grid for three sizes; for the smallest and the largest only links that say something new of them.
 *
 * @param {boolean} quick
 * @returns {Cell[]}
 */
function planCells(quick) {
  if (quick) {
    return [
      { size: 12 * KiB, mbit: 100, rtt: 20, loss: 0 },
      { kind: "pipeline", size: PIPELINE.size, mbit: 1000, rtt: 1, loss: 0 },
      { kind: "crowd", size: PIPELINE.size, mbit: 1000, rtt: 1, loss: 0 },
    ];
  }
  const cells = [12 * KiB, 100 * KiB, MiB].flatMap((size) =>
    links(RATES, ROUND_TRIPS, LOSSES).map((link) => ({ size, ...link })),
  );
  /** @param {number} size @param {readonly Link[]} list */
  const some = (size, list) => list.map((link) => ({ size, ...link }));
  return [
    ...some(KiB, links(RATES, [1, 20], [0])),
    ...cells,
    ...some(10 * MiB, [
      { mbit: 10, rtt: 20, loss: 0 },
      { mbit: 100, rtt: 20, loss: 0 },
      { mbit: 1000, rtt: 1, loss: 0 },
      { mbit: 1000, rtt: 20, loss: 0 },
    ]),
    .../** @type {const} */ (["pipeline", "crowd"]).flatMap((kind) =>
      links(RATES, [1], [0]).map((link) => ({ kind, size: PIPELINE.size, ...link })),
    ),
  ];
}

/**
 * @param {readonly string[]} warm
 * @param {string} token
 */
async function connect(warm, token) {
  // Values are compared as text, so no client parses them.
  /** @param {string} url */
  const stock = (url) => new Redis({ url, token, automaticDeserialization: false });
  const sides = {
    stock: stock(warm[0]),
    text: withCompression(stock(warm[1])),
    raw: new CompressingRedis({ url: warm[2], token, automaticDeserialization: false }),
  };
  // What the columns say is true: one carrier is text in Redis, the other one a frame.
  for (const [client, start] of /** @type {const} */ ([
    [sides.text, "zs1:"],
    [sides.raw, "(\xb5/\xfd"],
  ])) {
    await client.set("probe", jsonOfSize(4 * KiB));
    const stored = Buffer.from(await get({ url: warm[0], token }, "probe")).toString("latin1");
    if (!stored.startsWith(start)) throw new Error("a carrier does not store what it should");
  }
  return sides;
}

/**
 * @param {number} size
 * @returns {Work}
 */
function singles(size) {
  const value = jsonOfSize(size);
  return {
    set: (redis, key) => redis.set(key, value),
    async get(redis, key) {
      if ((await redis.get(key)) !== value) throw new Error(`the value of ${size} bytes came back different`);
    },
  };
}

/**
 * @param {typeof PIPELINE} pipeline
 * @returns {Work}
 */
function pipelines({ count, size }) {
  const values = valuesOf(count, size);
  return {
    async set(redis, key) {
      const pipeline = redis.pipeline();
      values.forEach((value, index) => pipeline.set(`${key}:${index}`, value));
      await pipeline.exec();
    },
    async get(redis, key) {
      const pipeline = redis.pipeline();
      values.forEach((_, index) => pipeline.get(`${key}:${index}`));
      const replies = await pipeline.exec();
      if (replies.some((reply, index) => reply !== values[index]))
        throw new Error("a pipeline came back different");
    },
  };
}

/**
 * Another work, many times over.
 *
 * @param {Work} work
 * @param {typeof CROWD} crowd
 * @returns {Work}
 */
function crowdOf(work, { pipelines: total, inFlight }) {
  /** @type {(operation: keyof Work) => Work["set"]} */
  const repeat = (operation) => async (redis, key) => {
    let left = total;
    const worker = async () => {
      while (left-- > 0) await work[operation](redis, key);
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  };
  return { set: repeat("set"), get: repeat("get") };
}

/** @param {Task} task */
function createWork({ kind, size }) {
  if (kind === undefined) return singles(size);
  return kind === "pipeline" ? pipelines(PIPELINE) : crowdOf(pipelines(PIPELINE), CROWD);
}

/**
 * Size over size of the frame, by the value's size.
 *
 * @param {readonly Task[]} cells
 * @returns {Promise<Record<number, number>>}
 */
async function ratiosOf(cells) {
  const zstd = await loadZstd();
  const sizes = [...new Set(cells.filter(({ kind }) => kind === undefined).map(({ size }) => size))];
  return Object.fromEntries(
    sizes.map((size) => [size, Number((size / zstd.compress(jsonOfSize(size)).length).toFixed(2))]),
  );
}

/**
 * SET and GET of JSON with the stock client and with both carriers, over links of all kinds.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const clients = {
  name: "clients",
  title: "SET and GET, with compression and without",
  lab: "direct",
  /** @param {import("../experiments.mjs").Context} context */
  async run({ quick, warm, token, setLink, inTurn, progress }) {
    const redis = await connect(warm, token);
    const cells = planCells(quick);
    const works = new Map(cells.map((cell) => [workName(cell), createWork(cell)]));
    // Before the first cell everything has run hot, and WebAssembly is loaded.
    for (const [name, work] of works) {
      for (let times = Number(name) > MiB ? 1 : 10; times > 0; times--) {
        for (const [side, client] of Object.entries(redis)) {
          await work.set(client, `${side}:${name}`);
          await work.get(client, `${side}:${name}`);
        }
      }
    }
    /** @type {(Cell & { sides: import("../experiments.mjs").Sides })[]} */
    const measured = [];
    for (const [index, cell] of cells.entries()) {
      const { kind, size, mbit, rtt, loss } = cell;
      const name = workName(cell);
      const what = kind ?? `${size / KiB} KiB`;
      progress(index, cells.length, `${what}, ${mbit} Mbit, ${rtt} ms, ${loss} % loss`);
      await setLink({ mbit, rtt, loss });
      const work = /** @type {Work} */ (works.get(name));
      /** @type {Record<string, () => Promise<unknown>>} */
      const sides = {};
      for (const [side, client] of Object.entries(redis)) {
        const key = `${side}:${name}`;
        await client.exists(key);
        sides[`${side} set`] = () => work.set(client, key);
        sides[`${side} get`] = () => work.get(client, key);
      }
      const options = quick ? { least: 2, most: 2 } : { least: 3, most: 31, budget: 4_000 };
      measured.push({ ...cell, sides: await inTurn(sides, options) });
    }
    return { pipeline: PIPELINE, crowd: CROWD, ratios: await ratiosOf(cells), cells: measured };
  },
};
