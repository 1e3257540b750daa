// What damaged frames come to: the same as in native zstd 1.5.7, verdict and bytes.
//
// `ZSTASH_WASM=<path of a .wasm>` judges another build of zstash.wasm; one without the 64-bit patch of
// wasm/patches.mjs fails the first test.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { slices } from "../../../bench/corpus.mjs";
import { loadDecoder } from "../../../src/decode.ts";
import type { Decoder } from "../../../src/decode.ts";
import { loadZstd, ZstashError } from "../../../src/index.ts";
import type { Zstd, ZstashErrorCode } from "../../../src/index.ts";
import { nativeAvailable, useNative } from "../../support/native.ts";
import type { NativeVerdict, NativeZstd } from "../../support/native.ts";
import { seededRandom } from "../../support/random.ts";
import type { Random } from "../../support/random.ts";

const MAX_SIZE = 64 << 20;

let zstd: Zstd;
let decoder: Decoder;
beforeAll(async () => {
  const path = process.env["ZSTASH_WASM"];
  zstd = await (path ? loadZstd({ module: readFileSync(path) }) : loadZstd());
  decoder = await loadDecoder();
});

type Damage = (frame: Uint8Array, random: Random) => Uint8Array;

const damages: readonly (readonly [name: string, damage: Damage])[] = [
  ["one bit", (frame, random) => changed(frame, random, 1, (byte) => byte ^ (1 << random.below(8)))],
  ["some bits", (frame, random) => changed(frame, random, 8, (byte) => byte ^ (1 << random.below(8)))],
  ["one byte", (frame, random) => changed(frame, random, 1, () => random.below(256))],
  ["some bytes", (frame, random) => changed(frame, random, 6, () => random.below(256))],
  ["behind the header", (frame, random) => changedNearStart(frame, random)],
  ["a cut", (frame, random) => frame.subarray(0, random.below(frame.length))],
  ["a byte missing", (frame, random) => spliced(frame, random.below(frame.length), 1, new Uint8Array(0))],
  ["bytes inserted", (frame, random) => spliced(frame, random.below(frame.length), 0, random.bytes(3))],
  ["a run copied over another", (frame, random) => copiedOver(frame, random)],
];

function changed(
  frame: Uint8Array,
  random: Random,
  most: number,
  change: (byte: number) => number,
): Uint8Array {
  const copy = frame.slice();
  for (let left = 1 + random.below(most); left > 0; left--) {
    const at = random.below(copy.length);
    copy[at] = change(copy[at]!);
  }
  return copy;
}

/** The tables of a compressed block lie at its beginning: where one wrong bit does most. */
function changedNearStart(frame: Uint8Array, random: Random): Uint8Array {
  const copy = frame.slice();
  const at = Math.min(copy.length - 1, 4 + random.below(60));
  copy[at] = random.below(256);
  return copy;
}

function spliced(frame: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([frame.subarray(0, at), insert, frame.subarray(at + remove)]));
}

function copiedOver(frame: Uint8Array, random: Random): Uint8Array {
  const copy = frame.slice();
  const length = 1 + random.below(Math.min(32, copy.length));
  const from = random.below(copy.length - length + 1);
  copy.copyWithin(random.below(copy.length - length + 1), from, from + length);
  return copy;
}

/**
 * Where the first frame of the data ends by its block headers (RFC 8878 §3.1.1), or undefined where there is no whole
 * frame. Written here and not taken from what is tested.
 */
function firstFrameEnd(data: Uint8Array): number | undefined {
  if (data.length < 5 || Buffer.from(data).readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const descriptor = data[4]!;
  const single = (descriptor >> 5) & 1;
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6]!;
  let at = 5 + (1 - single) + [0, 1, 2, 4][descriptor & 3]! + sizeBytes;
  for (let last = 0; last === 0;) {
    if (at + 3 > data.length) return undefined;
    const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    const type = (header >> 1) & 3;
    at += 3 + (type === 1 ? 1 : header >> 3);
    last = header & 1;
  }
  at += (descriptor >> 2) & 1 ? 4 : 0;
  return at <= data.length ? at : undefined;
}

type Verdict = { readonly bytes: Uint8Array } | { readonly code: ZstashErrorCode };

/** Only a ZstashError is a verdict; anything else is thrown on. */
function verdictOf(judge: Decoder, data: Uint8Array): Verdict {
  try {
    return { bytes: judge.decompress(data, { maxSize: MAX_SIZE }) };
  } catch (error) {
    if (error instanceof ZstashError) return { code: error.code };
    throw error;
  }
}

function show(verdict: Verdict | NativeVerdict): string {
  return "bytes" in verdict ? `${verdict.bytes.length} bytes` : verdict.code;
}

function agree(ours: Verdict, theirs: NativeVerdict): boolean {
  if (!("bytes" in ours)) return !theirs.ok;
  return theirs.ok && Buffer.compare(ours.bytes, theirs.bytes) === 0;
}

