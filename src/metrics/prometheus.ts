/** Writes the metrics in Prometheus' text format, version 0.0.4. */
import type { Cells } from "./cells.ts";
import { FAMILIES, type Family, type FamilyId } from "./families.ts";

/** The `Content-Type` of what `toPrometheus()` returns. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Writes all families of `ids` with HELP and TYPE and every series, and a line feed after the last line. */
export function writePrometheus(cells: Cells, ids: readonly FamilyId[]): string {
  return ids.map((id) => writeFamily(cells, id)).join("");
}

function writeFamily(cells: Cells, id: FamilyId): string {
  const family: Family = FAMILIES[id];
  const { name, type, help, buckets } = family;
  const lines = family.cells.flatMap((values, index) => {
    const series = cells.series(id, index);
    const labels = family.labels.map((label, place) => `${label}="${values[place]}"`);
    return buckets === undefined
      ? [sample(name, labels, series[0]!)]
      : writeHistogram(name, labels, buckets, series);
  });
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n")}\n`;
}

/** Buckets are cumulative in the format. */
function writeHistogram(
  name: string,
  labels: readonly string[],
  buckets: readonly number[],
  series: Float64Array,
): string[] {
  let count = 0;
  const lines = [...buckets, Infinity].map((bound, index) => {
    count += series[index]!;
    const le = bound === Infinity ? "+Inf" : `${bound}`;
    return sample(`${name}_bucket`, [...labels, `le="${le}"`], count);
  });
  return [...lines, sample(`${name}_sum`, labels, series.at(-1)!), sample(`${name}_count`, labels, count)];
}

/** Label values need no escaping: all of them are in the table. */
function sample(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join()}}`} ${value}`;
}
