/** `zstash/metrics`: counts the events of clients and stores, for Prometheus, OpenTelemetry, or a sum elsewhere. */
import { requireFunction, requireOptions, requireString } from "../check.ts";
import { Cells } from "./cells.ts";
import { count, type Counting } from "./count.ts";
import type { ZstashEvent } from "./events.ts";
import { FAMILIES, type FamilyId } from "./families.ts";
import { observeWith, type MeterLike } from "./opentelemetry.ts";
import { writePrometheus } from "./prometheus.ts";
import { figuresOf, Reporter, type ReportTarget } from "./report.ts";
import { addSeries, seriesOf, type MetricsSnapshot } from "./snapshot.ts";

export { PROMETHEUS_CONTENT_TYPE } from "./prometheus.ts";
export type * from "./events.ts";
export type { MeterAttributes, MeterLike, MeterObservable, MeterResult } from "./opentelemetry.ts";
export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";
export type { ReportTarget } from "./report.ts";
export type { MetricsSnapshot, SeriesSnapshot } from "./snapshot.ts";

/** A codec, as far as the metrics use it. */
export interface CodecStats {
  /** Counts at this moment, as `Zstd.stats` does. */
  stats(): {
    /** Contexts that streams hold. */
    readonly live: number;
    /** Contexts kept for the next stream. */
    readonly idle: number;
    /** Streams that wait for a context. */
    readonly waiters: number;
    /** Linear memory of all instances in bytes. */
    readonly memory: number;
  };
}

/** Options of `createMetrics`. */
export interface MetricsOptions {
  /** The codec whose contexts and memory are shown as gauges. Default: none, and no such gauges. */
  readonly zstd?: CodecStats;
  /** OpenTelemetry's meter, which receives everything too: `metrics.getMeter("zstash")` of `@opentelemetry/api`. */
  readonly meter?: MeterLike;
  /**
   * A `zstash dev` server whose page then shows these figures: they are posted about every two seconds while
   * something happens. Failures of that are ignored. Not for production: scrape or send snapshots there.
   */
  readonly reportTo?: ReportTarget;
}

/** Counts what clients and stores do. */
export interface Metrics {
  /**
   * Give it to clients and stores as their `onEvent`; several of them may share one collector. It does not need
   * `this`.
   *
   * @example
   * ```ts
   * const store = createStore({ url, token, onEvent: metrics.onEvent });
   * await store.put("greeting", "hello");
   * metrics.snapshot().series.some(({ name }) => name === "zstash_values_total"); // → true
   * ```
   */
  onEvent(this: void, event: ZstashEvent): void;
  /**
   * Returns the totals in Prometheus' text format, to be served with `PROMETHEUS_CONTENT_TYPE`.
   *
   * @example
   * ```ts
   * const headers = { "content-type": PROMETHEUS_CONTENT_TYPE };
   * const response = new Response(metrics.toPrometheus(), { headers });
   * (await response.text()).startsWith("# HELP zstash_"); // → true
   * ```
   */
  toPrometheus(this: void): string;
  /**
   * Returns what was counted since the last snapshot, or since the start, as plain data.
   *
   * @example
   * ```ts
   * metrics.onEvent({ type: "wait", for: "memory", ms: 500 });
   * metrics.snapshot().series.length; // → 1
   * metrics.snapshot().series; // → []
   * ```
   */
  snapshot(this: void): MetricsSnapshot;
  /**
   * Adds what another collector counted, to sum the snapshots of many isolates in one place. Series of other versions
   * are left out. Throws a TypeError, and adds nothing, for anything that is not a snapshot.
   *
   * @example
   * ```ts
   * const isolate = createMetrics();
   * isolate.onEvent({ type: "wait", for: "memory", ms: 500 });
   * metrics.add(isolate.snapshot());
   * metrics.snapshot().series[0]?.numbers; // → [0.5]
   * ```
   */
  add(this: void, snapshot: MetricsSnapshot): void;
}

const GAUGES: readonly FamilyId[] = ["contexts", "memory"];

/**
 * Makes a collector. Its memory is fixed: every possible series exists from the start, with 0. Labels never contain a
 * key, a value or anything else from outside.
 *
 * @throws {TypeError} for wrong options
 * @example
 * ```ts
 * const metrics = createMetrics();
 * const redis = Redis.fromEnv({ compression: { onEvent: metrics.onEvent } });
 * await redis.set("report", report);
 * metrics.toPrometheus().includes('zstash_values_total{outcome="compressed",reason=""} 1'); // → true
 * ```
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  requireOptions(options, ["zstd", "meter", "reportTo"]);
  const { zstd, meter, reportTo } = options;
  if (zstd !== undefined) requireFunction("zstd.stats", zstd?.stats);
  if (meter !== undefined) requireFunction("meter.createHistogram", meter?.createHistogram);
  if (reportTo !== undefined) requireTarget(reportTo);

  const ids = (Object.keys(FAMILIES) as FamilyId[]).filter(
    (id) => zstd !== undefined || !GAUGES.includes(id),
  );
  const cells = new Cells();
  let told = new Cells();
  const refresh = (): void => {
    if (zstd === undefined) return;
    const { live, idle, waiters, memory } = zstd.stats();
    cells.set("contexts", ["live"], live);
    cells.set("contexts", ["idle"], idle);
    cells.set("contexts", ["waiting"], waiters);
    cells.set("memory", [], memory);
  };
  const record = meter === undefined ? undefined : observeWith(meter, cells, refresh, ids);
  const counting: Counting = {
    add: (at, amount) => cells.add(at, amount),
    observe({ id, labels, place, buckets }, value) {
      cells.observe(place, buckets, value);
      record?.(id, labels, value);
    },
  };
  const reporter = reportTo === undefined ? undefined : new Reporter(reportTo, () => figuresOf(cells));
  return {
    onEvent(event) {
      count(event, counting);
      reporter?.wake();
    },
    toPrometheus() {
      refresh();
      return writePrometheus(cells, ids);
    },
    snapshot() {
      const series = seriesOf(cells, told);
      told = new Cells();
      addSeries(told, { version: 1, series: seriesOf(cells) });
      return { version: 1, series };
    },
    add: (snapshot) => addSeries(cells, snapshot),
  };
}

function requireTarget(target: ReportTarget): void {
  requireOptions(target, ["url", "token"], "reportTo");
  requireString("reportTo.url", target.url);
  requireString("reportTo.token", target.token);
  if (!/^https?:\/\//.test(target.url) || !URL.canParse(target.url))
    throw new TypeError('"reportTo.url" must be an http or https URL, such as http://127.0.0.1:8079');
}
