import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { readFrameHeader, walkFrame } from "../../../src/format/frame.ts";
import { writeRawBlocks } from "../../../src/format/raw-blocks.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";
import { seededRandom } from "../../support/random.ts";

const KIB = 1024;
const sizes = [
  0,
  1,
  2,
  255,
  256,
  257,
  65791,
  65792,
  128 * KIB - 1,
  128 * KIB,
  128 * KIB + 1,
  256 * KIB,
  1024 * KIB,
];

describe("a stored frame", () => {
  test.each(sizes)("of %i bytes holds them, and our decoder reads it", async (size) => {
    const zstd = await loadZstd();
    const content = seededRandom(size).bytes(size);
    const frame = writeRawBlocks(content);
    expect(readFrameHeader(frame)).toMatchObject({
      type: "frame",
      contentSize: size,
      windowSize: size,
      dictionaryId: 0,
      checksum: false,
    });
    expect(walkFrame(frame, 0, 0).end).toBe(frame.length);
    expect(Buffer.compare(zstd.decompress(frame), content)).toBe(0);
    // At most 9 bytes of header and 3 a block.
    expect(frame.length - size).toBeLessThanOrEqual(9 + 3 * Math.max(1, Math.ceil(size / (128 * KIB))));
  });

  test("does not keep the caller's bytes", () => {
    const content = new Uint8Array([1, 2, 3]);
    const frame = writeRawBlocks(content);
    content.fill(9);
    expect(frame.subarray(-3)).toEqual(new Uint8Array([1, 2, 3]));
  });

  test("of nothing is nine bytes that zstd itself writes", () => {
    expect([...writeRawBlocks(new Uint8Array(0))]).toEqual([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0]);
  });
});

describe.runIf(nativeAvailable())("native zstd", () => {
  const native = useNative();
  test.each(sizes)("reads a stored frame of %i bytes", async (size) => {
    const content = seededRandom(size + 1).bytes(size);
    const frame = writeRawBlocks(content);
    const verdict = await native().decompress(frame);
    expect(verdict).toMatchObject({ ok: true, consumed: frame.length });
    expect(verdict.ok && Buffer.compare(verdict.bytes, content)).toBe(0);
  });
});
