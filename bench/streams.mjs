// Streams against one-shot in one process, what a gibibyte costs in memory, and how long the event loop waits.
//
//   node --expose-gc bench/streams.mjs [--json FILE] [--size MiB] [--quick]

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { loadZstd, segmentSize } from "zstash";
import { percentile } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";

const { values: flags } = parseArgs({
  options: { json: { type: "string" }, size: { type: "string" }, quick: { type: "boolean" } },
});
const CHUNK = 64 << 10;
const ROUNDS = flags.quick ? 4 : 60;
/** Of a pair that takes a few milliseconds. */
const SHORT_ROUNDS = flags.quick ? 8 : 150;
const zstd = await loadZstd();
const data = new TextEncoder().encode(jsonOfSize(8 << 20)).subarray(0, 8 << 20);

/**
 * The bytes in chunks of 64 KiB, `times` over.
 *
 * @param {Uint8Array} bytes
 * @returns {ReadableStream<Uint8Array>}
 */
function source(bytes, times = 1) {
  let at = 0;
  let round = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) {
        at = 0;
        round += 1;
      }
      if (round === times) return controller.close();
      controller.enqueue(bytes.subarray(at, at + CHUNK));
      at += CHUNK;
    },
  });
}

/** @param {ReadableStream<Uint8Array>} stream */
async function drain(stream) {
  let size = 0;
  for await (const chunk of stream) size += chunk.length;
  return size;
}

/** @param {ReadableStream<Uint8Array>} stream */
async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/**
 * Processor time of this thread in ms; of the process in Node before 23.9. Some kernels count it in ticks of 4 ms, so only
 * sums over many rounds say something.
 */
function processorTime() {
  const { threadCpuUsage } = /** @type {{ threadCpuUsage?: () => NodeJS.CpuUsage }} */ (process);
  const { user, system } = threadCpuUsage?.call(process) ?? process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * What work takes in ms, by the clock and of the processor.
 *
 * @param {() => unknown} work
 */
async function timed(work) {
  const cpu = processorTime();
  const start = performance.now();
  await work();
  return { clock: performance.now() - start, cpu: processorTime() - cpu };
}

/**
 * Rounds that do not count: V8 compiles a function of WebAssembly again, and faster, after many calls of it. A stream runs
 * in functions of its own, and in an instance of its own.
 */
const WARM_UP = flags.quick ? 2 : 15;

/**
 * Time over another's: of the processor in all rounds, of the minima, and the median, 10th and 90th percentile of the rounds.
 *
 * @typedef {Record<"processor" | "min" | "median" | "low" | "high", number>} Ratio
 */

/**
 * Both sides in turn, `rounds` times, each as often the first: the ratio of the processor's time in all rounds, of the
 * clock's minima, and of the rounds by the clock, which on a busy machine says little.
 *
 * @param {() => unknown} stream
 * @param {() => unknown} oneShot
 * @returns {Promise<Ratio>}
 */
async function ratio(stream, oneShot, rounds = ROUNDS) {
  /** @type {Record<"stream" | "oneShot", { clock: number, cpu: number }>[]} */
  const samples = [];
  for (let round = -WARM_UP; round < rounds; round++) {
    const before = round % 2 === 0 ? undefined : await timed(oneShot);
    const ofStream = await timed(stream);
    const sample = { stream: ofStream, oneShot: before ?? (await timed(oneShot)) };
    if (round >= 0) samples.push(sample);
  }
  /** @param {"stream" | "oneShot"} side */
  const least = (side) => Math.min(...samples.map((sample) => sample[side].clock));
  /** @param {"stream" | "oneShot"} side */
  const processor = (side) => samples.reduce((sum, sample) => sum + sample[side].cpu, 0);
  const rounded = samples.map(({ stream: { clock }, oneShot: other }) => clock / other.clock);
  return {
    processor: processor("stream") / processor("oneShot"),
    min: least("stream") / least("oneShot"),
    median: percentile(rounded, 0.5),
    low: percentile(rounded, 0.1),
    high: percentile(rounded, 0.9),
  };
}

const frame = zstd.compress(data);
const compress = await ratio(
  () => drain(source(data).pipeThrough(zstd.compressStream({ flush: "none", contentSize: data.length }))),
  () => zstd.compress(data),
);
const ramp = await ratio(
  () => drain(source(data).pipeThrough(zstd.compressStream())),
  () => zstd.compress(data),
);
const decompress = await ratio(
  () => drain(source(frame).pipeThrough(zstd.decompressStream())),
  () => zstd.decompress(frame),
);

/** A mebibyte in frames that each fit a packet, beside the same in one frame. */
const part = data.subarray(0, 1 << 20);
const [packets, whole] = [
  Buffer.concat(
    await chunksOf(
      source(part).pipeThrough(zstd.compressFrames({ maxFrameSize: segmentSize({ mtu: 1500 }), level: 1 })),
    ),
  ),
  zstd.compress(part, { level: 1 }),
].map((bytes) => new Uint8Array(bytes));
const packetsAtOnce = await ratio(
  () => zstd.decompress(packets),
  () => zstd.decompress(whole),
  SHORT_ROUNDS,
);
const packetsAsStream = await ratio(
  () => drain(source(packets).pipeThrough(zstd.decompressStream())),
  () => drain(source(whole).pipeThrough(zstd.decompressStream())),
  SHORT_ROUNDS,
);

/**
 * RSS growth in MiB and the longest wait of the event loop in ms while `times` × 8 MiB run through.
 *
 * @param {readonly (() => TransformStream<Uint8Array, Uint8Array>)[]} transforms
 * @param {number} times
 */
async function long(transforms, times) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  let stall = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    stall = Math.max(stall, now - last - 2);
    last = now;
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 2);
  let stream = source(data, times);
  for (const transform of transforms) stream = stream.pipeThrough(transform());
  const seconds = (await timed(() => drain(stream))).clock / 1000;
  clearInterval(timer);
  return { rss: (peak - before) / 2 ** 20, stall, seconds };
}

