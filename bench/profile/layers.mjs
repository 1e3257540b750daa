/** Whose work a stack of a CPU profile is: zstd, the codec around it, the rest of zstash, the SDK, JSON, Node or the collector. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @typedef {import("./record.mjs").Frame} Frame */

/** In the order of the tables. */
export const LAYERS = /** @type {const} */ ([
  "zstd in WebAssembly",
  "the codec's JavaScript and its copies",
  "zstash around it",
  "the SDK",
  "JSON",
  "Node: HTTP, sockets, streams, timers",
  "garbage collection",
  "the measuring program, and native code that nobody called",
]);
/** @typedef {(typeof LAYERS)[number]} Layer */

const [ZSTD, CODEC, ZSTASH, SDK, JSON_LAYER, NODE, COLLECTION, REST] = LAYERS;

/** What makes text of bytes and bytes of text for whoever calls it. */
const CONVERSIONS = /^node:(internal\/encoding|buffer|internal\/buffer)$/;
const CODEC_SOURCES = /^src\/(codec|engine|format)\//;
/** The sources' lowest layer: checks, bytes, texts, timers, for whoever calls them. */
const GROUND = /^src\/(?!redis\.ts)[\w-]+\.ts$/;

/** @type {Map<string, readonly { line: number, source: string }[]>} */
const places = new Map();

/**
 * The file of the sources that a line of dist/ was made of: the bundles name it above each.
 *
 * @param {string} url
 * @param {number} lineNumber from 0
 */
function sourceOf(url, lineNumber) {
  let list = places.get(url);
  if (list === undefined) {
    const lines = readFileSync(fileURLToPath(url), "utf8").split("\n");
    list = lines.flatMap((text, line) => {
      const source = /^\/\/ (?:chunks:)?([\w./@-]+\.[jt]s)/.exec(text)?.[1];
      return source === undefined ? [] : [{ line, source }];
    });
    places.set(url, list);
  }
  return list.findLast(({ line }) => line <= lineNumber)?.source ?? "";
}

/** Names that the wrappers of JSON's two functions have, which V8 does not show by themselves. */
const JSON_NAMES = new Set(["zstashBenchJsonParse", "zstashBenchJsonStringify"]);

/** Makes JSON.parse and JSON.stringify visible to a profile, until the returned function is called. */
export function showJson() {
  const { parse, stringify } = JSON;
  /** @param {Parameters<typeof JSON.parse>} args */
  JSON.parse = function zstashBenchJsonParse(...args) {
    return parse(...args);
  };
  JSON.stringify = /** @type {typeof JSON.stringify} */ (
    function zstashBenchJsonStringify(/** @type {Parameters<typeof JSON.stringify>} */ ...args) {
      return stringify(...args);
    }
  );
  return () => {
    JSON.parse = parse;
    JSON.stringify = stringify;
  };
}

/**
 * The layer of a frame by itself; undefined where it works for whoever called it.
 *
 * @param {Frame} frame
 * @returns {Layer | undefined}
 */
function layerOfFrame({ functionName, url, lineNumber }) {
  if (functionName === "(garbage collector)") return COLLECTION;
  if (JSON_NAMES.has(functionName)) return JSON_LAYER;
  if (url === "" || CONVERSIONS.test(url)) return undefined;
  if (url.startsWith("node:")) return NODE;
  if (url.includes("/node_modules/@upstash/")) return SDK;
  if (!url.includes("/dist/")) return REST;
  const source = sourceOf(url, lineNumber);
  if (GROUND.test(source)) return undefined;
  return CODEC_SOURCES.test(source) ? CODEC : ZSTASH;
}

/**
 * @param {readonly Frame[]} frames the outermost first
 * @returns {Layer}
 */
export function layerOf(frames) {
  const isModule = frames.at(-1)?.url.startsWith("wasm:") ?? false;
  let isGround = false;
  for (const frame of frames.toReversed()) {
    if (frame.url.startsWith("wasm:")) continue;
    isGround ||= frame.url.includes("/dist/");
    const layer = layerOfFrame(frame);
    if (layer === undefined) continue;
    if (layer === REST && isGround) return ZSTASH;
    // Node's fetch reads HTTP with a module of its own.
    return isModule && layer === CODEC ? ZSTD : layer;
  }
  return isGround ? ZSTASH : REST;
}
