/**
 * A random sample of items that come one after another, bounded in number and bytes, when nobody knows beforehand how
 * many will come.
 */

/** The limits of a sample. */
export interface SampleBounds {
  readonly count: number;
  readonly size: number;
}

interface Entry<Item> {
  readonly priority: number;
  readonly size: number;
  readonly item: Item;
}

/** How far the bounds may be exceeded before the entries are sorted: each sorting removes a fifth. */
const SLACK = 1.25;

/**
 * Keeps the items of lowest priority that fit the bounds. If priorities are random or hashes, each item is as likely
 * to stay as any other, whatever the order, and items of the same priorities give the same sample.
 */
export class RandomSample<Item> {
  readonly #bounds: SampleBounds;
  #entries: Entry<Item>[] = [];
  #size = 0;
  /** Items of this priority or above have no place any more. */
  #limit = Infinity;
  #offered = 0;

  constructor(bounds: SampleBounds) {
    this.#bounds = bounds;
  }

  /** How many items have been offered. */
  get offered(): number {
    return this.#offered;
  }

  /** Offers an item of `size` bytes. `make` is called only if there is a place for it. */
  offer(priority: number, size: number, make: () => Item): void {
    this.#offered += 1;
    if (priority >= this.#limit) return;
    this.#entries.push({ priority, size, item: make() });
    this.#size += size;
    const { count, size: most } = this.#bounds;
    if (this.#entries.length > count * SLACK || this.#size > most * SLACK) this.#cut();
  }

  /** The items in the order of their priority. */
  items(): Item[] {
    this.#cut();
    return this.#entries.map(({ item }) => item);
  }

  #cut(): void {
    const sorted = this.#entries.sort((a, b) => a.priority - b.priority);
    let [kept, size] = [0, 0];
    for (const entry of sorted) {
      if (kept === this.#bounds.count || size + entry.size > this.#bounds.size) break;
      kept += 1;
      size += entry.size;
    }
    if (kept === sorted.length) return;
    this.#limit = sorted[kept]!.priority;
    this.#entries = sorted.slice(0, kept);
    this.#size = size;
  }
}

/**
 * A number that looks random, 0…2^32 − 1: the last step of MurmurHash3, which maps different numbers to different
 * ones.
 */
export function mixed(number: number): number {
  // The constant is added because 0 would stay 0.
  let hash = (number + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
