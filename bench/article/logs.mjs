/** 100 MB of JSON logs at the fastest and at the default level: zstash, native zstd, and the Go library that the article uses. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { loadZstd } from "zstash";
import { startChildren } from "../against/children.mjs";
import { jsonLogs } from "../corpus/logs.mjs";
import { percentile } from "../interleave.mjs";

const SIZE = 100_000_000;
const CHUNK = 64 << 10;
export const LEVELS = [1, 3];

/**
 * One run: milliseconds of the clock and of processors.
 *
 * @typedef {{ length: number, ms: number, processorMs: number }} Run
 * @typedef {{ name: string, level: number, run(): Promise<Run> }} Side
 */

/** @param {Uint8Array} bytes @returns {ReadableStream<Uint8Array>} */
function inChunks(bytes) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += CHUNK)));
    },
  });
}

/** @param {() => Promise<number> | number} work gives the length of its result @returns {Promise<Run>} */
async function timed(work) {
  const before = process.cpuUsage();
  const start = performance.now();
  const length = await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { length, ms, processorMs: (user + system) / 1000 };
}

/** The SHA-256 of a frame's content. @param {import("zstash").Zstd} zstd @param {ReadableStream<Uint8Array>} frame */
async function contentHash(zstd, frame) {
  const hash = createHash("sha256");
  for await (const chunk of frame.pipeThrough(zstd.decompressStream())) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * @param {import("zstash").Zstd} zstd
 * @param {ReturnType<typeof startChildren>["children"]} children
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {number} level
 * @returns {Promise<Side[]>}
 */
async function sidesOf(zstd, children, bytes, level) {
  const compressed = () =>
    inChunks(bytes).pipeThrough(zstd.compressStream({ level, contentSize: bytes.length, flush: "none" }));
  const expected = createHash("sha256").update(bytes).digest("hex");
  for (const frame of [inChunks(zstd.compress(bytes, { level })), compressed()])
    if ((await contentHash(zstd, frame)) !== expected) throw new Error("another content came back");
  const child = (/** @type {"libzstd" | "klauspost"} */ program, /** @type {string} */ kind) => async () => {
    const answer = await children.get(program)?.ask(`${kind} ${level} 0 ${bytes.length} 1`);
    if (answer === undefined) throw new Error(`${program} does not run`);
    const { length, nanoseconds, processor = 0 } = answer;
    return { length, ms: nanoseconds / 1e6, processorMs: processor / 1e6 };
  };
  /** @type {readonly (Side & { program?: "libzstd" | "klauspost" })[]} */
  const sides = [
    {
      name: "zstash, one call",
      level,
      run: () => timed(() => zstd.compress(bytes, { level }).length),
    },
    {
      name: "zstash, a stream",
      level,
      run: () =>
        timed(async () => {
          let length = 0;
          for await (const chunk of compressed()) length += chunk.length;
          return length;
        }),
    },
    { name: "libzstd in C, one call", level, program: "libzstd", run: child("libzstd", "c") },
    { name: "klauspost in Go, one call", level, program: "klauspost", run: child("klauspost", "c") },
    { name: "klauspost in Go, its stream", level, program: "klauspost", run: child("klauspost", "s") },
  ];
  return sides.filter(({ program }) => program === undefined || children.has(program));
}

/** @param {boolean} quick */
export async function measure(quick) {
  const bytes = jsonLogs(quick ? SIZE / 50 : SIZE);
  const folder = mkdtempSync(join(tmpdir(), "zstash-logs-"));
  writeFileSync(join(folder, "data"), bytes);
  const { children, versions } = startChildren(join(folder, "data"), ["libzstd", "klauspost"]);
  try {
    const zstd = await loadZstd();
    const sides = (await Promise.all(LEVELS.map((level) => sidesOf(zstd, children, bytes, level)))).flat();
    const runs = sides.map(() => /** @type {Run[]} */ ([]));
    // The first round warms up.
    for (let round = -1; round < (quick ? 1 : 5); round++) {
      for (let turn = 0; turn < sides.length; turn++) {
        const at = (turn + round + sides.length) % sides.length;
        const run = await sides[at].run();
        if (round >= 0) runs[at].push(run);
      }
    }
    const summary = (/** @type {readonly number[]} */ times) =>
      [Math.min(...times), percentile(times, 0.5)].map((ms) => Number(ms.toFixed(1)));
    const rows = sides.map(({ name, level }, at) => ({
      name,
      level,
      bytes: runs[at][0].length,
      ms: summary(runs[at].map(({ ms }) => ms)),
      processorMs: summary(runs[at].map(({ processorMs }) => processorMs)),
      processors: Number(
        percentile(
          runs[at].map(({ ms, processorMs }) => processorMs / ms),
          0.5,
        ).toFixed(3),
      ),
    }));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { size: bytes.length, sha256, chunk: CHUNK, cores: availableParallelism(), rows, versions };
  } finally {
    for (const child of children.values()) child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
