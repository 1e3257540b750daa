/** Sizes of pieces, and cutting chunks of any size into them. */
import { describe, expect, test } from "vitest";
import { PieceCutter, pieceSizeAt, type Piece, type PieceSizes } from "../../../src/store/piece-cutter.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { concat, splitAtRandom } from "../../support/streams.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;
const growing: PieceSizes = { fixed: undefined, first: 64 * KIB };

/** Sizes of the pieces of a value, without the value. */
function sizesOf(size: number, sizes: PieceSizes): number[] {
  const pieces: number[] = [];
  for (let at = 0; at < size; at += pieces.at(-1)!) pieces.push(Math.min(pieceSizeAt(at, sizes), size - at));
  return pieces;
}

function cut(chunks: Iterable<Uint8Array>, sizes: PieceSizes): Piece[] {
  const cutter = new PieceCutter(sizes);
  const pieces: Piece[] = [];
  let size = 0;
  for (const chunk of chunks) {
    pieces.push(...cutter.push(chunk));
    size += chunk.length;
    if (cutter.size !== size) expect.fail(`the cutter has taken ${cutter.size} bytes of ${size}`);
  }
  const last = cutter.finish();
  expect(cutter.finish()).toBe(undefined);
  return last === undefined ? pieces : [...pieces, last];
}

describe("sizes of pieces", () => {
  test("let 100 MB pass in the 50 requests of a Worker", () => {
    // Besides its pieces, an upload creates a key, renews it and publishes it.
    for (const size of [100e6, 100 * MIB]) expect(sizesOf(size, growing).length).toBeLessThanOrEqual(45);
    expect(sizesOf(100e6, growing).length).toBe(36);
  });

  test("grow from 256 KiB to 8 MiB, behind a first piece that is small", () => {
    const pieces = sizesOf(500 * MIB, growing);
    expect(pieces.slice(0, 2)).toEqual([64 * KIB, 256 * KIB]);
    const whole = pieces.slice(0, -1);
    for (const [index, size] of whole.entries()) expect(size).toBeGreaterThanOrEqual(whole[index - 1] ?? 0);
    expect(whole.at(-1)).toBe(8 * MIB);
    expect(Math.max(...pieces)).toBe(8 * MIB);
  });

  test("are what is asked for", () => {
    expect(sizesOf(5500, { fixed: 1000, first: 1000 })).toEqual([1000, 1000, 1000, 1000, 1000, 500]);
    expect(sizesOf(2500, { fixed: 1000, first: 64 })).toEqual([64, 1000, 1000, 436]);
  });
});

describe("pieces", () => {
  test("are the same however the value comes", () => {
    const random = seededRandom(30);
    for (let round = 0; round < 60; round++) {
      const data = random.bytes(random.logUniform(1, (3 * MIB) / 4) - 1);
      const fixed = random.below(2) === 0 ? undefined : random.logUniform(1, 100_000);
      const sizes = { fixed, first: random.logUniform(1, 64 * KIB) };
      const chunks = splitAtRandom(data, random, random.logUniform(1, 1 + data.length));
      const pieces = cut(chunks.length > 5000 ? [data] : chunks, sizes);
      expectBytes(concat(pieces.map(({ bytes }) => bytes)), data);
      expect(pieces.map(({ bytes }) => bytes.length)).toEqual(sizesOf(data.length, sizes));
      let at = 0;
      for (const { offset, bytes } of pieces) {
        expect(offset).toBe(at);
        at += bytes.length;
      }
    }
  });

  test("come as soon as they are full", () => {
    const cutter = new PieceCutter({ fixed: 4, first: 2 });
    expect([...cutter.push(Uint8Array.of(1))]).toEqual([]);
    expect([...cutter.push(Uint8Array.of(2))]).toEqual([{ offset: 0, bytes: Uint8Array.of(1, 2) }]);
    expect([...cutter.push(new Uint8Array(0))]).toEqual([]);
    expect([...cutter.push(new Uint8Array(9))].map(({ offset }) => offset)).toEqual([2, 6]);
    expect(cutter.finish()).toEqual({ offset: 10, bytes: new Uint8Array(1) });
  });

  test("are copies: whoever owns a chunk may use it again", () => {
    const chunk = Uint8Array.of(1, 2, 3, 4);
    const [piece] = new PieceCutter({ fixed: 4, first: 4 }).push(chunk);
    chunk.fill(9);
    expect([...piece!.bytes]).toEqual([1, 2, 3, 4]);
  });

  test("of nothing are none", () => {
    expect(cut([], growing)).toEqual([]);
    expect(cut([new Uint8Array(0)], growing)).toEqual([]);
  });
});
