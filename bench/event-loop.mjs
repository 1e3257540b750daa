// The longest hold of the event loop in public calls that are not documented as synchronous, by call and level. A hold
// lies between two turns of the loop: its time, or the CPU time of the process where that is less, because a busy machine
// stops a process for longer than it works. Bounds: 20 ms up to level 9, 400 ms above; a cell over its bound has a mark.
//
//   node bench/event-loop.mjs [--json] [--only TEXT] [--runs 3] [--levels 1,9,19]

import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Redis as StockRedis } from "@upstash/redis";
import { loadZstd, readSeekTable } from "zstash";
import { Redis } from "zstash/redis";
import { createStore } from "zstash/store";
import { withCompression } from "zstash/upstash";
import { jsonOfSize } from "./json-of-size.mjs";

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean" },
    only: { type: "string", default: "" },
    runs: { type: "string", default: "3" },
    levels: { type: "string", default: "1,3,6,9,12,15,19,22" },
  },
});
const MIB = 2 ** 20;
const levels = flags.levels.split(",").map(Number);
/** What a call of a level may hold the loop, in ms. */
const boundOf = (/** @type {number} */ level) => (level <= 9 ? 20 : 400);

const zstd = await loadZstd();
const text = jsonOfSize(20 * MIB);
const json = new TextEncoder().encode(text);
const noise = new Uint8Array(20 * MIB);
for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));

/**
 * Bytes as a stream that is never the reason for a turn of the loop.
 *
 * @param {Uint8Array} bytes
 * @param {number} chunk
 * @returns {ReadableStream<Uint8Array>}
 */
function source(bytes, chunk) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + chunk));
      at += chunk;
    },
  });
}

/** @param {ReadableStream<Uint8Array>} stream */
async function drain(stream) {
  const reader = stream.getReader();
  for (let done = false; !done;) ({ done } = await reader.read());
}

/** @param {ReadableStream<Uint8Array>} stream */
const bytesOf = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());

/**
 * The longest hold of the loop while `work` runs, in ms.
 *
 * @param {() => unknown} work
 */
async function holdOf(work) {
  let running = true;
  let longest = 0;
  let wall = performance.now();
  let cpu = process.cpuUsage();
  const turn = () => {
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    longest = Math.max(longest, Math.min(now - wall, (used.user + used.system) / 1000));
    wall = now;
    cpu = process.cpuUsage();
    if (running) setImmediate(turn);
  };
  await new Promise((resolve) => setImmediate(resolve));
  wall = performance.now();
  cpu = process.cpuUsage();
  setImmediate(turn);
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  running = false;
  return longest;
}

const server = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)));
const [{ url, token }] = await once(server, "message");
const store = createStore({ url, token });
const stock = () => new StockRedis({ url, token, enableTelemetry: false, automaticDeserialization: false });
const asText = withCompression(stock());
const asBytes = new Redis({ url, token, enableTelemetry: false, automaticDeserialization: false });

/** What a level's compression is measured with: at high levels less, because 1 MiB takes seconds there. */
const contentOf = (/** @type {number} */ level) => json.subarray(0, level <= 9 ? 16 * MIB : 2 * MIB);

/** @type {[name: string, work: (level: number) => unknown][]} */
const byLevel = [
  [
    "compressStream, 64 KiB chunks",
    (level) => drain(source(contentOf(level), 65536).pipeThrough(zstd.compressStream({ level }))),
  ],
  [
    "compressStream, one chunk",
    (level) => drain(source(contentOf(level), 16 * MIB).pipeThrough(zstd.compressStream({ level }))),
  ],
  [
    "frameSize 16 MiB",
    (level) =>
      drain(source(contentOf(level), 65536).pipeThrough(zstd.compressStream({ level, frameSize: 16 * MIB }))),
  ],
  [
    "frameSize 256 KiB",
    (level) =>
      drain(
        source(contentOf(level), 16 * MIB).pipeThrough(zstd.compressStream({ level, frameSize: 256 << 10 })),
      ),
  ],
  [
    "compressFrames 1390",
    (level) =>
      drain(
        source(contentOf(level).subarray(0, 4 * MIB), 16 * MIB).pipeThrough(
          zstd.compressFrames({ level, maxFrameSize: 1390 }),
        ),
      ),
  ],
  [
    "compressFrames 1 MiB of noise",
    (level) =>
      drain(
        source(noise.subarray(0, 4 * MIB), 16 * MIB).pipeThrough(
          zstd.compressFrames({ level, maxFrameSize: MIB }),
        ),
      ),
  ],
  [
    "store.put of 20 MB",
    (level) => store.put("level", level <= 9 ? json : json.subarray(0, 2 * MIB), { level }),
  ],
];

