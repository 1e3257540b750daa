import { execFileSync, spawnSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { dataSet, dataSets, valueBytes } from "../../../bench/corpus.mjs";
import { FrameCutter } from "../../../src/codec/frame-cutter.ts";
import { createFrameStream } from "../../../src/codec/bounded-frames.ts";
import type { CompressFramesOptions } from "../../../src/codec/compress-options.ts";
import { Pace } from "../../../src/codec/pace.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { Zstd } from "../../../src/codec/zstd.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { readFrameHeader, walkFrame } from "../../../src/format/frame.ts";
import { parseSeekTable } from "../../../src/format/seek-table.ts";
import { seededRandom } from "../../support/random.ts";
import type { Random } from "../../support/random.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

const join = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Real JSON, one set after the other. */
function jsonBytes(name: string, length: number): Uint8Array {
  const bytes = join(dataSet(name).values.map(valueBytes));
  return bytes.subarray(0, length);
}

function alternating(random: Random, run: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 2 * run) bytes.set(random.bytes(Math.min(run, length - at)), at);
  return bytes;
}

/** Every kind of input that an estimate can be wrong about. */
function inputs(random: Random, length: number): (readonly [string, Uint8Array])[] {
  const noise = random.bytes(length);
  const mixed = join([
    new Uint8Array(length),
    noise.subarray(0, length >> 2),
    jsonBytes("api-paths", length),
  ]);
  return [
    ["empty", new Uint8Array(0)],
    ["one byte", noise.subarray(0, 1)],
    ["JSON", jsonBytes("movie-pages", length)],
    ["random", noise],
    ["base64", new Uint8Array(Buffer.from(Buffer.from(noise).toString("base64").slice(0, length)))],
    ["zeros", new Uint8Array(length * 4)],
    ["alternating by 97", alternating(random, 97, length)],
    ["alternating by 1,000", alternating(random, 1000, length)],
    ["alternating by 20,000", alternating(random, 20_000, length)],
    ["zeros, then noise, then JSON", mixed],
  ];
}

interface Cut {
  frames: Uint8Array[];
  sizes: number[];
  cutter: FrameCutter;
}

/** Cuts the input, fed in parts of so many bytes. */
async function cut(
  data: Uint8Array,
  bound: number,
  level = 1,
  part = data.length,
  checksum = true,
): Promise<Cut> {
  const cutter = new FrameCutter((content) => zstd.compress(content, { level, checksum }), bound);
  const result: Cut = { frames: [], sizes: [], cutter };
  const take = async (yielded: AsyncIterable<{ frame: Uint8Array; contentSize: number }>): Promise<void> => {
    for await (const { frame, contentSize } of yielded) {
      result.frames.push(frame);
      result.sizes.push(contentSize);
      if (cutter.tries > 2 * cutter.frames) throw new Error(`${cutter.tries} tries, ${cutter.frames} frames`);
    }
  };
  for (let at = 0; at < data.length; at += part) await take(cutter.push(data.subarray(at, at + part)));
  await take(cutter.finish());
  return result;
}

/** Each frame alone within the bound, declaring its size; all of them the input. */
function check({ frames, sizes, cutter }: Cut, data: Uint8Array, bound: number): void {
  expect(cutter.frames).toBe(frames.length);
  expect(frames.length).toBeGreaterThan(0);
  const contents = frames.map((frame, index) => {
    if (frame.length > bound) throw new Error(`frame ${index} has ${frame.length} bytes`);
    if (walkFrame(frame, 0, 0).end !== frame.length) throw new Error(`chunk ${index} is not one frame`);
    if (readFrameHeader(frame).contentSize !== sizes[index])
      throw new Error(`frame ${index} lies about its size`);
    return zstd.decompress(frame);
  });
  expect(same(join(contents), data)).toBe(true);
}

const BOUNDS = [64, 65, 100, 256, 269, 270, 271, 536, 1340, 4096, 65_536];

