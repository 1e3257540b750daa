import { describe, expect, test } from "vitest";
import { loadZstd, readFrameHeader, ZstashError } from "../../../src/index.ts";
import type { CompressStreamOptions } from "../../../src/index.ts";
import { dataSet, valueBytes } from "../../../bench/corpus.mjs";
import { expectBytes } from "../../support/expect-bytes.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import {
  blocksOf,
  byteByByte,
  chunksOf,
  concat,
  outcome,
  sourceOf,
  splitAtRandom,
  through,
} from "../../support/streams.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

const zstd = await loadZstd({ memoryLimit: 32 << 20 });
const cli = zstdCliAvailable();
const text = (size: number): Uint8Array => {
  const line = new TextEncoder().encode('{"id":184,"name":"Ada","tags":["a","b"],"at":"2026-11-24"}\n');
  return Uint8Array.from({ length: size }, (_, at) => line[at % line.length]! ^ ((at / 977) & 1));
};
const empty = new Uint8Array(0);

/** JSON of the corpus, random, alternating easy and hard, and sizes around every boundary of the layouts. */
const inputs: readonly (readonly [string, Uint8Array])[] = [
  ["empty", empty],
  ["one byte", new Uint8Array([7])],
  ["1299", text(1299)],
  ["1300, the first flush", text(1300)],
  ["1301", text(1301)],
  ["131072, a block", createRandom(1).bytes(131_072)],
  ["131073", createRandom(2).bytes(131_073)],
  ["JSON", concat(dataSet("geojson-pages").values.slice(0, 40).map(valueBytes))],
  ["300 KB random", createRandom(3).bytes(300_000)],
  ["zeros", new Uint8Array(400_000)],
  ["easy and hard", concat([new Uint8Array(70_000), createRandom(4).bytes(70_000), text(70_000)])],
];

const layouts: readonly (readonly [string, CompressStreamOptions])[] = [
  ["default", {}],
  ["ramp", { flush: "ramp" }],
  ["none", { flush: "none" }],
  ["flush 1000", { flush: 1000 }],
  ["flush 131072", { flush: 131_072 }],
  ["target 1340", { flush: "none", targetCBlockSize: 1340 }],
  ["target and ramp", { targetCBlockSize: 4000 }],
  ["no checksum", { checksum: false }],
  ["level -7", { level: -7 }],
  ["level 9", { level: 9 }],
  ["small window", { parameters: { windowLog: 10 } }],
  ["frames of 65536", { frameSize: 65_536 }],
  ["frames and seek table", { frameSize: 65_536, seekTable: true }],
];

describe.each(layouts)("layout %s", (_name, options) => {
  test.each(inputs)("%s is read by one-shot, by the stream and by zstd -d", async (_input, data) => {
    const random = seededRandom(data.length);
    const stored = await through(zstd.compressStream(options), splitAtRandom(data, random, 50_000));
    expectBytes(zstd.decompress(stored), data);
    expectBytes(await through(zstd.decompressStream(), splitAtRandom(stored, random, 9000)), data);
    if (cli) expectBytes(zstdDecode(stored), data);
    const headers = readFrameHeader(stored);
    expect(headers.checksum).toBe(options.checksum ?? true);
    expect(zstd.stats().live).toBe(0);
  });

  test.each(inputs)("%s with its size declared", async (_input, data) => {
    if (options.frameSize !== undefined) {
      expect(() => zstd.compressStream({ ...options, contentSize: data.length })).toThrow(TypeError);
      return;
    }
    const stream = zstd.compressStream({ ...options, contentSize: data.length });
    const stored = await through(stream, [data]);
    expect(readFrameHeader(stored).contentSize).toBe(data.length);
    expectBytes(zstd.decompress(stored, { maxSize: data.length }), data);
  });
});

