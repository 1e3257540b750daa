import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { corpusDigest } from "../corpus.mjs";

const folder = fileURLToPath(new URL("results/", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

const versionOf = (path) => JSON.parse(readFileSync(`${root}${path}package.json`, "utf8")).version;

/** `epyc-7763-2-cores`: enough to tell files apart, and no host's name. */
function machineSlug() {
  const words = (cpus()[0]?.model ?? "cpu").toLowerCase().replace(/\(r\)|\(tm\)|processor|cpu|@.*$/g, " ");
  const slug = words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${slug}-${cpus().length}-cores`;
}

/** A summary of `inTurn` as a row of numbers in the file, which is a tenth as long so. */
const COLUMNS = [
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
];
const FIRST_COLUMNS = ["first min", "first p10", "first p50", "first p90"];
const SPREAD = ["min", "p10", "p50", "p90"];

function packSummary({ n, ms, firstMs, ...wire }) {
  const spread = (values) => SPREAD.map((name) => values[name]);
  const first = firstMs === undefined ? [] : spread(firstMs);
  return [n, ...spread(ms), ...COLUMNS.slice(5).map((name) => wire[name]), ...first];
}

function unpackSummary(row) {
  const spread = (start) => Object.fromEntries(SPREAD.map((name, index) => [name, row[start + index]]));
  const wire = Object.fromEntries(COLUMNS.slice(5).map((name, index) => [name, row[index + 5]]));
  const first = row.length > COLUMNS.length ? { firstMs: spread(COLUMNS.length) } : {};
  return { n: row[0], ms: spread(1), ...first, ...wire };
}

/** Every `sides` at any depth, its summaries made something else of. */
function mapSides(value, change) {
  if (Array.isArray(value)) return value.map((item) => mapSides(item, change));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    if (name !== "sides") return [name, mapSides(item, change)];
    return [name, Object.fromEntries(Object.entries(item).map(([side, summary]) => [side, change(summary)]))];
  });
  return Object.fromEntries(entries);
}

/**
 * Writes the experiments' results into today's file for this machine, over those that are in it.
 *
 * @param {Record<string, object>} experiments
 * @returns {Promise<object>} all that the file holds now
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

/** The results that were written last, or those of a file. */
export function readResults(path) {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const last = files.sort().at(-1);
  if (path === undefined && last === undefined)
    throw new Error("no results: run bench/network/run.mjs first");
  return mapSides(JSON.parse(readFileSync(path ?? `${folder}${last}`, "utf8")), unpackSummary);
}