describe("FrameCutter", () => {
  test.each(BOUNDS)(
    "holds a bound of %i on anything, at twice the compressions of its frames",
    async (bound) => {
      const random = seededRandom(bound);
      for (const [name, data] of inputs(random, bound < 256 ? 20_000 : 120_000)) {
        const result = await cut(data, bound);
        check(result, data, bound);
        if (name === "random") {
          const fill = result.frames.slice(0, -1).map((frame) => frame.length);
          expect(Math.min(...fill), "what does not compress fills every frame").toBeGreaterThanOrEqual(
            bound - 1,
          );
        }
      }
    },
  );

  test.each([-7, 3, 9, 19])("at level %i", async (level) => {
    const random = seededRandom(level + 100);
    for (const bound of [64, 1340]) {
      for (const [name, data] of inputs(random, 15_000)) {
        const result = await cut(data, bound, level);
        check(result, data, bound);
        expect(result.cutter.tries, name).toBeLessThanOrEqual(2 * result.frames.length);
      }
    }
  });

  test("without checksums the floor is four bytes higher", async () => {
    const data = seededRandom(5).bytes(10_000);
    const { frames, cutter, sizes } = await cut(data, 300, 1, data.length, false);
    check({ frames, cutter, sizes }, data, 300);
    expect(sizes[1]).toBe(290);
  });

  test("past 128 KiB raw blocks need more headers, and no frame holds over 1 MiB", async () => {
    const random = seededRandom(6);
    const noise = random.bytes(5 << 20);
    for (const bound of [131_085, 131_086, 131_100, 400_000, 1 << 20, 2 ** 32 - 1]) {
      const result = await cut(noise, bound);
      check(result, noise, bound);
      expect(Math.max(...result.sizes)).toBeLessThanOrEqual(1 << 20);
    }
    const zeros = new Uint8Array(20 << 20);
    const result = await cut(zeros, 1340);
    check(result, zeros, 1340);
    expect(Math.max(...result.sizes)).toBe(1 << 20);
  });

  test("the same bytes whatever the parts that the input comes in", async () => {
    const random = seededRandom(7);
    for (const [name, data] of inputs(random, 6000)) {
      for (const part of [1, 7, 1000])
        check(await cut(data, name === "zeros" ? 100 : 300, 1, part), data, 300);
    }
    let at = 0;
    const data = jsonBytes("api-documents", 400_000);
    const cutter = new FrameCutter((content) => zstd.compress(content), 1340);
    const frames: Uint8Array[] = [];
    while (at < data.length) {
      const end = Math.min(data.length, at + random.logUniform(1, 100_000));
      for await (const { frame } of cutter.push(data.subarray(at, end))) frames.push(frame);
      at = end;
    }
    for await (const { frame } of cutter.finish()) frames.push(frame);
    expect(same(zstd.decompress(join(frames)), data)).toBe(true);
  });

  test("keeps nothing of what it is given: a reused array does no harm", async () => {
    const data = jsonBytes("movie-pages", 50_000);
    const cutter = new FrameCutter((content) => zstd.compress(content), 536);
    const frames: Uint8Array[] = [];
    const shared = new Uint8Array(777);
    for (let at = 0; at < data.length; at += 777) {
      const part = data.subarray(at, at + 777);
      shared.set(part);
      for await (const { frame } of cutter.push(shared.subarray(0, part.length))) frames.push(frame);
      shared.fill(0xff);
    }
    for await (const { frame } of cutter.finish()) frames.push(frame);
    expect(same(zstd.decompress(join(frames)), data)).toBe(true);
  });

  test("frames come before the last input, fed one byte at a time", async () => {
    const data = jsonBytes("movie-pages", 20_000);
    const cutter = new FrameCutter((content) => zstd.compress(content), 536);
    let fed = 0;
    for (const byte of data) {
      fed += 1;
      const made: unknown[] = [];
      for await (const frame of cutter.push(Uint8Array.of(byte))) made.push(frame);
      if (made.length > 0) break;
    }
    expect(fed).toBeLessThan(2000);
  });

  test("holds its bound and its floor with a compressor that only ever stores, or worse", async () => {
    const data = seededRandom(8).bytes(20_000);
    // A compressor that breaks zstd's own promise on sizes: the bound holds all the same.
    const padded = new FrameCutter((content) => {
      const frame = zstd.compress(content, { checksum: false });
      return join([frame, new Uint8Array(30)]);
    }, 200);
    const frames: { frame: Uint8Array }[] = [];
    for await (const frame of padded.push(data)) frames.push(frame);
    for await (const frame of padded.finish()) frames.push(frame);
    for (const { frame } of frames) expect(frame.length).toBeLessThanOrEqual(200);
    expect(padded.tries).toBeLessThanOrEqual(2 * padded.frames);
    const whole = frames.slice(0, -1).map(({ frame }) => zstd.decompress(frame));
    expect(same(join(whole), data.subarray(0, join(whole).length))).toBe(true);
  });

  const json = dataSets.filter(({ kind }) => kind === "json").map(({ name }) => name);
  test.each([1, 3])("fills 85 %% of 1340 bytes and more on real JSON at level %i", async (level) => {
    const fills: number[] = [];
    for (const name of json) {
      const { frames, cutter } = await cut(jsonBytes(name, 500_000), 1340, level);
      expect(cutter.tries / cutter.frames, name).toBeLessThanOrEqual(2);
      fills.push(join(frames).length / frames.length / 1340);
    }
    expect(fills.reduce((sum, fill) => sum + fill, 0) / fills.length).toBeGreaterThanOrEqual(0.85);
  });

  test("work stays in proportion where the data keep changing", async () => {
    const random = seededRandom(9);
    for (const run of [500, 5000, 50_000, 500_000]) {
      const { cutter } = await cut(alternating(random, run, 4_000_000), 1340);
      expect(cutter.attempted, `runs of ${run}`).toBeLessThan(8 * 4_000_000);
    }
  });
});

