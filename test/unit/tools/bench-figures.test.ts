/** Sentences of docs/article.md and docs/scaling.md turn with their figures, and what zstash loses is marked. */
import { describe, expect, test } from "vitest";
import type { Article } from "../../../bench/article/sections.mjs";
import { drawnOrder } from "../../../bench/interleave.mjs";
import { section as bursts } from "../../../bench/render/article/bursts.mjs";
import { section as levels } from "../../../bench/render/article/levels.mjs";
import { section as logsSection } from "../../../bench/render/article/logs.mjs";
import { section as memory } from "../../../bench/render/article/memory.mjs";
import { section as profile } from "../../../bench/render/article/profile.mjs";
import { section as records } from "../../../bench/render/article/records.mjs";
import { section as replication } from "../../../bench/render/article/replication.mjs";
import { section as writes } from "../../../bench/render/article/writes.mjs";
import { scalingPage } from "../../../bench/render/scaling.mjs";
import { newestFile, readResults } from "../../../bench/results.mjs";
import { read } from "../../support/repository.ts";

const results = readResults(newestFile()!);
const article = results.article as Article;
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

test("an order that is drawn has every number once", () => {
  expect(drawnOrder(20).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  const orders = new Set(Array.from({ length: 50 }, () => drawnOrder(6).join()));
  expect(orders.size).toBeGreaterThan(10);
});

describe("the article's section", () => {
  test("on writes says of the tail what it did, and of the bytes what they are", () => {
    const made = (p99: number, stored: number): string => {
      const one = (tail: number): Article["writes"]["writes"]["level 1"] => ({
        stored,
        n: 9,
        p50: 1,
        p99: tail,
      });
      const four = { uncompressed: one(5), "level 1": one(p99), "level 3": one(5), "level 19": one(5) };
      return flat(writes({ ...article.writes, writes: four }, results.against!, article));
    };
    expect(made(5, 100)).toContain("compression does not show in the tail");
    expect(made(9, 100)).toContain("the tail grows at level 1, where the article has 2.1 ms more");
    expect(made(9, 100)).toContain("| 1 / **9 !** ms |");
    expect(made(5, 100)).not.toContain("| 1 / **");
    expect(made(5, 100)).toMatch(/level 19 [\d.]+ % smaller than level 1/);
    expect(made(5, 5000)).toContain("level 19 no smaller than level 1");
    expect(made(5, 100)).toContain("410 of 1,024, would be 2.5 times and not 1.8");
  });

  test("on records marks what zstd makes longer, and what zstash sends more of", () => {
    const made = (zstd: number, own: number): string => {
      const [, first] = Object.entries(article.records.records)[0]!;
      const changed = { ...first, zstd, zstash: { ...first.zstash, bytes: own } };
      return flat(records({ ...article.records, records: { ...article.records.records, JSON: changed } }));
    };
    expect(made(133, 100)).toMatch(/zstd makes JSON 50 % shorter/);
    expect(made(532, 100)).toMatch(/zstd makes JSON 100 % longer/);
    expect(made(532, 100)).toContain("| **532 B !** |");
    expect(made(133, 9000)).toMatch(/\*\*9,000 B \(\d+ %\) !\*\*/);
    expect(made(133, 100)).not.toContain("**100 B");
  });

  test("on memory names every figure in which zstash loses, the loop's 99th percentile among them", () => {
    const base = article.memory.cells.find(({ figures }) => figures !== undefined)!;
    const made = (delayP99Ms: number, delayMostMs: number): string => {
      const figures = { ...base.figures!, failures: 0, delayP99Ms: 10, delayMostMs: 100 };
      const cell = { ...base, operation: "SET" as const, count: 100 };
      return flat(
        memory({
          ...article.memory,
          cells: [
            { ...cell, side: "stock", figures },
            { ...cell, side: "zstash", figures: { ...figures, delayP99Ms, delayMostMs } },
          ],
        }),
      );
    };
    expect(made(50, 20)).toContain("| delay of the loop, 99th percentile | **5.00 !** |");
    expect(made(50, 20)).toContain("**zstash/redis loses** with SETs in delay of the loop, 99th percentile.");
    expect(made(50, 20)).toContain("longer at the 99th percentile (5 times) and shorter at most (0.2)");
    expect(made(5, 20)).toContain("zstash/redis loses in none of them.");
    expect(made(5, 20)).not.toContain("longer at the 99th percentile");
  });

  test("on levels marks what takes longer than a SET without compression", () => {
    const made = (ms: number): string =>
      flat(
        levels({
          ...article.levels,
          uncompressed: [1, 10],
          levels: article.levels.levels.map((level) => ({
            ...level,
            set: [level.level === 19 ? ms : 1, 10],
          })),
        }),
      );
    expect(made(3)).toContain("the median is longer at level 19, the 99th percentile at none of them");
    expect(made(3)).toContain("| **3 !** / 10 |");
    expect(made(1)).toContain("the median is longer at none of them");
  });

  test("on bursts says that the claim holds where encoders cost more, and marks what the Go library does sooner", () => {
    const made = (own: number, go: number, allocated: number): string => {
      const four = (us: number): [number, number, number, number] => [us, us, us, us];
      return flat(
        bursts({
          ...article.bursts,
          times: {
            "zstash.wasm, one context": four(own),
            "zstash.wasm, a context a call": four(own),
            "klauspost, one encoder": four(5),
            "klauspost, an encoder a call": four(go),
          },
          allocated: { pooled: 1, own: allocated },
        }),
      );
    };
    expect(made(4, 50, 9000)).toContain(
      "10 times the time of one that is used again and allocates 9,000 bytes a call, the other 1: there the claim holds.",
    );
    expect(made(4, 5, 9000)).toContain("there the claim does not hold.");
    expect(made(6, 50, 9000)).toContain("| zstash.wasm, one context | **6 µs !** |");
    expect(made(4, 50, 9000)).not.toContain("!**");
  });

  test("on the profile explains its figure beside the benchmarks' by what was timed", () => {
    const made = (between: number): string =>
      flat(
        profile({
          ...article.profile,
          cells: article.profile.cells.map((cell) => ({ ...cell, codec: { loop: 10, between } })),
        }),
      );
    expect(made(30)).toMatch(
      /at 1 KB 10 µs in a loop, as \[the benchmarks\]\(benchmarks.md\) run them, 30 µs \(3 times\)/,
    );
    expect(made(30)).toContain("which the processor's caches and its predictions of branches then hold.");
    expect(made(10)).toContain("hardly makes the calls slower here");
  });
});

describe("docs/scaling.md", () => {
  const scaling = results.scaling!;
  const made = async (factor: number): Promise<string> => {
    const burst = {
      hold: 0,
      errors: {},
      ms: 10,
      p50: 10,
      p99: 10,
      rss: 1e6,
      right: 10,
    };
    const requests = {
      "10": {
        "zstash, pipelined": { ...burst, ms: 10 * factor },
        "stock client, pipelined": burst,
      },
    };
    return flat(await scalingPage(read("docs/scaling.md"), { ...scaling, requests }, "a file"));
  };

  test("shows a process that ended, and compares nothing with it", async () => {
    const died = { error: "the process ended with SIGKILL", rss: 0 };
    const requests = { "10": { ...scaling.requests["10"]!, "stock client, pipelined": died } };
    const page = { ...scaling, requests, calls: { "10": died } };
    const text = flat(await scalingPage(read("docs/scaling.md"), page, "a file"));
    expect(text.match(/\*\*the process ended with SIGKILL !\*\*/g)).toHaveLength(2);
    expect(text).toMatch(/of 1 cells/);
  });

  test("marks a cell that zstash loses, and no other", async () => {
    const lost = await made(2);
    expect(lost).toContain("| zstash, pipelined | all | **20 ms !** | 10 ms / 10 ms |");
    expect(lost).toContain("**zstash loses** in 1 of 1 cells: 10 pipelined (in all).");
    const won = await made(0.5);
    expect(won).toMatch(/\| zstash, pipelined \| all \| 5 ms \|/);
    expect(won).toContain("zstash lost none of 1 cells in this run.");
  });
});

describe("logs", () => {
  test("zstash loses where its processor time is longer, whatever the clock says, and leaves as many bytes as native where it does", () => {
    const change = (factor: number, clock: number, bytes: number): string =>
      logsSection({
        ...article.logs,
        rows: article.logs.rows.map((row) =>
          row.name === "zstash, one call"
            ? {
                ...row,
                ms: row.ms.map((ms) => ms * clock),
                processorMs: row.processorMs.map((ms) => ms * factor),
                bytes: row.bytes + bytes,
              }
            : row,
        ),
      });
    expect(change(100, 0.001, 0)).toMatch(/times native zstd's \(it loses\)/);
    expect(change(100, 0.001, 0)).toMatch(/\| libzstd in C, one call[^\n]* \*\*\d+ !\*\* \|/);
    expect(change(0.001, 100, 0)).not.toContain("(it loses)");
    expect(change(0.001, 100, 0)).not.toMatch(/\| libzstd in C, one call[^\n]*!/);
    expect(change(1, 1, 0)).toContain("It leaves as many bytes as native zstd.");
    expect(change(1, 1, 1)).not.toContain("It leaves as many bytes");
  });

  test("a higher level is advised where it leaves fewer bytes alone, and several processors where they were used", () => {
    const made = (level3: number, processors: number): string =>
      logsSection({
        ...article.logs,
        rows: article.logs.rows.map((row) => ({
          ...row,
          bytes: row.level === 3 ? level3 : 1000,
          processors: row.name.endsWith("its stream") ? processors : 1,
        })),
      });
    expect(made(800, 1)).toContain(
      "a higher level is what to choose, as the article says too: of these level 3 leaves 20 % fewer bytes",
    );
    expect(made(1100, 1)).toContain("does not hold of these at level 3, which leaves 10 % more than level 1");
    expect(made(800, 1)).toContain("Nobody used more than one processor here");
    expect(made(800, 1.9)).toContain(
      "More than one processor was used by klauspost in Go, its stream at level 1: 190 %",
    );
  });
});

describe("replication", () => {
  type Row = Article["replication"]["rows"][number];
  const row = (name: string, stored: readonly number[], snapshot: readonly number[]): Row => {
    const side = (at: number): Row["sides"]["stock"] => ({
      stored: stored[at]!,
      replicated: stored[at]! + 35,
      appended: stored[at]! + 35,
      snapshot: snapshot[at]!,
    });
    return { name, size: stored[0]!, sides: { stock: side(0), raw: side(1), text: side(2) } };
  };
  const text = (...rows: Row[]): string => flat(replication({ ...article.replication, rows }));

  test("names what sends fewer bytes, the same, and more, and where", () => {
    const told = text(
      row("json", [1065, 515, 700], [690, 540, 720]),
      row("short", [64, 64, 64], [76, 76, 76]),
    );
    expect(told).toContain("Here the claim holds: a write sends what lies in Redis and 35 bytes more");
    expect(told).toContain("The append-only file grows by the same bytes.");
    expect(told).toContain(
      "So 1 of 2 values send 2 times fewer bytes to each replica with the raw carrier, 1 the same (short); and 1 of 2 values send 1.5 times fewer bytes to each replica with the text carrier, 1 the same (short).",
    );
    expect(told).toContain("What is the same zstash stores as the stock client does");
    expect(told).toContain("The snapshot gains less, because Redis");
    expect(told).toContain("**zstash loses**, by more than 1 %: json, text carrier, in the snapshot.");
    expect(told).toContain("720 (**104 % !**)");
    expect(told).toContain("made 1 of 2 of the stock client's values smaller already, and it does");
    expect(flat(text(row("json", [1000, 500, 700], [990, 300, 690])))).not.toContain("it does nothing");
  });

  test("claims no loss where there is none, and none of the claim where heads are large", () => {
    const one = row("json", [1000, 500, 600], [700, 500, 600]);
    one.sides.stock.replicated += 500;
    const told = text(one);
    expect(told).toContain("No value became larger by more than 1 % anywhere.");
    expect(told).not.toContain("Here the claim holds");
    expect(told).toContain("The append-only file grows by other amounts");
  });
});
