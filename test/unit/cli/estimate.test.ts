/** The parts of the estimate that do no I/O: the draw, the prefixes and the estimator. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { BottomK, hashOfKey } from "../../../src/cli/estimate/bottom-k.ts";
import { chooseCells, drawBySize } from "../../../src/cli/estimate/choose.ts";
import { measureValue, warmUp } from "../../../src/cli/estimate/measure.ts";
import { learnPrefixes, OTHER, prefixOf } from "../../../src/cli/estimate/prefixes.ts";
import {
  estimateAfter,
  estimateBefore,
  estimateShare,
  lengthsSuffice,
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

  test("a family is seen beside others, and beside keys that begin with ids", () => {
    const keys = [
      ...Array.from({ length: 600 }, (_, id) => ({ key: `user:${id}`, size: 3 })),
      ...Array.from({ length: 600 }, (_, id) => ({ key: `session:${id}`, size: 2 })),
      ...Array.from({ length: 200 }, (_, id) => ({ key: `tenant${id}:cfg`, size: 1 })),
    ];
    expect(learnPrefixes(keys, 10)).toEqual(["user:", "session:"]);
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
      { sizes: read.map(([size]) => size), certain: read, drawn: [], isKnown: false },
      { sizes: [5, 0], certain: [], drawn: [], isKnown: true },
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

  interface Value {
    readonly key: string;
    readonly size: number;
    readonly after: number;
  }

  /** Sizes with a lognormal tail, or with Pareto's of a shape; a share of the values does not shrink. */
  function population(seed: number, shape: number): Value[] {
    const random = createRandom(seed);
    const unit = (): number => (random.uint32() + 1) / (2 ** 32 + 1);
    return Array.from({ length: 3000 }, (_, id) => {
      const normal = Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
      const size = Math.ceil(shape === 0 ? Math.exp(7 + 1.2 * normal) : 300 * unit() ** (-1 / shape));
      const ratio = size < 1024 || unit() < 0.08 ? 1 : 0.25 + 0.2 * unit();
      return { key: `key:${id}`, size, after: Math.round(size * ratio) };
    });
  }

  const SAMPLE = 200;
  /** A sample of lengths, and of values, of a population: whether the truth lies in each interval. */
  function sampled(all: readonly Value[], lengths: number, seed: number, sample: number) {
    const truth = { before: 0, after: 0 };
    const values = new Map<string, Value>();
    const drawing = new BottomK(lengths, seed);
    for (const value of all) {
      truth.before += value.size;
      truth.after += value.after;
      values.set(value.key, value);
      drawing.add(value.key);
    }
    const drawn = drawing.drawn.map((one) => ({ ...one, size: values.get(one.key)!.size }));
    const pair = ({ key }: { readonly key: string }) =>
      [values.get(key)!.size, values.get(key)!.after] as const;
    const strata = chooseCells(drawn, [], { maxValue: 2 ** 30, sample, seed }).map((cell): Stratum => ({
      sizes: cell.members.map(({ size = 0 }) => size),
      isKnown: cell.isKnown,
      certain: cell.certain.map(pair),
      drawn: cell.drawn.map(pair),
    }));
    const holds = ({ low, high }: { low: number; high: number }, value: number): boolean =>
      low - value * 1e-9 <= value && value <= high + value * 1e-9;
    const after = estimateAfter(strata, all.length);
    return {
      before: holds(estimateBefore(strata, all.length), truth.before),
      after: holds(after, truth.after),
      share: holds(estimateShare(strata, all.length), truth.after / truth.before),
      width: (after.high - after.low) / truth.after,
      read: strata.reduce((sum, { certain, drawn: some }) => sum + certain.length + some.length, 0),
      suffice: lengthsSuffice(
        drawn.map(({ size }) => size),
        all.length,
      ),
    };
  }
  const RUNS = 200;
  const coverage = (all: readonly Value[], lengths: number, sample = SAMPLE) => {
    const runs = Array.from({ length: RUNS }, (_, seed) => sampled(all, lengths, seed + 1, sample));
    const share = (of: (run: (typeof runs)[number]) => boolean | number): number =>
      runs.reduce((sum, run) => sum + Number(of(run)), 0) / RUNS;
    return {
      before: share(({ before }) => before),
      after: share(({ after }) => after),
      share: share((run) => run.share),
      width: share(({ width }) => width),
      read: share(({ read }) => read),
      suffice: share(({ suffice }) => suffice),
    };
  };

  test.each([
    ["lengths of all keys, lognormal", 3000, 0],
    ["lengths of two thirds, lognormal", 2000, 0],
    ["lengths of all keys, Pareto with a shape of 1.2", 3000, 1.2],
  ])("holds the truth in 95 of 100 samples, and is not wide: %s", (_, lengths, shape) => {
    const { before, after, share, width, read, suffice } = coverage(population(1, shape), lengths);
    // A true 95 % gives fewer than 182 of 200 once in 200 times.
    for (const [name, one] of Object.entries({ before, after, share }))
      expect(one, name).toBeGreaterThanOrEqual(0.91);
    expect(width).toBeLessThan(0.15);
    expect(suffice).toBe(1);
    expect(Math.abs(read - SAMPLE)).toBeLessThan(15);
  });

  test("counts what lengths leave open, where every value of a known length was read", () => {
    const { before, after, share } = coverage(population(1, 0), 1000, 3000);
    for (const one of [before, after, share]) {
      expect(one).toBeGreaterThanOrEqual(0.91);
      expect(one).toBeLessThan(1);
    }
  });

  test("says that it cannot be trusted where a few values hold most of the bytes, and only some lengths are known", () => {
    const { before, suffice } = coverage(population(2, 1.2), 1000);
    expect(before).toBeLessThan(0.91);
    expect(suffice).toBeLessThan(0.02);
  });

  test("values that hold more than their share of the bytes are read in any case", () => {
    const members = Array.from({ length: 1000 }, (_, id) => ({
      key: `k${id}`,
      hash: id,
      size: id < 3 ? 100_000 : 10,
    }));
    for (let seed = 0; seed < 50; seed++) {
      const { certain, drawn } = drawBySize(members, 20, seed);
      expect(certain.map(({ key }) => key).sort()).toEqual(["k0", "k1", "k2"]);
      expect(drawn.length).toBe(17);
    }
    expect(drawBySize(members.slice(0, 5), 20, 1).certain.length).toBe(5);
  });
});

