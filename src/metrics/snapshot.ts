/** Snapshots of the metrics: what was counted in a period, as data that can be sent elsewhere and summed there. */
import { describe } from "../check.ts";
import { indexOf, widthOf, type Cells } from "./cells.ts";
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

/**
 * The numbers of one series: one for a counter; for a histogram the counts of its buckets, +Inf last, and then the
 * sum.
 */
export interface SeriesSnapshot {
  /** The metric's name, as in Prometheus: `zstash_values_total`. */
  readonly name: string;
  /** The values of the metric's labels, in their order in docs/metrics.md. */
  readonly labels: readonly string[];
  /** One number for a counter; for a histogram first the count of each bucket, not cumulative, then the sum. */
  readonly numbers: readonly number[];
}

/** What was counted in a period, as plain data. Snapshots of one version can be summed in any order. */
export interface MetricsSnapshot {
  /** The version of this form. `add` takes this one only. */
  readonly version: 1;
  /** The series that counted something, without those of gauges. */
  readonly series: readonly SeriesSnapshot[];
}

const counted = (Object.keys(FAMILIES) as FamilyId[]).filter((id) => FAMILIES[id].type !== "gauge");
const idOf: ReadonlyMap<string, FamilyId> = new Map(counted.map((id) => [FAMILIES[id].name, id]));
/** Snapshots with more series or more numbers than exist are refused before they are read. */
const MAX_SERIES = counted.reduce((sum, id) => sum + FAMILIES[id].cells.length, 0);

/** The series of `cells` that counted something, less what `before` had counted, if it is given. */
export function seriesOf(cells: Cells, before?: Cells): SeriesSnapshot[] {
  return counted.flatMap((id) => {
    const { name, cells: labelSets }: Family = FAMILIES[id];
    return labelSets.flatMap((labels, index) => {
      const earlier = before?.series(id, index);
      const numbers = Array.from(cells.series(id, index), (value, place) => value - (earlier?.[place] ?? 0));
      return numbers.some((value) => value !== 0) ? [{ name, labels, numbers }] : [];
    });
  });
}

/**
 * Adds a snapshot to `cells`: all of it or nothing. A series that this version does not have is left out.
 *
 * @throws {TypeError} for anything but a snapshot of version 1
 */
export function addSeries(cells: Cells, snapshot: unknown): void {
  for (const [id, place, numbers] of readSeries(snapshot)) {
    const series = cells.series(id, place);
    numbers.forEach((value, index) => (series[index]! += value));
  }
}

function readSeries(
  snapshot: unknown,
): (readonly [id: FamilyId, place: number, numbers: readonly number[]])[] {
  const { version, series } = (snapshot ?? {}) as { readonly version?: unknown; readonly series?: unknown };
  if (version !== 1 || !Array.isArray(series))
    throw new TypeError(`"snapshot" must be what snapshot() returns, got ${describe(snapshot)}`);
  if (series.length > MAX_SERIES)
    throw new TypeError(`"snapshot" must hold at most ${MAX_SERIES} series, got ${series.length}`);
  return series.flatMap((one: unknown) => {
    const { name, labels, numbers } = (one ?? {}) as Partial<Record<keyof SeriesSnapshot, unknown>>;
    if (typeof name !== "string" || !Array.isArray(labels) || !Array.isArray(numbers))
      throw new TypeError('"snapshot" must hold series of a name, labels and numbers, got others');
    const id = idOf.get(name);
    // A series of another version.
    if (id === undefined) return [];
    const place = indexOf(id, labels.slice(0, 8).map(String));
    if (place < 0 || numbers.length !== widthOf(FAMILIES[id])) return [];
    if (!numbers.every((value) => typeof value === "number" && value >= 0 && value < Infinity))
      throw new TypeError('"snapshot" must hold numbers of 0 and more, got others');
    return [[id, place, numbers as number[]] as const];
  });
}
