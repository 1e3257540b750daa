// What a million values cost a month before and after, by kind: measured sizes of the corpus through the cost model that
// `zstash estimate` uses. Sizes are of keys and values; nothing is timed.
//
//   node bench/cost.mjs

import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { loadZstd, readDictionary } from "zstash";
import { trainDictionary } from "zstash/train";
import { encodeValue } from "zstash/upstash";
import { dataSet, valueBytes } from "./corpus.mjs";
import { bytes, count, table } from "./table.mjs";

/** The model itself, not a copy: its types are taken off, which Node does not do in every version. */
const source = readFileSync(new URL("../src/cli/cost-model.ts", import.meta.url), "utf8");
const { code } = transformSync(source, { loader: "ts", format: "esm" });
/** @type {typeof import("../src/cli/cost-model.ts")} */
const { costOf, PRICES_OF } = await import(
  `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`
);

const VALUES = 1_000_000;
/** What each value is used for in a month. */
const WRITES = 1;
const READS = 9;
/** Bytes of a key. */
const KEY = 24;
const SETS = [
  "movie-records",
  "api-paths",
  "match-days",
  "job-series",
  "movie-pages",
  "flight-pages",
  "images-base64",
];
const ways = /** @type {const} */ (["now", "text", "raw", "dictionary"]);

const zstd = await loadZstd();

/**
 * Mean bytes of a value in each way. A dictionary is trained on every other value and measured on the rest; where it does not
 * gain, or there are too few values, values stay raw.
 *
 * @param {string} name
 */
async function sizesOf(name) {
  const texts = dataSet(name).values.map((value) => value.text ?? Buffer.from(valueBytes(value)).toString());
  /** @param {(text: string) => string | Uint8Array} encode @param {readonly string[]} all */
  const mean = (encode, all) =>
    all.reduce((sum, text) => sum + Buffer.byteLength(encode(text)), 0) / all.length;
  const raw = (/** @type {string} */ text) => encodeValue(zstd, text, { carrier: "raw" });
  const [trained, others] = [0, 1].map((half) => texts.filter((_, index) => index % 2 === half));
  const rawMean = mean(raw, texts);
  let withDictionary = rawMean;
  try {
    const maxSize = Math.min(65_536, Math.max(1024, Math.floor(trained.join("").length / 10)));
    const { dictionary } = await trainDictionary(trained, { maxSize });
    const dictionaries = [readDictionary(dictionary)];
    const gained = mean((text) => encodeValue(zstd, text, { carrier: "raw", dictionaries }), others);
    // Of the same values: the halves differ.
    withDictionary = Math.min(rawMean, (rawMean * gained) / mean(raw, others));
  } catch (error) {
    if (/** @type {{ code?: string }} */ (error).code !== "SAMPLES_UNSUITABLE") throw error;
  }
  return {
    now: mean((text) => text, texts),
    text: mean((text) => encodeValue(zstd, text), texts),
    raw: rawMean,
    dictionary: withDictionary,
  };
}

console.log(
  `${count(VALUES)} values of each kind, keys of ${KEY} bytes; each written ${WRITES} time and read ${READS} times a month:\n` +
    `${count(VALUES * (WRITES + READS))} commands, which compression does not change. Traffic is the bytes of values. Prices of ${PRICES_OF}.\n`,
);
const head = ["values", "stored as", "a value", "storage", "traffic", "fixed plan", "pay as you go"];
const rows = [];
for (const name of SETS) {
  const sizes = await sizesOf(name);
  for (const way of ways) {
    const storage = Math.round(VALUES * (KEY + sizes[way]));
    const usage = {
      storage,
      bandwidth: VALUES * (WRITES + READS) * sizes[way],
      commands: VALUES * (WRITES + READS),
    };
    const { plan, payAsYouGo } = costOf(usage);
    rows.push([
      way === "now" ? `${name} (${dataSet(name).holds})` : "",
      way === "now" ? "uncompressed" : way,
      bytes(Math.round(sizes[way])),
      bytes(storage),
      bytes(usage.bandwidth),
      plan === undefined ? "none" : `${plan.name} ($${plan.price})`,
      payAsYouGo === undefined ? "too large" : `$${payAsYouGo.toFixed(2)}`,
    ]);
  }
}
console.log(table(head, rows));