const frame = zstd.compress(json);
const frames = await bytesOf(source(json, 65536).pipeThrough(zstd.compressStream({ frameSize: 200 })));
const seekable = await bytesOf(
  source(json.subarray(0, 8 * MIB), 65536).pipeThrough(
    zstd.compressStream({ frameSize: 200, seekTable: true }),
  ),
);
const large = await bytesOf(
  source(json.subarray(0, 16 * MIB), 65536).pipeThrough(
    zstd.compressStream({ frameSize: 16 * MIB, seekTable: true }),
  ),
);
const zeros = zstd.compress(new Uint8Array(256 * MIB));
const empty = new Uint8Array(9 * 500_000);
for (let at = 0; at < empty.length; at += 9)
  empty.set(zstd.compress(new Uint8Array(0), { checksum: false }), at);
/** @param {Uint8Array} bytes */
const inMemory = (bytes) => ({
  size: bytes.length,
  /** @param {number} start @param {number} end */
  read: async (start, end) => bytes.subarray(start, end),
});
await store.put("large", json);
await store.put("seekable", json, { layout: { frameSize: 65536 } });
await asText.set("text", text);
await asBytes.set("bytes", text);

/** @type {[name: string, work: () => unknown][]} */
const others = [
  ["decompressStream, 64 KiB chunks", () => drain(source(frame, 65536).pipeThrough(zstd.decompressStream()))],
  [
    "decompressStream, one chunk",
    () => drain(source(frame, frame.length).pipeThrough(zstd.decompressStream())),
  ],
  [
    "decompressStream, frames of 200 bytes",
    () => drain(source(frames, frames.length).pipeThrough(zstd.decompressStream())),
  ],
  [
    "decompressStream, 256 MiB of zeros",
    () => drain(source(zeros, zeros.length).pipeThrough(zstd.decompressStream())),
  ],
  [
    "decompressStream, 500,000 empty frames",
    () => drain(source(empty, empty.length).pipeThrough(zstd.decompressStream())),
  ],
  ["decompressRange, frames of 200 bytes", () => drain(zstd.decompressRange(inMemory(seekable), 0))],
  ["decompressRange, a frame of 16 MiB", () => drain(zstd.decompressRange(inMemory(large), 0, 1000))],
  ["readSeekTable, 42,000 frames", () => readSeekTable(inMemory(seekable))],
  [
    "100 streams at once, level 1",
    () =>
      Promise.all(
        Array.from({ length: 100 }, () =>
          drain(
            source(json.subarray(0, MIB), 65536)
              .pipeThrough(zstd.compressStream())
              .pipeThrough(zstd.decompressStream()),
          ),
        ),
      ),
  ],
  ["store.put of a stream of 20 MB", () => store.put("stream", source(json, 65536))],
  ["store.put of text of 20 MB", () => store.put("string", text)],
  ["store.put of 20 MB of noise", () => store.put("noise", noise)],
  [
    "store.get of 20 MB",
    async () => drain(/** @type {ReadableStream<Uint8Array>} */ (await store.get("large"))),
  ],
  ["store.getBytes of 20 MB", () => store.getBytes("large")],
  ["store.getText of 20 MB", () => store.getText("large")],
  [
    "store.getRange of 20 MB",
    async () =>
      drain(/** @type {ReadableStream<Uint8Array>} */ (await store.getRange("seekable", 0, json.length))),
  ],
  ["wrapper set of 20 MB, text", () => asText.set("text", text)],
  ["wrapper get of 20 MB, text", () => asText.get("text")],
  ["wrapper set of 20 MB, raw", () => asBytes.set("bytes", text)],
  ["wrapper get of 20 MB, raw", () => asBytes.get("bytes")],
];

/** @type {{ name: string, level: number | undefined, hold: number, bound: number }[]} */
const results = [];
/** @param {string} name @param {number | undefined} level @param {() => unknown} work */
async function measure(name, level, work) {
  if (!name.includes(flags.only)) return;
  // The least of several runs: what else the process does (garbage, compilation) hits one of them.
  let hold = Infinity;
  await work();
  for (let run = 0; run < Number(flags.runs); run++) hold = Math.min(hold, await holdOf(work));
  const bound = boundOf(level ?? 1);
  results.push({ name, level, hold, bound });
  if (flags.json) return;
  const call = level === undefined ? name : `${name}, level ${level}`;
  console.log(`${call.padEnd(52)} ${hold.toFixed(1).padStart(7)}${hold > bound ? `  over ${bound}` : ""}`);
}
const machine = `${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}`;
if (!flags.json) console.log(`${machine}; the longest hold of the event loop, ms\n`);
for (const [name, work] of others) await measure(name, undefined, work);
for (const [name, work] of byLevel) for (const level of levels) await measure(name, level, () => work(level));
server.disconnect();
if (flags.json) console.log(JSON.stringify({ machine, results }, null, 1));
process.exit();
