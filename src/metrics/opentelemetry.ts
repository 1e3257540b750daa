/**
 * Passes the metrics on to OpenTelemetry through a `Meter` of the application. Its types are structural, so that
 * nobody else has to install `@opentelemetry/api`.
 */
import type { Cells } from "./cells.ts";
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

/** Labels, as OpenTelemetry calls them. */
export type MeterAttributes = Record<string, string>;

/** What a callback of an observable instrument reports to. */
export interface MeterResult {
  /** Reports the value of the series that the attributes name. */
  observe(value: number, attributes?: MeterAttributes): void;
}
/** An instrument that is read when the meter asks. */
export interface MeterObservable {
  /** Registers the function that is called at each collection. */
  addCallback(callback: (result: MeterResult) => void): void;
}

/** The part of OpenTelemetry's `Meter` that is used here. */
export interface MeterLike {
  /** Makes an instrument for a number that only grows; `description` is the metric's help text. */
  createObservableCounter(name: string, options?: { description?: string }): MeterObservable;
  /** Makes an instrument for a number that rises and falls; `description` is the metric's help text. */
  createObservableGauge(name: string, options?: { description?: string }): MeterObservable;
  /**
   * Makes an instrument that sorts values into buckets: `record` counts one value. `description` is the metric's help
   * text; the numbers in `advice.explicitBucketBoundaries` are the buckets' upper bounds.
   */
  createHistogram(
    name: string,
    options?: { description?: string; advice?: { explicitBucketBoundaries?: number[] } },
  ): { record(value: number, attributes?: MeterAttributes): void };
}

/** Counts a value in a histogram of the meter. */
export type Recorder = (id: FamilyId, labels: readonly string[], value: number) => void;

/**
 * Makes the instruments. Counters and gauges are read from `cells` when the meter asks, after `refresh`; histograms
 * receive each value through the returned function.
 */
export function observeWith(
  meter: MeterLike,
  cells: Cells,
  refresh: () => void,
  ids: readonly FamilyId[],
): Recorder {
  const histograms = new Map<FamilyId, ReturnType<MeterLike["createHistogram"]>>();
  for (const id of ids) {
    const { name, type, help: description, buckets, cells: labelSets }: Family = FAMILIES[id];
    if (buckets !== undefined) {
      const advice = { explicitBucketBoundaries: [...buckets] };
      histograms.set(id, meter.createHistogram(name, { description, advice }));
      continue;
    }
    const create = type === "counter" ? "createObservableCounter" : "createObservableGauge";
    meter[create](name, { description }).addCallback((result) => {
      refresh();
      labelSets.forEach((labels, index) =>
        result.observe(cells.series(id, index)[0]!, attributesOf(id, labels)),
      );
    });
  }
  return (id, labels, value) => histograms.get(id)?.record(value, attributesOf(id, labels));
}

function attributesOf(id: FamilyId, labels: readonly string[]): MeterAttributes {
  return Object.fromEntries(FAMILIES[id].labels.map((label, place) => [label, labels[place] ?? ""]));
}
