import { beforeAll, describe, expect, test } from "vitest";
import type { Zstd } from "../../../src/codec/zstd.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import {
  CONTENT_SIZE_FIELD,
  releaseContentSize,
  reserveContentSize,
  writeContentSize,
} from "../../../src/format/content-size.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { concat, splitAtRandom, through } from "../../support/streams.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

/** A frame without a content size. */
const streamed = (data: Uint8Array, level = 1): Promise<Uint8Array> =>
  through(zstd.compressStream({ level }), [data]);

describe("a reserved content size", () => {
  test.each([1, 255, 256, 65_791, 65_792, 3_000_000])("of %i bytes is in the header", async (size) => {
    const data = new Uint8Array(size).map((_, at) => (at * at) >> 8);
    const frame = await streamed(data);
    expect(readFrameHeader(frame).contentSize).toBe(undefined);
    const reserved = reserveContentSize(frame)!;
    expect(reserved.bytes.length).toBe(frame.length + CONTENT_SIZE_FIELD);
    writeContentSize(reserved, size);
    const header = readFrameHeader(reserved.bytes);
    expect(header.contentSize).toBe(size);
    expect(header.headerSize).toBe(reserved.at + CONTENT_SIZE_FIELD);
    expect(header.windowSize).toBe(readFrameHeader(frame).windowSize);
    expect(header.checksum).toBe(readFrameHeader(frame).checksum);
    expectBytes(zstd.decompress(reserved.bytes), data);
    expectBytes(releaseContentSize(reserved), frame);
  });

  test("may be any that a number holds exactly", async () => {
    const reserved = reserveContentSize(await streamed(new Uint8Array(1)))!;
    for (const size of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 12_345, Number.MAX_SAFE_INTEGER]) {
      writeContentSize(reserved, size);
      expect(readFrameHeader(reserved.bytes).contentSize).toBe(size);
      const field = new DataView(reserved.bytes.buffer, reserved.at, CONTENT_SIZE_FIELD);
      expect(field.getBigUint64(0, true)).toBe(BigInt(size));
    }
  });

  test.runIf(zstdCliAvailable())("is believed by the zstd program, which refuses a wrong one", async () => {
    const data = new TextEncoder().encode("content ".repeat(10_000));
    const reserved = reserveContentSize(await streamed(data))!;
    writeContentSize(reserved, data.length);
    expectBytes(zstdDecode(reserved.bytes), data);
    writeContentSize(reserved, data.length + 1);
    expect(() => zstd.decompress(reserved.bytes)).toThrow(/Cannot decompress/);
    expect(() => zstdDecode(reserved.bytes)).toThrow(/zstd -d ended with 1/);
  });

  test("is released to the bytes as they were, for any frame and any rest of it", async () => {
    const random = seededRandom(20);
    for (let round = 0; round < 40; round++) {
      const data = random.bytes(random.logUniform(1, 20_000)).map((byte) => byte & 15);
      const level = random.pick([-1, 1, 3, 9, 19]);
      const frame = await streamed(data, level);
      // Only its first bytes are known when the header is written.
      const head = frame.slice(0, random.logUniform(18, Math.max(18, frame.length)));
      const original = head.slice();
      const reserved = reserveContentSize(head)!;
      expectBytes(head, original);
      writeContentSize(reserved, data.length);
      expectBytes(zstd.decompress(concat([reserved.bytes, frame.subarray(head.length)])), data);
      expectBytes(releaseContentSize(reserved), original);
    }
  });

  test("is not for a frame that has one", async () => {
    // A stream that ends before it has begun declares its size.
    expect(reserveContentSize(await streamed(new Uint8Array(0)))).toBe(undefined);
    expect(reserveContentSize(zstd.compress(new Uint8Array(100)))).toBe(undefined);
    expect(reserveContentSize(zstd.compress(new Uint8Array(0)))).toBe(undefined);
  });

  test("is not for what is no frame, or not a whole header", async () => {
    const frame = await streamed(new Uint8Array(100));
    for (const head of [
      frame.slice(0, 5),
      frame.slice(0, 3),
      new Uint8Array(0),
      frame.map((byte) => byte ^ 1),
    ]) {
      expect(() => reserveContentSize(head)).toThrow(expect.objectContaining({ name: "ZstashError" }));
    }
    const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7);
    expect(() => reserveContentSize(skippable)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  });
});

test("a stream in chunks keeps its header in the first ones", async () => {
  const random = seededRandom(21);
  const data = random.bytes(200_000);
  for (const flush of ["ramp", "none", 1000] as const) {
    const frame = await through(zstd.compressStream({ flush }), splitAtRandom(data, random));
    const reserved = reserveContentSize(frame.slice(0, 64))!;
    writeContentSize(reserved, data.length);
    expectBytes(zstd.decompress(concat([reserved.bytes, frame.subarray(64)])), data);
  }
});
