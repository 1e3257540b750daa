/** Ranges give the event loop back, whatever their frames are, and whatever a hostile table lists. */
import { describe, expect, test } from "vitest";
import type { RangeDecoder } from "../../../src/codec/range-frame.ts";
import { createRangeReader, readSeekTable } from "../../../src/codec/range.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { parseSeekTable } from "../../../src/format/seek-table.ts";
import { writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom } from "../../support/random.ts";
import { chunksOf, concat, through } from "../../support/streams.ts";

const zstd = await loadZstd();
const noise = createRandom(36).bytes(6 << 20);
const content = noise.map((byte, index) => (index & 64 ? 0 : byte & 15));

const inMemory = (file: Uint8Array) => ({
  size: file.length,
  reads: 0,
  read(start: number, end: number) {
    this.reads += 1;
    return Promise.resolve(file.subarray(start, end));
  },
});

/** A decoder that notes the most content of one call, and the most calls in one turn of the event loop. */
function watched(): { decoder: RangeDecoder; most: { content: number; calls: number } } {
  const most = { content: 0, calls: 0 };
  let calls = 0;
  return {
    most,
    decoder: {
      decompress(data, options) {
        if (calls === 0) setImmediate(() => (calls = 0));
        calls += 1;
        most.calls = Math.max(most.calls, calls);
        const decoded = zstd.decompress(data, options);
        most.content = Math.max(most.content, decoded.length);
        return decoded;
      },
      decompressStream: (options) => zstd.decompressStream(options),
    },
  };
}

async function read(decoder: RangeDecoder, file: Uint8Array, start = 0, end?: number): Promise<Uint8Array> {
  return concat(await chunksOf(createRangeReader(decoder)(inMemory(file), start, end)));
}

describe("the event loop", () => {
  test.each([
    [200, 1 << 20],
    [65_536, 6 << 20],
    [3 << 20, 6 << 20],
    [6 << 20, 6 << 20],
  ])("runs between frames of %i bytes and inside large ones", async (frameSize, size) => {
    const data = content.subarray(0, size);
    const file = await through(zstd.compressStream({ frameSize, seekTable: true }), [data]);
    const { decoder, most } = watched();
    expectBytes(await read(decoder, file), data);
    expect(most.calls).toBeLessThanOrEqual(1024);
    expect(most.content).toBeLessThanOrEqual(2 << 20);
    const [start, end] = [(size >> 1) - 1000, (size >> 1) + 1000];
    expectBytes(await read(decoder, file, start, end), data.subarray(start, end));
    expect(zstd.stats().live).toBe(0);
  });

  test("a large frame is held to its table all the same", async () => {
    const file = await through(zstd.compressStream({ frameSize: 3 << 20, seekTable: true }), [content]);
    const { end } = parseSeekTable(file)!.frame(0);
    const flipped = file.slice();
    flipped[end + 100_000]! ^= 16;
    await expect(read(zstd, flipped)).rejects.toMatchObject({ frame: 1 });
    expectBytes(await read(zstd, flipped, 0, 3 << 20), content.subarray(0, 3 << 20));
    const frames = file.subarray(0, parseSeekTable(file)!.compressedSize);
    for (const wrong of [-1, 1]) {
      const table = writeSeekTable([
        { compressedSize: end, decompressedSize: (3 << 20) + wrong },
        { compressedSize: frames.length - end, decompressedSize: (3 << 20) - wrong },
      ]);
      await expect(read(zstd, concat([frames, table]))).rejects.toMatchObject({ code: "CORRUPT", frame: 0 });
    }
    expect(zstd.stats().live).toBe(0);
  });

  test("a reader that leaves while a large frame is decoded leaves no context behind", async () => {
    const file = await through(zstd.compressStream({ frameSize: 6 << 20, seekTable: true }), [content]);
    const reader = zstd.decompressRange(inMemory(file), 0).getReader();
    reader.read().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await reader.cancel("enough");
    for (let wait = 0; wait < 200 && zstd.stats().live > 0; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });
});

describe("a hostile table", () => {
  const COUNT = 2_000_000;
  const frame = zstd.compress("what there is");

  test("of millions of empty frames is passed over, and the event loop runs while it is read", async () => {
    const table = writeSeekTable(
      (function* () {
        yield { compressedSize: frame.length, decompressedSize: 13 };
        for (let entry = 0; entry < COUNT; entry++) yield { compressedSize: 0, decompressedSize: 0 };
        yield { compressedSize: frame.length, decompressedSize: 13 };
      })(),
    );
    const file = concat([frame, frame, table]);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const seekTable = (await readSeekTable(inMemory(file)))!;
    clearInterval(timer);
    expect(seekTable.frameCount).toBe(COUNT + 2);
    expect(turns).toBeGreaterThan(0);
    let looked = 0;
    const counted = { ...seekTable, frame: (index: number) => ((looked += 1), seekTable.frame(index)) };
    const source = inMemory(file);
    const parts = await chunksOf(zstd.decompressRange(source, 5, 20, { seekTable: counted }));
    expect(new TextDecoder().decode(concat(parts))).toBe("there iswhat th");
    expect(looked).toBeLessThan(100);
    expect(source.reads).toBe(1);
  });

  test("that is nothing but a count costs nothing", async () => {
    const file = writeSeekTable([]).slice();
    new DataView(file.buffer).setUint32(file.length - 9, 8_000_000, true);
    await expect(readSeekTable(inMemory(file))).rejects.toMatchObject({ code: "CORRUPT" });
  });
});

describe("zstash/decode", () => {
  test("a range that is cancelled while its code loads reads nothing", async () => {
    const decoder = await loadDecoder();
    for (const ticks of [0, 1, 3, 10]) {
      const source = inMemory(new Uint8Array(3_000_000));
      const reader = decoder.decompressRange(source, 0, 1_000_000).getReader();
      reader.read().catch(() => undefined);
      // The first pull begins with the stream's start, a microtask later.
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await reader.cancel("enough");
      const { reads } = source;
      if (ticks < 3) expect(reads).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(source.reads).toBe(reads);
    }
  });

  test("a stream that is cancelled at any time rejects what is written later, and its cancel resolves", async () => {
    const decoder = await loadDecoder({ memoryLimit: 8 << 20 });
    for (let ticks = 0; ticks < 12; ticks++) {
      const { readable, writable } = decoder.decompressStream();
      const reader = readable.getReader();
      reader.read().catch(() => undefined);
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await reader.cancel("left");
      const writer = writable.getWriter();
      writer.closed.catch(() => undefined);
      const write = async (): Promise<void> => {
        for (let chunk = 0; chunk < 3; chunk++) await writer.write(frame);
      };
      await expect(write()).rejects.toBe("left");
    }
  });

  const frame = zstd.compress("a value");
});
