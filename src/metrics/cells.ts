/** The numbers behind the metrics: one array, with a place for every series from the start. */
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

const ids = Object.keys(FAMILIES) as FamilyId[];

/**
 * Where the numbers of a series begin; −1 for none. Who counts an event knows its places beforehand: looking each up by its
 * labels took as long as all else of it.
 */
export type Place = number;

/**
 * The values of all series. A counter's or a gauge's series has one number; a histogram's has a count for each bucket, the
 * last for +Inf, and then the sum: counts are of the bucket alone, not cumulative.
 */
export class Cells {
  readonly #values = new Float64Array(size);

  /** Add to a counter. A place that is none, and an amount that is none, are dropped. */
  add(at: Place, amount: number): void {
    if (at >= 0 && amount >= 0) this.#values[at]! += amount;
  }

  /** The number of a counter's or a gauge's series; 0 for one that is not in the table. */
  get(id: FamilyId, labels: readonly string[]): number {
    return this.#values[placeOf(id, labels)] ?? 0;
  }

  /** Set a gauge. */
  set(id: FamilyId, labels: readonly string[], value: number): void {
    const at = placeOf(id, labels);
    if (at >= 0) this.#values[at] = value;
  }

  /** Count a value in a histogram's series. */
  observe(at: Place, buckets: readonly number[], value: number): void {
    if (!(at >= 0 && value >= 0 && value < Infinity)) return;
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket += 1;
    this.#values[at + bucket]! += 1;
    this.#values[at + buckets.length + 1]! += value;
  }

  /** The numbers of a family, series after series. */
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

/** The numbers of series by their labels, for each family. */
const indexes: ReadonlyMap<FamilyId, ReadonlyMap<string, number>> = new Map(
  ids.map((id) => [id, new Map(FAMILIES[id].cells.map((labels, index) => [labels.join(), index]))]),
);

/** The number of a series within its family; −1 if there is none. */
export function indexOf(id: FamilyId, labels: readonly string[]): number {
  return indexes.get(id)!.get(labels.join()) ?? -1;
}

/** The place of a series; −1 if there is none. */
export function placeOf(id: FamilyId, labels: readonly string[]): Place {
  const index = indexOf(id, labels);
  return index < 0 ? -1 : starts.get(id)! + index * widthOf(FAMILIES[id]);
}
