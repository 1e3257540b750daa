// zstash against its peers on values of many kinds and lengths, interleaved: JavaScript in this process, C, Go and Bun in
// processes that time themselves, all in turn in every round. Each result is read back before it is timed. Needs
// `npm ci --prefix bench/peers` and Node 22.15; a C compiler, Go and Bun where they are to be measured.
//
//   node bench/against.mjs [--json FILE] [--quick]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startChildren } from "./against/children.mjs";
import { measureInTurn, timed } from "./against/measure.mjs";
import { loadSides } from "./against/sides.mjs";
import { readValues } from "./against/values.mjs";
import { LOST, table } from "./table.mjs";

/**
 * @typedef {import("./against/measure.mjs").Summary} Summary
 * @typedef {import("./against/measure.mjs").Timed} Timed
 * @typedef {import("./against/values.mjs").MeasuredValue} MeasuredValue
 * @typedef {{ value: string, operation: "compress" | "decompress", level: number, sides: Record<string, Summary> }} Cell
 */

const { values: flags } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });
const folder = mkdtempSync(join(tmpdir(), "zstash-against-"));
const values = await readValues({ quick: flags.quick });
const { zstd, sides, versions } = await loadSides();

/** Every value, and after them the frame of each. */
const frames = values.map(({ bytes }) => zstd.compress(bytes, { level: 1 }));
const data = Buffer.concat([...values.map(({ bytes }) => bytes), ...frames]);
const offsets = [...values.map(({ bytes }) => bytes), ...frames].reduce(
  (list, { length }) => [...list, list[list.length - 1] + length],
  [0],
);
writeFileSync(join(folder, "data"), data);
const { children, versions: ofChildren } = startChildren(join(folder, "data"));

/**
 * Throws where a side does not give back what went in.
 *
 * @param {string} name
 * @param {unknown} result
 * @param {Uint8Array} expected
 */
function verify(name, result, expected) {
  const bytes = typeof result === "string" ? Buffer.from(result) : /** @type {Uint8Array} */ (result);
  if (!Buffer.from(bytes).equals(expected)) throw new Error(`${name} does not give back what went in`);
}

/**
 * @param {MeasuredValue} value
 * @param {number} index
 * @param {number} level
 * @returns {Promise<Record<"compress" | "decompress", Timed[]>>}
 */
async function timedSides({ corpus, bytes }, index, level) {
  /** @type {Record<"compress" | "decompress", Timed[]>} */
  const all = { compress: [], decompress: [] };
  for (const { name, levels, format, compress, decompress, takes } of sides) {
    if (!levels.includes(level) || takes?.(corpus, bytes.length) === false) continue;
    const against = name === "zstash" ? undefined : "zstash";
    let compressed = frames[index];
    if (compress !== undefined) {
      const made = /** @type {Uint8Array} */ (await compress(bytes, level));
      verify(name, await decompress(made, bytes.length), bytes);
      all.compress.push({ name, against, bytes: made.length, time: timed(() => compress(bytes, level)) });
      if (format === "other") compressed = new Uint8Array(made);
    }
    verify(name, await decompress(compressed, bytes.length), bytes);
    all.decompress.push({ name, against, time: timed(() => decompress(compressed, bytes.length)) });
  }
  const value = `${offsets[index]} ${bytes.length}`;
  const frame = `${offsets[values.length + index]} ${frames[index].length}`;
  for (const [child, side, prefix, against] of /** @type {const} */ ([
    ["libzstd", "libzstd in C", "", "zstash"],
    ["klauspost", "klauspost in Go", "", "zstash"],
    ["bun", "zstash on Bun", "zstash ", undefined],
    ["bun", "Bun.zstd", "bun ", "zstash on Bun"],
  ])) {
    const process = children.get(child);
    if (process === undefined) continue;
    // The harness in C reads its own frame of the value, which is the same bytes.
    const read = child === "libzstd" ? value : frame;
    const { length } = await process.ask(`${prefix}c ${level} ${value} 1`);
    const ask = (/** @type {string} */ request) => async (/** @type {number} */ calls) =>
      (await process.ask(`${request} ${calls}`)).nanoseconds;
    all.compress.push({ name: side, against, bytes: length, time: ask(`${prefix}c ${level} ${value}`) });
    all.decompress.push({ name: side, against, time: ask(`${prefix}d ${level} ${read}`) });
  }
  return all;
}

/** How a frame was made hardly changes how long it takes to read: level 1 alone. */
const BOTH = /** @type {const} */ (["compress", "decompress"]);

/** @type {Cell[]} */
const cells = [];
const start = performance.now();
try {
  for (const [index, value] of values.entries()) {
    const large = value.bytes.length > 4 << 20;
    const options = flags.quick ? { rounds: 4, budget: 1 } : { rounds: large ? 5 : 10, budget: 3 };
    for (const level of [1, 3]) {
      const all = await timedSides(value, index, level);
      for (const operation of level === 1 ? BOTH : BOTH.slice(0, 1)) {
        cells.push({
          value: value.name,
          operation,
          level,
          sides: await measureInTurn(all[operation], options),
        });
      }
    }
    process.stderr.write(`  ${value.name}, ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  }
} finally {
  for (const child of children.values()) child.stop();
  rmSync(folder, { recursive: true, force: true });
}

const result = {
  versions: { ...versions, ...ofChildren },
  values: values.map(({ name, corpus, holds, bytes, sha256 }) => ({
    name,
    corpus,
    holds,
    size: bytes.length,
    sha256,
  })),
  cells,
};
if (flags.json === undefined) {
  const rows = cells.flatMap(({ value, operation, level, sides: all }) =>
    Object.entries(all).map(([name, { bytes, us, ratio }]) => [
      `${value} ${operation} ${level} ${name}`,
      bytes === undefined ? "" : `${bytes}`,
      us[0].toFixed(1),
      us[1].toFixed(1),
      ratio === undefined ? "" : `${ratio[1].toFixed(2)} [${ratio[2].toFixed(2)}…${ratio[3].toFixed(2)}]`,
      ratio !== undefined && ratio[1] > 1 ? LOST : "",
    ]),
  );
  console.log(
    table(["value, operation, level, side", "bytes", "least µs", "median µs", "× zstash", ""], rows),
  );
} else writeFileSync(flags.json, JSON.stringify(result));
