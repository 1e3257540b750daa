/** The pages about speed are what the newest file of results says, and two such files can be compared. */
import { describe, expect, test } from "vitest";
import { compareResults, comparisonText } from "../../../bench/compare.mjs";
import { alternativesTable } from "../../../bench/render/alternatives.mjs";
import { articlePage, articlePictures } from "../../../bench/render/article.mjs";
import { replaceBlock } from "../../../bench/render/block.mjs";
import { benchmarkPage, benchmarkPictures } from "../../../bench/render/page.mjs";
import { scalingPage } from "../../../bench/render/scaling.mjs";
import { ratioTable, summaryTable } from "../../../bench/render/tables.mjs";
import { nameOf, newestFile, readResults } from "../../../bench/results.mjs";
import type { Against, Cell, Results } from "../../../bench/results.mjs";
import { readSizes } from "../../../bench/sizes.mjs";
import { read, tracked } from "../../support/repository.ts";

describe("the newest file of results", () => {
  const file = newestFile()!;
  const results = readResults(file);

  test("is what docs/benchmarks.md says: npm run bench -- --pages writes it", async () => {
    expect(read("docs/benchmarks.md")).toBe(await benchmarkPage(results, nameOf(file), readSizes()));
  });

  test("is what the pictures show", () => {
    const pictures = Object.entries(benchmarkPictures(results, readSizes()));
    expect(pictures).toHaveLength(6);
    for (const [name, picture] of pictures) {
      expect(read(`docs/${name}`), name).toBe(picture);
      expect(read("docs/benchmarks.md")).toContain(name);
    }
  });

  test("is what docs/alternatives.md compares", async () => {
    const page = read("docs/alternatives.md");
    expect(page).toBe(replaceBlock(page, "alternatives", await alternativesTable(results.against!)));
  });

  test("is what docs/article.md says", async () => {
    expect(read("docs/article.md")).toBe(await articlePage(results, nameOf(file)));
  });

  test("is what docs/scaling.md says", async () => {
    const page = read("docs/scaling.md");
    expect(page).toBe(await scalingPage(page, results.scaling!, nameOf(file)));
  });

  test("is what the pictures of docs/article.md show, and there is no other in their folder", async () => {
    const pictures = Object.entries(await articlePictures(results));
    for (const [name, picture] of pictures) {
      expect(read(`docs/${name}`), name).toBe(picture);
      expect(read("docs/article.md")).toContain(name);
    }
    const names = pictures.map(([name]) => `docs/${name}`);
    expect(tracked().filter((path) => path.startsWith("docs/article/"))).toEqual(names.toSorted());
  });

  test("has every kind of value, 64 bytes to 10 MB, each with its hash, and the peers on it", () => {
    const { values, cells, versions } = results.against!;
    const corpora = new Set(values.map(({ corpus }) => corpus));
    for (const corpus of ["json", "ndjson-logs", "html", "csv", "base64", "image", "random"])
      expect(corpora).toContain(corpus);
    for (const records of ["json", "messagepack", "protobuf"])
      expect(corpora).toContain(`records-${records}`);
    const sizes = values.map(({ size }) => size);
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([64, 10_000_000]);
    for (const { sha256 } of values) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(cells).toHaveLength(values.length * 3);
    for (const { sides } of cells) {
      const names = Object.keys(sides);
      for (const name of ["zstash", "node:zlib zstd", "@bokuweb/zstd-wasm", "@hpcc-js/wasm-zstd"])
        expect(names).toContain(name);
      for (const name of ["libzstd in C", "klauspost in Go", "zstash on Bun", "Bun.zstd"])
        expect(names).toContain(name);
    }
    for (const name of ["Node", "Go", "Bun", "cc", "fflate", "fzstd", "zstddec", "klauspost/compress"])
      expect(versions[name], name).toMatch(/\d/);
  });
});

/** Results of one value, 1 KB of JSON: microseconds of zstash and of two peers, least and median. */
function made(
  own: readonly [number, number],
  peers: readonly [number, number],
  { bytes = 500, sha256 = "a" }: { bytes?: number; sha256?: string } = {},
): Results & { against: Against } {
  const side = ([least, median]: readonly [number, number], ratio?: number): Cell["sides"][string] => ({
    bytes,
    us: [least, median, least, median * 1.1],
    ratio: ratio === undefined ? undefined : [ratio, ratio, ratio * 0.9, ratio * 1.1],
  });
  const sides = {
    zstash: side(own),
    "node:zlib zstd": side([peers[0], peers[0]], own[0] / peers[0]),
    "libzstd in C": side([peers[1], peers[1]], own[0] / peers[1]),
  };
  const values = [{ name: "json-1024", corpus: "json", holds: "documents", size: 1024, sha256 }];
  const cells: Cell[] = [{ value: "json-1024", operation: "compress", level: 1, sides }];
  const run = { date: "2026-01-01", machine: "a machine", load: 0, seconds: 1, versions: {}, values, cells };
  return { date: "2026-01-01", machine: "a machine", sections: [], against: run };
}

