/**
 * A seeded random source: the same seed gives the same numbers on every machine and Node version.
 * The generator is Chris Doty-Humphrey's sfc32 (128 bits of state, period at least 2^32).
 *
 * @typedef {object} Random
 * @property {number} seed The seed it was made with: print it when a test fails.
 * @property {() => number} uint32 An integer in [0, 2^32).
 * @property {(limit: number) => number} below An integer in [0, limit), without bias; limit is at most 2^32.
 * @property {(low: number, high: number) => number} logUniform An integer in [low, high], every doubling equally likely; low is at least 1.
 * @property {<T>(items: readonly T[]) => T} pick One item of a list that is not empty.
 * @property {(length: number) => Uint8Array} bytes That many uniform bytes.
 */

const UINT32 = 2 ** 32;

/**
 * Creates a random source from an integer seed in [0, 2^32).
 *
 * @param {number} seed
 * @returns {Random}
 * @throws {RangeError} when the seed is no such integer.
 * @example
 * const random = createRandom(7);
 * random.below(6) + 1;
 */
export function createRandom(seed) {
  if (!Number.isInteger(seed) || seed < 0 || seed >= UINT32) {
    throw new RangeError(`Cannot create a random source: seed is an integer in [0, 2^32), got ${seed}`);
  }
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;

  function uint32() {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  }
  // Neighbouring seeds differ in few bits: 16 rounds spread them over the whole state.
  for (let round = 0; round < 16; round++) uint32();

  /** @param {number} limit */
  function below(limit) {
    if (!Number.isInteger(limit) || limit < 1 || limit > UINT32) {
      throw new RangeError(`Cannot draw a number: limit is an integer in [1, 2^32], got ${limit}`);
    }
    // Numbers at or past the largest multiple of limit would favour the low results.
    const end = UINT32 - (UINT32 % limit);
    let number = uint32();
    while (number >= end) number = uint32();
    return number % limit;
  }

  /** @param {number} low @param {number} high */
  function logUniform(low, high) {
    if (!(Number.isInteger(low) && Number.isInteger(high) && low >= 1 && low <= high)) {
      throw new RangeError(`Cannot draw a length: need 1 <= low <= high, got ${low} and ${high}`);
    }
    const share = uint32() / UINT32;
    const drawn = Math.floor(Math.exp(Math.log(low) + share * (Math.log(high + 1) - Math.log(low))));
    return Math.min(high, Math.max(low, drawn));
  }

  /** @template T @param {readonly T[]} items */
  function pick(items) {
    return items[below(items.length)];
  }

  /** @param {number} length */
  function bytes(length) {
    const result = new Uint8Array(length);
    for (let at = 0; at < length; at++) result[at] = uint32() >>> 24;
    return result;
  }

  return { seed, uint32, below, logUniform, pick, bytes };
}
