/** The layouts of a stored value: their options, and the bounds that their frames and blocks keep. */
import { beforeAll, describe, expect, test } from "vitest";
import { segmentSize } from "../../../src/codec/segment-size.ts";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { readFrameHeader, walkFrame } from "../../../src/format/frame.ts";
import { parseSeekTable, seekTableSize } from "../../../src/format/seek-table.ts";
import { findVersionFrame, VERSION_FRAME_SIZE } from "../../../src/format/version-frame.ts";
import { readLayout, type Layout } from "../../../src/store/layout.ts";
import { compressLayout, type PutCount } from "../../../src/store/put.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { blocksOf, concat, splitAtRandom, through } from "../../support/streams.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

async function make(layout: Layout, chunks: readonly Uint8Array[], size?: number) {
  const count: PutCount = { size: 0, totalSize: undefined, frameCount: 0, largestFrame: 0 };
  const file = await through(compressLayout(zstd, readLayout(layout), { level: 1 }, size, count), chunks);
  return { file, count };
}

const rows = Array.from({ length: 3000 }, (_, id) =>
  JSON.stringify({ id, name: `row ${id % 97}`, on: id % 3 === 0 }),
);
const json = new TextEncoder().encode(rows.join("\n"));

describe("reading a layout", () => {
  test("gives one shape for all of them", () => {
    const frame = { kind: "frame", flush: "ramp", frameSize: 0 };
    expect(readLayout()).toEqual(frame);
    expect(readLayout("ramp")).toEqual(frame);
    expect(readLayout({ flushSize: 1000 })).toEqual({ ...frame, flush: 1000 });
    expect(readLayout({ frameSize: 65_536 })).toEqual({ ...frame, kind: "frames", frameSize: 65_536 });
    const bounded = { ...frame, kind: "bounded-frames", frameSize: segmentSize({ mtu: 1500 }) };
    expect(readLayout({ mtu: 1500 })).toEqual(bounded);
  });

  test.each<[unknown, string, RegExp]>([
    ["flat", "TypeError", /"layout"/],
    [null, "TypeError", /"layout"/],
    [7, "TypeError", /"layout"/],
    [{}, "TypeError", /"layout"/],
    [{ mtu: 1500, frameSize: 1 }, "TypeError", /"layout"/],
    [{ size: 5 }, "TypeError", /"layout\.size"/],
    [{ frameSizes: 5 }, "TypeError", /"layout\.frameSizes" .*did you mean "frameSize"/],
    [{ flushSize: 0 }, "RangeError", /"layout\.flushSize"/],
    [{ flushSize: 131_073 }, "RangeError", /"layout\.flushSize"/],
    [{ flushSize: "1000" }, "TypeError", /"layout\.flushSize"/],
    [{ frameSize: 1.5 }, "RangeError", /"layout\.frameSize"/],
    [{ frameSize: (16 << 20) + 1 }, "RangeError", /"layout\.frameSize"/],
    [{ mtu: "1500" }, "TypeError", /mtu/],
    [{ mtu: 10 }, "RangeError", /mtu/],
  ])("refuses %j", (layout, name, message) => {
    expect(() => readLayout(layout as Layout)).toThrow(
      expect.objectContaining({ name, message: expect.stringMatching(message) }),
    );
  });
});

describe.each<[Layout]>([
  ["ramp"],
  [{ flushSize: 1000 }],
  [{ frameSize: 10_000 }],
  [{ frameSize: 1 << 20 }],
  [{ mtu: 1500 }],
  [{ mtu: 576 }],
])("layout %j", (layout) => {
  test("is zstd that everybody reads, whatever the content and its chunks", async () => {
    const random = seededRandom(50);
    for (const data of [
      json,
      random.bytes(50_000),
      new Uint8Array(300_000),
      new Uint8Array(0),
      Uint8Array.of(1),
    ]) {
      const { file } = await make(layout, splitAtRandom(data, random, 20_000));
      expectBytes(zstd.decompress(file), data);
      if (zstdCliAvailable()) expectBytes(zstdDecode(file), data);
    }
  });
});

describe("one frame", () => {
  test("declares its size where that is known, and counts as one", async () => {
    const known = await make("ramp", [json], json.length);
    expect(readFrameHeader(known.file).contentSize).toBe(json.length);
    expect(known.count).toMatchObject({ frameCount: 1, largestFrame: 0 });
    expect(readFrameHeader((await make("ramp", [json])).file).contentSize).toBe(undefined);
  });

  test("ramps: the first block fits a segment on any input", async () => {
    for (const data of [json, seededRandom(51).bytes(100_000)]) {
      const { blocks } = blocksOf((await make("ramp", [data])).file);
      expect(blocks[0]!.stored).toBeLessThan(segmentSize({ mtu: 1500 }));
      expect(blocks.length).toBeGreaterThan(4);
    }
  });

  test("has a hard bound on every block with flushSize", async () => {
    for (const data of [json, seededRandom(52).bytes(100_000)]) {
      const { file } = await make({ flushSize: 1000 }, [data]);
      for (const { stored } of blocksOf(file).blocks) expect(stored).toBeLessThanOrEqual(1003);
    }
  });
});

describe("several frames", () => {
  test.each<[Layout, number]>([
    [{ frameSize: 10_000 }, Infinity],
    [{ mtu: 1500 }, segmentSize({ mtu: 1500 })],
    [{ mtu: 576 }, segmentSize({ mtu: 576 })],
  ])("%j: bounds, table, version frame and count agree", async (layout, bound) => {
    for (const data of [json, seededRandom(53).bytes(70_000)]) {
      const { file, count } = await make(layout, [data.subarray(0, 30_001), data.subarray(30_001)]);
      const size = seekTableSize(file)!;
      const table = parseSeekTable(file.subarray(file.length - size), file.length)!;
      expect(table.size).toBe(data.length);
      expect(table.frameCount).toBe(count.frameCount + 1);
      const version = findVersionFrame(table)!;
      expect(version).toEqual({
        start: table.compressedSize - VERSION_FRAME_SIZE,
        end: table.compressedSize,
      });
      expect(table.compressedSize + size).toBe(file.length);
      let largest = 0;
      const contents: Uint8Array[] = [];
      for (let index = 0; index < count.frameCount; index++) {
        const { start, end, contentStart, contentEnd } = table.frame(index);
        const frame = file.subarray(start, end);
        expect(walkFrame(file, start, index).end).toBe(end);
        expect(readFrameHeader(frame)).toMatchObject({
          contentSize: contentEnd - contentStart,
          checksum: true,
        });
        largest = Math.max(largest, frame.length);
        // Alone.
        contents.push(zstd.decompress(frame));
      }
      expectBytes(concat(contents), data);
      expect(count.largestFrame).toBe(largest);
      expect(largest).toBeLessThanOrEqual(bound);
      if ("frameSize" in (layout as object)) expect(count.frameCount).toBe(Math.ceil(data.length / 10_000));
    }
  });

  test("of nothing are one empty frame", async () => {
    for (const layout of [{ frameSize: 100 }, { mtu: 1500 }]) {
      const { file, count } = await make(layout, []);
      expect(count.frameCount).toBe(1);
      expect(zstd.decompress(file).length).toBe(0);
    }
  });
});
