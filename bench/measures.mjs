/**
 * What two files of results can be compared in beside the times of the peers: ratios of zstash to what ran beside it, which a change of
 * the machine moves little, and bytes. Lower is better in all of them.
 */
import { deviation } from "./interleave.mjs";
import { dataOf } from "./results.mjs";

/**
 * @typedef {import("./results.mjs").Results} Results
 *
 * `exact` is what does not depend on the machine; `spread` how far the rounds of a ratio lay above their median, as a share.
 *
 * @typedef {{ section: string, name: string, value: number, exact?: boolean, spread?: number }} Measure
 *
 * @typedef {{ section: string, name: string, before: number, after: number, change: number, noise: number }} WorseMeasure
 */

/** Noise of ratios of which each is one run, whatever else is known. */
const SINGLE = 0.25;
/** Of those that have rounds. */
const LEAST_NOISE = 0.05;
const DEVIATIONS = 3;
/** One byte more of a short frame is no news. */
const LARGER = 0.005;

/** @param {Results} results @returns {Measure[]} */
function speedMeasures(results) {
  const codec = dataOf(results, "codec")?.rows.map(({ operation, size, level, ratios: { zlib } }) => ({
    section: "codec",
    name: `${operation} of ${size} bytes, level ${level}, over node:zlib`,
    value: zlib.median,
    spread: zlib.high / zlib.median - 1,
  }));
  const kernel = dataOf(results, "kernel")?.rows.map(({ kind, level, size, median, high }) => ({
    section: "kernel",
    name: `${kind === "c" ? "compress" : "decompress"} ${size} bytes, level ${level}, over native`,
    value: median,
    spread: high / median - 1,
  }));
  const streams = Object.entries(dataOf(results, "streams")?.ratios ?? {}).map(
    ([name, { median, high }]) => ({
      section: "streams",
      name,
      value: median,
      spread: high / median - 1,
    }),
  );
  return [...(codec ?? []), ...(kernel ?? []), ...streams];
}

/** @param {NonNullable<Results["article"]>} article @returns {Measure[]} */
function articleMeasures({
  writes,
  records,
  memory,
  logs,
  pipelines,
  profile,
  replication,
  versions,
  bursts,
}) {
  /** @type {Measure[]} */
  const list = [];
  const add = (
    /** @type {string} */ section,
    /** @type {string} */ name,
    /** @type {number} */ value,
    exact = false,
  ) => list.push({ section: `article/${section}`, name, value, exact });
  for (const level of /** @type {const} */ (["level 1", "level 3"])) {
    if (writes === undefined) continue;
    add(
      "writes",
      `SET at ${level} over uncompressed, median`,
      writes.writes[level].p50 / writes.writes.uncompressed.p50,
    );
    add("writes", `bytes at ${level}`, writes.writes[level].stored, true);
  }
  for (const [name, { zstd, zstash }] of Object.entries(records?.records ?? {})) {
    add("records", `${name}, bytes of zstd`, zstd, true);
    add("records", `${name}, bytes on the connection`, zstash.bytes, true);
  }
  for (const { side, operation, count, figures } of memory?.cells ?? []) {
    const stock = memory?.cells.find(
      (cell) => cell.side === "stock" && cell.operation === operation && cell.count === count,
    )?.figures;
    if (side !== "zstash" || figures === undefined || stock === undefined) continue;
    for (const key of /** @type {const} */ (["seconds", "cpuSeconds", "allocated", "rss", "delayP99Ms"]))
      add(
        "memory",
        `${count} ${operation}s, ${key} over the client alone`,
        figures[key] / Math.max(1e-9, stock[key]),
      );
  }
  for (const { name, level, bytes, processorMs } of logs?.rows ?? []) {
    if (!name.startsWith("zstash")) continue;
    const native = logs?.rows.find((row) => row.name.startsWith("libzstd") && row.level === level);
    add("logs", `${name}, level ${level}, bytes`, bytes, true);
    if (native !== undefined)
      add(
        "logs",
        `${name}, level ${level}, processor time over native's`,
        processorMs[0] / native.processorMs[0],
      );
  }
  for (const { mbit, shape, operation, sides } of pipelines?.cells ?? []) {
    const name = `${mbit} Mbit, ${shape}, ${operation.toUpperCase()}`;
    add("pipelines", `${name}, time over the client alone`, sides.stock.perSecond / sides.zstash.perSecond);
    add("pipelines", `${name}, processor time over the client alone`, sides.zstash.cpuMs / sides.stock.cpuMs);
    add("pipelines", `${name}, bytes over the client alone`, sides.zstash.bytes / sides.stock.bytes);
  }
  for (const { size, stock, zstash } of profile?.cells ?? [])
    add(
      "profile",
      `a pair of ${size} bytes, processor time over the client alone`,
      zstash.cpuUs / stock.cpuUs,
    );
  for (const { name, sides } of replication?.rows ?? []) {
    for (const carrier of /** @type {const} */ (["raw", "text"]))
      add("replication", `${name}, ${carrier} carrier, bytes to a replica`, sides[carrier].replicated, true);
  }
  const outcomes = Object.values(versions?.outcomes ?? {}).flatMap((matrix) =>
    Object.values(matrix).flatMap((row) => Object.values(row)),
  );
  if (outcomes.length > 0)
    add(
      "versions",
      "pairs whose reader has not the value",
      outcomes.filter((one) => one !== "the value").length,
      true,
    );
  const [own, go] = [bursts?.times["zstash.wasm, one context"], bursts?.times["klauspost, one encoder"]];
  if (own !== undefined && go !== undefined)
    add("bursts", "one context over the Go library's encoder", own[1] / go[1]);
  return list;
}

