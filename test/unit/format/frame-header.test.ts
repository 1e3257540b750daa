// readFrameHeader against a reading of RFC 8878 written for this test, on random headers and on real frames.
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { slices } from "../../../bench/corpus.mjs";
import { readFrameHeader, ZstashError } from "../../../src/index.ts";
import type { FrameHeader } from "../../../src/index.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";
import { seededRandom } from "../../support/random.ts";

/** The header in the words of RFC 8878 §3.1.1.1, or the code of what is wrong with it. */
function reference(data: Uint8Array): Omit<FrameHeader, "type"> | "TRUNCATED" | "CORRUPT" {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 5) return "TRUNCATED";
  const frameHeaderDescriptor = view.getUint8(4);
  const bits = frameHeaderDescriptor.toString(2).padStart(8, "0");
  const fcsFieldSize = { "00": bits[2] === "1" ? 1 : 0, "01": 2, "10": 4, "11": 8 }[bits.slice(0, 2)]!;
  const didFieldSize = { "00": 0, "01": 1, "10": 2, "11": 4 }[bits.slice(6)]!;
  const windowFieldSize = bits[2] === "1" ? 0 : 1;
  const headerSize = 5 + windowFieldSize + didFieldSize + fcsFieldSize;
  if (bits[4] === "1") return "CORRUPT";
  if (data.length < headerSize) return "TRUNCATED";
  const field = (at: number, size: number): number =>
    Number(data.subarray(at, at + size).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
  const fcs = field(headerSize - fcsFieldSize, fcsFieldSize);
  const contentSize = fcsFieldSize === 0 ? undefined : fcsFieldSize === 2 ? fcs + 256 : fcs;
  const exponent = view.getUint8(5) >> 3;
  const mantissa = view.getUint8(5) & 7;
  const windowBase = 2 ** (10 + exponent);
  return {
    contentSize,
    windowSize: windowFieldSize === 0 ? contentSize! : windowBase + (windowBase / 8) * mantissa,
    dictionaryId: field(5 + windowFieldSize, didFieldSize),
    checksum: bits[5] === "1",
    headerSize,
  };
}

describe("random headers", () => {
  test("100,000 of them read as the RFC says", () => {
    const random = seededRandom(31);
    let exact = 0;
    for (let count = 0; count < 100_000; count++) {
      const data = random.bytes(4 + random.below(16));
      data.set([0x28, 0xb5, 0x2f, 0xfd]);
      const expected = reference(data);
      const about = Buffer.from(data).toString("hex");
      if (typeof expected === "object") {
        const read = readFrameHeader(data);
        // Exact up to 2^53; past that, to the last bit of a double.
        if (Number.isSafeInteger(expected.windowSize) && Number.isSafeInteger(expected.contentSize ?? 0)) {
          // `expect` takes ten times as long as what it judges here.
          if (!isDeepStrictEqual(read, { type: "frame", ...expected })) {
            expect(read, about).toEqual({ type: "frame", ...expected });
          }
          exact++;
        } else {
          expect(read.contentSize! / expected.contentSize!, about).toBeCloseTo(1, 14);
          const rest = { contentSize: 0, windowSize: 0 };
          expect({ ...read, ...rest }, about).toEqual({ type: "frame", ...expected, ...rest });
        }
        continue;
      }
      // A reserved bit in a header that is cut short is both.
      const codes = expected === "CORRUPT" ? ["CORRUPT", "TRUNCATED"] : ["TRUNCATED"];
      const code = codeOf(() => readFrameHeader(data));
      if (!codes.includes(code)) expect(codes, about).toContain(code);
    }
    expect(exact).toBeGreaterThan(20_000);
  });

  test("whatever the bytes, it reads or throws a ZstashError", () => {
    const random = seededRandom(32);
    const codes = new Set<string>();
    for (let count = 0; count < 100_000; count++) {
      const data = random.bytes(random.below(20));
      if (count % 3 === 0 && data.length >= 4) data.set([0x50 + random.below(16), 0x2a, 0x4d, 0x18]);
      codes.add(codeOf(() => readFrameHeader(data)));
    }
    expect(["none", "NOT_ZSTD", "TRUNCATED", "CORRUPT"]).toEqual(expect.arrayContaining([...codes]));
    expect(codes.size).toBeGreaterThan(2);
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    if (error instanceof ZstashError) return error.code;
    throw error;
  }
}

describe.runIf(nativeAvailable())("frames of native zstd", () => {
  const native = useNative();

  test("windows, sizes and checksums are as they were asked for", async () => {
    for (const [at, { bytes }] of slices(33, 120).entries()) {
      const windowLog = 10 + (at % 18);
      const declared = at % 2;
      const checksum = at % 3 !== 0;
      const frame = await native().compress(bytes, 1, {
        checksum,
        parameters: { ZSTD_c_windowLog: windowLog, ZSTD_c_contentSizeFlag: declared },
      });
      const header = readFrameHeader(frame);
      expect(header).toEqual({ type: "frame", ...(reference(frame) as object) });
      expect(header.contentSize).toBe(declared ? bytes.length : undefined);
      expect(header.checksum).toBe(checksum);
      if (declared === 0) expect(header.windowSize).toBeLessThanOrEqual(2 ** windowLog);
    }
  });
});
