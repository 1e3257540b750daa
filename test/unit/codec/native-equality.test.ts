// Compressed bytes equal native zstd 1.5.7's, and each side reads the other's frames.
import { decompress as peerDecompress, compress as peerCompress, init as initPeer } from "@bokuweb/zstd-wasm";
import { beforeAll, describe, expect, test } from "vitest";
import { slices } from "../../../bench/corpus.mjs";
import { loadDecoder } from "../../../src/decode.ts";
import type { Decoder } from "../../../src/decode.ts";
import { loadZstd } from "../../../src/index.ts";
import type { Zstd } from "../../../src/index.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";

// Node's zlib cannot be told level -1: that value means "not set" there, and it compresses at 3. A C program linked
// with zstd 1.5.7 gave the same bytes as ours at level -1.
const levels = Array.from({ length: 27 }, (_, at) => at - 7).filter((level) => level !== -1);
const SEED = 20_261_124;

let zstd: Zstd;
let decoder: Decoder;
beforeAll(async () => {
  [zstd, decoder] = await Promise.all([loadZstd(), loadDecoder()]);
});

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe.runIf(nativeAvailable())("native zstd 1.5.7", () => {
  const native = useNative();

  // 600 slices, each at one level: 23 at every level, both with a checksum and without.
  const cells = slices(SEED, 600).map((slice, at) => ({
    ...slice,
    level: levels[at % levels.length]!,
    checksum: Math.floor(at / levels.length) % 3 !== 0,
  }));

  test("600 slices of real data over every level: equal bytes, and each reads the other's", async () => {
    const differing: string[] = [];
    let bytes = 0;
    for (const { name, start, end, bytes: data, level, checksum } of cells) {
      const about = `${name}[${start}, ${end}) at level ${level}, checksum ${checksum}`;
      const ours = zstd.compress(data, { level, checksum });
      const theirs = await native().compress(data, level, { checksum });
      if (!same(ours, theirs)) differing.push(about);
      const verdict = await native().decompress(ours);
      expect(verdict.ok && same(verdict.bytes, data), `native reads ${about}`).toBe(true);
      const limits = { maxSize: data.length };
      expect(same(zstd.decompress(theirs, limits), data), `zstd reads ${about}`).toBe(true);
      expect(same(decoder.decompress(theirs, limits), data), `the decoder reads ${about}`).toBe(true);
      bytes += data.length;
    }
    expect(differing).toEqual([]);
    expect(new Set(cells.map(({ level }) => level)).size).toBe(26);
    expect(bytes).toBeGreaterThan(5_000_000);
  });

  test("60 slices at all levels each", async () => {
    const differing: string[] = [];
    for (const { name, start, end, bytes } of slices(SEED + 1, 60, { maxLength: 32 << 10 })) {
      for (const level of levels) {
        if (!same(zstd.compress(bytes, { level }), await native().compress(bytes, level))) {
          differing.push(`${name}[${start}, ${end}) at level ${level}`);
        }
      }
    }
    expect(differing).toEqual([]);
  });

  test("levels 20…22, where the window is largest", async () => {
    for (const { bytes } of slices(SEED + 2, 3, { minLength: 20_000, maxLength: 100_000 })) {
      for (const level of [20, 21, 22]) {
        expect(same(zstd.compress(bytes, { level }), await native().compress(bytes, level)), `${level}`).toBe(
          true,
        );
      }
    }
  });

  test("strings: the frame of a string is that of its UTF-8", async () => {
    for (const { bytes } of slices(SEED + 3, 100)) {
      const text = new TextDecoder().decode(bytes);
      const encoded = new TextEncoder().encode(text);
      expect(same(zstd.compress(text, { level: 3 }), await native().compress(encoded, 3))).toBe(true);
    }
  });

  test("sizes around blocks and windows", async () => {
    const [{ bytes: data } = { bytes: new Uint8Array() }] = slices(SEED + 4, 1, {
      minLength: 256 << 10,
      maxLength: 256 << 10,
    });
    expect(data.length).toBe(256 << 10);
    for (const edge of [0, 1 << 10, 1 << 14, 1 << 16, 1 << 17, (1 << 18) - 1]) {
      for (const size of [edge - 1, edge, edge + 1].filter((size) => size >= 0)) {
        const part = data.subarray(0, size);
        for (const level of [-7, 1, 3, 6, 13]) {
          const theirs = await native().compress(part, level);
          expect(same(zstd.compress(part, { level }), theirs), `${size} bytes at level ${level}`).toBe(true);
        }
      }
    }
  });

  test("advanced parameters", async () => {
    for (const [at, { bytes }] of slices(SEED + 5, 54).entries()) {
      const strategy = 1 + (at % 9);
      const windowLog = 10 + (at % 13);
      const parameters = { ZSTD_c_strategy: strategy, ZSTD_c_windowLog: windowLog };
      const theirs = await native().compress(bytes, 5, { parameters });
      const ours = zstd.compress(bytes, { level: 5, parameters: { strategy, windowLog } });
      expect(same(ours, theirs), `strategy ${strategy}, windowLog ${windowLog}`).toBe(true);
      expect(same(zstd.decompress(theirs, { maxSize: bytes.length }), bytes)).toBe(true);
    }
  });

  test("frames that do not declare their size", async () => {
    for (const { bytes } of slices(SEED + 6, 60)) {
      const frame = await native().compress(bytes, 3, { parameters: { ZSTD_c_contentSizeFlag: 0 } });
      expect(same(zstd.decompress(frame, { maxSize: bytes.length }), bytes)).toBe(true);
      expect(same(decoder.decompress(frame, { maxSize: bytes.length }), bytes)).toBe(true);
    }
  });
});

describe("@bokuweb/zstd-wasm", () => {
  beforeAll(() => initPeer());

  test("each reads the other's frames, at every level", () => {
    for (const [at, { bytes }] of slices(SEED + 7, 300).entries()) {
      // Its API takes levels from 1 on; for no bytes at all it has no frame.
      const level = 1 + (at % 19);
      expect(same(peerDecompress(zstd.compress(bytes, { level: (at % 27) - 7 })), bytes)).toBe(true);
      const theirs = peerCompress(bytes, level);
      expect(same(zstd.decompress(theirs), bytes)).toBe(true);
      expect(same(decoder.decompress(theirs), bytes)).toBe(true);
    }
  });
});