const times = Math.max(1, Math.round(Number(flags.size ?? (flags.quick ? 16 : 1024)) / 8));
const identity = await long([() => new TransformStream(), () => new TransformStream()], times);
let linear = 0;
const watch = setInterval(() => (linear = Math.max(linear, zstd.stats().memory)), 5);
const fresh = await loadZstd({ memoryLimit: 64 << 20 });
const watchFresh = setInterval(() => (linear = Math.max(linear, fresh.stats().memory)), 5);
linear = 0;
clearInterval(watch);
const ours = await long([() => fresh.compressStream(), () => fresh.decompressStream()], times);
clearInterval(watchFresh);

/**
 * Names of the ratios as they are printed; what reads them reads them by these.
 *
 * @typedef {{ ratios: Readonly<Record<"compress, unflushed, size declared" | "compress, ramp" | "decompress" | "packets, at once" | "packets, stream", Ratio>>,
 *   pipeline: { MiB: number, linearMemoryMiB: number, ours: Awaited<ReturnType<typeof long>>, identity: Awaited<ReturnType<typeof long>> } }} StreamsData
 */

/** @type {StreamsData} */
const result = {
  ratios: {
    "compress, unflushed, size declared": compress,
    "compress, ramp": ramp,
    decompress,
    "packets, at once": packetsAtOnce,
    "packets, stream": packetsAsStream,
  },
  pipeline: { MiB: times * 8, linearMemoryMiB: linear / 2 ** 20, ours, identity },
};
if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(result));
/** @param {string} name @param {Ratio} ratio */
const line = (name, { processor, min, median, low, high }) =>
  console.log(
    `${name.padEnd(36)} ${processor.toFixed(2)}   ${min.toFixed(2)} [median ${median.toFixed(2)}, ${low.toFixed(2)}…${high.toFixed(2)}]`,
  );
console.log(
  `${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}\n8 MiB of JSON in chunks of 64 KiB: time of the stream over one-shot's, level 1:\nprocessor time of all rounds; the least times; median of the rounds\n`,
);
const { ratios, pipeline } = result;
for (const name of /** @type {const} */ ([
  "compress, unflushed, size declared",
  "compress, ramp",
  "decompress",
]))
  line(name, ratios[name]);
console.log(
  "\nDecompressing 1 MiB of JSON in frames for an MTU of 1500: time over that of one frame, likewise\n",
);
line("at once", ratios["packets, at once"]);
line("as a stream", ratios["packets, stream"]);
console.log(
  `\n${pipeline.MiB} MiB through compress → decompress: linear memory ${pipeline.linearMemoryMiB.toFixed(1)} MiB`,
);
for (const [name, { rss, stall, seconds }] of Object.entries({
  zstash: ours,
  "two identity TransformStreams": identity,
})) {
  console.log(
    `${name.padEnd(36)} RSS +${rss.toFixed(0)} MiB, longest event-loop wait ${stall.toFixed(1)} ms, ${seconds.toFixed(1)} s`,
  );
}
