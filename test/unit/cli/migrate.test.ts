/** Parts of the migration that do no I/O: LZ4, other schemes, sizes of options, and the pace. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { Pace } from "../../../src/cli/keyspace/pace.ts";
import { decodeLz4Block } from "../../../src/cli/migrate/lz4.ts";
import { decodeScheme, SCHEMES, type Scheme } from "../../../src/cli/migrate/schemes.ts";
import { seededRandom } from "../../support/random.ts";

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Buffer.concat(
      parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([...part]))),
    ),
  );

describe("a block of LZ4", () => {
  test.each([
    ["literals alone", bytes([0x50], "hello"), "hello"],
    ["a match that overlaps itself", bytes([0x1f], "a", [1, 0, 1], [0x10], "b"), `${"a".repeat(21)}b`],
    ["a match before the last literals", bytes([0x44], "abcd", [4, 0], [0x50], "vwxyz"), "abcdabcdabcdvwxyz"],
    ["more than 15 literals", bytes([0xf0, 5], "x".repeat(20)), "x".repeat(20)],
    ["more than 270 literals", bytes([0xf0, 255, 10], "y".repeat(280)), "y".repeat(280)],
  ])("%s", (_, block, text) => {
    expect(Buffer.from(decodeLz4Block(block, text.length) ?? []).toString()).toBe(text);
    expect(decodeLz4Block(block, text.length + 1)).toBe(undefined);
    expect(decodeLz4Block(block, text.length - 1)).toBe(undefined);
    for (let end = 0; end < block.length; end++)
      expect(decodeLz4Block(block.subarray(0, end), text.length)).toBe(undefined);
  });

  test.each([
    ["an offset of 0", bytes([0x14], "a", [0, 0], [0x10], "b")],
    ["an offset before the start", bytes([0x14], "a", [2, 0], [0x10], "b")],
    ["nothing", bytes()],
  ])("%s is none", (_, block) => {
    expect(decodeLz4Block(block, 9)).toBe(undefined);
  });

  test("noise neither throws nor writes beyond the size", () => {
    const random = seededRandom(9);
    for (let round = 0; round < 5000; round++)
      decodeLz4Block(random.bytes(random.below(60)), random.below(200));
  });
});

describe("other schemes", () => {
  const all = new Set<Scheme>(SCHEMES);
  const text = "the same words again and again ".repeat(50);

  test("each by itself, and no other", async () => {
    const zstd = await loadZstd();
    const tools = { zstd, maxSize: 10_000 };
    const values: Readonly<Record<Scheme, Uint8Array>> = {
      gzip: gzipSync(text),
      deflate: deflateSync(text),
      brotli: brotliCompressSync(text),
      "base64-gzip": Buffer.from(gzipSync(text).toString("base64")),
      glide: bytes([0, 1, 2, 0, 1], [...zstd.compress(text)]),
    };
    for (const scheme of SCHEMES) {
      const value = values[scheme];
      expect(Buffer.from(decodeScheme(value, new Set([scheme]), tools) ?? []).toString(), scheme).toBe(text);
      expect(Buffer.from(decodeScheme(value, all, tools) ?? []).toString(), scheme).toBe(text);
      for (const other of SCHEMES.filter((one) => one !== scheme && one !== "brotli"))
        expect(decodeScheme(value, new Set([other]), tools), `${scheme} as ${other}`).toBe(undefined);
      // A content above the bound, a cut and a flipped bit: it stays as it is.
      expect(decodeScheme(value, all, { zstd, maxSize: 100 }), scheme).toBe(undefined);
      expect(decodeScheme(value.subarray(0, -3), new Set([scheme]), tools), scheme).toBe(undefined);
    }
  });

  test("text and noise are in none of them, nor is deflate without a header", async () => {
    const tools = { zstd: await loadZstd(), maxSize: 1 << 20 };
    const marked = new Set<Scheme>(SCHEMES.filter((scheme) => scheme !== "brotli"));
    expect(decodeScheme(deflateRawSync(text), marked, tools)).toBe(undefined);
    expect(decodeScheme(Buffer.from(text), all, tools)).toBe(undefined);
    const random = seededRandom(10);
    for (let round = 0; round < 2000; round++)
      expect(decodeScheme(random.bytes(1 + random.below(100)), marked, tools)).toBe(undefined);
  });
});

test("a pace holds up what comes too soon, and makes up for nothing", async () => {
  const pace = new Pace(1000);
  const start = performance.now();
  await pace.take(50);
  await pace.take(50);
  await pace.take(1);
  expect(performance.now() - start).toBeGreaterThan(95);
  const free = new Pace(0);
  for (let index = 0; index < 1000; index++) await free.take(1_000_000);
});