/** @param {NonNullable<Results["scaling"]>} scaling @returns {Measure[]} */
function scalingMeasures({ requests, growth }) {
  const times = Object.entries(requests).flatMap(([count, ways]) =>
    Object.entries(ways).flatMap(([way, burst]) => {
      const stock = ways[way.replace("zstash", "stock client")];
      if (!way.startsWith("zstash") || stock === undefined || "error" in stock || "error" in burst) return [];
      return [
        {
          section: "scaling",
          name: `${count} at once, ${way}, over the client alone`,
          value: burst.ms / stock.ms,
        },
      ];
    }),
  );
  const sizes = Object.entries(growth).flatMap(([way, cells]) =>
    Object.entries(cells).flatMap(([size, cell]) =>
      "error" in cell
        ? []
        : [{ section: "scaling", name: `${size} bytes, ${way}, stored`, value: cell.stored, exact: true }],
    ),
  );
  return [...times, ...sizes];
}

/** @param {Results} results @returns {Measure[]} */
export function measuresOf(results) {
  return [
    ...speedMeasures(results),
    ...(results.article === undefined ? [] : articleMeasures(results.article)),
    ...(results.scaling === undefined ? [] : scalingMeasures(results.scaling)),
  ].filter(({ value }) => Number.isFinite(value));
}

/**
 * What became worse in a section by more than its noise: its rounds' spread, or three deviations of what the section's changes lie apart.
 *
 * @param {Results} before
 * @param {Results} after
 * @returns {{ worse: readonly WorseMeasure[], compared: number, sections: readonly string[], missing: readonly string[] }} `missing`:
 * sections that one of the files has alone
 */
export function compareMeasures(before, after) {
  const [old, now] = [before, after].map(measuresOf);
  const keyOf = (/** @type {Measure} */ { section, name }) => `${section}\n${name}`;
  const known = new Map(old.map((measure) => [keyOf(measure), measure]));
  const pairs = now.flatMap((measure) => {
    const earlier = known.get(keyOf(measure));
    if (earlier === undefined) return [];
    const change =
      earlier.value === 0 ? (measure.value === 0 ? 0 : Infinity) : measure.value / earlier.value - 1;
    return [{ measure, earlier, change }];
  });
  const sections = [...new Set(pairs.map(({ measure }) => measure.section))];
  const apart = new Map(
    sections.map((section) => {
      const own = pairs.filter(({ measure }) => measure.section === section && !measure.exact);
      return [section, DEVIATIONS * deviation(own.map(({ change }) => change).filter(Number.isFinite))];
    }),
  );
  const worse = pairs.flatMap(({ measure, earlier, change }) => {
    const { section, name, exact, spread } = measure;
    const noise = exact
      ? LARGER
      : Math.max(
          spread === undefined ? SINGLE : LEAST_NOISE,
          spread ?? 0,
          earlier.spread ?? 0,
          apart.get(section) ?? 0,
        );
    return change > noise
      ? [{ section, name, before: earlier.value, after: measure.value, change, noise }]
      : [];
  });
  const names = [old, now].map((list) => new Set(list.map(({ section }) => section)));
  const missing = [...new Set([...names[0], ...names[1]])].filter((name) => !sections.includes(name));
  return { worse: worse.sort((a, b) => b.change - a.change), compared: pairs.length, sections, missing };
}
