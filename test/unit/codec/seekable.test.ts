import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { dataSet, valueBytes } from "../../../bench/corpus.mjs";
import type { RangeOptions, RangeSource } from "../../../src/codec/decompress-options.ts";
import { planReads } from "../../../src/codec/range-plan.ts";
import { createRangeReader, readSeekTable } from "../../../src/codec/range.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import { parseSeekTable } from "../../../src/format/seek-table.ts";
import { writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import type { SeekTable, SeekTableEntry } from "../../../src/format/seek-table.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import type { Random } from "../../support/random.ts";
import foreign from "../../vectors/foreign/manifest.json" with { type: "json" };

let zstd: Zstd;
let json: Uint8Array;
let decompressRange: ReturnType<typeof createRangeReader>;
beforeAll(async () => {
  zstd = await loadZstd();
  json = new Uint8Array(Buffer.concat(dataSet("movie-pages").values.map(valueBytes)));
  decompressRange = createRangeReader(zstd);
});

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** A source that counts what it is asked for. */
interface Counted extends RangeSource {
  readonly reads: (readonly [start: number, end: number])[];
  /** Reads that have begun and not ended, and the most there ever were. */
  running: number;
  signals: AbortSignal[];
}

function sourceOf(bytes: Uint8Array): Counted {
  return {
    size: bytes.length,
    reads: [],
    running: 0,
    signals: [],
    async read(start, end, options) {
      this.reads.push([start, end]);
      if (options?.signal) this.signals.push(options.signal);
      this.running += 1;
      await Promise.resolve();
      this.running -= 1;
      return bytes.slice(start, end);
    },
  };
}

interface File {
  content: Uint8Array;
  file: Uint8Array;
  entries: SeekTableEntry[];
}

/** Frames of the given sizes of content, and their table. */
function seekable(content: Uint8Array, frameSizes: Iterable<number>, table = true): File {
  const frames: Uint8Array[] = [];
  const entries: SeekTableEntry[] = [];
  let at = 0;
  for (const size of frameSizes) {
    if (at >= content.length) break;
    const part = content.subarray(at, at + size);
    const frame = zstd.compress(part);
    frames.push(frame);
    entries.push({ compressedSize: frame.length, decompressedSize: part.length });
    at += part.length;
  }
  return {
    content: content.subarray(0, at),
    entries,
    file: join(table ? [...frames, writeSeekTable(entries)] : frames),
  };
}

function* every(size: number): Generator<number> {
  for (;;) yield size;
}

function* randomSizes(random: Random, most: number): Generator<number> {
  for (;;) yield random.below(8) === 0 ? 0 : random.logUniform(1, most);
}

async function read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return join(chunks);
    expect(value.length).toBeGreaterThan(0);
    chunks.push(value);
  }
}

async function failure(work: Promise<unknown>): Promise<ZstashError> {
  const error: unknown = await work.then(
    () => new Error("Nothing was thrown"),
    (reason: unknown) => reason,
  );
  if (error instanceof ZstashError) return error;
  throw error;
}

const TAIL = 4096;

