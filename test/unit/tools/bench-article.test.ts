/** What sections of docs/article.md conclude follows from what was measured, whichever way that went. */
import { describe, expect, test } from "vitest";
import { section as noDelay } from "../../../bench/render/article/no-delay.mjs";
import { section as pipelines } from "../../../bench/render/article/pipelines.mjs";
import { section as segments } from "../../../bench/render/article/segments.mjs";
import { section as versions } from "../../../bench/render/article/versions.mjs";
import type { Article } from "../../../bench/article/sections.mjs";
import { lessOrMore, listed, range } from "../../../bench/render/words.mjs";

const stamp = { date: "2026-01-01", machine: "a machine", load: 0, seconds: 1, versions: {} };

/** Text without the breaks of its lines. */
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

test("words of lists and of amounts", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed)).toEqual([
    "none",
    "a",
    "a and b",
    "a, b and c",
  ]);
  expect(listed(["a, b", "c", "d"])).toBe("a, b; c; and d");
  expect([lessOrMore(5, 10), lessOrMore(15, 10), lessOrMore(10, 10)]).toEqual([
    "50 % fewer",
    "50 % more",
    "as many",
  ]);
  expect([range([2, 5, 3], String), range([2.01, 2.02], (number) => number.toFixed(1))]).toEqual([
    "2 to 5",
    "2.0",
  ]);
});

describe("segments", () => {
  type Part = Article["segments"];
  const [stock, own, batches] = ["one pipeline by a", "one pipeline by b", "batches by a"];
  const paths = [
    "MTU 1500 throughout",
    "MTU 1492 in the middle, ICMP dropped (black hole)",
    "MSS 536 at both ends",
  ];
  /** Ways that have no answer, by the path's index. */
  function made(stuck: Readonly<Record<number, readonly string[]>>): Part {
    const rows = paths.map((path, index) => {
      const ways = [stock, own, batches].map((name, at) => {
        const failure = stuck[index]?.includes(name) ? "no answer" : undefined;
        return [
          name,
          { ms: 20 * (at + 1), upPackets: [24, 12, 36][at]!, downPackets: 3, upBytes: 9, failure },
        ];
      });
      return { path, ways: Object.fromEntries(ways) };
    });
    return { ...stamp, count: 10, size: 1200, mbit: 100, rtt: 20, timeoutMs: 6000, rows };
  }

  test("name what got stuck on a path that loses large packets, and what came through", () => {
    const text = flat(segments(made({ 1: [stock, batches] })));
    expect(text).toContain(`${stock} and ${batches} had a request without an answer within 6 s`);
    expect(text).toContain(`What came through: ${own}.`);
    expect(text).not.toContain("Compression alone is no cure");
    expect(text).toContain("batches of at most 4 KB do not help there");
    expect(text).toContain("24 packets up by the stock client and 12 by zstash");
    expect(text).toContain("12 by zstash, acknowledgements included, 50 % fewer");
    expect(text).toContain("nothing times out there");
    expect(text).toContain("| **no answer** |");
  });

  test("say that compression is no cure where its pipeline got stuck too", () => {
    const text = flat(segments(made({ 1: [stock, own, batches] })));
    expect(text).toContain("Compression alone is no cure");
    expect(text).not.toContain("What came through");
  });

  test("mark what takes zstash longer than the client, and say that the limit is a request's", () => {
    const part = made({});
    const [row] = part.rows;
    const way = (ms: number, upPackets: number): Part["rows"][number]["ways"][string] => ({
      ms,
      upPackets,
      downPackets: 1,
      upBytes: 1,
    });
    const ways = {
      "one pipeline by @upstash/redis": way(40, 12),
      "one pipeline by zstash/redis": way(30, 6),
      "a SET each by @upstash/redis": way(7000, 30),
      "a SET each by zstash/redis": way(7300, 20),
      "all as one value by zstash/store in pieces": way(90, 13),
    };
    const text = flat(segments({ ...part, rows: [{ ...row!, ways }] }));
    expect(text).toContain("| one pipeline by zstash/redis | 30 ms, 6 |");
    // Within the spread of two runs.
    expect(text).toContain("| a SET each by zstash/redis | 7,300 ms, 20 |");
    expect(text).toContain("| all as one value by zstash/store in pieces | **90 ms !**, **13 !** |");
    expect(text).toContain(
      "**zstash loses** 1 of 3 cells: longer than the stock client: all as one value by zstash/store in pieces (MTU 1500).",
    );
    expect(text).toContain(
      "The 6 s are those of one request: a way that sends several may take longer in all, here up to 7,300 ms.",
    );
    const better = flat(
      segments({
        ...part,
        rows: [{ ...row!, ways: { ...ways, "all as one value by zstash/store in pieces": way(20, 5) } }],
      }),
    );
    expect(better).toContain("zstash lost none of 3 cells in this run.");
    expect(better).not.toContain("!**");
  });

  test("claim neither a hole nor a cure that was not seen", () => {
    const text = flat(segments(made({ 2: [own] })));
    expect(text).not.toContain("without an answer within");
    expect(text).not.toContain("nothing times out there");
    expect(text).not.toContain("do not help there");
    expect(text).toContain(`There ${own} did not come through here.`);
  });
});

