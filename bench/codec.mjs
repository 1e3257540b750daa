// zstash against node:zlib's zstd and @bokuweb/zstd-wasm, on values of the demo's kind, interleaved in one process.
// Ratios, not times, are what to compare: below 1 zstash is faster. Needs Node >= 22.15 for zlib's zstd.
//
//   node bench/codec.mjs [--json FILE] [--quick]

import { writeFileSync } from "node:fs";
import { arch, cpus } from "node:os";
import { parseArgs } from "node:util";
import * as nodeZlib from "node:zlib";
import * as bokuweb from "@bokuweb/zstd-wasm";
import { loadZstd } from "zstash";
import { interleave } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });

/**
 * What node:zlib has since Node 22.15; the types are of Node 20.
 *
 * @typedef {{ params?: Record<number, number>, chunkSize: number }} ZstdOptions
 * @typedef {{
 *   readonly zstdCompressSync?: (data: Uint8Array | string, options: ZstdOptions) => Buffer,
 *   readonly constants: Readonly<Record<"ZSTD_c_compressionLevel" | "ZSTD_c_checksumFlag", number>>,
 *   zstdDecompressSync(data: Uint8Array, options: ZstdOptions): Buffer,
 * }} ZstdOfZlib
 */
const zlib = /** @type {ZstdOfZlib} */ (/** @type {unknown} */ (nodeZlib));
const { zstdCompressSync } = zlib;
if (zstdCompressSync === undefined) {
  console.error("Cannot run: node:zlib has no zstd in this Node; run it with Node 22.15 or later");
  process.exit(1);
}

const sizes = flags.quick ? [1024] : [256, 1024, 4096, 16384, 131072, 1 << 20];
const levels = flags.quick ? [1] : [1, 3];
const zstd = await loadZstd();
await bokuweb.init();

/**
 * What a row has: how long zstash takes, and that over the others, of the minima and of the rounds.
 *
 * @typedef {ReturnType<typeof compare> & { size: number, level: number, operation: "string -> frame" | "bytes -> frame" | "frame -> string" | "frame -> bytes" }} Row
 *
 * @typedef {{ rows: readonly Row[] }} CodecData
 */

/** @type {Row[]} */
const rows = [];
for (const size of sizes) {
  const text = jsonOfSize(size);
  const frame = zstd.compress(text);
  const bytes = new TextEncoder().encode(text);
  const chunkSize = Math.max(64, size + (size >> 8) + 64);
  for (const level of levels) {
    const params = {
      [zlib.constants.ZSTD_c_compressionLevel]: level,
      [zlib.constants.ZSTD_c_checksumFlag]: 1,
    };
    rows.push({
      size,
      level,
      operation: "string -> frame",
      ...compare(size, {
        zstash: () => zstd.compress(text, { level }),
        zlib: () => zstdCompressSync(text, { params, chunkSize }),
        bokuweb: () => bokuweb.compress(new TextEncoder().encode(text), level),
      }),
    });
    rows.push({
      size,
      level,
      operation: "bytes -> frame",
      ...compare(size, {
        zstash: () => zstd.compress(bytes, { level }),
        zlib: () => zstdCompressSync(bytes, { params, chunkSize }),
        bokuweb: () => bokuweb.compress(bytes, level),
      }),
    });
  }
  rows.push({
    size,
    level: 1,
    operation: "frame -> string",
    ...compare(size, {
      zstash: () => zstd.decompressText(frame),
      zlib: () => zlib.zstdDecompressSync(frame, { chunkSize }).toString(),
      bokuweb: () => new TextDecoder().decode(bokuweb.decompress(frame)),
    }),
  });
  rows.push({
    size,
    level: 1,
    operation: "frame -> bytes",
    ...compare(size, {
      zstash: () => zstd.decompress(frame),
      zlib: () => zlib.zstdDecompressSync(frame, { chunkSize }),
      bokuweb: () => bokuweb.decompress(frame),
    }),
  });
}

/**
 * @param {number} size
 * @param {Record<"zstash" | "zlib" | "bokuweb", () => unknown>} sides
 */
function compare(size, sides) {
  return interleave(sides, { rounds: flags.quick ? 60 : 40, budget: 4 << 20, size });
}

const machine = `${cpus()[0].model}, ${cpus().length} cores, ${arch}; Node ${process.version}, zstd ${process.versions.zstd}`;
if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify({ rows }));
console.log(machine);
console.log(
  "size     level operation          zstash µs (min, median)   × zlib min [median]   × bokuweb min [median]",
);
for (const { size, level, operation, times, ratios } of rows) {
  const { min, median } = times.zstash;
  /** @param {"zlib" | "bokuweb"} name */
  const cell = (name) =>
    `${ratios[name].min.toFixed(2)} [${ratios[name].median.toFixed(2)}]${ratios[name].median > 1 ? "  slower" : ""}`;
  console.log(
    `${String(size).padEnd(8)} ${String(level).padEnd(5)} ${operation.padEnd(18)} ` +
      `${min.toFixed(1).padStart(9)} ${median.toFixed(1).padStart(9)}       ` +
      `${cell("zlib").padEnd(21)} ${cell("bokuweb")}`,
  );
}