describe("planReads", () => {
  const limits = { readSize: 1000, maxFrameSize: 10_000 };
  const table = (...sizes: [compressed: number, content: number][]): SeekTable =>
    parseSeekTable(
      writeSeekTable(
        sizes.map(([compressedSize, decompressedSize]) => ({ compressedSize, decompressedSize })),
      ),
    )!;
  const plan = (of: SeekTable, start: number, end: number, over: Partial<typeof limits> = {}): number[][] =>
    [...planReads(of, start, end, { ...limits, ...over })].map((each) => [
      each.start,
      each.end,
      each.first,
      each.last,
    ]);

  test("one frame for a byte, neighbours in one read, as many reads as their size takes", () => {
    const tenth = table(...Array.from({ length: 100 }, (): [number, number] => [100, 500]));
    expect(plan(tenth, 0, 1)).toEqual([[0, 100, 0, 1]]);
    expect(plan(tenth, 499, 500)).toEqual([[0, 100, 0, 1]]);
    expect(plan(tenth, 499, 501)).toEqual([[0, 200, 0, 2]]);
    expect(plan(tenth, 500, 501)).toEqual([[100, 200, 1, 2]]);
    expect(plan(tenth, 49_999, 50_000)).toEqual([[9900, 10_000, 99, 100]]);
    expect(plan(tenth, 0, 50_000)).toHaveLength(10);
    expect(plan(tenth, 0, 50_000, { readSize: 1 })).toHaveLength(100);
    const large = { readSize: 10_000, maxFrameSize: 50_000 };
    expect(plan(tenth, 0, 50_000, large)).toEqual([[0, 10_000, 0, 100]]);
    expect(plan(tenth, 0, 50_000, { readSize: 1999 })).toHaveLength(6);
    expect(plan(tenth, 7, 7)).toEqual([]);
  });

  test("a frame above the size of a read is a read of its own", () => {
    const uneven = table([100, 10], [5000, 10], [100, 10]);
    expect(plan(uneven, 0, 30)).toEqual([
      [0, 100, 0, 1],
      [100, 5100, 1, 2],
      [5100, 5200, 2, 3],
    ]);
  });

  test("a frame without content is read along if it is short, of a long one its header", () => {
    expect(plan(table([100, 10], [100, 0], [100, 10]), 0, 20)).toEqual([[0, 300, 0, 3]]);
    expect(plan(table([100, 10], [90_000, 0], [100, 10]), 0, 20)).toEqual([
      [0, 100, 0, 1],
      [100, 118, 1, 2],
      [90_100, 90_200, 2, 3],
    ]);
    expect(plan(table([100, 10], [9000, 0]), 0, 10)).toEqual([
      [0, 100, 0, 1],
      [100, 9100, 1, 2],
    ]);
    expect(plan(table([50, 0], [100, 10], [50, 0]), 0, 10)).toEqual([[0, 200, 0, 3]]);
    expect(plan(table([50, 0], [100, 10], [50, 0]), 1, 9)).toEqual([[50, 150, 1, 2]]);
    expect(plan(table([50, 10], [50, 0], [50, 10]), 10, 20)).toEqual([[50, 150, 1, 3]]);
    expect(plan(table([50, 0]), 0, 0)).toEqual([[0, 50, 0, 1]]);
  });

  test("a read holds no more content than a frame may have, and a million frames cost few looks", () => {
    const dense = table(...Array.from({ length: 10 }, (): [number, number] => [10, 4000]));
    expect(plan(dense, 0, 40_000).map(([, , first, last]) => last! - first!)).toEqual([2, 2, 2, 2, 2]);
    const writer = writeSeekTable(
      (function* () {
        for (let frame = 0; frame < 1_000_000; frame++) yield { compressedSize: 10, decompressedSize: 1 };
      })(),
    );
    const million = parseSeekTable(writer)!;
    let looks = 0;
    const counted = { ...million, frame: (index: number) => ((looks += 1), million.frame(index)) };
    const [first] = planReads(counted, 0, 1_000_000, { readSize: 4 << 20, maxFrameSize: 32 << 20 });
    expect(first).toEqual({ start: 0, end: 4_194_300, first: 0, last: 419_430 });
    expect(looks).toBeLessThan(100);
  });

  test("a frame above the limit is refused when it is reached, in either size", () => {
    for (const large of [table([100, 10], [100, 10_001]), table([100, 10], [10_001, 10])]) {
      expect(plan(large, 0, 10)).toHaveLength(1);
      expect(() => plan(large, 5, 11)).toThrow(
        expect.objectContaining({ code: "SIZE_LIMIT", frame: 1, offset: 100 }),
      );
    }
    expect(() => plan(table([100, 10], [0, 10]), 10, 11)).toThrow(
      expect.objectContaining({ code: "CORRUPT", frame: 1, offset: 100 }),
    );
  });
});

describe("readSeekTable", () => {
  test("takes one read where the table is short, two where it is not", async () => {
    const one = seekable(json.subarray(0, 100_000), every(1000));
    const source = sourceOf(one.file);
    expect((await readSeekTable(source))!.frameCount).toBe(100);
    expect(source.reads).toEqual([[one.file.length - TAIL, one.file.length]]);

    const many = seekable(json.subarray(0, 20_000), every(1));
    const long = sourceOf(many.file);
    expect((await readSeekTable(long))!.frameCount).toBe(20_000);
    const tableStart = many.file.length - 17 - 160_000;
    const [first, second] = long.reads;
    expect(long.reads).toHaveLength(2);
    expect(second).toEqual([tableStart, first![0]]);
    expect(first![1]).toBe(many.file.length);
  });

  test.each([0, 1, 8, 9, 16, 5000])("of %i bytes that are no table is undefined", async (size) => {
    const source = sourceOf(new Uint8Array(size));
    expect(await readSeekTable(source)).toBeUndefined();
    expect(source.reads.length).toBe(size === 0 ? 0 : 1);
  });

  test("a source that is larger than it says is corrupt, one that is smaller is truncated", async () => {
    const { file } = seekable(json.subarray(0, 100_000), every(1000));
    const source = sourceOf(file);
    expect(
      (await failure(readSeekTable({ size: file.length + 5, read: source.read.bind(source) }))).code,
    ).toBe("TRUNCATED");
    const prefixed = join([new Uint8Array(7), file]);
    expect(await failure(readSeekTable(sourceOf(prefixed)))).toMatchObject({ code: "CORRUPT" });
  });
});