describe("splits", () => {
  test("the same bytes wherever a small input is cut", async () => {
    const data = text(200);
    const whole = await through(zstd.compressStream({ flush: 64 }), [data]);
    for (let at = 0; at <= data.length; at++) {
      const parts = [data.subarray(0, at), empty, data.subarray(at)];
      expectBytes(await through(zstd.compressStream({ flush: 64 }), parts), whole);
    }
    expectBytes(await through(zstd.compressStream({ flush: 64 }), byteByByte(data)), whole);
  });

  test.each([{}, { flush: 777 }, { frameSize: 5000, seekTable: true }])(
    "the same bytes however a large input is cut: %o",
    async (options) => {
      const random = seededRandom(11);
      const data = concat([text(80_000), random.bytes(60_000)]);
      const whole = await through(zstd.compressStream(options), [data]);
      for (let round = 0; round < 10; round++) {
        const parts = splitAtRandom(data, random, 20_000);
        expectBytes(await through(zstd.compressStream(options), parts), whole);
      }
    },
  );

  test.each([{}, { contentSize: 20_000 }, { flush: 500 }, { frameSize: 1000 }])(
    "fed one byte at a time, output appears before the last input: %o",
    async (options) => {
      const data = text(20_000);
      const { readable, writable } = zstd.compressStream(options);
      let output = 0;
      const drained = (async (): Promise<void> => {
        for await (const chunk of readable as unknown as AsyncIterable<Uint8Array>) output += chunk.length;
      })();
      const writer = writable.getWriter();
      let before = 0;
      for (const byte of byteByByte(data)) {
        before = output;
        await writer.write(byte);
      }
      await writer.close();
      await drained;
      expect(before).toBeGreaterThan(0);
      expect(output).toBeGreaterThan(before);
    },
  );

  test("what was flushed decodes at once, before anything else is written", async () => {
    const data = createRandom(5).bytes(4000);
    const compress = zstd.compressStream();
    const reader = compress.readable.pipeThrough(zstd.decompressStream()).getReader();
    const writer = compress.writable.getWriter();
    const first = reader.read();
    await writer.write(data.subarray(0, 1300));
    expect((await first).value).toEqual(data.subarray(0, 1300));
    const second = reader.read();
    await writer.write(data.subarray(1300, 3900));
    expect((await second).value).toEqual(data.subarray(1300, 3900));
    await writer.abort("enough").catch(() => {});
    await reader.cancel().catch(() => {});
  });
});

describe("blocks", () => {
  test.each([1, 64, 1300, 1337, 65_536, 65_537, 131_071, 131_072])(
    "flush %i: every block is at most that + 3 bytes",
    async (flush) => {
      const random = createRandom(flush);
      const data = concat([random.bytes(Math.min(200_000, flush * 50)), text(Math.min(300_000, flush * 50))]);
      for (const level of [-7, 1, 9]) {
        const stored = await through(zstd.compressStream({ flush, level }), splitAtRandom(data, random));
        const { blocks, end } = blocksOf(stored);
        expect(end).toBe(stored.length);
        expect(Math.max(...blocks.map(({ stored: size }) => size))).toBeLessThanOrEqual(flush + 3);
        expect(blocks.length).toBeGreaterThanOrEqual(Math.ceil(data.length / flush));
      }
    },
  );

  test("ramp: blocks of 1300 and then twice as much each, on random data raw", async () => {
    const data = createRandom(6).bytes(500_000);
    const { blocks } = blocksOf(await through(zstd.compressStream(), [data]));
    expect(blocks.slice(0, 6).map(({ size }) => size)).toEqual([1300, 2600, 5200, 10_400, 20_800, 41_600]);
    expect(blocks.slice(6).map(({ size }) => size)).toEqual([131_072, 131_072, 131_072, 24_884]);
  });

  test("targetCBlockSize makes blocks of about that size", async () => {
    const data = concat(dataSet("geojson-pages").values.slice(0, 60).map(valueBytes));
    const stored = await through(zstd.compressStream({ flush: "none", targetCBlockSize: 1340 }), [data]);
    const plain = await through(zstd.compressStream({ flush: "none" }), [data]);
    const { blocks } = blocksOf(stored);
    expect(blocks.length).toBeGreaterThan(blocksOf(plain).blocks.length * 4);
    // The next stream does not inherit it.
    expectBytes(await through(zstd.compressStream({ flush: "none" }), [data]), plain);
  });
});

