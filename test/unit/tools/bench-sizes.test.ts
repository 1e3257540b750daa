/** The history of the bundles' budgets: read from a real repository, and drawn. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sizePlot } from "../../../bench/render/plot.mjs";
import { readSizes, sizeHistory } from "../../../bench/sizes.mjs";

let folder: string;
const git = (...words: string[]): void => {
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
  execFileSync("git", [...who, ...words], { cwd: join(folder, "whole"), stdio: "pipe" });
};
const write = (budgets: Record<string, number>): void => {
  const entries = Object.entries(budgets).map(([name, budget]) => [name, { from: "src/a.ts", budget }]);
  writeFileSync(join(folder, "whole/test/size.json"), JSON.stringify(Object.fromEntries(entries)));
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zstash-sizes-"));
  mkdirSync(join(folder, "whole/test"), { recursive: true });
  git("init", "-q", "-b", "main");
  for (const budgets of [{ a: 100, b: 200 }, { a: 100, b: 250 }, { a: 120 }]) {
    write(budgets);
    git("add", "test");
    git("commit", "-q", "-m", "a budget");
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("sizeHistory", () => {
  test("has what every commit changed, and what has not been committed", () => {
    write({ a: 120, c: 300 });
    const changes = sizeHistory(join(folder, "whole"));
    expect(changes.map(({ changed }) => changed)).toEqual([
      { a: 100, b: 200 },
      { b: 250 },
      { a: 120, b: null },
      { c: 300 },
    ]);
    for (const { commit } of changes.slice(0, 3)) expect(commit).toMatch(/^[0-9a-f]{10}$/);
    expect(changes[3]).not.toHaveProperty("commit", expect.anything());
  });

  test("refuses a clone that has no history, instead of writing a short one", () => {
    const shallow = join(folder, "shallow");
    execFileSync("git", ["clone", "-q", "--depth", "1", `file://${join(folder, "whole")}`, shallow]);
    expect(() => sizeHistory(shallow)).toThrow("this clone is shallow");
  });
});

describe("sizePlot", () => {
  const changes = [
    { date: "2026-01-01", changed: { "zstash/a, alone": 1024, "zstash/b": 2048 } },
    { date: "2026-01-02", changed: { "zstash/a, alone": 4096 } },
    { date: "2026-01-02", changed: { "zstash/b": null } },
  ];
  /** The points of the lines, in the order of names. */
  const linesOf = (svg: string): number[][][] =>
    [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) =>
      points!.split(" ").map((point) => point.split(",").map(Number)),
    );

  test("steps up where a budget grew, and ends where it was removed", () => {
    const svg = sizePlot(changes, "light");
    const [a, b] = linesOf(svg);
    // Up to the change it stays level, then it is higher; the first x is the left edge, the last the right one.
    expect(a!.map(([x]) => x)).toEqual([64, 222.7, 222.7, 381.3, 540]);
    expect(a![0]![1]).toBe(a![1]![1]);
    expect(a![2]![1]).toBeLessThan(a![1]![1]!);
    expect(b!.at(-1)![0]).toBe(381.3);
    expect(svg).toContain(">zstash/a<");
    expect(svg).toContain(">01-02<");
  });

  test("draws every budget that was written down, in both themes", () => {
    const sizes = readSizes();
    const names = new Set(sizes.flatMap(({ changed }) => Object.keys(changed)));
    expect(names.size).toBeGreaterThan(5);
    for (const theme of ["light", "dark"] as const)
      expect(linesOf(sizePlot(sizes, theme))).toHaveLength(names.size);
  });
});
