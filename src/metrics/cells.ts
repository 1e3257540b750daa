/** The numbers of the metrics: one array, with a place for every series from the start. */
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

const ids = Object.keys(FAMILIES) as FamilyId[];

/**
 * The index of a series' first number; −1 for none. An event's places are looked up beforehand: looking each up by
 * its labels took as long as everything else.
 */
export type Place = number;

/**
 * The values of all series. A series of a counter or gauge has one number; a series of a histogram has a count for
 * each bucket, the last for +Inf, and then the sum. The counts are not cumulative.
 */
export class Cells {
  readonly #values = new Float64Array(size);

  /** Adds to a counter. A place that does not exist, and an amount that is not a number, are dropped. */
  add(at: Place, amount: number): void {
    if (at >= 0 && amount >= 0) this.#values[at]! += amount;
  }

  /** The number of a counter's or gauge's series; 0 for one that is not in the table. */
  get(id: FamilyId, labels: readonly string[]): number {
    return this.#values[placeOf(id, labels)] ?? 0;
  }

  /** Sets a gauge. */
  set(id: FamilyId, labels: readonly string[], value: number): void {
    const at = placeOf(id, labels);
    if (at >= 0) this.#values[at] = value;
  }

  /** Counts a value in a histogram's series. */
  observe(at: Place, buckets: readonly number[], value: number): void {
    if (!(at >= 0 && value >= 0 && value < Infinity)) return;
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket += 1;
    this.#values[at + bucket]! += 1;
    this.#values[at + buckets.length + 1]! += value;
  }

  /** The numbers of a family, one series after another. */
  of(id: FamilyId): Float64Array<ArrayBuffer> {
    const start = starts.get(id)!;
    return this.#values.subarray(start, start + FAMILIES[id].cells.length * widthOf(FAMILIES[id]));
  }

  /** The numbers of one series. */
  series(id: FamilyId, index: number): Float64Array<ArrayBuffer> {
    const width = widthOf(FAMILIES[id]);
    const start = starts.get(id)! + index * width;
    return this.#values.subarray(start, start + width);
  }
}

/** How many numbers a series has. */
export function widthOf({ buckets }: Family): number {
  return buckets === undefined ? 1 : buckets.length + 2;
}

/** Where the numbers of each family begin, and how many there are in all. */
const starts = new Map<FamilyId, number>();
let size = 0;
for (const id of ids) {
  starts.set(id, size);
  size += FAMILIES[id].cells.length * widthOf(FAMILIES[id]);
}

/** The indexes of series by their labels, for each family. */
const indexes: ReadonlyMap<FamilyId, ReadonlyMap<string, number>> = new Map(
  ids.map((id) => [id, new Map(FAMILIES[id].cells.map((labels, index) => [labels.join(), index]))]),
);

/** The index of a series within its family; −1 if there is none. */
export function indexOf(id: FamilyId, labels: readonly string[]): number {
  return indexes.get(id)!.get(labels.join()) ?? -1;
}

/** The place of a series; −1 if there is none. */
export function placeOf(id: FamilyId, labels: readonly string[]): Place {
  const index = indexOf(id, labels);
  return index < 0 ? -1 : starts.get(id)! + index * widthOf(FAMILIES[id]);
}
