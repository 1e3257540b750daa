/** Random samples: bounded while they grow, fair, and the same for the same priorities. */
import { expect, test } from "vitest";
import { bar, progressOf } from "../../../src/cli/progress-bar.ts";
import { mixed, RandomSample } from "../../../src/cli/random-sample.ts";
import type { Terminal } from "../../../src/cli/command.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

function sampleOf(items: readonly number[], bounds: { count: number; size: number }, size = 1): number[] {
  const sample = new RandomSample<number>(bounds);
  for (const item of items) sample.offer(mixed(item), size, () => item);
  expect(sample.offered).toBe(items.length);
  return sample.items();
}

test("all stay where there is room, and no more than the bounds allow where there is none", () => {
  expect(sampleOf(numbers(100), { count: 100, size: Infinity }).toSorted((a, b) => a - b)).toEqual(
    numbers(100),
  );
  expect(sampleOf(numbers(5000), { count: 100, size: Infinity }).length).toBe(100);
  expect(sampleOf(numbers(5000), { count: 5000, size: 1000 }, 30).length).toBe(33);
  expect(sampleOf([], { count: 5, size: 5 })).toEqual([]);
  expect(sampleOf([1], { count: 5, size: 5 }, 6)).toEqual([]);
});

test("the order plays no part", () => {
  const bounds = { count: 250, size: Infinity };
  expect(sampleOf(numbers(9000).toReversed(), bounds)).toEqual(sampleOf(numbers(9000), bounds));
});

test("each tenth of what came is in it about as often as any other", () => {
  const drawn = sampleOf(numbers(100_000), { count: 10_000, size: Infinity });
  for (const tenth of numbers(10)) {
    const share = drawn.filter((item) => Math.floor(item / 10_000) === tenth).length;
    // 1,000 are expected; five standard deviations are 150.
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
});

test("what has no place is not even made, and memory stays bounded", () => {
  const sample = new RandomSample<number>({ count: 100, size: Infinity });
  let made = 0;
  for (const item of numbers(100_000)) sample.offer(mixed(item), 1, () => ((made += 1), item));
  // About 100 · ln(100,000 / 100), and what lies between two sortings.
  expect(made).toBeLessThan(1200);
});

test("numbers that follow each other are mixed, each to another one", () => {
  expect(new Set(numbers(10_000).map(mixed)).size).toBe(10_000);
  const mean = numbers(10_000).reduce((sum, number) => sum + mixed(number), 0) / 10_000;
  expect(Math.abs(mean / 2 ** 31 - 1)).toBeLessThan(0.05);
});

test("a bar is empty, full and between, and a line fits the terminal", () => {
  expect([bar(0, 8), bar(4, 8), bar(8, 8), bar(9, 8), bar(0, 0)]).toEqual([
    `[${"-".repeat(20)}] 0 %`,
    `[${"#".repeat(10)}${"-".repeat(10)}] 50 %`,
    `[${"#".repeat(20)}] 100 %`,
    `[${"#".repeat(20)}] 100 %`,
    `[${"#".repeat(20)}] 100 %`,
  ]);
  const lines: (string | undefined)[] = [];
  let time = 0;
  const terminal = { errorColumns: 40, progress: (text: string | undefined) => lines.push(text) };
  const show = progressOf(terminal as unknown as Terminal, () => time);
  show("first", 1, 2);
  show("too soon");
  time = 100;
  show("x".repeat(99));
  expect(lines).toEqual([`${bar(1, 2)}  first`, `${"x".repeat(38)}…`]);
});