describe("no-delay", () => {
  type Cell = Article["no-delay"]["cells"][number];
  const cell = (
    client: string,
    ms: readonly [own: number, on: number, off: number],
    protocol = "http",
  ): Cell => {
    const [own, on, off] = ms.map((p50) => ({ min: p50, p50, p90: p50 }));
    return {
      protocol: protocol as "http",
      client,
      what: "SET",
      ms: { default: own!, on: on!, off: off! },
    };
  };
  const text = (cells: Cell[]): string => flat(noDelay({ ...stamp, mbit: 100, rtt: 20, rounds: 3, cells }));

  test("names the cells that are slower without it, and those that have it off by default", () => {
    const told = text([
      cell("zstash/redis", [20, 20, 21]),
      cell("Node's module", [20, 20, 80]),
      cell("Node's module", [80, 20, 80], "https"),
    ]);
    expect(told).toContain("Neither client is clearly slower with the option off");
    expect(told).toContain(
      "until the first is acknowledged: SET by Node's module over HTTP and SET by Node's module over HTTPS.",
    );
    expect(told).toContain("slower than the option on here: SET by Node's module over HTTPS.");
    const [short, long] = ["20 (20–20)", "**80** (80–80)"];
    expect(told).toContain(`| Node's module: SET | ${[short, short, long, long, short, long].join(" | ")} |`);
  });

  test("says of what is not clear what the spread says", () => {
    const spread = (min: number, p50: number, p90: number): Cell["ms"]["on"] => ({ min, p50, p90 });
    const [on, near, apart] = [spread(20, 22, 30), spread(21, 24, 31), spread(31, 32, 34)];
    const over = (off: Cell["ms"]["off"], other = on): Cell => ({
      protocol: "http",
      client: "zstash/redis",
      what: "SET",
      ms: { default: other, on: other, off },
    });
    expect(text([over(near)])).toContain(
      "In the other 1 cells the median is longer with the option off in 1; in 1 of them the ranges from the least to the 90th percentile overlap, which tells nothing of either.",
    );
    expect(text([over(apart)])).toContain(
      "and off is later beyond the spread in SET by zstash/redis over HTTP",
    );
    expect(text([over(on, apart)])).toContain("in 0; in 0 of them");
    expect(text([over(on, apart)])).toContain(", and sooner in SET by zstash/redis over HTTP");
  });

  test("says of a client that it loses where it does, and of nothing else", () => {
    const told = text([cell("zstash/redis", [20, 20, 60]), cell("Node's module", [20, 20, 20])]);
    expect(told).toContain("Off it costs the clients time here: SET by zstash/redis over HTTP.");
    expect(told).toContain("Nor is a request of Node's own module");
    expect(told).toContain("What each program sets by itself is not clearly slower");
  });
});

