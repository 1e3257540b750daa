// zstd in WebAssembly against the same zstd compiled for this machine: the C functions alone, without copies, on the
// same data, in turn within the same seconds. Needs a C compiler (cc).
//
//   node bench/kernel.mjs [--json FILE] [--quick] [--wasm FILE]

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { percentile } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";
import { compileHarness } from "./native/compile.mjs";

const { values: flags } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean" }, wasm: { type: "string" } },
});
const here = dirname(fileURLToPath(import.meta.url));
const sizes = flags.quick ? [1024, 16384] : [256, 1024, 4096, 16384, 131072, 1 << 20];
const levels = flags.quick ? [1] : [-5, 1, 3, 9];
const rounds = flags.quick ? 3 : 15;

/**
 * What is timed: "c" compresses, "d" decompresses.
 *
 * @typedef {"c" | "d"} Kind
 *
 * Time of WebAssembly over native's: of the minima, and the median, 10th and 90th percentile of the rounds.
 *
 * @typedef {Record<"level" | "size" | "ratio" | "median" | "low" | "high", number> & { kind: Kind }} Row
 *
 * `means` are geometric, of the ratios of the minima.
 *
 * @typedef {{ means: Readonly<Record<"compress" | "decompress", number>>, rows: readonly Row[] }} KernelData
 *
 * The exports of zstash.wasm that are called here.
 *
 * @typedef {Readonly<Record<"_initialize" | "ZSTD_createCCtx" | "ZSTD_createDCtx", () => number>> & {
 *   readonly memory: WebAssembly.Memory,
 *   ZSTD_compressBound(size: number): number,
 *   zstash_malloc(size: number): number,
 *   ZSTD_CCtx_setParameter(cctx: number, parameter: number, value: number): number,
 *   ZSTD_compress2(cctx: number, frame: number, bound: number, source: number, size: number): number,
 *   ZSTD_decompressDCtx(dctx: number, output: number, size: number, frame: number, length: number): number,
 * }} Kernel
 */

/**
 * @param {string} program
 * @param {string} dataFile
 */
function startNative(program, dataFile) {
  const child = spawn(program, [dataFile], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /**
     * Nanoseconds a call.
     *
     * @param {Kind} kind
     * @param {number} level
     * @param {number} size
     * @param {number} calls
     */
    async time(kind, level, size, calls) {
      child.stdin.write(`${kind} ${level} 0 ${size} ${calls}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error("the native harness ended early");
      return Number(value.split(" ")[0]);
    },
    stop: () => child.kill(),
  };
}

/** @param {Uint8Array} data */
function startWasm(data) {
  const file = flags.wasm ?? join(here, "../dist/zstash.wasm");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {});
  const exports = /** @type {Kernel} */ (/** @type {unknown} */ (instance.exports));
  exports._initialize();
  const bound = exports.ZSTD_compressBound(data.length);
  const [source, frame, output] = [data.length, bound, data.length].map((size) =>
    exports.zstash_malloc(size),
  );
  new Uint8Array(exports.memory.buffer).set(data, source);
  const [cctx, dctx] = [exports.ZSTD_createCCtx(), exports.ZSTD_createDCtx()];
  exports.ZSTD_CCtx_setParameter(cctx, 201, 1);
  return {
    /**
     * @param {Kind} kind
     * @param {number} level
     * @param {number} size
     * @param {number} calls
     */
    time(kind, level, size, calls) {
      exports.ZSTD_CCtx_setParameter(cctx, 100, level);
      const compressed = exports.ZSTD_compress2(cctx, frame, bound, source, size);
      const start = performance.now();
      for (let call = 0; call < calls; call++) {
        const result =
          kind === "c"
            ? exports.ZSTD_compress2(cctx, frame, bound, source, size)
            : exports.ZSTD_decompressDCtx(dctx, output, size, frame, compressed);
        if (result < 0) throw new Error(`zstd error ${-result}`);
      }
      return ((performance.now() - start) * 1e6) / calls;
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "zstash-kernel-"));
let native;
try {
  const data = new TextEncoder().encode(jsonOfSize(1 << 20)).subarray(0, 1 << 20);
  writeFileSync(join(folder, "data"), data);
  native = startNative(compileHarness(), join(folder, "data"));
  const wasm = startWasm(data);
  /** @type {Row[]} */
  const rows = [];
  for (const kind of /** @type {const} */ (["c", "d"])) {
    for (const level of levels) {
      for (const size of sizes) {
        const calls = Math.max(
          2,
          Math.min(3000, Math.round((level > 3 && kind === "c" ? 1 << 19 : 3 << 20) / (size + 256))),
        );
        wasm.time(kind, level, size, Math.min(1500, calls * 2));
        const samples = [];
        for (let round = 0; round < rounds; round++) {
          const ours = wasm.time(kind, level, size, calls);
          samples.push({ ours, theirs: await native.time(kind, level, size, calls) });
        }
        const ratio =
          Math.min(...samples.map(({ ours }) => ours)) / Math.min(...samples.map(({ theirs }) => theirs));
        const perRound = samples.map(({ ours, theirs }) => ours / theirs);
        rows.push({
          kind,
          level,
          size,
          ratio,
          median: percentile(perRound, 0.5),
          low: percentile(perRound, 0.1),
          high: percentile(perRound, 0.9),
        });
      }
    }
  }
  /** @param {Kind} kind */
  const mean = (kind) => {
    const logs = rows.filter((row) => row.kind === kind).map(({ ratio }) => Math.log(ratio));
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  };
  const means = { compress: mean("c"), decompress: mean("d") };
  const machine = `${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}`;
  if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify({ means, rows }));
  console.log(
    `${machine}\nWebAssembly time / native time; of the minima [median, 10th…90th percentile of ${rounds} rounds]\n`,
  );
  console.log(`operation   level ${sizes.map((size) => String(size).padStart(24)).join("")}`);
  for (const [kind, name] of [
    ["c", "compress"],
    ["d", "decompress"],
  ]) {
    for (const level of levels) {
      const cells = rows.filter((row) => row.kind === kind && row.level === level);
      const text = cells.map(({ ratio, median, low, high }) =>
        `${ratio.toFixed(2)} [${median.toFixed(2)}, ${low.toFixed(2)}…${high.toFixed(2)}]`.padStart(24),
      );
      console.log(`${name.padEnd(11)} ${String(level).padStart(5)} ${text.join("")}`);
    }
  }
  console.log(
    `\ngeometric mean: compress ${means.compress.toFixed(2)}, decompress ${means.decompress.toFixed(2)}`,
  );
} finally {
  native?.stop();
  rmSync(folder, { recursive: true, force: true });
}