describe("decompressRange", () => {
  test("is slice, for random ranges over random frames, with a table, a cached one, and without", async () => {
    const random = seededRandom(21);
    for (let round = 0; round < 40; round++) {
      const content = round % 2 === 0 ? json.subarray(0, random.logUniform(1, 200_000)) : random.bytes(5000);
      const sizes = [...takeUntil(randomSizes(random, round % 3 === 0 ? 300 : 50_000), content.length)];
      const { file } = seekable(content, sizes);
      const plain = seekable(content, sizes, false).file;
      const seekTable = (await readSeekTable(sourceOf(file)))!;
      for (let each = 0; each < 12; each++) {
        const start = random.below(content.length + 1);
        const end = each % 4 === 0 ? undefined : start + random.below(content.length - start + 100);
        const expected = content.subarray(start, end);
        const readSize = random.logUniform(1, 100_000);
        const message = `[${start}, ${end}) of ${content.length}, reads of ${readSize}`;
        const run = (of: Uint8Array, options: RangeOptions): Promise<Uint8Array> =>
          read(decompressRange(sourceOf(of), start, end, options));
        expect(same(await run(file, {}), expected), message).toBe(true);
        expect(same(await run(file, { readSize, seekTable }), expected), message).toBe(true);
        expect(same(await run(plain, { readSize: Math.max(readSize, 64) }), expected), message).toBe(true);
      }
    }
  });

  test("1 KB out of a large file: two reads cold, one with the table, of the frames it needs alone", async () => {
    const random = seededRandom(22);
    const { file, content, entries } = seekable(random.bytes(3_000_000), every(65_536));
    for (const start of [0, 65_000, 1_234_567, 2_999_000]) {
      const cold = sourceOf(file);
      expect(
        same(await read(decompressRange(cold, start, start + 1000)), content.subarray(start, start + 1000)),
      ).toBe(true);
      expect(cold.reads.length).toBe(2);
      const seekTable = (await readSeekTable(cold))!;
      const warm = sourceOf(file);
      await read(decompressRange(warm, start, start + 1000, { seekTable }));
      expect(warm.reads.length).toBe(1);
      const [from, to] = warm.reads[0]!;
      expect(to - from).toBeLessThanOrEqual(2 * entries[0]!.compressedSize);
    }
  });

  test("a file within the first read is read once", async () => {
    const { file, content } = seekable(json.subarray(0, 10_000), every(1000));
    expect(file.length).toBeGreaterThan(TAIL);
    const small = seekable(content.subarray(0, 6000), every(1000));
    expect(small.file.length).toBeLessThan(TAIL);
    const source = sourceOf(small.file);
    expect(same(await read(decompressRange(source, 100, 5500)), content.subarray(100, 5500))).toBe(true);
    expect(source.reads).toEqual([[0, small.file.length]]);
  });

  test("an empty range reads nothing, one at the end is empty, one past it is a RangeError in the stream", async () => {
    for (const table of [true, false]) {
      const { file, content } = seekable(json.subarray(0, 10_000), every(3000), table);
      const source = sourceOf(file);
      expect(await read(decompressRange(source, 5, 5))).toHaveLength(0);
      expect(source.reads).toHaveLength(0);
      const { length } = content;
      expect(await read(decompressRange(source, length))).toHaveLength(0);
      expect(await read(decompressRange(source, length, length + 9))).toHaveLength(0);
      expect(await read(decompressRange(source, length - 1, 2 ** 53 - 1))).toHaveLength(1);
      await expect(read(decompressRange(source, length + 1))).rejects.toThrow(RangeError);
    }
  });

  test("nothing is read before there is a reader, and never more than one read ahead of it", async () => {
    const { file } = seekable(seededRandom(23).bytes(400_000), every(1000));
    const source = sourceOf(file);
    const reader = decompressRange(source, 0, undefined, { readSize: 10_500 }).getReader();
    const pause = (): Promise<void> => new Promise((resume) => setTimeout(resume, 5));
    await pause();
    expect(source.reads).toHaveLength(0);
    await reader.read();
    await pause();
    expect(source.reads.slice(1).map(([start]) => start)).toEqual([0, 10_130 + 10]);
    for (let frame = 1; frame < 11; frame++) await reader.read();
    await pause();
    expect(source.reads).toHaveLength(1 + 3);
    await reader.cancel();
    await pause();
    expect(source.reads).toHaveLength(1 + 3);
    expect(source.signals.every(({ aborted }) => aborted)).toBe(true);
  });

  test("files that were joined are read from their start: the table at the end is that of the last", async () => {
    const parts = [every(3000), every(500), every(9000)].map((sizes, index) =>
      seekable(json.subarray(index * 50_000, (index + 1) * 50_000), sizes),
    );
    const file = join(parts.map((part) => part.file));
    const content = join(parts.map((part) => part.content));
    for (const [start, end] of [[0], [0, 1], [49_999, 50_001], [120_000], [150_000]] as const) {
      const part = await read(decompressRange(sourceOf(file), start, end));
      expect(same(part, content.subarray(start, end)), `${start} ${end}`).toBe(true);
    }
    await expect(read(decompressRange(sourceOf(file), 150_001))).rejects.toThrow(RangeError);
    // A table by itself is asked for what it does not have.
    const error = await failure(readSeekTable(sourceOf(file)));
    expect(error).toMatchObject({ code: "CORRUPT" });
    expect(error.message).toMatch("of joined files it is that of the last");
    // One that lists more than there is lies.
    const cut = file.subarray(file.length - parts[2]!.file.length + 1);
    expect(await failure(read(decompressRange(sourceOf(cut), 0)))).toMatchObject({ code: "CORRUPT" });
  });

  test("without a table it stops reading at the end of the range", async () => {
    const { file } = seekable(seededRandom(24).bytes(400_000), every(1000), false);
    const source = sourceOf(file);
    expect(await read(decompressRange(source, 500, 20_000, { readSize: 10_000 }))).toHaveLength(19_500);
    await new Promise((resume) => setTimeout(resume, 5));
    expect(source.reads.length).toBeLessThanOrEqual(8);
    expect(source.running).toBe(0);
  });

  test("without a table it gives its context back, whether it ends, is cancelled or fails", async () => {
    const { file } = seekable(json.subarray(0, 200_000), every(10_000), false);
    const own = await loadZstd({ memoryLimit: 16 << 20 });
    const rangeOf = createRangeReader(own);
    const settle = (): Promise<void> => new Promise((resume) => setTimeout(resume, 5));
    expect(await read(rangeOf(sourceOf(file), 5, 50_000))).toHaveLength(49_995);
    await settle();
    expect(own.stats().live).toBe(0);
    const reader = rangeOf(sourceOf(file), 5).getReader();
    await reader.read();
    expect(own.stats().live).toBe(1);
    await reader.cancel();
    await settle();
    expect(own.stats().live).toBe(0);
    const cutShort = file.subarray(0, file.length - 1);
    expect((await failure(read(rangeOf(sourceOf(cutShort), 5)))).code).toBe("TRUNCATED");
    await settle();
    expect(own.stats().live).toBe(0);
  });

  test("a read ahead that fails while nobody waits is told to the one who comes for it", async () => {
    const { file } = seekable(seededRandom(27).bytes(100_000), every(1000));
    const seekTable = (await readSeekTable(sourceOf(file)))!;
    const source = sourceOf(file);
    const failing: RangeSource = {
      size: file.length,
      read: (start, end) => (start === 0 ? source.read(start, end) : Promise.reject(new Error("gone"))),
    };
    const reader = decompressRange(failing, 0, undefined, { seekTable, readSize: 2500 }).getReader();
    await reader.read();
    await new Promise((resume) => setTimeout(resume, 5));
    expect((await reader.read()).value).toHaveLength(1000);
    const error = await failure(reader.read());
    expect(error).toMatchObject({ code: "INTERNAL", frame: 2, cause: new Error("gone") });
  });

  test("no frame may decode to more than its entry says, whatever it claims", async () => {
    const { file, entries } = seekable(json.subarray(0, 30_000), every(10_000));
    const limits: unknown[] = [];
    const watched = createRangeReader({
      decompress: (data, options) => {
        limits.push(options.maxSize);
        return zstd.decompress(data, options);
      },
      decompressStream: () => zstd.decompressStream(),
    });
    await read(watched(sourceOf(file), 0));
    expect(limits).toEqual(entries.map(({ decompressedSize }) => decompressedSize));
  });

  test.each([true, false])(
    "a stuck read ends with cancel and with the signal (heeded: %s)",
    async (heeded) => {
      const { file } = seekable(json.subarray(0, 100_000), every(1000));
      const seekTable = (await readSeekTable(sourceOf(file)))!;
      let seen: AbortSignal | undefined;
      const stuck: RangeSource = {
        size: file.length,
        read: (_start, _end, options) =>
          new Promise((_resolve, reject) => {
            seen = options!.signal!;
            if (heeded) seen.addEventListener("abort", () => reject(new Error("the source's own words")));
          }),
      };
      for (const options of [{}, { seekTable }]) {
        const cancelled = decompressRange(stuck, 0, 10, options).getReader();
        const waiting = cancelled.read();
        await new Promise((resume) => setTimeout(resume, 1));
        await cancelled.cancel(new Error("enough"));
        expect((await waiting).done).toBe(true);
        expect(seen!.aborted).toBe(true);

        const controller = new AbortController();
        const aborted = read(decompressRange(stuck, 0, 10, { ...options, signal: controller.signal }));
        await new Promise((resume) => setTimeout(resume, 1));
        controller.abort(new Error("no longer"));
        await expect(aborted).rejects.toThrow("no longer");
        expect(seen!.reason).toEqual(new Error("no longer"));
      }
      const source = sourceOf(file);
      const before = decompressRange(source, 0, 10, { signal: AbortSignal.abort(new Error("too late")) });
      await expect(read(before)).rejects.toThrow("too late");
      expect(source.reads).toHaveLength(0);
      await expect(readSeekTable(stuck, { signal: AbortSignal.timeout(5) })).rejects.toThrow(
        /timeout|timed out/i,
      );
    },
  );

  test("an abort between reads errors the stream though nobody asks", async () => {
    const { file } = seekable(json.subarray(0, 100_000), every(1000));
    const controller = new AbortController();
    const reader = decompressRange(sourceOf(file), 0, undefined, { signal: controller.signal }).getReader();
    await reader.read();
    controller.abort(new Error("no longer"));
    await expect(reader.closed).rejects.toThrow("no longer");
  });

  describe("a source that breaks its word", () => {
    const faults: readonly (readonly [string, (good: Uint8Array) => unknown, string])[] = [
      ["returns one byte less", (good) => good.subarray(1), "TRUNCATED"],
      ["returns nothing", () => new Uint8Array(0), "TRUNCATED"],
      ["returns one byte more", (good) => join([good, new Uint8Array(1)]), "CORRUPT"],
      ["throws", () => Promise.reject(new TypeError("fetch failed")), "INTERNAL"],
      [
        "knows better",
        () => Promise.reject(new ZstashError("VALUE_CHANGED", "Cannot read: replaced")),
        "VALUE_CHANGED",
      ],
    ];
    test.each(faults)(
      "%s: in the table's read, in a frame's, and without a table",
      async (_, fault, code) => {
        const { file, entries } = seekable(seededRandom(25).bytes(100_000), every(10_000));
        const plain = file.subarray(0, file.length - 17 - 8 * entries.length);
        const break3 = (bytes: Uint8Array, nth: number): RangeSource => {
          let count = 0;
          return {
            size: bytes.length,
            read: async (start, end) => {
              const good = bytes.slice(start, end);
              return (count++ === nth ? await fault(good) : good) as Uint8Array;
            },
          };
        };
        const run = (source: RangeSource): Promise<ZstashError> =>
          failure(read(decompressRange(source, 0, undefined, { readSize: 21_000 })));
        expect(await run(break3(file, 0))).toMatchObject({ code });
        const inFrames = await run(break3(file, 2));
        expect(inFrames.code).toBe(code);
        if (code !== "VALUE_CHANGED") {
          expect(inFrames).toMatchObject({ frame: 2, offset: entries[0]!.compressedSize * 2 });
        }
        expect(await run(break3(plain, 2))).toMatchObject({ code });
        expect((await run(break3(file, 0))).cause instanceof TypeError).toBe(code === "INTERNAL");
      },
    );

    test("returns no bytes", async () => {
      const { file } = seekable(json.subarray(0, 100_000), every(10_000));
      for (const value of ["text", undefined, null, [1], new ArrayBuffer(8)]) {
        const source = { size: file.length, read: async () => value as unknown as Uint8Array };
        await expect(read(decompressRange(source, 0))).rejects.toThrow(TypeError);
      }
    });

    test("throws before it returns a promise", async () => {
      const source = {
        size: 100,
        read: () => {
          throw new Error("at once");
        },
      };
      expect(await failure(read(decompressRange(source, 0)))).toMatchObject({ code: "INTERNAL", offset: 0 });
    });
  });

  describe("a table that lies", () => {
    const wrong = async (change: (entries: SeekTableEntry[]) => SeekTableEntry[]): Promise<ZstashError> => {
      const { file, entries } = seekable(json.subarray(0, 100_000), every(10_000));
      const frames = file.subarray(0, file.length - 17 - 8 * entries.length);
      const lying = join([frames, writeSeekTable(change(entries))]);
      return failure(read(decompressRange(sourceOf(lying), 0)));
    };
    const at = (
      entries: SeekTableEntry[],
      index: number,
      compressed: number,
      content: number,
    ): SeekTableEntry[] =>
      entries.map((entry, each) =>
        each === index
          ? {
              compressedSize: entry.compressedSize + compressed,
              decompressedSize: entry.decompressedSize + content,
            }
          : entry,
      );

    test.each([-10_000 + 1, -1, 1, 1000])(
      "by %i bytes of content is corrupt, with frame and offset",
      async (by) => {
        let offset = 0;
        const error = await wrong((entries) => {
          offset = entries[0]!.compressedSize + entries[1]!.compressedSize;
          return at(entries, 2, 0, by);
        });
        expect(error).toMatchObject({ code: "CORRUPT", frame: 2, offset });
      },
    );

    test.each([-1, 1, 5, -100])("by a boundary %i bytes off is corrupt", async (by) => {
      const error = await wrong((entries) => at(at(entries, 3, by, 0), 4, -by, 0));
      expect(error).toMatchObject({ code: "CORRUPT", frame: 3 });
    });

    test("by two frames in one is read, since they decode to what it says", async () => {
      const { file, entries, content } = seekable(json.subarray(0, 100_000), every(10_000));
      const frames = file.subarray(0, file.length - 17 - 8 * entries.length);
      const [a, b, ...rest] = entries;
      const both = {
        compressedSize: a!.compressedSize + b!.compressedSize,
        decompressedSize: a!.decompressedSize + b!.decompressedSize,
      };
      const merged = join([frames, writeSeekTable([both, ...rest])]);
      expect(same(await read(decompressRange(sourceOf(merged), 0)), content)).toBe(true);
    });

    describe("of a frame that it says is empty", () => {
      const noise = createRandom(28).bytes(300_000);
      const empty = (): Uint8Array => zstd.compress("");
      const skippable = new Uint8Array(8 + 90_000);
      new DataView(skippable.buffer).setUint32(0, 0x184d2a50, true);
      new DataView(skippable.buffer).setUint32(4, 90_000, true);

      const lyingFile = (frames: readonly Uint8Array[], sizes: readonly number[]): Uint8Array =>
        join([
          ...frames,
          writeSeekTable(
            frames.map(({ length }, index) => ({ compressedSize: length, decompressedSize: sizes[index]! })),
          ),
        ]);
      /** A frame that does not declare its content size. */
      const streamed = (content: Uint8Array): Promise<Uint8Array> =>
        read(
          new Response(content as BodyInit).body!.pipeThrough(
            zstd.compressStream() as ReadableWritablePair<Uint8Array, Uint8Array>,
          ) as ReadableStream<Uint8Array>,
        );

      test.each([
        ["short", 12_000, 1 << 20],
        ["longer than a read", 12_000, 1000],
        ["longer than 64 KiB", 100_000, 1000],
      ])("is corrupt wherever it stands, declared or not: %s", async (_, size, readSize) => {
        for (const declared of [true, false]) {
          const parts = [0, 1, 2].map((part) => noise.subarray(part * size, (part + 1) * size));
          const frames = await Promise.all(
            parts.map((part) => (declared ? zstd.compress(part) : streamed(part))),
          );
          for (const lie of [0, 1, 2]) {
            const sizes = parts.map(({ length }, part) => (part === lie ? 0 : length));
            const source = sourceOf(lyingFile(frames, sizes));
            const offset = frames.slice(0, lie).reduce((sum, { length }) => sum + length, 0);
            const ranges: [number, number | undefined][] = [[0, undefined]];
            if (lie === 0) ranges.push([0, 5]);
            if (lie === 1) ranges.push([size - 5, size + 5], [size, size + 5], [size - 5, size]);
            if (lie === 2) ranges.push([2 * size, undefined], [2 * size - 5, 3 * size]);
            for (const [start, end] of ranges) {
              const error = await failure(read(decompressRange(source, start, end, { readSize })));
              expect(error, `${lie} ${start} ${end}`).toMatchObject({ code: "CORRUPT", frame: lie, offset });
            }
            // What does not touch it is right.
            const inside = await read(decompressRange(source, 1, 5, { readSize }));
            expect(same(inside, parts[lie === 0 ? 1 : 0]!.subarray(1, 5))).toBe(true);
          }
          const only = sourceOf(lyingFile([frames[0]!], [0]));
          expect(await failure(read(decompressRange(only, 0, undefined, { readSize })))).toMatchObject({
            code: "CORRUPT",
            frame: 0,
          });
        }
      });

      test("one flipped bit of the table gives an error, or the right bytes, to a read from the start", async () => {
        const parts = ["A", "B", "C"].map((letter) => new TextEncoder().encode(letter.repeat(65_536)));
        const file = lyingFile(
          parts.map((part) => zstd.compress(part)),
          parts.map(({ length }) => length),
        );
        const whole = join(parts);
        for (let bit = (file.length - 17 - 24) * 8; bit < file.length * 8; bit++) {
          const damaged = file.slice();
          damaged[bit >> 3]! ^= 1 << (bit & 7);
          const bytes = await read(decompressRange(sourceOf(damaged), 0)).catch((error: unknown) => {
            if (!(error instanceof ZstashError)) throw error;
          });
          if (bytes !== undefined) expect(same(bytes, whole), `bit ${bit}`).toBe(true);
        }
      });

      test("and that is empty is passed over: frames, streamed ones, long skippable ones, thousands", async () => {
        const [a, b] = [noise.subarray(0, 5000), noise.subarray(5000, 9000)];
        const nothing = [empty(), await streamed(new Uint8Array(0)), skippable];
        nothing.push(join(Array.from({ length: 9000 }, empty)));
        for (const none of nothing) {
          for (const readSize of [7, 1000, 1 << 20]) {
            const frames = [none, zstd.compress(a), none, none, zstd.compress(b), none];
            const source = sourceOf(lyingFile(frames, [0, a.length, 0, 0, b.length, 0]));
            const options = { readSize };
            // Several frames as one entry that is longer than a read are no single empty frame.
            if (none.length > 100_000 && readSize < none.length) continue;
            const whole = await read(decompressRange(source, 0, undefined, options));
            expect(same(whole, noise.subarray(0, 9000))).toBe(true);
            const middle = await read(decompressRange(source, 4990, 5010, options));
            expect(same(middle, noise.subarray(4990, 5010))).toBe(true);
            expect(await read(decompressRange(source, 9000, undefined, options))).toHaveLength(0);
          }
        }
      });
    });

    test("of a frame above the limit is SIZE_LIMIT before it is read", async () => {
      const { file, entries } = seekable(json.subarray(0, 100_000), every(10_000));
      const frames = file.subarray(0, file.length - 17 - 8 * entries.length);
      const lying = join([frames, writeSeekTable(at(entries, 1, 0, 4e9))]);
      const source = sourceOf(lying);
      const error = await failure(read(decompressRange(source, 20_000, 20_001)));
      expect(error).toMatchObject({ code: "SIZE_LIMIT", frame: 1, offset: entries[0]!.compressedSize });
      expect(source.reads).toHaveLength(1);
    });
  });

  // The format has no checksum of the table: a decompressed size that lies of a frame outside the range moves the range.
  test("flipped bits give the right bytes or an error, never other bytes", async () => {
    const random = seededRandom(26);
    const { file, content, entries } = seekable(json.subarray(0, 30_000), every(1500));
    const firstEntry = file.length - 9 - 8 * entries.length;
    const codes = new Set<string>();
    for (let round = 0; round < 1500; round++) {
      const at = random.below(file.length);
      const isContentSize = at >= firstEntry && at < file.length - 9 && (at - firstEntry) % 8 >= 4;
      if (isContentSize) continue;
      const damaged = file.slice();
      damaged[at]! ^= 1 << random.below(8);
      const start = random.below(content.length);
      const end = start + random.below(5000);
      try {
        const bytes = await read(decompressRange(sourceOf(damaged), start, end, { readSize: 3000 }));
        expect(same(bytes, content.subarray(start, end))).toBe(true);
      } catch (error) {
        if (!(error instanceof ZstashError)) throw error;
        codes.add(error.code);
      }
    }
    expect([...codes].sort()).toEqual(expect.arrayContaining(["CHECKSUM_MISMATCH", "CORRUPT"]));
    expect(codes).not.toContain("INTERNAL");
  });

  test("a cached table of another file is refused, or its frames do not fit", async () => {
    const long = seekable(json.subarray(0, 100_000), every(1000));
    const short = seekable(json.subarray(500, 10_000), every(1000));
    const ofLong = (await readSeekTable(sourceOf(long.file)))!;
    const ofShort = (await readSeekTable(sourceOf(short.file)))!;
    expect(() => decompressRange(sourceOf(short.file), 0, 1, { seekTable: ofLong })).toThrow(RangeError);
    const error = await failure(
      read(decompressRange(sourceOf(long.file), 3000, 4000, { seekTable: ofShort })),
    );
    expect(error).toMatchObject({ code: "CORRUPT", frame: 3 });
  });

  test("foreign bytes, truncated frames and nothing at all are what they are to decompress", async () => {
    const { file } = seekable(json.subarray(0, 10_000), every(2000), false);
    const codeOf = async (bytes: Uint8Array): Promise<string> =>
      (await failure(read(decompressRange(sourceOf(bytes), 0)))).code;
    expect(await codeOf(new TextEncoder().encode("plain text"))).toBe("NOT_ZSTD");
    expect(await codeOf(file.subarray(0, file.length - 1))).toBe("TRUNCATED");
    expect(await codeOf(new Uint8Array(0))).toBe("TRUNCATED");
  });

  test.each(foreign)("reads $name", async ({ name, sha256, contentSha256, tableFrames }) => {
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    const file = new Uint8Array(readFileSync(new URL(`../../vectors/foreign/${name}`, import.meta.url)));
    expect(digest(file)).toBe(sha256);
    expect((await readSeekTable(sourceOf(file)))?.frameCount ?? null).toBe(tableFrames);
    const content = await read(decompressRange(sourceOf(file), 0));
    expect(digest(content)).toBe(contentSha256);
    for (let start = 0; start < content.length; start += 997) {
      const part = await read(decompressRange(sourceOf(file), start, start + 1500));
      expect(same(part, content.subarray(start, start + 1500))).toBe(true);
    }
  });

  test("the stream layer's own seekable files, and a frame of any size without a table", async () => {
    const compressed = new Response(json.slice(0, 300_000)).body!.pipeThrough(
      zstd.compressStream({ frameSize: 20_000, seekTable: true }) as ReadableWritablePair<
        Uint8Array,
        Uint8Array
      >,
    );
    const file = await read(compressed as ReadableStream<Uint8Array>);
    expect((await readSeekTable(sourceOf(file)))!.frameCount).toBe(15);
    const inside = await read(decompressRange(sourceOf(file), 123_456, 234_567));
    expect(same(inside, json.subarray(123_456, 234_567))).toBe(true);
    const whole = zstd.compress(new Uint8Array(3_000_000));
    const options = { maxFrameSize: 1000 };
    expect(await read(decompressRange(sourceOf(whole), 2_000_000, 2_000_010, options))).toHaveLength(10);
  });

  test.each<[string, unknown[], typeof TypeError | typeof RangeError]>([
    ["no source", [undefined, 0], TypeError],
    ["a source without read", [{ size: 1 }, 0], TypeError],
    ["a source without size", [{ read: () => {} }, 0], TypeError],
    ["a source of NaN bytes", [{ size: NaN, read: () => {} }, 0], RangeError],
    ["a negative start", [{ size: 1, read: () => {} }, -1], RangeError],
    ["half a start", [{ size: 1, read: () => {} }, 0.5], RangeError],
    ["a text as start", [{ size: 1, read: () => {} }, "0"], TypeError],
    ["an end before the start", [{ size: 1, read: () => {} }, 5, 4], RangeError],
    ["an endless end", [{ size: 1, read: () => {} }, 0, Infinity], RangeError],
    ["options of null", [{ size: 1, read: () => {} }, 0, 1, null], TypeError],
    ["reads of 0 bytes", [{ size: 1, read: () => {} }, 0, 1, { readSize: 0 }], RangeError],
    ["a limit of a text", [{ size: 1, read: () => {} }, 0, 1, { maxFrameSize: "1" }], TypeError],
    ["bytes as table", [{ size: 1, read: () => {} }, 0, 1, { seekTable: new Uint8Array(9) }], TypeError],
  ])("refuses %s before any work", (_, parameters, expected) => {
    expect(() => (decompressRange as (...all: unknown[]) => unknown)(...parameters)).toThrow(expected);
  });
});

/** Sizes up to the one that completes the total. */
function* takeUntil(sizes: Iterable<number>, total: number): Generator<number> {
  let sum = 0;
  for (const size of sizes) {
    yield size;
    sum += size;
    if (sum >= total) return;
  }
}
