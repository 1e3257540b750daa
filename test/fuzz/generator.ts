/** Seeded contents, layouts and damage for the differential fuzzer. */
import { createRandom } from "../../bench/corpus/random.mjs";
import type { Random } from "../../bench/corpus/random.mjs";
import type { CompressStreamOptions } from "../../src/index.ts";

export { createRandom };
export type { Random };

const words = 'id name tags value true false null 2026-11-24 Ada Grace {}[]:,"\n'.split(" ");
const encoder = new TextEncoder();

function text(random: Random, size: number): Uint8Array {
  let result = "";
  while (result.length < size) result += random.pick(words) + random.below(100);
  return encoder.encode(result).subarray(0, size);
}

/** Copies of itself at random distances: sequences with every kind of offset. */
function copies(random: Random, size: number): Uint8Array {
  const result = random.bytes(size);
  for (let at = 16; at < size;) {
    const length = Math.min(size - at, random.logUniform(3, 300));
    const from = random.below(at);
    for (let index = 0; index < length; index++) result[at + index] = result[from + index]!;
    at += length + random.below(20);
  }
  return result;
}

const kinds: readonly ((random: Random, size: number) => Uint8Array)[] = [
  text,
  copies,
  (random, size) => random.bytes(size),
  (random, size) => new Uint8Array(size).fill(random.below(256)),
  // Few symbols: Huffman trees of every shape.
  (random, size) => random.bytes(size).map((byte) => byte % (2 + (size % 11))),
];

/** Content of 0 to `most` bytes, of one to three kinds. */
export function content(random: Random, most: number): Uint8Array {
  if (random.below(50) === 0) return new Uint8Array(0);
  const result = new Uint8Array(random.logUniform(1, most));
  for (let at = 0; at < result.length;) {
    const size = random.below(3) === 0 ? random.below(result.length - at + 1) : result.length - at;
    result.set(random.pick(kinds)(random, size), at);
    at += size;
  }
  return result;
}

/** Options of a compression stream, all of them at times. */
export function layout(random: Random, size: number): CompressStreamOptions {
  const base = { level: random.pick([-7, -1, 1, 1, 1, 2, 3, 4, 5, 7, 9]), checksum: random.below(4) > 0 };
  const parameters = random.below(4) === 0 ? { windowLog: 10 + random.below(9) } : undefined;
  const common = { ...base, ...(parameters === undefined ? {} : { parameters }) };
  if (random.below(4) === 0) {
    const frameSize = random.logUniform(Math.max(1, size >> 4), Math.max(2, size * 2));
    return { ...common, frameSize, seekTable: random.below(2) === 0 };
  }
  return {
    ...common,
    ...(random.below(2) === 0 ? { contentSize: size } : {}),
    flush: random.pick(["ramp", "none", random.logUniform(Math.max(1, size >> 6), 131_072)] as const),
    ...(random.below(8) === 0 ? { targetCBlockSize: random.logUniform(1340, 131_072) } : {}),
  };
}

/** The data in chunks, some of one byte, some empty. */
export function split(random: Random, data: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const least = Math.max(1, data.length >> 5);
  for (let at = 0; at < data.length;) {
    if (random.below(8) === 0) chunks.push(new Uint8Array(0));
    const size = random.below(8) === 0 ? 1 : random.logUniform(1, Math.max(2, least * 16));
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** A damaged copy: bits, bytes, lengths, order; seldom nothing at all. */
export function damage(random: Random, frame: Uint8Array): Uint8Array {
  const result = frame.slice();
  // Half of the damage goes to the first bytes: headers are where lengths live.
  const place = (): number =>
    random.below(result.length > 24 && random.below(2) === 0 ? 24 : Math.max(1, result.length));
  for (let count = random.logUniform(1, 4); count > 0 && result.length > 0; count--) {
    const at = place();
    switch (random.below(5)) {
      case 0:
        result[at]! ^= 1 << random.below(8);
        break;
      case 1:
        result[at] = random.below(256);
        break;
      case 2:
        result[at] = random.pick([0, 1, 127, 128, 255]);
        break;
      case 3:
        result.copyWithin(at, place(), Math.min(result.length, place() + random.below(8)));
        break;
      default:
        result.fill(random.below(256), at, at + random.below(5));
    }
  }
  return random.below(8) === 0 ? result.subarray(0, random.below(result.length + 1)) : result;
}