describe("compareResults", () => {
  const before = made([5, 5.1], [12, 4]);

  test("says nothing of two that are the same", () => {
    expect(compareResults(before, before)).toEqual({ worse: [], compared: 1, different: [] });
    expect(comparisonText(compareResults(before, before))).toBe(
      "1 times compared: nothing is slower or larger by more than the noise",
    );
  });

  test("finds what became slower while the peers did not", () => {
    const { worse } = compareResults(before, made([6, 6.1], [12, 4]));
    expect(worse).toMatchObject([
      { what: "slower", cell: "json-1024, compress, level 1", side: "zstash", before: 5, after: 6 },
    ]);
    expect(worse[0]!.change).toBeCloseTo(0.2);
    expect(comparisonText(compareResults(before, made([6, 6.1], [12, 4])))).toContain(
      "json-1024, compress, level 1: zstash is 20.0 % slower, 5.0 → 6.0 µs",
    );
  });

  test("takes a machine on which everything is slower for the machine", () => {
    expect(compareResults(before, made([10, 10.2], [24, 8])).worse).toEqual([]);
    // A fast machine does not hide what became slower.
    expect(compareResults(before, made([4, 4.1], [6, 2])).worse).toHaveLength(1);
  });

  test("lets a change within the noise of either run pass", () => {
    expect(compareResults(before, made([5.2, 5.3], [12, 4])).worse).toEqual([]);
    expect(compareResults(before, made([6, 8], [12, 4])).worse).toEqual([]);
    expect(compareResults(made([5, 7], [12, 4]), made([6, 6.1], [12, 4])).worse).toEqual([]);
    // The peers do not agree on what the machine did.
    expect(compareResults(before, made([6, 6.1], [18, 4])).worse).toEqual([]);
  });

  test("takes what cells of the same code differ by for noise, and finds what lies beyond it", () => {
    /** Ten values, each with zstash's time; the peers are as before. */
    const ten = (times: readonly number[]): Results => {
      const all = times.map((time, index) => {
        const { against } = made([time, time], [12, 4]);
        const name = `value-${index}`;
        const [value, cell] = [
          { ...against.values[0]!, name },
          { ...against.cells[0]!, value: name },
        ];
        return { value, cell };
      });
      const { against, ...rest } = made([5, 5], [12, 4]);
      const [values, cells] = [all.map(({ value }) => value), all.map(({ cell }) => cell)];
      return { ...rest, against: { ...against, values, cells } };
    };
    const flat = ten(Array.from({ length: 10 }, () => 5));
    const restless = [4.2, 5.7, 4.4, 5.6, 4.5, 5.5, 4.3, 5.8, 5];
    expect(compareResults(flat, ten([...restless, 5.9])).worse).toEqual([]);
    expect(compareResults(flat, ten([...restless, 12])).worse).toMatchObject([{ change: 1.4 }]);
    // All that became slower alike did so.
    expect(compareResults(flat, ten(Array.from({ length: 10 }, () => 6))).worse).toHaveLength(10);
  });

  test("believes a least time only if the rounds' ratios say the same", () => {
    const after = made([6, 6.1], [12, 4]);
    const [cell] = after.against.cells;
    const { sides } = before.against.cells[0]!;
    const ratios = Object.fromEntries(
      Object.entries(cell!.sides).map(([name, side]) => [name, { ...side, ratio: sides[name]!.ratio }]),
    );
    const unlucky = { ...after, against: { ...after.against, cells: [{ ...cell!, sides: ratios }] } };
    expect(compareResults(before, unlucky).worse).toEqual([]);
  });

  test("finds frames that became larger, and does not call what became faster or smaller worse", () => {
    const larger = compareResults(before, made([5, 5.1], [12, 4], { bytes: 510 })).worse;
    expect(larger).toMatchObject([{ what: "larger", before: 500, after: 510 }]);
    expect(compareResults(before, made([3, 3.1], [12, 4], { bytes: 400 })).worse).toEqual([]);
  });

  test("does not compare other bytes, and says so", () => {
    const comparison = compareResults(before, made([50, 51], [12, 4], { sha256: "b" }));
    expect(comparison).toEqual({ worse: [], compared: 0, different: ["json-1024"] });
    expect(comparisonText(comparison)).toContain("Not the same bytes, not compared: json-1024");
  });

  test("needs a run against the peers in both", () => {
    expect(() => compareResults({ ...before, against: undefined }, before)).toThrow("Cannot compare");
  });
});

test("a cell that zstash loses is marked, and no other", () => {
  const { against } = made([5, 5.1], [12, 4]);
  const row = ratioTable(against, "compress", 1).split("\n").at(-1)!;
  expect(row).toBe("| json, 1,024 | 5 / 5.1 | 0.42 (0.38–0.46) | **1.25 !** (1.13–1.38) |");
  const summary = summaryTable(against);
  expect(summary).toContain("| node:zlib zstd | 0.42; loses 0 of 1 |");
  expect(summary).toContain("| libzstd in C | **1.25 !**; loses 1 of 1 |");
});