/** Codes of ours for zstd's own, for a frame whose end was found. */
const codesFor: Readonly<Record<string, readonly ZstashErrorCode[]>> = {
  ZSTD_error_checksum_wrong: ["CHECKSUM_MISMATCH"],
  ZSTD_error_dictionary_wrong: ["DICTIONARY_UNKNOWN"],
  ZSTD_error_prefix_unknown: ["NOT_ZSTD"],
  ZSTD_error_corruption_detected: ["CORRUPT"],
  // The room is what the header declares, for it is below the limit: the blocks hold more.
  ZSTD_error_dstSize_tooSmall: ["CORRUPT"],
  ZSTD_error_frameParameter_unsupported: ["CORRUPT"],
  ZSTD_error_frameParameter_windowTooLarge: ["WINDOW_LIMIT", "CORRUPT"],
  // Where a block asks for tables that only a dictionary could have given.
  ZSTD_error_dictionary_corrupted: ["CORRUPT"],
  // The frame is whole: what ends too early is a part of a block.
  ZSTD_error_srcSize_wrong: ["CORRUPT"],
};

interface Damaged {
  readonly about: string;
  readonly data: Uint8Array;
  /** The exact first frame, or undefined where the damage left no whole one. */
  readonly end: number | undefined;
}

/** Damaged frames of real data, over all levels: every fourth has a checksum, every third does not say its size. */
async function damagedFrames(random: Random, count: number, native: NativeZstd): Promise<Damaged[]> {
  const frames: Damaged[] = [];
  for (const [at, { name, start, end, bytes }] of slices(random.seed, count, {
    maxLength: 24 << 10,
  }).entries()) {
    const level = random.below(27) - 7;
    const checksum = at % 4 === 0;
    const whole =
      at % 3 === 0
        ? await native.compress(bytes, level, { checksum, parameters: { ZSTD_c_contentSizeFlag: 0 } })
        : zstd.compress(bytes, { level, checksum });
    const [kind, damage] = random.pick(damages);
    const data = damage(whole, random);
    const about = `${at}: ${name}[${start}, ${end}) at level ${level}, ${kind}`;
    frames.push({ about, data, end: firstFrameEnd(data) });
  }
  return frames;
}

describe.runIf(nativeAvailable())("4,000 damaged frames", () => {
  const native = useNative();

  test("verdict and bytes equal native's", async () => {
    const random = seededRandom(4000);
    const differing: string[] = [];
    const tally = { value: 0, error: 0, whole: 0, moved: 0 };
    for (const { about, data, end } of await damagedFrames(random, 4000, native())) {
      // Node's zlib ignores what follows the first frame, so both sides get exactly that frame. Where the damage
      // left no whole frame, both get everything, and neither may make a value of it.
      const input = end === undefined ? data : data.subarray(0, end);
      const theirs = await native().decompress(input, {
        maxOutput: MAX_SIZE,
        windowLogMax: 31,
        frames: "first",
      });
      for (const [name, judge] of [
        ["zstd", zstd],
        ["decoder", decoder],
      ] as const) {
        const ours = verdictOf(judge, input);
        if (!agree(ours, theirs)) differing.push(`${about}: ${name} ${show(ours)}, native ${show(theirs)}`);
        if (!theirs.ok && end !== undefined && "code" in ours) {
          const expected = codesFor[theirs.code] ?? [];
          if (!expected.includes(ours.code)) {
            differing.push(`${about}: ${name} ${ours.code}, native ${theirs.code}`);
          }
        }
        if (end === undefined) expect(ours, about).toHaveProperty("code");
        // Where it moved the end of the frame to before the end of the input, the whole input has trailing bytes: an
        // error, even where the first frame alone is good.
        if (end !== undefined && end < data.length)
          expect(verdictOf(judge, data), about).toHaveProperty("code");
      }
      tally[theirs.ok ? "value" : "error"]++;
      if (end !== undefined) tally[end < data.length ? "moved" : "whole"]++;
    }
    expect(differing).toEqual([]);
    // The damage is of every sort: much that decodes all the same, much that does not, frames that moved.
    expect(tally.value).toBeGreaterThan(400);
    expect(tally.error).toBeGreaterThan(1500);
    expect(tally.whole).toBeGreaterThan(1500);
    expect(tally.moved).toBeGreaterThan(50);
  });
});

describe("damaged frames", () => {
  test("with a checksum never decode to a wrong value", () => {
    const random = seededRandom(4001);
    for (const [at, { bytes }] of slices(4001, 600, { maxLength: 8 << 10 }).entries()) {
      const frame = zstd.compress(bytes, { level: (at % 27) - 7 });
      const damaged = damages[at % damages.length]![1](frame, random);
      for (const judge of [zstd, decoder]) {
        const verdict = verdictOf(judge, damaged);
        // A cut of nothing, or a byte set to what it was, is no damage.
        if ("bytes" in verdict) expect(Buffer.compare(verdict.bytes, bytes), `${at}`).toBe(0);
        expect(verdictOf(judge, frame)).toHaveProperty("bytes");
      }
    }
  });

  test("the walk of this test finds the end of good frames", () => {
    for (const { bytes } of slices(4002, 200)) {
      const frame = zstd.compress(bytes, { checksum: bytes.length % 2 === 0 });
      expect(firstFrameEnd(frame)).toBe(frame.length);
      expect(firstFrameEnd(frame.subarray(0, -1))).toBeUndefined();
      expect(firstFrameEnd(new Uint8Array(Buffer.concat([frame, frame])))).toBe(frame.length);
    }
  });
});
