/**
 * The differential fuzzer, as a program of a Node that has native zstd 1.5.7 in process:
 *
 *     node --import ./test/fuzz/sources.mjs test/fuzz/codec.ts <seed> <executions>
 *
 * An execution is one comparison of two independent answers. The last line is JSON. A disagreement is written to
 * the folder in ZSTASH_FINDINGS, if that is set, and ends the run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as nodeZlib from "node:zlib";
import { loadZstd, readFrameHeader, ZstashError } from "../../src/index.ts";
import { walkFrame } from "../../src/format/frame.ts";
import { blocksOf, concat, outcome, skippable } from "../support/streams.ts";
import { content, createRandom, damage, layout, split } from "./generator.ts";
import { boundedFrames, ranges } from "./seekable.ts";
import type { Random } from "./generator.ts";

const [seedText = "1", wantedText = "1000"] = process.argv.slice(2);
const seed = Number(seedText);
const wanted = Number(wantedText);
/** What Node 24's zlib has, and the types of Node 20 do not. */
const zlib = nodeZlib as unknown as {
  readonly constants: Readonly<Record<string, number>>;
  zstdCompressSync(data: Uint8Array, options: object): Uint8Array;
  zstdDecompressSync(data: Uint8Array, options: object): Uint8Array;
};
const params = (values: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [zlib.constants[name], value]));
const MAX_SIZE = 1 << 20;

const zstd = await loadZstd({ memoryLimit: 64 << 20 });
const counts: Record<string, number> = {};
const verdicts: Record<string, number> = {};
let executions = 0;
let current = "";

export type Verdict =
  { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly code: string };

function count(name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
  executions += 1;
}

function fail(name: string, input: Uint8Array, detail: string): never {
  const folder = process.env["ZSTASH_FINDINGS"];
  let file = "";
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    file = join(folder, `${name.replaceAll(/\W+/g, "-")}-${seed}-${executions}.zst`);
    writeFileSync(file, input);
  }
  throw new Error(`${name}: ${detail} (${current}, ${input.length} bytes of input) ${file}`);
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function oneShot(data: Uint8Array): Verdict {
  try {
    return { ok: true, bytes: zstd.decompress(data, { maxSize: MAX_SIZE }) };
  } catch (error) {
    return { ok: false, code: codeOf("one-shot", data, error) };
  }
}

/** Anything but a ZstashError with a code of its own is a finding by itself. */
function codeOf(name: string, input: Uint8Array, error: unknown): string {
  if (error instanceof ZstashError && error.code !== "INTERNAL") {
    if (error.frame === undefined || error.offset === undefined)
      fail(name, input, `no place: ${error.message}`);
    return error.code;
  }
  return fail(name, input, `${error instanceof Error ? error.stack : String(error)}`);
}

async function streamed(chunks: Uint8Array[], input: Uint8Array): Promise<Verdict> {
  const { bytes, error } = await outcome(zstd.decompressStream({ maxSize: MAX_SIZE }), chunks);
  return error === undefined ? { ok: true, bytes } : { ok: false, code: codeOf("stream", input, error) };
}

/** Native zstd on exactly one frame: node:zlib ignores what follows it. */
function native(frame: Uint8Array, chunkSize: number): Verdict {
  const limits = { chunkSize, maxOutputLength: MAX_SIZE };
  try {
    const bytes = zlib.zstdDecompressSync(frame, { params: params({ ZSTD_d_windowLogMax: 23 }), ...limits });
    return { ok: true, bytes };
  } catch (error) {
    return { ok: false, code: (error as { code?: string }).code ?? "unknown" };
  }
}

/** Our one-shot and native's frames, on content that both compress. */
function compression(random: Random): void {
  const data = content(random, 20_000);
  const level = random.pick([-7, -3, 1, 1, 2, 3, 5, 6, 9, 12]);
  const theirs = zlib.zstdCompressSync(data, {
    params: params({ ZSTD_c_compressionLevel: level, ZSTD_c_checksumFlag: 1 }),
    chunkSize: data.length + 131_072,
  });
  const ours = zstd.compress(data, { level });
  count("compressed as native");
  if (!equal(ours, theirs)) fail("compress", data, `level ${level} differs from native`);
  const back = oneShot(ours);
  count("round trip");
  if (!back.ok || !equal(back.bytes, data)) fail("round-trip", ours, `level ${level}`);
}

/** Any layout, any split, through our stream, our one-shot and native, frame by frame as our own parse finds them. */
async function layouts(random: Random): Promise<void> {
  const data = content(random, 40_000);
  const options = layout(random, data.length);
  const detail = JSON.stringify(options);
  const { bytes: stored, error } = await outcome(zstd.compressStream(options), split(random, data));
  if (error !== undefined) fail("compress-stream", data, `${detail}: ${String(error)}`);
  const whole = oneShot(stored);
  count("stream to one-shot");
  if (!whole.ok || !equal(whole.bytes, data)) fail("stream-one-shot", stored, detail);
  const back = await streamed(split(random, stored), stored);
  count("stream to stream");
  if (!back.ok || !equal(back.bytes, data)) fail("stream-stream", stored, detail);
  const parts: Uint8Array[] = [];
  for (let at = 0, frame = 0; at < stored.length; frame++) {
    const extent = walkFrame(stored, at, frame);
    if (extent.header.type === "frame") {
      const verdict = native(stored.subarray(at, extent.end), random.pick([64, 4096, MAX_SIZE]));
      if (!verdict.ok) fail("native-reads", stored, `${detail}: frame ${frame}: ${verdict.code}`);
      parts.push(verdict.bytes);
    }
    at = extent.end;
  }
  count("stream to native");
  if (!equal(concat(parts), data)) fail("native-reads", stored, detail);
}

