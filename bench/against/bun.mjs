// Times zstash and Bun's own zstd inside Bun. One request a line on stdin: "zstash|bun c|d LEVEL OFFSET SIZE CALLS"; the answer
// is nanoseconds a call and the length of the result. "d" reads a frame at the offset.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { loadZstd } from "zstash";

/**
 * What Bun has since 1.2.14.
 *
 * @typedef {{
 *   zstdCompressSync(data: Uint8Array, options: { level: number }): Uint8Array,
 *   zstdDecompressSync(data: Uint8Array): Uint8Array,
 * }} BunZstd
 */
const bun = /** @type {{ Bun: BunZstd }} */ (/** @type {unknown} */ (globalThis)).Bun;
const data = new Uint8Array(readFileSync(process.argv[2]));
const zstd = await loadZstd();

for await (const request of createInterface({ input: process.stdin })) {
  const [side, kind, ...numbers] = request.split(" ");
  const [level, offset, size, calls] = numbers.map(Number);
  const part = data.slice(offset, offset + size);
  /** @type {Readonly<Record<string, () => Uint8Array>>} */
  const works = {
    "zstash c": () => zstd.compress(part, { level }),
    "zstash d": () => zstd.decompress(part),
    "bun c": () => bun.zstdCompressSync(part, { level }),
    "bun d": () => bun.zstdDecompressSync(part),
  };
  const work = works[`${side} ${kind}`];
  if (work === undefined) throw new Error(`Cannot time ${side} ${kind}`);
  let length = 0;
  const start = performance.now();
  for (let call = 0; call < calls; call++) length = work().length;
  process.stdout.write(`${(((performance.now() - start) * 1e6) / calls).toFixed(1)} ${length}\n`);
}
