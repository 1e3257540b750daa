/**
 * The report of `zstash train` as text: the dictionary's properties, and its effect on samples that it was not
 * trained on.
 */
import type { CodingReport, SizeClassReport, TrainingReport } from "../../train/index.ts";
import { bytes, count, printable, table, widthOf } from "../text.ts";
import type { FileSamples } from "./train-files.ts";
import type { KeySamples } from "./train-keys.ts";

/** What was trained. */
export interface ReportFacts {
  readonly id: number;
  readonly size: number;
  readonly level: number;
  readonly raw: boolean;
}

/** The report in at most 80 columns. */
export function describeTraining(facts: ReportFacts, report: TrainingReport): string {
  const { id, size, level, raw } = facts;
  const name = raw ? "Raw content" : `Dictionary ${id}`;
  const seen = report.different - report.count;
  return [
    `${name} of ${bytes(size)}, for level ${level}`,
    `Trained on ${count(seen, "different sample")}; on ${report.count} others, without → with it:`,
    "",
    describeClasses(report),
  ].join("\n");
}

const HEAD = ["size", "values", "ratio", "compress µs", "decompress µs", "saved"];

function describeClasses(report: TrainingReport): string {
  const rows = report.classes.map((one) => rowOf(rangeOf(one), one));
  if (rows.length !== 1) rows.push(rowOf("all", report));
  const cells = [HEAD, ...rows];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column]!))));
  // All columns but the first are numbers, which are right-aligned.
  const aligned = cells.map(([first = "", ...rest]) => [
    first,
    ...rest.map((cell, index) => " ".repeat(widths[index + 1]! - widthOf(cell)) + cell),
  ]);
  return table(aligned);
}

type Measured = Omit<SizeClassReport, "from" | "to">;

function rowOf(name: string, one: Measured): string[] {
  const pair = (of: (side: CodingReport) => string): string => `${of(one.without)} → ${of(one.with)}`;
  return [
    name,
    `${one.count}`,
    pair((side) => rounded(one.bytes / side.bytes, 2)),
    pair(({ compressTime }) => rounded(compressTime, 1)),
    pair(({ decompressTime }) => rounded(decompressTime, 1)),
    `${(one.gain * 100).toFixed(1)} %`,
  ];
}

function rangeOf({ from, to }: SizeClassReport): string {
  if (from === 0) return `below ${short(to)}`;
  return to === Infinity ? `from ${short(from)}` : `${short(from)} – ${short(to)}`;
}

const short = (size: number): string => bytes(size).replace(".0 ", " ");

/** A number in at most four characters: three digits are enough. */
function rounded(value: number | undefined, digits: number): string {
  if (value === undefined) return "?";
  return value.toFixed(value < 10 ? digits : value < 100 ? Math.min(digits, 1) : 0);
}

/** A share as a percentage. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1).replace(/\.0$/, "")} %`;
}

/** Where the samples of files come from; undefined if all of them were taken. */
export function describeFiles({ offered, samples }: FileSamples): string | undefined {
  if (offered === samples.length) return undefined;
  return `${samples.length} of ${count(offered, "sample")} taken, at random: as many as there is room for`;
}

/** The keys that the samples come from, and why others were left out. */
export function describeKeys({ offered, chosen, samples, left }: KeySamples): string {
  const reasons: readonly (readonly [number, string])[] = [
    [left.gone, "gone or empty"],
    [left.large, "larger than 128 KiB"],
    [left.otherType, "of another type"],
    [left.refused, "refused to this token"],
    [left.undecodable, "not to be decoded"],
    [left.unneeded, "not needed"],
  ];
  const without = reasons.filter(([number]) => number > 0).map(([number, reason]) => `${number} ${reason}`);
  const drawn = chosen < offered ? `, ${chosen} drawn by their hash` : "";
  const lines = [`${count(offered, "key")} found${drawn}: ${count(samples.length, "value")} read`];
  if (without.length > 0) lines.push(`Left out: ${without.join(", ")}`);
  return lines.join("\n");
}

/** The text in a dictionary, one piece in each line. */
export function describeText(text: readonly string[]): string {
  const head = `The text in it, word for word from its samples (${count(text.length, "piece")}):`;
  return ["", head, ...text.map((piece) => `  ${printable(piece)}`)].join("\n");
}
