/**
 * The estimate as text: a table by prefix, intervals, why values stay, processor time and cost, at most 80 columns
 * wide.
 */
import { costOf, PRICES_OF, usageAfter, type Cost, type Usage } from "../cost-model.ts";
import { bytes, count, cut, printable, table, wrap } from "../text.ts";
import { WAYS, type Estimate, type Row, type Way } from "./estimate.ts";
import type { Interval } from "./statistics.ts";
import { migrateFrom, verdictOf } from "./verdict.ts";

const COLUMNS = 80;
/** Columns for a prefix: the sizes beside it take 50. */
const PREFIX = 24;

/** The share of values that may vanish while it reads without a word. */
const GONE_SHARE = 0.02;

/** What the database is used for now: of traffic and commands only its owner knows. */
export type KnownUsage = Pick<Usage, "bandwidth" | "commands">;

/** What the database costs now, and with values stored in each way. */
export type Costs = Readonly<Record<"now" | Way, Cost>>;

/** Costs by the estimate. Keys and strings are counted; lists, hashes and other types are not. */
export function costsOf({ total, nameBytes }: Estimate, known: KnownUsage): Costs {
  const before = total.now.estimate;
  const usage: Usage = { storage: nameBytes + before, ...known };
  const after = (way: Way): Cost =>
    costOf(usageAfter(usage, before - total.after[way].estimate, total.share[way].estimate));
  return { now: costOf(usage), text: after("text"), raw: after("raw"), dictionary: after("dictionary") };
}

/** The whole estimate, as lines. */
export function describeEstimate(estimate: Estimate, known: KnownUsage): string {
  const { keys, sampled, rows, total, left } = estimate;
  if (keys === 0) return wrap(verdictOf(estimate), COLUMNS);
  const head =
    `${count(keys, "key")}; a sample of ${count(sampled.lengths, "length")} and ` +
    `${count(sampled.values, "value")} (${bytes(sampled.bytes)})`;
  const cells = (row: Row, name: string): string[] => [
    cut(printable(name), PREFIX),
    `${row.values}`,
    size(row.now.estimate),
    ...WAYS.map((way) => size(row.after[way].estimate)),
  ];
  const ofAll = (name: string, read: (interval: Interval) => number): string[] => [
    name,
    "",
    size(read(total.now)),
    ...WAYS.map((way) => size(read(total.after[way]))),
  ];
  const lines = [
    ["prefix", "values", "now", "text", "raw", "dictionary"],
    ...rows.map((row) => cells(row, row.prefix)),
    cells(total, "all"),
    ofAll("  95 % from", ({ low }) => low),
    ofAll("  to", ({ high }) => high),
    ["  left of it", "", "", ...WAYS.map((way) => percent(total.share[way]))],
  ];
  return [
    head,
    "",
    wrap(`${verdictOf(estimate)}.`, COLUMNS),
    "",
    ...table(alignRight(lines))
      .split("\n")
      .map((line) => cut(line, COLUMNS)),
    ...trust(estimate),
    "",
    ...staying(left),
    ...otherSchemes(estimate.schemes),
    ...otherTypes(estimate),
    ...processorTime(estimate),
    ...money(costsOf(estimate, known), known),
  ].join("\n");
}

const size = (number: number): string => bytes(Math.round(number));

/** A share with half of its interval: "38 ±1 %". */
function percent({ estimate, low, high }: Interval): string {
  const half = ((high - low) / 2) * 100;
  return `${(estimate * 100).toFixed(half < 1 ? 1 : 0)} ±${half.toFixed(half < 1 ? 1 : 0)} %`;
}

/** Aligns all columns but the first to the right. */
function alignRight(rows: readonly (readonly string[])[]): string[][] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell : cell.padStart(widths[column]!))));
}

function staying(left: Readonly<Record<string, number>>): string[] {
  const parts = partsOf(left);
  return parts.length === 0 ? [] : [...folded("Stay as they are:", parts), ""];
}

/** Says which values others have compressed, and what converts them. */
function otherSchemes(schemes: Estimate["schemes"]): string[] {
  const parts = partsOf(schemes);
  if (parts.length === 0) return [];
  return [...folded("Compressed by others:", parts), `See ${migrateFrom(schemes)}`, ""];
}

/** Names and numbers, the largest first: "63 list". */
const partsOf = (counts: Readonly<Record<string, number>>): string[] =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, number]) => `${number} ${name}`);

/** Says where the intervals cannot be trusted. */
function trust({ lengthsSuffice, sampled, keys }: Estimate): string[] {
  const { gone, values, refused } = sampled;
  const isShrinking = gone > GONE_SHARE * (gone + values);
  const lines = isShrinking
    ? ["", `${gone} of ${count(gone + values, "value")} were gone when they were to be read. Run it again`]
    : [];
  if (refused > 0) lines.push("", `The token may not read ${refused} of the keys: they are in no figure`);
  if (lengthsSuffice) return lines;
  return [
    ...lines,
    "",
    "A few values hold most of the bytes, and not all lengths were asked for:",
    `sums may lie outside of 95 %. See --lengths (${sampled.lengths} of ${count(keys, "key")})`,
  ];
}

/** Says what is in no figure of the table, and what counts it. */
function otherTypes({ types }: Estimate): string[] {
  const parts = partsOf(types);
  if (parts.length === 0) return [];
  const hint = types["hash"] === undefined ? [] : ["See zstash migrate --hashes, which counts hashes too"];
  return [...folded("Not in the table, no strings:", parts), ...hint, ""];
}

function processorTime({ processor }: Estimate): string[] {
  if (processor === null)
    return ["Processor time here: not measured, no value that was read would be compressed", ""];
  const { seconds, compressMicroseconds, decompressMicroseconds } = processor;
  return [
    `Processor time here: ${seconds.toFixed(1)} s to compress all once; a value takes`,
    `  ${compressMicroseconds.toFixed(0)} µs to compress and ${decompressMicroseconds.toFixed(0)} µs to decompress`,
    "",
  ];
}

function money(costs: Costs, { bandwidth, commands }: KnownUsage): string[] {
  const words = ({ plan, payAsYouGo }: Cost): string[] => [
    plan === undefined ? "none" : `${plan.name} ($${plan.price})`,
    payAsYouGo === undefined ? "too large" : `$${payAsYouGo.toFixed(2)}`,
  ];
  const rows = (["now", ...WAYS] as const).map((way) => [way, ...words(costs[way])]);
  const missing = [
    ...(commands === undefined ? ["--commands"] : []),
    ...(bandwidth === undefined ? ["--bandwidth"] : []),
  ];
  return [
    `Upstash a month, prices of ${PRICES_OF}, keys and strings alone:`,
    table([["", "smallest fixed plan", "pay as you go"], ...rows]),
    ...(missing.length === 0 ? [] : [`Not counted, because not known: see ${missing.join(" and ")}`]),
  ];
}

/** Words after a title, in lines of at most 80 columns. */
function folded(title: string, parts: readonly string[]): string[] {
  const lines = [title];
  for (const [index, part] of parts.entries()) {
    const text = index === parts.length - 1 ? part : `${part},`;
    const last = lines.at(-1)!;
    if (last.length + 1 + text.length <= COLUMNS) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(`  ${text}`);
  }
  return lines;
}
