/** The fuzzer's programs about seekable files and bounded frames. */
import { readSeekTable, writeSeekTable } from "../../src/index.ts";
import type { RangeOptions, RangeSource, SeekTableEntry, Zstd } from "../../src/index.ts";
import { walkFrame } from "../../src/format/frame.ts";
import { chunksOf, concat, outcome, skippable, sourceOf } from "../support/streams.ts";
import type { Verdict } from "./codec.ts";
import { content, layout, split } from "./generator.ts";
import type { Random } from "./generator.ts";

/** What the program that runs these gives them. */
export interface Judge {
  readonly zstd: Zstd;
  count(name: string): void;
  readonly fail: (name: string, input: Uint8Array, detail: string) => never;
  /** Native zstd on exactly one frame. */
  native(frame: Uint8Array): Verdict;
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function rangeSource(bytes: Uint8Array): RangeSource {
  return { size: bytes.length, read: async (start, end) => bytes.slice(start, end) };
}

/** Frames of random sizes, empty and skippable ones between them. */
function frames(random: Random, zstd: Zstd, data: Uint8Array): { frames: Uint8Array; file: Uint8Array } {
  const parts: Uint8Array[] = [];
  const entries: SeekTableEntry[] = [];
  const add = (frame: Uint8Array, decompressedSize: number): void => {
    parts.push(frame);
    entries.push({ compressedSize: frame.length, decompressedSize });
  };
  const most = random.logUniform(Math.max(1, data.length >> 6), Math.max(2, data.length * 2));
  for (let at = 0; at < data.length || parts.length === 0;) {
    if (random.below(8) === 0) add(skippable(random.bytes(random.below(40)), random.below(16)), 0);
    const part = data.subarray(at, at + (random.below(10) === 0 ? 0 : random.logUniform(1, most)));
    add(zstd.compress(part, { checksum: random.below(4) > 0 }), part.length);
    at += part.length;
  }
  const all = concat(parts);
  return { frames: all, file: concat([all, writeSeekTable(entries)]) };
}

/** One content as a seekable file of ours or of any layout, and without a table. */
async function files(
  random: Random,
  { zstd, fail }: Judge,
  data: Uint8Array,
): Promise<{ file: Uint8Array; plain: Uint8Array }> {
  if (random.below(2) === 0) {
    const { frames: plain, file } = frames(random, zstd, data);
    return { file, plain };
  }
  const { level, checksum } = layout(random, data.length);
  const options = { level: level!, checksum: checksum! };
  const frameSize = random.logUniform(Math.max(1, data.length >> 6), Math.max(2, data.length * 2));
  const transform =
    random.below(2) === 0
      ? zstd.compressStream({ ...options, frameSize, seekTable: true })
      : zstd.compressFrames({ ...options, maxFrameSize: random.logUniform(64, 5000), seekTable: true });
  const { bytes: file, error } = await outcome(transform, split(random, data));
  if (error !== undefined) fail("seekable-file", data, String(error));
  const table = await readSeekTable(rangeSource(file));
  if (table?.size !== data.length)
    return fail("seekable-table", file, `a content of ${String(table?.size)} bytes`);
  return { file, plain: file.subarray(0, table.compressedSize) };
}

/** Random ranges of a file with its table, with a cached one and without any, against slices. */
export async function ranges(random: Random, judge: Judge): Promise<void> {
  const { zstd, count, fail } = judge;
  const data = content(random, 40_000);
  const { file, plain } = await files(random, judge, data);
  const seekTable = await readSeekTable(rangeSource(file));
  if (seekTable === undefined) return fail("seekable-table", file, "there is none");
  const check = async (
    name: string,
    bytes: Uint8Array,
    start: number,
    end: number | undefined,
    options: RangeOptions,
  ): Promise<void> => {
    const detail = `[${start}, ${String(end)}) of ${data.length}, reads of ${String(options.readSize)}`;
    const range = zstd.decompressRange(rangeSource(bytes), start, end, options);
    const chunks = await chunksOf(range).catch((error: unknown) =>
      fail(name, bytes, `${detail}: ${String(error)}`),
    );
    count(name);
    if (!equal(concat(chunks), data.subarray(start, end))) fail(name, bytes, detail);
  };
  for (let each = 0; each < 6; each++) {
    const start = random.below(data.length + 1);
    const end = random.below(6) === 0 ? undefined : start + random.below(data.length - start + 100);
    const readSize = random.logUniform(Math.max(1, file.length >> 6), Math.max(2, file.length * 2));
    await check("range with its table", file, start, end, random.below(2) === 0 ? {} : { readSize });
    await check("range with a cached table", file, start, end, { readSize, seekTable });
    if (each < 2) await check("range without a table", plain, start, end, { readSize });
  }
}

/** Frames under a bound: each whole and alone, all of them the input, to us and to native. */
export async function boundedFrames(random: Random, judge: Judge): Promise<void> {
  const { zstd, count, fail, native } = judge;
  const data = content(random, 20_000);
  const { level, checksum } = layout(random, data.length);
  const maxFrameSize = random.logUniform(64, Math.max(65, random.pick([300, 1400, 2 * data.length])));
  const detail = `level ${level}, checksum ${String(checksum)}, frames of ${maxFrameSize}`;
  const transform = zstd.compressFrames({ level: level!, checksum: checksum!, maxFrameSize });
  const input = sourceOf(split(random, data)).pipeThrough(transform);
  const chunks = await chunksOf(input).catch((error: unknown) =>
    fail("bounded", data, `${detail}: ${String(error)}`),
  );
  const parts = chunks.map((chunk, index) => {
    if (chunk.length > maxFrameSize) fail("bounded", data, `${detail}: frame ${index} has ${chunk.length}`);
    const { end, header } = walkFrame(chunk, 0, 0);
    if (end !== chunk.length || header.type !== "frame") fail("bounded", data, `${detail}: chunk ${index}`);
    const verdict = native(chunk);
    if (!verdict.ok) return fail("bounded", data, `${detail}: native on frame ${index}: ${verdict.code}`);
    return verdict.bytes;
  });
  if (parts.length === 0) fail("bounded", data, `${detail}: no frame`);
  count("bounded frames to native");
  if (!equal(concat(parts), data)) fail("bounded", data, `${detail}: the bytes differ`);
  count("bounded frames as a whole");
  if (!equal(zstd.decompress(concat(chunks)), data)) fail("bounded", data, `${detail}: as a whole`);
}
