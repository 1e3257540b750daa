/** The parts of the estimate that do no I/O: the draw, the prefixes and the estimator. */
import { describe, expect, test } from "vitest";
import { BottomK, hashOfKey } from "../../../src/cli/estimate/bottom-k.ts";
import { learnPrefixes, OTHER, prefixOf } from "../../../src/cli/estimate/prefixes.ts";
import {
  estimateAfter,
  estimateBefore,
  estimateShare,
  type Stratum,
} from "../../../src/cli/estimate/statistics.ts";
import type { Estimate, Row } from "../../../src/cli/estimate/estimate.ts";
import { verdictOf } from "../../../src/cli/estimate/verdict.ts";
import { createRandom } from "../../support/random.ts";

describe("the draw", () => {
  const keys = Array.from({ length: 5000 }, (_, id) => `user:${id}`);

  test("is the same in whatever order keys come, and however often", () => {
    const [one, other] = [new BottomK(100, 1), new BottomK(100, 1)];
    for (const key of keys) one.add(key);
    for (const key of [...keys, ...keys].toReversed()) other.add(key);
    expect(other.drawn).toEqual(one.drawn);
    expect(new Set(one.drawn.map(({ key }) => key)).size).toBe(100);
  });

  test("is all of few keys, and another one with another seed", () => {
    const few = new BottomK(100, 1);
    for (const key of keys.slice(0, 60)) few.add(key);
    expect(few.drawn.map(({ key }) => key).sort()).toEqual(keys.slice(0, 60).sort());
    const other = new BottomK(100, 2);
    for (const key of keys) other.add(key);
    expect(other.drawn.filter(({ key }) => hashOfKey(key, 1) < 2 ** 53 / 50).length).toBeLessThan(20);
  });

  test("takes every key as often: numbers at a key's end are no order", () => {
    const counts = [0, 0, 0, 0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const drawing = new BottomK(50, seed);
      for (const key of keys.slice(0, 1000)) drawing.add(key);
      for (const { key } of drawing.drawn) counts[Math.floor(Number(key.slice(5)) / 200)]! += 1;
    }
    // 2,000 each, with a standard deviation of 39.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(160);
  });
});

describe("prefixes", () => {
  const of = (...names: readonly string[]) =>
    names.flatMap((name) =>
      Array.from({ length: 50 }, (_, id) => ({ key: `${name}${id}`, size: name.length })),
    );

  test("of one level and of several, by bytes, and no ids", () => {
    expect(learnPrefixes(of("app:session:", "app:user:", "page/", "cfg|a|"), 10)).toEqual([
      "app:session:",
      "app:user:",
      "cfg|a|",
      "page/",
    ]);
    expect(learnPrefixes(of("app:session:", "app:user:", "page/"), 1)).toEqual(["app:session:"]);
  });

  test("an id between two separators is no prefix", () => {
    const keys = Array.from({ length: 300 }, (_, id) => ({ key: `user:${id}:profile`, size: 1 }));
    expect(learnPrefixes(keys, 10)).toEqual(["user:"]);
  });

  test("none in keys without separators", () => {
    expect(learnPrefixes(of("key"), 10)).toEqual([]);
    expect(learnPrefixes([], 10)).toEqual([]);
  });

  test("the longest one counts", () => {
    expect(prefixOf("a:b:1", ["a:", "a:b:"])).toBe("a:b:");
    expect(prefixOf("c:1", ["a:"])).toBe(OTHER);
  });
});

