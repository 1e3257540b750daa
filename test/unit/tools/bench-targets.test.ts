/** The targets of docs/benchmarks.md turn with the figures, and two files of results are compared in the article, scaling and the codec too. */
import { describe, expect, test } from "vitest";
import type { Article } from "../../../bench/article/sections.mjs";
import { comparisonText } from "../../../bench/compare.mjs";
import { compareMeasures, measuresOf } from "../../../bench/measures.mjs";
import { targetsSection, verdictOf } from "../../../bench/render/targets.mjs";
import { newestFile, readResults } from "../../../bench/results.mjs";
import type { Results } from "../../../bench/results.mjs";
import { parts } from "../../../bench/sections.mjs";
import { read } from "../../support/repository.ts";

const results = readResults(newestFile()!);
const article = results.article as Article;
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

/** Results with data of the codec, the kernel and streams in which every ratio is the same. */
function withRatio(median: number, least = median): Results {
  const ratio = { min: least, median, low: median, high: median };
  const sizes = [1024, 16384, 1 << 20];
  const data = {
    codec: {
      rows: sizes.flatMap((size) =>
        ["string -> frame", "frame -> string"].map((operation) => ({
          size,
          level: 1,
          operation,
          ratios: { zlib: ratio },
        })),
      ),
    },
    kernel: {
      means: { compress: median, decompress: median },
      rows: [{ kind: "c", level: 1, size: 1024, ratio: median, median, low: median, high: median }],
    },
    streams: {
      ratios: Object.fromEntries(
        ["compress, unflushed, size declared", "decompress", "packets, at once", "packets, stream"].map(
          (name) => [name, ratio],
        ),
      ),
    },
  };
  const sections = Object.entries(data).map(([name, one]) => ({
    title: parts.find((part) => part.name === name)!.title,
    about: "",
    date: "2026-01-01",
    machine: "a machine",
    command: "",
    text: "",
    data: one,
  }));
  return { date: "2026-01-01", machine: "a machine", sections };
}

describe("targets", () => {
  test("are met where both figures are within them", () => {
    expect([verdictOf(1, 1, 1), verdictOf(1.004, 0.9, 1)]).toEqual(["met", "met"]);
    expect(verdictOf(1, 1.2, 1)).toContain("not by the least times !");
    expect(verdictOf(1.2, 1, 1)).toContain("not in the median !");
    expect(verdictOf(1.2, 1.2, 1)).toBe("**not met !**");
  });

  test("turn with the figures, and what is not met says what was tried", () => {
    const good = flat(targetsSection(withRatio(0.2)));
    expect(good).toContain("6 of 6 met here");
    expect(good).not.toContain("not met !");
    expect(good).not.toContain("what was tried:");
    const bad = flat(targetsSection(withRatio(1.5)));
    expect(bad).toContain("0 of 6 met here");
    expect(bad).toContain("| ≤ 0.40 | 1.50 [1.50] | **not met !** |");
    expect(bad).toMatch(
      /- the kernel over native zstd, compress[^-]* \(compress, 1 of 1 cells are above: level 1 of 1,024 bytes\)\. .*decisions\.md#faster/,
    );
    expect(bad).toContain(
      "frames for `{ mtu: 1500 }` over one frame, decompressed at once. All frames go to zstd",
    );
  });

  test("say what has not been measured, and of the peers in which values they lose", () => {
    const none = flat(targetsSection({ ...results, sections: [] }));
    expect(none).toContain("12 are not measured yet");
    const { against } = results;
    const cells = against!.cells.slice(0, 1).map((cell) => ({
      ...cell,
      sides: {
        ...cell.sides,
        "klauspost in Go": { ...cell.sides["klauspost in Go"]!, ratio: [2, 2, 2, 2] as const },
      },
    }));
    const lost = flat(targetsSection({ ...results, against: { ...against!, cells } }));
    expect(lost).toContain("| ahead in 0 of 1 | **not met !** |");
    expect(lost).toContain(`level 1: ${cells[0]!.value}). In`);
  });

  test("link to headings that docs/decisions.md has, and name entries that it has", () => {
    const decisions = read("docs/decisions.md");
    const anchors = [...decisions.matchAll(/^## (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, "")
        .replaceAll(" ", "-"),
    );
    const text = targetsSection(withRatio(9));
    const links = [...text.matchAll(/decisions\.md#([\w-]+)/g)].map(([, anchor]) => anchor!);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) expect(anchors).toContain(link);
    for (const [, entry] of text.matchAll(/\b(D\d+)\b/g)) expect(decisions).toContain(`**${entry} · `);
  });
});

describe("compareMeasures", () => {
  const with_ = (factor: number, stored = 1): Results => ({
    ...results,
    article: {
      ...article,
      profile: {
        ...article.profile,
        cells: article.profile.cells.map((cell) => ({
          ...cell,
          zstash: { ...cell.zstash, cpuUs: cell.zstash.cpuUs * (cell.size === 1024 ? factor : 1) },
        })),
      },
      replication: {
        ...article.replication,
        rows: article.replication.rows.map((row, index) => ({
          ...row,
          sides: {
            ...row.sides,
            raw: { ...row.sides.raw, replicated: row.sides.raw.replicated * (index === 0 ? stored : 1) },
          },
        })),
      },
    },
  });

  test("says nothing of the same results, and has the article and scaling in it", () => {
    const same = compareMeasures(results, results);
    expect(same).toMatchObject({ worse: [], missing: [] });
    expect(same.sections).toEqual(
      expect.arrayContaining(["article/replication", "article/memory", "scaling"]),
    );
    expect(measuresOf(results).length).toBeGreaterThan(100);
  });

  test("finds a ratio that grew by more than its noise, and bytes that grew by more than a few", () => {
    expect(compareMeasures(results, with_(1.1)).worse).toEqual([]);
    expect(compareMeasures(results, with_(2)).worse).toMatchObject([
      { section: "article/profile", change: 1 },
    ]);
    expect(compareMeasures(results, with_(0.5)).worse).toEqual([]);
    expect(compareMeasures(results, with_(1, 1.02)).worse).toMatchObject([
      { section: "article/replication", noise: 0.005 },
    ]);
  });

  test("takes the spread of rounds for noise where there is one", () => {
    expect(compareMeasures(withRatio(1), withRatio(1.04)).worse).toEqual([]);
    expect(compareMeasures(withRatio(1), withRatio(1.2)).worse.length).toBeGreaterThan(5);
  });

  test("is told in lines of a terminal's width, with what one file has alone", () => {
    const text = comparisonText(undefined, compareMeasures({ ...results, scaling: undefined }, with_(2)));
    expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(flat(text)).toContain("In one of the files alone, not compared: the run against the peers");
    expect(flat(text)).toContain("In one of the files alone, not compared: scaling");
    expect(flat(text)).toContain(
      "article/profile: a pair of 1024 bytes, processor time over the client alone: 100.0 % more",
    );
  });
});
