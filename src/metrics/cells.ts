/** The numbers behind the metrics: one array a family, with a place for every series from the start. */
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

const ids = Object.keys(FAMILIES) as FamilyId[];

/**
 * The values of all series. A counter's or a gauge's series has one number; a histogram's has a count for each bucket, the
 * last for +Inf, and then the sum: counts are of the bucket alone, not cumulative.
 */
export class Cells {
  readonly #values = new Map<FamilyId, Float64Array<ArrayBuffer>>(
    ids.map((id) => [id, new Float64Array(FAMILIES[id].cells.length * widthOf(FAMILIES[id]))]),
  );

  /** Add to a counter. A combination of labels that is not in the table is dropped. */
  add(id: FamilyId, labels: readonly string[], amount: number): void {
    const at = placeOf(id, labels);
    if (at >= 0 && amount >= 0) this.of(id)[at]! += amount;
  }

  /** The number of a counter's or a gauge's series; 0 for one that is not in the table. */
  get(id: FamilyId, labels: readonly string[]): number {
    return this.of(id)[placeOf(id, labels)] ?? 0;
  }

  /** Set a gauge. */
  set(id: FamilyId, labels: readonly string[], value: number): void {
    const at = placeOf(id, labels);
    if (at >= 0) this.of(id)[at] = value;
  }

  /** Count a value in a histogram. */
  observe(id: FamilyId, labels: readonly string[], value: number): void {
    const { buckets = [] }: Family = FAMILIES[id];
    const at = placeOf(id, labels);
    if (at < 0 || !(value >= 0 && value < Infinity)) return;
    const above = buckets.findIndex((bound) => value <= bound);
    const start = at * (buckets.length + 2);
    const values = this.of(id);
    values[start + (above < 0 ? buckets.length : above)]! += 1;
    values[start + buckets.length + 1]! += value;
  }

  /** The numbers of a family, series after series. */
  of(id: FamilyId): Float64Array<ArrayBuffer> {
    return this.#values.get(id)!;
  }

  /** The numbers of one series. */
  series(id: FamilyId, index: number): Float64Array<ArrayBuffer> {
    const width = widthOf(FAMILIES[id]);
    return this.of(id).subarray(index * width, (index + 1) * width);
  }
}

/** How many numbers a series has. */
export function widthOf({ buckets }: Family): number {
  return buckets === undefined ? 1 : buckets.length + 2;
}

/** The numbers of series by their labels, for each family. */
const places: ReadonlyMap<FamilyId, ReadonlyMap<string, number>> = new Map(
  ids.map((id) => [id, new Map(FAMILIES[id].cells.map((labels, index) => [labels.join(), index]))]),
);

/** The number of a series within its family; −1 if there is none. */
export function placeOf(id: FamilyId, labels: readonly string[]): number {
  // A join of one copies it.
  return places.get(id)!.get(labels.length === 1 ? labels[0]! : labels.join()) ?? -1;
}
