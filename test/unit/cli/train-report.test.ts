/** The report of a training: at most 80 columns for any numbers, each under its head. */
import { expect, test } from "vitest";
import {
  describeFiles,
  describeKeys,
  describeText,
  describeTraining,
  percent,
} from "../../../src/cli/commands/train-report.ts";
import { widthOf } from "../../../src/cli/text.ts";
import type { SizeClassReport, TrainingReport } from "../../../src/train/index.ts";

const sizes = [0, 256, 1024, 4096, 16_384, Infinity];
const classes = (count: number, time: number | undefined): SizeClassReport[] =>
  sizes.slice(0, -1).map((from, index) => ({
    from,
    to: sizes[index + 1]!,
    count,
    bytes: 1234 * count,
    without: { bytes: 567 * count, compressTime: time, decompressTime: time },
    with: { bytes: 12 * count, compressTime: time, decompressTime: time },
    gain: 1 - 12 / 567,
  }));
const reportOf = (list: SizeClassReport[]): TrainingReport => ({
  samples: 1_000_000,
  different: 1_000_000,
  ...list[0]!,
  classes: list,
});
const facts = { id: 2_147_483_647, size: 16 << 20, level: -7, raw: false };

test.each([
  [1, 0.01],
  [100_000, 12_345.6],
  [100_000, 9.96],
  [5, undefined],
])("%i values of %d µs fit", (count, time) => {
  const lines = describeTraining(facts, reportOf(classes(count, time))).split("\n");
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80);
  const [head, ...rows] = lines.slice(3);
  expect(rows.map((row) => widthOf(row))).toEqual(Array.from({ length: 6 }, () => widthOf(head!)));
  expect(rows.map((row) => row.slice(2, 18).trimEnd().split("  ")[0])).toEqual([
    "below 256 B",
    "256 B – 1 KiB",
    "1 KiB – 4 KiB",
    "4 KiB – 16 KiB",
    "from 16 KiB",
    "all",
  ]);
  for (const row of rows) expect(row).toContain("2.18 → 103 ");
  if (time === undefined) expect(rows[0]).toContain("? → ?");
});

test("one class is not summed up", () => {
  const lines = describeTraining(facts, reportOf(classes(3, 5).slice(1, 2))).split("\n");
  expect(lines.length).toBe(5);
  expect(lines[4]).not.toContain("all");
});

test("shares as percentages", () => {
  expect([0, 0.1, 0.123456, 1, -0.05].map(percent)).toEqual(["0 %", "10 %", "12.3 %", "100 %", "-5 %"]);
});

test("what was taken and what was left out is told only where there is something to tell", () => {
  const samples = [new Uint8Array(1)];
  const none = { large: 0, otherType: 0, gone: 0, refused: 0, undecodable: 0, unneeded: 0 };
  expect(describeFiles({ offered: 1, samples })).toBeUndefined();
  expect(describeFiles({ offered: 7, samples })).toMatch(/^1 of 7 samples taken, at random/);
  expect(describeKeys({ offered: 1, chosen: 1, samples, left: none })).toBe("1 key found: 1 value read");
  expect(describeKeys({ offered: 9, chosen: 2, samples, left: { ...none, refused: 1 } })).toBe(
    "9 keys found, 2 drawn by their hash: 1 value read\nLeft out: 1 refused to this token",
  );
});

test("the text cannot act on a terminal", () => {
  expect(describeText(["a\u001b[2J\nb"])).toBe(
    "\nThe text in it, word for word from its samples (1 piece):\n  a\\u001b[2J\\nb",
  );
});
