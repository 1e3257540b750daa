/**
 * Contexts from a pool against contexts of their own, 5,000 values of 1 KB: in zstash.wasm, in the Go library that the article uses, and
 * with all 5,000 in hand at once.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadZstd } from "zstash";
import { startChildren } from "../against/children.mjs";
import { measureInTurn } from "../against/measure.mjs";
import { jsonOfSize } from "../json-of-size.mjs";

const BURST = 5000;
/** zstd.h: ZSTD_c_compressionLevel, ZSTD_c_checksumFlag. */
const [LEVEL, CHECKSUM] = [100, 201];

/**
 * The exports of zstash.wasm that are called here.
 *
 * @typedef {Readonly<Record<"_initialize" | "ZSTD_createCCtx", () => number>> & {
 *   readonly memory: WebAssembly.Memory,
 *   ZSTD_freeCCtx(cctx: number): number,
 *   ZSTD_compressBound(size: number): number,
 *   zstash_malloc(size: number): number,
 *   ZSTD_CCtx_setParameter(cctx: number, parameter: number, value: number): number,
 *   ZSTD_compress2(cctx: number, frame: number, bound: number, source: number, size: number): number,
 * }} Kernel
 */

/** @param {Uint8Array} bytes */
function openKernel(bytes) {
  const module = new WebAssembly.Module(readFileSync(new URL("../../dist/zstash.wasm", import.meta.url)));
  const exports = /** @type {Kernel} */ (
    /** @type {unknown} */ (new WebAssembly.Instance(module, {}).exports)
  );
  exports._initialize();
  const bound = exports.ZSTD_compressBound(bytes.length);
  const [source, frame] = [bytes.length, bound].map((size) => exports.zstash_malloc(size));
  new Uint8Array(exports.memory.buffer).set(bytes, source);
  const create = () => {
    const cctx = exports.ZSTD_createCCtx();
    if (cctx === 0) throw new Error("no memory for a context");
    exports.ZSTD_CCtx_setParameter(cctx, LEVEL, 1);
    exports.ZSTD_CCtx_setParameter(cctx, CHECKSUM, 1);
    return cctx;
  };
  const compress = (/** @type {number} */ cctx) => {
    if (exports.ZSTD_compress2(cctx, frame, bound, source, bytes.length) < 0) throw new Error("zstd error");
  };
  return { create, compress, free: exports.ZSTD_freeCCtx, memory: () => exports.memory.buffer.byteLength };
}

/** How much linear memory contexts take that are all in hand at once, up to the burst or to what a module may have. @param {Uint8Array} bytes */
function holdContexts(bytes) {
  const { create, compress, memory } = openKernel(bytes);
  const before = memory();
  let held = 0;
  try {
    for (; held < BURST; held++) compress(create());
  } catch {
    // What 32 bits can address is used up: that many it is.
  }
  return { held, bytes: memory() - before };
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function streamAtOnce(bytes) {
  const zstd = await loadZstd();
  const before = zstd.stats().memory;
  let most = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: BURST }, async () => {
      const stream = zstd.compressStream({ level: 1, contentSize: bytes.length });
      const whole = new Response(stream.readable).arrayBuffer();
      const writer = stream.writable.getWriter();
      await writer.write(bytes);
      most = Math.max(most, zstd.stats().live);
      await writer.close();
      if ((await whole).byteLength === 0) throw new Error("a stream gave nothing");
    }),
  );
  return { ms: performance.now() - start, contexts: most, bytes: zstd.stats().memory - before };
}

/** @param {boolean} quick */
export async function measure(quick) {
  const bytes = new Uint8Array(new TextEncoder().encode(jsonOfSize(1024)));
  const folder = mkdtempSync(join(tmpdir(), "zstash-article-"));
  writeFileSync(join(folder, "data"), bytes);
  const { children, versions } = startChildren(join(folder, "data"), ["klauspost"]);
  try {
    const kernel = openKernel(bytes);
    const pooled = kernel.create();
    const many = (/** @type {() => void} */ work) => (/** @type {number} */ calls) => {
      const start = performance.now();
      for (let call = 0; call < calls; call++) work();
      return ((performance.now() - start) * 1e6) / calls;
    };
    const go = children.get("klauspost");
    const ask = (/** @type {string} */ kind) => async (/** @type {number} */ calls) =>
      (await go?.ask(`${kind} 1 0 ${bytes.length} ${calls}`))?.nanoseconds ?? 0;
    const sides = [
      { name: "zstash.wasm, one context", time: many(() => kernel.compress(pooled)) },
      {
        name: "zstash.wasm, a context a call",
        time: many(() => {
          const cctx = kernel.create();
          kernel.compress(cctx);
          kernel.free(cctx);
        }),
      },
      ...(go === undefined
        ? []
        : [
            { name: "klauspost, one encoder", time: ask("c") },
            { name: "klauspost, an encoder a call", time: ask("u") },
          ]),
    ];
    const times = await measureInTurn(sides, quick ? { rounds: 3, budget: 1 } : { rounds: 10, budget: 10 });
    const burst = quick ? 100 : BURST;
    const allocated = {
      pooled: (await go?.ask(`c 1 0 ${bytes.length} ${burst}`))?.allocated,
      own: (await go?.ask(`u 1 0 ${bytes.length} ${burst}`))?.allocated,
    };
    return {
      burst: BURST,
      times: Object.fromEntries(Object.entries(times).map(([name, { us }]) => [name, us])),
      allocated,
      held: holdContexts(bytes),
      streams: await streamAtOnce(bytes),
      versions,
    };
  } finally {
    for (const child of children.values()) child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