describe("content size", () => {
  test("too much input is a RangeError as soon as it is passed", async () => {
    const { error, bytes } = await outcome(zstd.compressStream({ contentSize: 10 }), [
      new Uint8Array(10),
      new Uint8Array(1),
      new Uint8Array(1000),
    ]);
    expect(error).toBeInstanceOf(RangeError);
    expect(bytes.length).toBe(0);
    expect(zstd.stats().live).toBe(0);
  });

  test.each([0, 9])("too little input is a RangeError at the end: %i of 10", async (size) => {
    const { error } = await outcome(zstd.compressStream({ contentSize: 10 }), [new Uint8Array(size)]);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain("10");
    expect(zstd.stats().live).toBe(0);
    expect(zstd.decompress(await through(zstd.compressStream(), [text(100)]))).toEqual(text(100));
  });

  test("0 of 0", async () => {
    const stored = await through(zstd.compressStream({ contentSize: 0 }), []);
    expect(readFrameHeader(stored).contentSize).toBe(0);
    expect(zstd.decompress(stored).length).toBe(0);
  });

  test("not declared where it is not known", async () => {
    expect(readFrameHeader(await through(zstd.compressStream(), [text(5000)])).contentSize).toBeUndefined();
  });
});

describe("options", () => {
  const wrong: readonly (readonly [CompressStreamOptions | unknown, typeof TypeError | typeof RangeError])[] =
    [
      [null, TypeError],
      [5, TypeError],
      [{ flush: "sometimes" }, TypeError],
      [{ flush: 0 }, RangeError],
      [{ flush: 131_073 }, RangeError],
      [{ flush: 1.5 }, RangeError],
      [{ targetCBlockSize: 1339 }, RangeError],
      [{ targetCBlockSize: 131_073 }, RangeError],
      [{ contentSize: -1 }, RangeError],
      [{ contentSize: 2 ** 53 }, RangeError],
      [{ contentSize: "10" }, TypeError],
      [{ frameSize: 0 }, RangeError],
      [{ frameSize: (16 << 20) + 1 }, RangeError],
      [{ seekTable: true }, TypeError],
      [{ frameSize: 10, seekTable: 1 }, TypeError],
      [{ frameSize: 10, contentSize: 10 }, TypeError],
      [{ level: 23 }, RangeError],
      [{ checksum: 1 }, TypeError],
      [{ dictionary: new Uint8Array(10) }, TypeError],
      [{ parameters: 3 }, TypeError],
    ];
  test.each(wrong)("%o is refused before any work", (options, type) => {
    expect(() => zstd.compressStream(options as CompressStreamOptions)).toThrow(type);
  });

  test("a parameter out of range is a RangeError, and leaves nothing behind in the context", async () => {
    const data = text(100_000);
    const before = zstd.compress(data);
    const streamed = await through(zstd.compressStream(), [data]);
    const parameters = { windowLog: 10, hashLog: 99 };
    expect(() => zstd.compress(data, { parameters })).toThrow(RangeError);
    expectBytes(zstd.compress(data), before);
    expect(() => zstd.compressStream({ parameters })).toThrow(RangeError);
    expectBytes(await through(zstd.compressStream(), [data]), streamed);
  });

  test("parameters are taken as they are at the call, whatever becomes of their object", async () => {
    const data = text(100_000);
    const held = { windowLog: 20, strategy: 9 };
    const other = { windowLog: 10, strategy: 1 };
    const expected = [held, other].map((parameters) =>
      zstd.compress(data, { parameters: { ...parameters } }),
    );
    expect(expected[0]).not.toEqual(expected[1]);
    const parameters = { ...held };
    expect(zstd.compress(data, { parameters })).toEqual(expected[0]);
    const streamed = await through(zstd.compressStream({ parameters: held }), [data]);
    const stream = zstd.compressStream({ parameters });
    Object.assign(parameters, other);
    expect(zstd.compress(data, { parameters })).toEqual(expected[1]);
    expect(await through(stream, [data])).toEqual(streamed);
    expect(zstd.compress(data)).toEqual(zstd.compress(data, { parameters: {} }));
    expect(zstd.compress(data, { parameters: held })).toEqual(expected[0]);
  });

  test("tables that wasm32 cannot hold are refused before any work", async () => {
    const data = text(1000);
    const fresh = await loadZstd({ memoryLimit: 64 << 20 });
    const before = fresh.stats();
    for (const level of [-7, 1, 5, 13, 19, 22]) {
      for (const parameters of [
        { hashLog: 30 },
        { hashLog: 29 },
        { chainLog: 29 },
        { hashLog: 29, chainLog: 29 },
        { hashLog: 28, chainLog: 28 },
      ]) {
        const options = { level, parameters };
        expect(() => fresh.compress("x", options)).toThrow(RangeError);
        expect(() => fresh.compressStream(options)).toThrow(/parameters\.(hash|chain)Log/);
        expect(() => fresh.compressStream({ ...options, frameSize: 10 })).toThrow(RangeError);
        expect(() => fresh.compressFrames({ ...options, maxFrameSize: 100 })).toThrow(RangeError);
      }
      // The largest that may be asked for do not fit this memory limit, and say so.
      for (const parameters of [{ hashLog: 28 }, { hashLog: 28, chainLog: 27 }]) {
        const refused = through(fresh.compressStream({ level, parameters }), [data]);
        await expect(refused).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
      }
    }
    expect(fresh.stats()).toEqual(before);
  });

  test("levels above 19 keep the window that readers accept, with or without other parameters", async () => {
    const big = await loadZstd({ memoryLimit: 2 ** 30 });
    for (const parameters of [undefined, { searchLog: 3, hashLog: 17, chainLog: 17 }]) {
      const stream = big.compressStream({ level: 20, ...(parameters && { parameters }) });
      const stored = await through(stream, [text(5000)]);
      expect(readFrameHeader(stored).windowSize).toBeLessThanOrEqual(8 << 20);
      expect(await through(big.decompressStream(), [stored])).toEqual(text(5000));
    }
  });

  test("a chunk that is no Uint8Array is a TypeError", async () => {
    const { readable, writable } = zstd.compressStream();
    const read = chunksOf(readable);
    const writer = writable.getWriter();
    await expect(writer.write("text" as never)).rejects.toThrow(TypeError);
    await expect(read).rejects.toThrow(TypeError);
    expect(zstd.stats().live).toBe(0);
  });
});

