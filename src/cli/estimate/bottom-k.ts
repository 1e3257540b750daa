/**
 * Draws keys at random from a stream of unknown length: it keeps those with the lowest hashes, so that each counts
 * once.
 */

/** A key that was drawn, and its hash, by which smaller samples of the sample are drawn too. */
export interface Drawn {
  readonly key: string;
  readonly hash: number;
}

/**
 * A uniform sample without replacement of at most `size` keys. A key that comes twice counts once, and the same keys
 * and seed give the same sample in any order.
 */
export class BottomK {
  readonly #size: number;
  readonly #seed: number;
  #kept: Drawn[] = [];
  #limit = Infinity;

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  add(key: string): void {
    const hash = hashOfKey(key, this.#seed);
    if (hash > this.#limit) return;
    this.#kept.push({ key, hash });
    if (this.#kept.length >= 2 * this.#size) this.#cut();
  }

  /** The sample, in the order of the hashes. */
  get drawn(): readonly Drawn[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort((a, b) => a.hash - b.hash);
    this.#kept = this.#kept.filter(({ key }, index, all) => key !== all[index - 1]?.key).slice(0, this.#size);
    if (this.#kept.length === this.#size) this.#limit = this.#kept.at(-1)!.hash;
  }
}

/**
 * A hash of 53 bits, each of which depends on the whole key: two lanes of FNV-1a, mixed by the last step of
 * MurmurHash3.
 */
export function hashOfKey(key: string, seed: number): number {
  let low = 0x811c9dc5 ^ seed;
  let high = 0x01000193 ^ Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 13);
  }
  return (mix(low ^ (high >>> 16)) >>> 0) * 2 ** 21 + (mix(high ^ low) >>> 11);
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
