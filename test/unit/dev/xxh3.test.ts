/** XXH3 against the vectors of xxHash's own test, at every length at which it takes another way. */
import { expect, test } from "vitest";
import { xxh3 } from "../../../src/dev/embedded/xxh3.ts";

/** The buffer of xxHash's sanity check (cli/xsum_sanity_check.c). */
function sanityBuffer(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 2654435761n;
  for (let at = 0; at < size; at++) {
    bytes[at] = Number(state >> 56n);
    state = (state * 11400714785074694797n) & 0xffff_ffff_ffff_ffffn;
  }
  return bytes;
}

test.each([
  [0, "2d06800538d394c2"],
  [1, "c44bdff4074eecdb"],
  [6, "27b56a84cd2d7325"],
  [12, "a713daf0dfbb77e7"],
  [24, "a3fe70bf9d3510eb"],
  [48, "397da259ecba1f11"],
  [80, "bcdefbbb2c47c90a"],
  [195, "cd94217ee362ec3a"],
  [403, "cdeb804d65c6dea4"],
  [512, "617e49599013cb6b"],
  [2048, "dd59e2c3a5f038e0"],
  [2240, "6e73a90539cf2948"],
  [2367, "cb37aeb9e5d361ed"],
])("%i bytes", (size, hash) => {
  expect(xxh3(sanityBuffer(size))).toBe(hash);
  // Where the bytes lie does not matter.
  const moved = new Uint8Array(size + 3);
  moved.set(sanityBuffer(size), 3);
  expect(xxh3(moved.subarray(3))).toBe(hash);
});

/** The vectors of LLVM's copy (unittests/Support/xxhashTest.cpp), at the borders between the ways. */
test.each([
  [1, "d0d496e05c553485"],
  [2, "84d625edb7055eac"],
  [3, "6ea2d59aca5c3778"],
  [4, "bf65290914e80242"],
  [5, "c01fd099ad4fc8e4"],
  [8, "abc1413da6cd0209"],
  [9, "8bc89400bfed51f6"],
  [16, "7e46916754d7c9b8"],
  [17, "ed4be912ba5f836d"],
  [32, "f59b59b58c304fd1"],
  [33, "9013fb74ca603e0c"],
  [64, "fa5271fcce0db1c3"],
  [65, "79c42431727f1012"],
  [96, "591ee0ddf9c9ccd1"],
  [97, "8ffc6a3111fe19da"],
  [128, "06a146ee9a2da378"],
  [129, "bc7138129bf065da"],
  [403, "cefeb3ffa532ad8c"],
  [512, "cdfa6b6268e3650f"],
  [513, "4bb5d42742f9765f"],
  [2048, "330ce110cbb79eae"],
  [2049, "3ba6afa0249fef9a"],
  [2240, "d61d4d2a94e926a8"],
  [2243, "0979f786a24edde7"],
])("%i bytes of xorshift", (size, hash) => {
  const bytes = new Uint8Array(2243);
  let state = 1n;
  for (let at = 0; at < bytes.length; at++) {
    state = (state ^ (state << 13n)) & 0xffff_ffff_ffff_ffffn;
    state ^= state >> 7n;
    state = (state ^ (state << 17n)) & 0xffff_ffff_ffff_ffffn;
    bytes[at] = Number(state & 0xffn);
  }
  expect(xxh3(bytes.subarray(0, size))).toBe(hash);
});

test("every byte counts at every length up to 2,000", () => {
  for (let size = 1; size < 2000; size += 7) {
    const bytes = sanityBuffer(size);
    const hash = xxh3(bytes);
    for (const at of [0, size >> 1, size - 1]) {
      bytes[at]! ^= 1;
      expect(xxh3(bytes)).not.toBe(hash);
      bytes[at]! ^= 1;
    }
    expect(xxh3(bytes)).toBe(hash);
  }
});