/** Frames and skippable frames in any order, damaged at times: one-shot and stream agree. */
async function sequences(random: Random): Promise<void> {
  const parts: Uint8Array[] = [];
  for (let frame = random.below(5); frame >= 0; frame--) {
    if (random.below(3) === 0) parts.push(skippable(random.bytes(random.below(40)), random.below(16)));
    else parts.push(zstd.compress(content(random, 500), { checksum: random.below(2) === 0 }));
  }
  const whole = concat(parts);
  const input = random.below(2) === 0 ? whole : damage(random, whole);
  const one = oneShot(input);
  const stream = await streamed(split(random, input), input);
  compare("sequence", input, one, stream);
}

/** Whether a frame of the input asks for more than a stream's default of 8 MiB, which one-shot decoding does not mind. */
function needsLargeWindow(input: Uint8Array): boolean {
  for (let start = 0, frame = 0; start < input.length; frame++) {
    const { header, end } = walkFrame(input, start, frame);
    if (header.windowSize > 1 << 23) return true;
    start = end;
  }
  return false;
}

function compare(name: string, input: Uint8Array, one: Verdict, other: Verdict): void {
  if (one.ok && !other.ok && other.code === "WINDOW_LIMIT" && needsLargeWindow(input)) {
    count(`${name}: window over the stream's limit`);
    return;
  }
  count(`${name}: ${one.ok ? "same bytes" : "both refuse"}`);
  const key = `${name} ${one.ok ? "ok" : one.code}/${other.ok ? "ok" : other.code}`;
  verdicts[key] = (verdicts[key] ?? 0) + 1;
  if (one.ok !== other.ok) fail(name, input, key);
  if (one.ok && other.ok && !equal(one.bytes, other.bytes)) fail(name, input, "the bytes differ");
}

/** One damaged frame: our one-shot, our stream and native agree on whether it is good, and on its bytes. */
async function corruption(random: Random): Promise<void> {
  const data = content(random, 3000);
  const options = layout(random, data.length);
  const { bytes } =
    random.below(2) === 0
      ? { bytes: zstd.compress(data, { level: options.level!, checksum: options.checksum! }) }
      : await outcome(zstd.compressStream({ flush: random.pick([64, 500, 5000]), ...base(options) }), [data]);
  const input = damage(random, bytes);
  let frame = input;
  try {
    const extent = walkFrame(input, 0, 0);
    // Native answers an unregistered dictionary as damage, and skippable frames with nothing.
    if (extent.header.type === "skippable" || extent.header.dictionaryId !== 0) return;
    if (extent.header.windowSize > 1 << 23) return;
    frame = input.subarray(0, extent.end);
    // libzstd's stream takes a compressed block of no bytes for an empty one, its one-shot decoder does not.
    if (blocksOf(frame).blocks.some(({ type, size }) => type === 2 && size === 0)) {
      count("corrupt, an empty compressed block");
      const stream = await streamed(split(random, frame), frame);
      const pieces = native(frame, 64);
      if (stream.ok && pieces.ok && !equal(stream.bytes, pieces.bytes)) fail("empty block", frame, "bytes");
      return;
    }
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    if (error.code === "NOT_ZSTD") return;
  }
  const one = oneShot(frame);
  againstNative("corrupt, native in one pass", frame, one, native(frame, MAX_SIZE));
  const stream = await streamed(split(random, frame), frame);
  compare("corrupt, stream and one-shot", frame, one, stream);
  againstNative("corrupt, native in pieces", frame, stream, native(frame, 64));
}

/**
 * In pieces, libzstd takes a frame that ends in an empty block for whole, whatever size its header claims: more than
 * there is, or more than the limit, which we refuse by the claim.
 */
function againstNative(name: string, frame: Uint8Array, ours: Verdict, theirs: Verdict): void {
  const refused = !ours.ok && (ours.code === "CORRUPT" || ours.code === "SIZE_LIMIT");
  const short = theirs.ok && refused && isShort(frame, theirs.bytes);
  if (short) count("corrupt, native gives a short result");
  else compare(name, frame, ours, theirs);
}

function isShort(frame: Uint8Array, bytes: Uint8Array): boolean {
  const { contentSize = 0 } = readFrameHeader(frame);
  return bytes.length < contentSize;
}

const base = ({ level, checksum }: { level?: number; checksum?: boolean }): object => ({ level, checksum });

const judge = { zstd, count, fail, native: (frame: Uint8Array) => native(frame, MAX_SIZE) };
const programs = [
  compression,
  compression,
  layouts,
  layouts,
  sequences,
  sequences,
  ...Array.from({ length: 6 }, () => corruption),
  (random: Random) => ranges(random, judge),
  (random: Random) => boundedFrames(random, judge),
];
for (let run = 0; executions < wanted; run++) {
  current = `seed ${seed}, run ${run}`;
  // Each run has a seed of its own, so that one can be repeated alone.
  const random = createRandom((Math.imul(seed, 0x9e3779b1) + run) >>> 0);
  await random.pick(programs)(random);
}
const stats = zstd.stats();
if (stats.live !== 0 || stats.waiters !== 0) throw new Error(`contexts are left: ${JSON.stringify(stats)}`);
console.log(JSON.stringify({ seed, executions, counts, verdicts, memory: stats.memory }));