describe("the estimator", () => {
  test("is exact where everything was read", () => {
    const read = Array.from({ length: 50 }, (_, index) => [100 + index, 40 + (index % 7)] as const);
    const strata: Stratum[] = [
      { sizes: read.map(([size]) => size), read, isKnown: false },
      { sizes: [5, 0], read: [], isKnown: true },
    ];
    const before = read.reduce((sum, [size]) => sum + size, 0);
    const after = read.reduce((sum, [, size]) => sum + size, 0);
    for (const [found, truth] of [
      [estimateBefore(strata, 52), before + 5],
      [estimateAfter(strata, 52), after + 5],
    ] as const) {
      expect(found.estimate).toBeCloseTo(truth, 6);
      expect(found.high - found.low).toBeLessThan(1e-6);
    }
    expect(estimateShare(strata, 52).estimate).toBeCloseTo((after + 5) / (before + 5), 6);
  });

  test("of nothing is nothing", () => {
    expect(estimateAfter([], 0)).toEqual({ estimate: 0, low: 0, high: 0 });
    expect(estimateShare([], 0)).toEqual({ estimate: 1, low: 1, high: 1 });
  });

  /** Sizes with a lognormal tail; a share of the values does not shrink. */
  function population(seed: number): { readonly size: number; readonly after: number }[] {
    const random = createRandom(seed);
    const unit = (): number => (random.uint32() + 1) / (2 ** 32 + 1);
    return Array.from({ length: 20_000 }, () => {
      const normal = Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
      const size = Math.ceil(Math.exp(7 + 1.2 * normal));
      const ratio = size < 1024 || unit() < 0.08 ? 1 : 0.25 + 0.2 * unit();
      return { size, after: Math.round(size * ratio) };
    });
  }

  test("holds the truth in 95 of 100 samples, and is not much wider than it must be", () => {
    const all = population(1);
    const truth = { before: 0, after: 0 };
    for (const { size, after } of all) {
      truth.before += size;
      truth.after += after;
    }
    const hits = { before: 0, after: 0, share: 0 };
    let width = 0;
    const runs = 400;
    for (let seed = 1; seed <= runs; seed++) {
      const random = createRandom(seed);
      const drawn = Array.from({ length: 3000 }, () => random.pick(all));
      const cells = new Map<number, { readonly size: number; readonly after: number }[]>();
      for (const one of drawn) {
        const kind = Math.floor(Math.log2(one.size) / 2);
        const its = cells.get(kind) ?? [];
        cells.set(kind, its);
        its.push(one);
      }
      const bytes = drawn.reduce((sum, { size }) => sum + size, 0);
      const strata = [...cells.values()].map((its): Stratum => {
        const share = its.reduce((sum, { size }) => sum + size, 0) / bytes;
        const count = Math.max(8, Math.round(300 * share));
        return {
          sizes: its.map(({ size }) => size),
          read: its.slice(0, count).map(({ size, after }) => [size, after]),
          isKnown: false,
        };
      });
      const holds = ({ low, high }: { low: number; high: number }, value: number): number =>
        low <= value && value <= high ? 1 : 0;
      hits.before += holds(estimateBefore(strata, all.length), truth.before);
      const after = estimateAfter(strata, all.length);
      hits.after += holds(after, truth.after);
      hits.share += holds(estimateShare(strata, all.length), truth.after / truth.before);
      width += (after.high - after.low) / after.estimate / runs;
    }
    for (const [name, number] of Object.entries(hits)) {
      // A true 95 % gives fewer than 365 of 400 once in 2,000 times.
      expect(number / runs, name).toBeGreaterThan(0.9125);
    }
    expect(width).toBeLessThan(0.25);
  });
});

describe("the verdict", () => {
  const exact = (estimate: number): Row["now"] => ({ estimate, low: estimate, high: estimate });

  function estimateOf(
    values: number,
    [now, raw, dictionary = raw]: readonly [number, number, number?],
    left: Estimate["left"] = {},
    keys: number = values,
  ): Estimate {
    const after = { text: exact(raw * 1.3), raw: exact(raw), dictionary: exact(dictionary) };
    const total: Row = { prefix: "all", values, now: exact(now), after, share: after };
    const sampled = { lengths: keys, values, bytes: now };
    const processor = { seconds: 0, compressMicroseconds: 0, decompressMicroseconds: 0 };
    return { keys, nameBytes: 0, sampled, total, rows: [total], otherTypes: 0, left, processor };
  }

  test.each<[string, Estimate, RegExp]>([
    ["no keys", estimateOf(0, [0, 0]), /^There are no keys: run this against a database that/],
    ["no strings", estimateOf(0, [0, 0], { "other-type": 3 }, 3), /^No key holds a string/],
    [
      "one small value",
      estimateOf(1, [19, 19], { small: 1 }),
      /^1 value is too few to predict from: .*\. zstash would save next to nothing here: most values are smaller/,
    ],
    [
      "the quick start's value, which is compressed",
      estimateOf(1, [286, 286], { zstash: 1 }),
      /^1 value is too few.*\. All values are compressed by zstash already: nothing is left to do$/,
    ],
    [
      "one large value",
      estimateOf(1, [7101, 286]),
      /^1 value is too few.*\. zstash would store 6.9 KiB in 286 B \(raw\), 96 % less: start with mode "shadow"/,
    ],
    [
      "much JSON",
      estimateOf(900, [1 << 20, 1 << 19]),
      /^zstash would store 1.0 MiB in 512.0 KiB \(raw\), 50 % less/,
    ],
    [
      "what a dictionary helps",
      estimateOf(900, [1 << 20, 1 << 19, 1 << 18]),
      /in 256.0 KiB \(raw, with dictionaries\), 75 % less/,
    ],
    ["pictures", estimateOf(900, [1 << 20, 1 << 20], { "already-compressed": 900 }), /as images or by gzip$/],
    [
      "what is compressed",
      estimateOf(900, [9999, 9999], { zstash: 600, small: 300 }),
      /^Most values are compressed by/,
    ],
  ])("of %s says what was found and what to do", (_, estimate, expected) => {
    expect(verdictOf(estimate)).toMatch(expected);
    expect(verdictOf(estimate)).not.toMatch(/[.\n]$/);
  });
});