describe("the verdict", () => {
  const exact = (estimate: number): Row["now"] => ({ estimate, low: estimate, high: estimate });

  function estimateOf(
    values: number,
    [now, raw, dictionary = raw]: readonly [number, number, number?],
    left: Estimate["left"] = {},
    keys: number = values,
    schemes: Estimate["schemes"] = {},
  ): Estimate {
    const after = { text: exact(raw * 1.3), raw: exact(raw), dictionary: exact(dictionary) };
    const total: Row = { prefix: "all", values, now: exact(now), after, share: after };
    const sampled = { lengths: keys, values, bytes: now, gone: 0, refused: 0 };
    const processor = null;
    const others = { schemes, otherTypes: 0, types: {}, lengthsSuffice: true };
    return { keys, nameBytes: 0, sampled, total, rows: [total], left, processor, ...others };
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
    [
      "what gains by a dictionary and by nothing else",
      estimateOf(900, [1 << 20, 1 << 20, 1 << 18], { small: 900 }),
      /75 % less: make a dictionary first, zstash train --keys 'all\*', see .*dictionaries/,
    ],
    [
      "gzip in base64",
      estimateOf(900, [9999, 9999], { "already-compressed": 900 }, 900, { "base64-gzip": 880 }),
      /most values are compressed by others: zstash migrate --from base64-gzip --carrier raw says/,
    ],
    [
      "gzip, which is no text",
      estimateOf(900, [9999, 9999], { binary: 900 }, 900, { gzip: 900 }),
      /zstash migrate --from gzip --carrier raw says/,
    ],
    [
      "pictures and a little gzip",
      estimateOf(900, [9999, 9999], { "already-compressed": 900 }, 900, { gzip: 9 }),
      /as images or by gzip$/,
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

describe("the measure", () => {
  const settings = { binary: false, policy: {}, maxValue: 1 << 20 };

  test("warms up with values that are compressed and decompressed, and for a bounded number of rounds", async () => {
    const zstd = await loadZstd();
    const counts = { compress: 0, decompress: 0 };
    const counted = new Proxy(zstd, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (name === "compress" || name === "decompress") counts[name] += 1;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    warmUp(counted, settings);
    expect(counts.decompress).toBeGreaterThan(0);
    expect(counts.decompress).toBeLessThanOrEqual(200);
  });

  test.each([
    ["gzip", gzipSync("text"), "gzip"],
    ["gzip in base64", Buffer.from(gzipSync("text").toString("base64")), "base64-gzip"],
    ["GLIDE", Buffer.from([0, 1, 2, 0, 1, 40]), "glide"],
    ["text", Buffer.from("H4s"), undefined],
    ["nothing", Buffer.alloc(0), undefined],
  ] as const)("knows the scheme of %s", async (_, bytes, scheme) => {
    const zstd = await loadZstd();
    expect(measureValue({ key: "k", bytes }, zstd, settings).scheme).toBe(scheme);
  });
});