/** The one method of an engine that frames take. */
const engineOf = (codec: Zstd): Engine =>
  ({
    compress: (data: Uint8Array, { level, checksum }: { level: number; checksum?: boolean }) =>
      codec.compress(data, { level, checksum: checksum ?? true }),
  }) as unknown as Engine;

const framesStream = (options: CompressFramesOptions): TransformStream<Uint8Array, Uint8Array> =>
  createFrameStream(engineOf(zstd), new Pace(), options);

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

const streamOf = (parts: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });

describe("compressFrames", () => {
  test("every chunk is a whole frame, and the last one the seek table of them", async () => {
    const data = jsonBytes("geojson-pages", 200_000);
    const parts = [data.subarray(0, 1), data.subarray(1, 1), data.subarray(1, 90_000), data.subarray(90_000)];
    const chunks = await collect(
      streamOf(parts).pipeThrough(framesStream({ maxFrameSize: 1340, level: 3, seekTable: true })),
    );
    const file = join(chunks);
    const table = parseSeekTable(file, file.length)!;
    expect(table.frameCount).toBe(chunks.length - 1);
    expect(table.size).toBe(data.length);
    chunks.slice(0, -1).forEach((chunk, index) => {
      expect(chunk.length).toBeLessThanOrEqual(1340);
      const { start, end, contentStart, contentEnd } = table.frame(index);
      expect(end - start).toBe(chunk.length);
      expect(same(zstd.decompress(chunk), data.subarray(contentStart, contentEnd))).toBe(true);
    });
    expect(same(zstd.decompress(file), data)).toBe(true);
  });

  test("of no input is one empty frame", async () => {
    const chunks = await collect(
      streamOf([]).pipeThrough(framesStream({ maxFrameSize: 64, seekTable: true })),
    );
    expect(chunks).toHaveLength(2);
    expect(zstd.decompress(chunks[0]!)).toHaveLength(0);
    expect(parseSeekTable(join(chunks))!.frameCount).toBe(1);
  });

  test("waits for its reader inside one large chunk", async () => {
    let compressions = 0;
    const counting = {
      ...zstd,
      compress: (data: Uint8Array, options?: object) => {
        compressions += 1;
        return zstd.compress(data, options);
      },
    } as Zstd;
    const { readable, writable } = createFrameStream(engineOf(counting), new Pace(), { maxFrameSize: 1340 });
    const writer = writable.getWriter();
    const written = writer.write(seededRandom(1).bytes(2_000_000));
    const reader = readable.getReader();
    await reader.read();
    await new Promise((resume) => setTimeout(resume, 20));
    expect(compressions).toBeLessThanOrEqual(6);
    await Promise.all([expect(written).rejects.toThrow("enough"), reader.cancel(new Error("enough"))]);
    expect(compressions).toBeLessThanOrEqual(6);
  });

  test("an aborted input ends the frames with its reason", async () => {
    const { readable, writable } = framesStream({ maxFrameSize: 1340 });
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(10));
    await Promise.all([
      expect(readable.getReader().read()).rejects.toThrow("gone"),
      writer.abort(new Error("gone")),
    ]);
  });

  test.each<[string, unknown, typeof TypeError | typeof RangeError]>([
    ["no options", undefined, TypeError],
    ["no bound", {}, TypeError],
    ["a text as bound", { maxFrameSize: "1340" }, TypeError],
    ["a bound of 63", { maxFrameSize: 63 }, RangeError],
    ["half a byte", { maxFrameSize: 1340.5 }, RangeError],
    ["NaN", { maxFrameSize: NaN }, RangeError],
    ["a level of 23", { maxFrameSize: 1340, level: 23 }, RangeError],
    ["a table that is no boolean", { maxFrameSize: 1340, seekTable: 1 }, TypeError],
  ])("refuses %s before any work", (_, options, expected) => {
    expect(() => framesStream(options as CompressFramesOptions)).toThrow(expected);
  });

  const command = spawnSync("zstd", ["--version"]).status === 0;
  test.runIf(requireOrSkip("the zstd command", command, "apt-get install zstd"))(
    "zstd -d reads frames and table",
    async () => {
      const random = seededRandom(3);
      for (const [, data] of inputs(random, 30_000)) {
        const options = { maxFrameSize: 536, seekTable: true };
        const file = join(await collect(streamOf([data]).pipeThrough(framesStream(options))));
        const output = execFileSync("zstd", ["-d", "-q", "-c"], { input: file, maxBuffer: 1 << 28 });
        expect(same(output, data)).toBe(true);
      }
    },
  );
});