describe("pipelines", () => {
  type Cell = Article["pipelines"]["cells"][number];
  const cell = (mbit: number, perSecond: readonly [number, number], cpu: readonly [number, number]): Cell => {
    const side = (at: 0 | 1): Cell["sides"]["stock"] => ({
      rounds: 1,
      perSecond: perSecond[at],
      best: perSecond[at],
      p50: 1,
      p99: at + 1,
      pipelines: 1,
      cpuMs: cpu[at],
      bytes: [12_000_000, 6_000_000][at]!,
      oneWay: [11_000_000, 5_000_000][at]!,
      packets: 1,
    });
    const sides = { stock: side(0), zstash: side(1) };
    return { mbit, shape: "one pipeline of all", operation: "set", sides };
  };
  const text = (...cells: Cell[]): string =>
    flat(pipelines({ ...stamp, count: 10_000, size: 1200, rtt: 1, cells }));

  test("say where zstash loses, and mark it", () => {
    const told = text(cell(10, [1000, 2000], [5, 4]), cell(1000, [5000, 4000], [5, 6]));
    expect(told).toContain("**zstash loses** 1 of 2 cells: SET in one pipeline of all at 1 Gbit.");
    expect(told).toContain("| **×0.8 !** |");
    expect(told).toContain("×2 at 10 Mbit and ×0.8 at 1 Gbit");
    expect(told).toContain("more processor time with zstash in 1 of 2 cells");
    expect(told).toContain("at 10 Mbit the bytes take 80 % to 88 % of a round, so the link binds;");
    expect(told).toContain("at 1 Gbit the bytes take 2 % to 4 % of a round, so the link does not bind");
    expect(told).toContain("| 88 % | 80 % | 5 | 4 |");
    expect(told).toContain("| 5 | **6 !** |");
    expect(told).toContain("| 1 / 1 | 1 / **2 !** |");
    expect(told).toContain("10 Gbit was not emulated");
    expect(told).toContain("takes 2 times fewer bytes");
  });

  test("do not say that it loses where it does not", () => {
    const told = text(cell(10, [1000, 2000], [5, 4]), cell(100, [80_000, 80_100], [5, 6]));
    expect(told).toContain("zstash lost none of 2 cells in this run. 1 are even.");
    expect(told).toContain("at 100 Mbit the bytes take 100 % of a round, so the link binds");
    expect(told).not.toContain("zstash loses");
  });
});

describe("versions", () => {
  const readers = ["@upstash/redis", "0.1.0", "today"];
  const part = (cells: readonly (readonly string[])[]): Article["versions"] => {
    const rows = readers.map((writer, index) => [
      writer,
      Object.fromEntries(readers.map((reader, at) => [reader, cells[index]![at]!])),
    ]);
    const compressed = Object.fromEntries(rows) as Record<string, Record<string, string>>;
    const plain = readers.map((reader) => [reader, "the value"]);
    const short = Object.fromEntries(readers.map((writer) => [writer, Object.fromEntries(plain)]));
    return {
      ...stamp,
      versions: { "@upstash/redis": "1", "local server on": "Redis" },
      outcomes: { compressed, short },
    };
  };
  const v = "the value";

  test("names who hands bytes on, what refuses, and whose values all read", () => {
    const told = flat(
      versions(
        part([
          [v, v, v],
          ["base64", v, v],
          ["broken text", "UNSUPPORTED", v],
        ]),
      ),
    );
    expect(told).toContain("Of 18 pairs of writer, reader and value none was decoded to another value");
    expect(told).toContain("do not look for frames (@upstash/redis)");
    expect(told).toContain("says so (UNSUPPORTED)");
    expect(told).toContain("Every reader has the values of @upstash/redis,");
    expect(told).toContain("Every reader has the short value.");
    expect(told).toContain("| today | broken text | UNSUPPORTED | yes |");
  });

  test("is loud about a reader that gave another value", () => {
    const told = flat(
      versions(
        part([
          [v, v, v],
          [v, v, "another value"],
          [v, v, v],
        ]),
      ),
    );
    expect(told).toContain("1 gave another value:** 0.1.0 read by today");
    expect(told).toContain("| 0.1.0 | yes | yes | **another value !** |");
  });
});
