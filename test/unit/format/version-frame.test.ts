import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { parseSeekTable, type SeekTableEntry } from "../../../src/format/seek-table.ts";
import { writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import {
  createVersionFrame,
  findVersionFrame,
  VERSION_FRAME_SIZE,
  VERSION_MAGIC,
} from "../../../src/format/version-frame.ts";
import { concat } from "../../support/streams.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

const entry = (compressedSize: number, decompressedSize: number): SeekTableEntry => ({
  compressedSize,
  decompressedSize,
});

describe("a version frame", () => {
  test("is a skippable frame of the size that it says", () => {
    const frame = createVersionFrame();
    expect(frame.length).toBe(VERSION_FRAME_SIZE);
    expect(VERSION_MAGIC).toBe(0x184d2a5a);
    expect([...frame.subarray(0, 8)]).toEqual([0x5a, 0x2a, 0x4d, 0x18, 16, 0, 0, 0]);
    expect(readFrameHeader(frame)).toMatchObject({ type: "skippable" });
  });

  test("differs with every writing", () => {
    const seen = new Set(Array.from({ length: 1000 }, () => createVersionFrame().toString()));
    expect(seen.size).toBe(1000);
  });

  test("is skipped by decoders, ours and the zstd program", async () => {
    const zstd = await loadZstd();
    const data = new TextEncoder().encode("something");
    const file = concat([zstd.compress(data), createVersionFrame()]);
    expect(zstd.decompressText(file)).toBe("something");
    if (zstdCliAvailable()) expect(zstdDecode(file)).toEqual(data);
  });

  const find = (...entries: readonly SeekTableEntry[]): unknown => {
    const table = writeSeekTable(entries);
    const size = entries.reduce((sum, { compressedSize }) => sum + compressedSize, table.length);
    return findVersionFrame(parseSeekTable(table, size)!);
  };

  test("is found as the last entry of a table, where it has its size and no content", () => {
    expect(find(entry(100, 1000), entry(50, 10), entry(24, 0))).toEqual({ start: 150, end: 174 });
    expect(find(entry(24, 0))).toEqual({ start: 0, end: 24 });
  });

  test("is not found in the tables of others", () => {
    expect(find()).toBe(undefined);
    expect(find(entry(100, 1000))).toBe(undefined);
    expect(find(entry(24, 3))).toBe(undefined);
    expect(find(entry(23, 0))).toBe(undefined);
    expect(find(entry(24, 0), entry(100, 1000))).toBe(undefined);
  });
});
