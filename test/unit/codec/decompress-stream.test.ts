import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadDecoder } from "../../../src/decode.ts";
import { loadZstd, ZstashError } from "../../../src/index.ts";
import type { DecompressStreamOptions } from "../../../src/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import {
  byteByByte,
  concat,
  outcome,
  skippable,
  sourceOf,
  splitAtRandom,
  through,
} from "../../support/streams.ts";

const zstd = await loadZstd({ memoryLimit: 48 << 20 });
const decoder = await loadDecoder();
const empty = new Uint8Array(0);
const text = (size: number): Uint8Array =>
  new TextEncoder().encode("to be or not to be, that is the question. ".repeat(size / 40 + 1)).slice(0, size);

const errorOf = (options: DecompressStreamOptions, chunks: Iterable<Uint8Array>): Promise<unknown> =>
  outcome(zstd.decompressStream(options), chunks).then(({ error }) => error);

/** The error of one-shot decompression, which the stream's must equal in code, frame and place. */
function oneShotError(data: Uint8Array): unknown {
  try {
    zstd.decompress(data);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Frames of every kind of header: with and without size, checksum, single segment; and empty ones. */
const small = text(90);
const frames: Record<string, Uint8Array> = {
  sized: zstd.compress(small),
  unsized: await through(zstd.compressStream({ flush: 20 }), [small]),
  "without checksum": zstd.compress(small, { checksum: false }),
  empty: zstd.compress(empty),
  "empty unsized": await through(zstd.compressStream(), []),
  raw: zstd.compress(createRandom(1).bytes(90)),
};

describe("any split", () => {
  test.each(Object.entries(frames))("%s: cut at every byte, and into bytes", async (_name, frame) => {
    const expected = zstd.decompress(frame);
    for (const instance of [zstd, decoder]) {
      for (let at = 0; at <= frame.length; at++) {
        const parts = [frame.subarray(0, at), empty, frame.subarray(at)];
        expectBytes(await through(instance.decompressStream(), parts), expected);
      }
      expectBytes(await through(instance.decompressStream(), byteByByte(frame)), expected);
    }
  });

  test("several frames and skippable frames: cut at every two bytes", async () => {
    const input = concat([frames["sized"]!, skippable(text(9)), frames["unsized"]!, skippable(empty, 15)]);
    const expected = concat([small, small]);
    for (let first = 0; first <= input.length; first++) {
      for (const second of [first, first + 1, first + 4, first + 17]) {
        const parts = [input.subarray(0, first), input.subarray(first, second), input.subarray(second)];
        expectBytes(await through(zstd.decompressStream(), parts), expected);
      }
    }
  });

  test("large inputs at random boundaries, some chunks empty", async () => {
    const random = seededRandom(21);
    const data = concat([text(200_000), random.bytes(150_000), new Uint8Array(500_000)]);
    const stored = concat([
      zstd.compress(data.subarray(0, 300_000)),
      await through(zstd.compressStream(), [data.subarray(300_000)]),
    ]);
    for (const most of [3, 100, 5000, 100_000, 10_000_000]) {
      const parts = splitAtRandom(stored, random, most);
      expectBytes(await through(zstd.decompressStream(), parts), data);
    }
  });

  test("fed one byte at a time, output appears before the last input", async () => {
    const stored = zstd.compress(createRandom(2).bytes(300_000));
    const { readable, writable } = zstd.decompressStream();
    let output = 0;
    const drained = (async (): Promise<void> => {
      for await (const chunk of readable as unknown as AsyncIterable<Uint8Array>) output += chunk.length;
    })();
    const writer = writable.getWriter();
    let before = 0;
    for (const byte of byteByByte(stored)) {
      before = output;
      await writer.write(byte);
    }
    await writer.close();
    await drained;
    expect(before).toBeGreaterThanOrEqual(2 * 131_072);
    expect(output).toBe(300_000);
  });
});

describe("skippable frames", () => {
  const frame = frames["sized"]!;
  const big = skippable(createRandom(3).bytes(200_000), 7);
  const places: readonly (readonly [string, Uint8Array[], number])[] = [
    ["first", [skippable(text(10)), frame], 1],
    ["in the middle", [frame, skippable(text(10)), frame], 2],
    ["last", [frame, skippable(text(10))], 1],
    ["alone", [skippable(text(10))], 0],
    ["empty", [skippable(empty)], 0],
    ["empty, several", [skippable(empty), skippable(empty, 15), frame, skippable(empty, 3)], 1],
    ["larger than any chunk", [frame, big, frame, big], 2],
  ];
  test.each(places)("%s", async (_name, parts, count) => {
    const input = concat(parts);
    const expected = concat(Array.from({ length: count }, () => small));
    const random = seededRandom(4);
    for (const chunks of [[input], splitAtRandom(input, random, 5000), parts]) {
      expectBytes(await through(zstd.decompressStream(), chunks), expected);
    }
    expectBytes(zstd.decompress(input), expected);
  });

  test("a length that is not there is TRUNCATED, whatever it claims", async () => {
    const claim = skippable(text(10)).slice();
    new DataView(claim.buffer).setUint32(4, 0xffffffff, true);
    expect(await errorOf({}, [frame, claim])).toMatchObject({ code: "TRUNCATED", frame: 1 });
  });
});

describe("bad input", () => {
  test.each(Object.entries(frames))(
    "%s truncated at every byte: never a short success",
    async (_name, frame) => {
      for (let length = 0; length < frame.length; length++) {
        for (const chunks of [[frame.subarray(0, length)], byteByByte(frame.subarray(0, length))]) {
          const error = await errorOf({}, chunks);
          expect(error, `of ${length} bytes`).toBeInstanceOf(ZstashError);
          expect(error, `of ${length} bytes`).toMatchObject({ code: "TRUNCATED", frame: 0, offset: length });
        }
      }
      expect(zstd.stats().live).toBe(0);
    },
  );

  test("a second frame truncated at every byte: what came before is delivered, then the error", async () => {
    const first = frames["sized"]!;
    const second = concat([skippable(text(5)), frames["unsized"]!]);
    for (let length = 1; length < second.length; length++) {
      // A skippable frame by itself is whole.
      if (length === 13) continue;
      const input = concat([first, second.subarray(0, length)]);
      const { bytes, error } = await outcome(zstd.decompressStream(), [input]);
      expectBytes(bytes.subarray(0, 90), small);
      expect(error).toMatchObject({ code: "TRUNCATED", frame: length < 13 ? 1 : 2, offset: input.length });
      expect(oneShotError(input)).toMatchObject({ code: "TRUNCATED", frame: length < 13 ? 1 : 2 });
    }
  });

  test("garbage at the start is NOT_ZSTD", async () => {
    for (const input of [
      text(1),
      text(3),
      text(4),
      text(1000),
      new Uint8Array(8),
      new Uint8Array([0x28, 0]),
    ]) {
      for (const chunks of [[input], byteByByte(input)]) {
        expect(await errorOf({}, chunks)).toMatchObject({ code: "NOT_ZSTD", frame: 0, offset: 0 });
      }
    }
  });

  test("bytes after the last frame are CORRUPT, and name the frame and the place", async () => {
    const frame = frames["sized"]!;
    for (const garbage of [text(1), text(4), text(100), new Uint8Array(1)]) {
      const input = concat([frame, garbage]);
      for (const chunks of [[input], byteByByte(input), [frame, garbage]]) {
        const { bytes, error } = await outcome(zstd.decompressStream(), chunks);
        expect(error).toMatchObject({ code: "CORRUPT", frame: 1, offset: frame.length });
        expectBytes(bytes, small);
      }
      expect(oneShotError(input)).toMatchObject({ code: "CORRUPT", frame: 1, offset: frame.length });
    }
  });

  test.each(["sized", "unsized", "raw", "empty"])(
    "every bit flip of %s is an error or harmless",
    async (name) => {
      const frame = frames[name]!;
      const expected = zstd.decompress(frame);
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const flipped = frame.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const { bytes, error } = await outcome(zstd.decompressStream(), [flipped]);
        // Bits that say nothing of the content: unused ones, and a window that is large enough all the same.
        if (error === undefined) expectBytes(bytes, expected);
        else expect(error, `bit ${bit}`).toBeInstanceOf(ZstashError);
        if (error !== undefined) expect((error as ZstashError).code, `bit ${bit}`).not.toBe("INTERNAL");
      }
      expectBytes(await through(zstd.decompressStream(), [frame]), expected);
      expect(zstd.stats().live).toBe(0);
    },
  );

  test("an error in a later frame names it as one-shot does, skippable frames counted", async () => {
    const good = frames["sized"]!;
    const bad = good.slice();
    bad[bad.length - 1]! ^= 1;
    const input = concat([good, skippable(text(3)), good, bad]);
    const place = { code: "CHECKSUM_MISMATCH", frame: 3, offset: input.length - bad.length };
    expect(await errorOf({}, [input])).toMatchObject(place);
    expect(await errorOf({}, byteByByte(input))).toMatchObject(place);
    expect(oneShotError(input)).toMatchObject(place);
  });

  test("a frame that holds more than it claims is CORRUPT in both", async () => {
    const frame = zstd.compress(text(200)).slice();
    expect(frame[4]! >> 5).toBe(1);
    frame[5] = 100;
    expect(await errorOf({}, [frame])).toMatchObject({ code: "CORRUPT" });
    expect(oneShotError(frame)).toMatchObject({ code: "CORRUPT" });
    frame[5] = 201;
    expect(await errorOf({}, [frame])).toMatchObject({ code: "CORRUPT" });
    expect(oneShotError(frame)).toMatchObject({ code: "CORRUPT" });
  });

  test("an unknown dictionary is named before anything is decoded", async () => {
    // Frame header with a dictionary id of one byte: single segment, size 1, then a raw block of one byte.
    const frame = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x21, 77, 1, 9, 0, 0, 5]);
    const error = await errorOf({}, [frames["sized"]!, frame]);
    expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", dictionaryId: 77, frame: 1 });
    expect(error).toMatchObject({ offset: frames["sized"]!.length });
    expect((error as Error).message).toContain("77");
  });

  test("the stream after a bad one is as good as new", async () => {
    for (let round = 0; round < 50; round++) {
      expect(await errorOf({}, [frames["raw"]!.subarray(0, 10), text(50)])).toBeInstanceOf(ZstashError);
      expectBytes(await through(zstd.decompressStream(), [frames["unsized"]!]), small);
    }
  });
});