describe("frames", () => {
  test("of frameSize bytes each, with their sizes declared", async () => {
    const data = text(10_500);
    const stored = await through(zstd.compressStream({ frameSize: 1000 }), [data]);
    const sizes: (number | undefined)[] = [];
    for (let at = 0; at < stored.length; at = blocksOf(stored, at).end) {
      sizes.push(readFrameHeader(stored.subarray(at)).contentSize);
    }
    expect(sizes).toEqual([...Array.from({ length: 10 }, () => 1000), 500]);
  });

  test("an input of whole frames has no empty frame at its end", async () => {
    const stored = await through(zstd.compressStream({ frameSize: 500 }), [text(1000)]);
    const first = blocksOf(stored, 0).end;
    expect(blocksOf(stored, first).end).toBe(stored.length);
  });

  test("chunks that the caller overwrites afterwards do not matter", async () => {
    const { readable, writable } = zstd.compressStream({ frameSize: 1000 });
    const read = chunksOf(readable);
    const writer = writable.getWriter();
    const scratch = new Uint8Array(300);
    for (let round = 0; round < 10; round++) {
      scratch.fill(round);
      await writer.write(scratch);
    }
    await writer.close();
    const expected = Uint8Array.from({ length: 3000 }, (_, at) => Math.floor(at / 300));
    expectBytes(zstd.decompress(concat(await read)), expected);
  });
});

describe.runIf(nativeAvailable())("native zstd", () => {
  const native = useNative();

  test.each(inputs)("reads a pledged stream of %s as it reads its own frame", async (_name, data) => {
    const stored = await through(zstd.compressStream({ contentSize: data.length }), [data]);
    const verdict = await native().decompress(stored);
    expect(verdict).toMatchObject({ ok: true, consumed: stored.length });
    expectBytes(verdict.ok ? verdict.bytes : empty, data);
    expectBytes(zstd.decompress(await native().compress(data, 1)), data);
    const frame = await native().compress(data, 3);
    expectBytes(await through(zstd.decompressStream(), [frame]), data);
  });
});

test("a failing source fails the reader with its own error, and frees the context", async () => {
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (++pulls > 3) controller.error(new Error("the disk is gone"));
      else controller.enqueue(text(5000));
    },
  });
  await expect(chunksOf(source.pipeThrough(zstd.compressStream()))).rejects.toThrow("the disk is gone");
  expect(zstd.stats().live).toBe(0);
});

test("errors are ZstashErrors of a kind", async () => {
  const { error } = await outcome(zstd.decompressStream(), [new Uint8Array([1, 2, 3, 4])]);
  expect(error).toBeInstanceOf(ZstashError);
  expect(await chunksOf(sourceOf([]))).toEqual([]);
});
