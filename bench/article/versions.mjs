/** Who reads what whom has written: the stock client, zstash 0.1.0 as it was released, and zstash as it is, by carrier and mode. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { createStore } from "zstash/store";
import { trainDictionary } from "zstash/train";
import { withCompression, zstashCode } from "zstash/upstash";
import { recordSets } from "../corpus/small-records.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { withServer } from "./server.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const ARCHIVE = `${root}test/fixtures/frozen/zstash-0.1.0.tgz`;

/** What a reader made of a value; anything else is a code of zstash, or an error's name. */
const [VALUE, BASE64, BROKEN] = ["the value", "base64", "broken text"];

/** What is written: one that is compressed, and one that is too short for it. */
const values = { compressed: jsonOfSize(4096), short: "short, and stored as it is" };

/**
 * A client or a store of one version, with what it is asked for.
 *
 * @typedef {{ name: string, write?: (key: string, text: string) => Promise<unknown>, read?: (key: string) => Promise<string | null> }} Member
 */

/** @param {string} folder */
async function loadFrozen(folder) {
  execFileSync("tar", ["xzf", ARCHIVE, "-C", folder]);
  const load = (/** @type {string} */ file) => import(pathToFileURL(join(folder, "package/dist", file)).href);
  const [upstash, store] = [await load("upstash/index.js"), await load("store/index.js")];
  return /** @type {{ withCompression(redis: Redis, options?: object): Redis, createStore: typeof createStore }} */ ({
    withCompression: upstash.withCompression,
    createStore: store.createStore,
  });
}

/**
 * @param {{ url: string, token: string }} address
 * @param {Awaited<ReturnType<typeof loadFrozen>>} frozen
 * @param {Uint8Array} dictionary
 * @returns {Member[]}
 */
function membersOf({ url, token }, frozen, dictionary) {
  const options = {
    url,
    token,
    automaticDeserialization: false,
    retry: /** @type {const} */ (false),
  };
  const stock = () => new Redis(options);
  /** @param {import("zstash/upstash").ClientCompressionOptions} [compression] */
  const own = (compression = {}) => new CompressingRedis({ ...options, compression });
  /** @param {string} name @param {Redis} redis @returns {Member} */
  const client = (name, redis) => ({
    name,
    write: (key, text) => redis.set(key, text),
    read: (key) => redis.get(key),
  });
  /** @param {string} name @param {import("zstash/store").Store} store @returns {Member} */
  const storing = (name, store) => ({
    name,
    write: (key, text) => store.put(key, text),
    read: (key) => store.getText(key),
  });
  return [
    client("@upstash/redis", stock()),
    client("0.1.0 (text)", frozen.withCompression(stock())),
    client("0.1.0 (raw)", frozen.withCompression(stock(), { url, token })),
    storing("0.1.0 (store)", frozen.createStore({ url, token })),
    client("today (text)", withCompression(stock())),
    client("today (raw)", own()),
    client("today (dictionary)", own({ dictionaries: [dictionary] })),
    storing("today (store)", createStore({ url, token })),
    client("today (shadow)", own({ mode: "shadow" })),
    client("today (read-only)", own({ mode: "read-only" })),
    client("today (passthrough)", own({ mode: "passthrough" })),
  ];
}

/**
 * @param {Member} reader
 * @param {string} key
 * @param {string} expected
 */
async function outcome({ read }, key, expected) {
  try {
    const text = await read?.(key);
    if (text === expected) return VALUE;
    if (text?.startsWith("zs1:")) return BASE64;
    return text?.includes("\uFFFD") ? BROKEN : "another value";
  } catch (error) {
    return (
      zstashCode(error) ?? /** @type {{ code?: string }} */ (error).code ?? /** @type {Error} */ (error).name
    );
  }
}

/** @param {{ url: string, token: string }} address */
async function readAll(address) {
  const folder = mkdtempSync(join(tmpdir(), "zstash-frozen-"));
  try {
    const samples = recordSets.find(({ name }) => name === "many-shapes")?.read() ?? [];
    const { dictionary } = await trainDictionary(samples.slice(0, 2000), { maxSize: 8192 });
    const members = membersOf(address, await loadFrozen(folder), dictionary);
    /** @type {Record<keyof typeof values, Record<string, Record<string, string>>>} by writer and reader */
    const outcomes = { compressed: {}, short: {} };
    for (const kind of /** @type {const} */ (["compressed", "short"])) {
      for (const [index, writer] of members.entries()) {
        const key = `versions:${kind}:${index}`;
        await writer.write?.(key, values[kind]);
        const row = (outcomes[kind][writer.name] = /** @type {Record<string, string>} */ ({}));
        for (const reader of members) row[reader.name] = await outcome(reader, key, values[kind]);
      }
    }
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const versionOfClient = () =>
  JSON.parse(readFileSync(`${root}node_modules/@upstash/redis/package.json`, "utf8")).version;

export const measure = () =>
  withServer(async (_, { backend, ...address }) => ({
    outcomes: await readAll(address),
    versions: {
      "@upstash/redis": versionOfClient(),
      "local server on": backend,
    },
  }));
