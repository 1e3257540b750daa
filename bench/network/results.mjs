/** The files in results/: what was measured, where and with what, packed for reading by eye. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { corpusDigest } from "../corpus.mjs";
import { record } from "../interleave.mjs";
import { machineSlug } from "../machine.mjs";

const folder = fileURLToPath(new URL("results/", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** @param {string} path */
const versionOf = (path) => JSON.parse(readFileSync(`${root}${path}package.json`, "utf8")).version;

/** A summary of `inTurn` as a row of numbers in the file, which is a tenth as long so. */
const COLUMNS = /** @type {const} */ ([
  "n",
  "min",
  "p10",
  "p50",
  "p90",
  "requests",
  "upBytes",
  "downBytes",
  "upPackets",
  "downPackets",
]);
const WIRE = /** @type {const} */ (["requests", "upBytes", "downBytes", "upPackets", "downPackets"]);
const FIRST_COLUMNS = ["first min", "first p10", "first p50", "first p90"];
const SPREAD = /** @type {const} */ (["min", "p10", "p50", "p90"]);

/**
 * @typedef {import("./measure.mjs").Summary} Summary
 *
 * @param {Summary} summary
 * @returns {number[]}
 */
function packSummary({ n, ms, firstMs, ...wire }) {
  /** @param {import("./measure.mjs").Spread} values */
  const spread = (values) => SPREAD.map((name) => values[name]);
  const first = firstMs === undefined ? [] : spread(firstMs);
  return [n, ...spread(ms), ...WIRE.map((name) => wire[name]), ...first];
}

/**
 * @param {readonly number[]} row
 * @returns {Summary}
 */
function unpackSummary(row) {
  /** @param {number} start */
  const spread = (start) => record(SPREAD, (name) => row[start + SPREAD.indexOf(name)]);
  const wire = record(WIRE, (name) => row[COLUMNS.indexOf(name)]);
  const firstMs = row.length > COLUMNS.length ? spread(COLUMNS.length) : undefined;
  return { n: row[0], ms: spread(1), firstMs, ...wire };
}

/**
 * Every `sides` at any depth, its summaries made something else of.
 *
 * @template From, To
 * @param {unknown} value
 * @param {(summary: From) => To} change
 * @returns {unknown}
 */
function mapSides(value, change) {
  if (Array.isArray(value)) return value.map((item) => mapSides(item, change));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    if (name !== "sides") return [name, mapSides(item, change)];
    const sides = Object.entries(item).map(([side, summary]) => [side, change(summary)]);
    return [name, Object.fromEntries(sides)];
  });
  return Object.fromEntries(entries);
}

/**
 * What a file of results holds.
 *
 * @typedef {{
 *   date: string,
 *   machine: string,
 *   node: string,
 *   versions: Record<string, string>,
 *   corpus: string,
 *   columns: string[],
 *   experiments: Record<string, Measured>,
 * }} Results
 *
 * What an experiment has measured, when and how long.
 *
 * @typedef {{ seconds: number, load?: number }} Measured
 */

/**
 * Writes the experiments' results into today's file for this machine, over those that are in it.
 *
 * @param {Record<string, Measured>} experiments
 * @returns {Promise<Results>} all that the file holds now
 */
export async function mergeResults(experiments) {
  const date = new Date().toISOString().slice(0, 10);
  const path = `${folder}${date}-${machineSlug()}.json`;
  const before = existsSync(path) ? readResults(path).experiments : {};
  const results = {
    date,
    machine: `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, Linux ${release()}`,
    node: process.version,
    versions: { zstash: versionOf(""), "@upstash/redis": versionOf("node_modules/@upstash/redis/") },
    corpus: corpusDigest(),
    columns: [...COLUMNS, ...FIRST_COLUMNS],
    experiments: { ...before, ...experiments },
  };
  mkdirSync(folder, { recursive: true });
  const packed = JSON.stringify(mapSides(results, packSummary));
  writeFileSync(path, await format(packed, { parser: "json", printWidth: 110 }));
  return results;
}

/**
 * The results that were written last, or those of a file.
 *
 * @param {string} [path]
 * @returns {Results}
 */
export function readResults(path) {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const last = files.sort().at(-1);
  if (path === undefined && last === undefined)
    throw new Error("no results: run bench/network/run.mjs first");
  const packed = JSON.parse(readFileSync(path ?? `${folder}${last}`, "utf8"));
  return /** @type {Results} */ (mapSides(packed, unpackSummary));
}