describe("regressions", () => {
  const folder = new URL("../../vectors/regressions/", import.meta.url);
  // A file is named for the code that it has to be refused with.
  test.each(readdirSync(folder).filter((name) => name.endsWith(".zst")))("%s", async (name) => {
    const input = new Uint8Array(readFileSync(new URL(name, folder)));
    const expected = { code: name.split(".")[0] };
    expect(oneShotError(input)).toMatchObject(expected);
    for (const chunks of [[input], byteByByte(input)])
      expect(await errorOf({}, chunks)).toMatchObject(expected);
  });
});

describe("limits", () => {
  test("maxSize by claim: not a byte is delivered", async () => {
    const frame = zstd.compress(text(1000));
    const { bytes, error } = await outcome(zstd.decompressStream({ maxSize: 999 }), [frame]);
    expect(error).toMatchObject({ code: "SIZE_LIMIT", frame: 0, offset: 0 });
    expect(bytes.length).toBe(0);
    expectBytes(await through(zstd.decompressStream({ maxSize: 1000 }), [frame]), text(1000));
  });

  test("maxSize without a claim: passed in the middle of a frame, and never by a byte", async () => {
    const data = createRandom(5).bytes(400_000);
    const stored = await through(zstd.compressStream(), [data]);
    for (const maxSize of [0, 1, 1299, 131_072, 399_999]) {
      const { bytes, error } = await outcome(zstd.decompressStream({ maxSize }), [stored]);
      expect(error).toMatchObject({ code: "SIZE_LIMIT", frame: 0 });
      expect(bytes.length).toBeLessThanOrEqual(maxSize);
      expectBytes(bytes, data.slice(0, bytes.length));
    }
    expectBytes(await through(zstd.decompressStream({ maxSize: 400_000 }), [stored]), data);
  });

  test("maxSize counts all frames together", async () => {
    const frame = zstd.compress(text(100));
    const input = concat([frame, frame, frame]);
    const error = await errorOf({ maxSize: 299 }, [input]);
    expect(error).toMatchObject({ code: "SIZE_LIMIT", frame: 2, offset: 2 * frame.length });
    expect((await through(zstd.decompressStream({ maxSize: 300 }), [input])).length).toBe(300);
  });

  test("one-shot: frames that claim nothing do not use up the limit by what they could hold", async () => {
    // 400 blocks could hold 50 MiB; they hold 40,000 bytes.
    const unsized = await through(zstd.compressStream({ flush: 100 }), [text(40_000)]);
    const input = concat([unsized, zstd.compress(text(10))]);
    expectBytes(zstd.decompress(input), concat([text(40_000), text(10)]));
    expectBytes(zstd.decompress(input, { maxSize: 40_010 }), concat([text(40_000), text(10)]));
    expect(() => zstd.decompress(input, { maxSize: 40_009 })).toThrow(
      expect.objectContaining({ code: "SIZE_LIMIT" }),
    );
  });

  test("a window past maxWindowLog is WINDOW_LIMIT, before its memory is taken", async () => {
    const data = text(3000);
    for (const windowLog of [10, 17, 23, 24, 27]) {
      const big = await loadZstd({ memoryLimit: 1 << 30 });
      const stream = big.compressStream({ parameters: { windowLog, hashLog: 10, chainLog: 10 } });
      const stored = await through(stream, [data]);
      for (const maxWindowLog of [10, 17, 23, 24, 27]) {
        const { bytes, error } = await outcome(zstd.decompressStream({ maxWindowLog }), [stored]);
        if (windowLog > maxWindowLog)
          expect(error).toMatchObject({ code: "WINDOW_LIMIT", frame: 0, offset: 0 });
        // A window of 128 MiB can never fit into 48.
        else if (windowLog === 27) expect(error).toMatchObject({ code: "OUT_OF_MEMORY" });
        else expectBytes(bytes, data);
        expect(error === undefined).toBe(windowLog <= maxWindowLog && windowLog < 27);
        // Before its memory is taken: idle instances are small, and a large window's was dropped.
        expect(zstd.stats().memory).toBeLessThan(48 << 20);
      }
      expect((await outcome(zstd.decompressStream(), [stored])).error === undefined).toBe(windowLog <= 23);
    }
  });

  test("a frame of a larger window than the first one's is counted by the pool", async () => {
    const budget = 12 << 20;
    const small = await loadZstd({ memoryLimit: budget });
    const wide = await loadZstd({ memoryLimit: 1 << 30 });
    const first = zstd.compress(text(10));
    const parameters = { windowLog: 23, hashLog: 10, chainLog: 10 };
    const second = await through(wide.compressStream({ parameters, flush: "none" }), [
      concat([createRandom(6).bytes(200_000), new Uint8Array(12 << 20)]),
    ]);
    const streams = Array.from({ length: 6 }, () => {
      const reader = sourceOf([first, second]).pipeThrough(small.decompressStream()).getReader();
      return reader;
    });
    let peak = 0;
    const sizes = await Promise.all(
      streams.map(async (reader) => {
        let size = 0;
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return size;
          size += value.length;
          peak = Math.max(peak, small.stats().memory);
        }
      }),
    );
    expect(sizes).toEqual(Array.from({ length: 6 }, () => 10 + 200_000 + (12 << 20)));
    expect(peak).toBeLessThanOrEqual(budget + (2 << 20));
  });

  const wrong: readonly (readonly [unknown, typeof TypeError | typeof RangeError])[] = [
    [null, TypeError],
    [7, TypeError],
    [{ maxSize: -1 }, RangeError],
    [{ maxSize: "1" }, TypeError],
    [{ maxSize: Number.NaN }, RangeError],
    [{ maxWindowLog: 9 }, RangeError],
    [{ maxWindowLog: 31 }, RangeError],
  ];
  test.each(wrong)("%o is refused before any work", (options, type) => {
    expect(() => zstd.decompressStream(options as DecompressStreamOptions)).toThrow(type);
    expect(() => decoder.decompressStream(options as DecompressStreamOptions)).toThrow(type);
  });
});

describe.runIf(nativeAvailable())("native zstd", () => {
  const native = useNative();

  test("what it compresses at any level and window is read, in pieces", async () => {
    const random = seededRandom(31);
    const data = concat([text(100_000), random.bytes(50_000)]);
    for (const level of [-7, 1, 3, 9, 19, 22]) {
      for (const parameters of [{}, { ZSTD_c_windowLog: 12 }, { ZSTD_c_contentSizeFlag: 0 }]) {
        const frame = await native().compress(data, level, { parameters });
        const parts = splitAtRandom(frame, random, 10_000);
        expectBytes(await through(zstd.decompressStream(), parts), data);
      }
    }
  });
});
