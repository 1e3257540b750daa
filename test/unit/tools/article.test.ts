/** What the sections of docs/article.md are made of beside numbers: whose work a profile shows, trees, flame graphs, and words that follow the numbers. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { articleSections } from "../../../bench/article/sections.mjs";
import type { Article } from "../../../bench/article/sections.mjs";
import { jsonLogs } from "../../../bench/corpus/logs.mjs";
import { layerOf, LAYERS, showJson } from "../../../bench/profile/layers.mjs";
import { codeOf } from "../../../bench/profile/named-module.mjs";
import { recordStacks } from "../../../bench/profile/record.mjs";
import type { Frame } from "../../../bench/profile/record.mjs";
import { placesOf, treeOf } from "../../../bench/profile/tree.mjs";
import { groupOf, JAVASCRIPT, namesOf } from "../../../bench/profile/zstd-functions.mjs";
import { section as levelsSection, sharesOf } from "../../../bench/render/article/levels.mjs";
import { compared } from "../../../bench/render/article/logs.mjs";
import { section as memorySection } from "../../../bench/render/article/memory.mjs";
import { section as profileSection } from "../../../bench/render/article/profile.mjs";
import { flameGraph } from "../../../bench/render/flame.mjs";
import { newestFile, readResults } from "../../../bench/results.mjs";
import { root } from "../../support/repository.ts";

const article = readResults(newestFile()!).article as Article;

test("every section of the page has been measured", () => {
  expect(Object.keys(article).toSorted()).toEqual(articleSections.map(({ name }) => name).toSorted());
});

describe("a stack of a profile belongs to", () => {
  const codecUrl = new URL("dist/chunks/codec.js", `file://${root}`).href;
  /** A line of the bundle that was made of a file of the sources. */
  const lineOf = (source: string): number => {
    const lines = readFileSync(new URL(codecUrl), "utf8").split("\n");
    const at = lines.findIndex((line) => line.startsWith(`// ${source}`));
    expect(at, source).toBeGreaterThan(0);
    return at + 1;
  };
  const frame = (url: string, functionName = "f", lineNumber = 0): Frame => ({
    functionName,
    url,
    lineNumber,
  });
  const codec = frame(codecUrl, "compress", lineOf("src/codec/"));
  const check = frame(codecUrl, "requireInteger", lineOf("src/check.ts"));
  const around = frame(new URL("dist/redis.js", `file://${root}`).href, "exec", 5000);
  const fetchOfNode = frame("node:internal/deps/undici/undici");
  const sdk = frame("file:///x/node_modules/@upstash/redis/chunk-A.mjs", "request");
  const wasm = frame("wasm://wasm/0123", "wasm-function[7]");
  const convert = frame("node:internal/encoding", "decode");
  const native = frame("", "writev");
  const program = frame("file:///x/bench/article/profile.mjs");
  const cases: readonly [layer: number, what: string, frames: readonly Frame[]][] = [
    [0, "zstd, below the codec", [program, codec, wasm, wasm]],
    [1, "the codec, which also has texts converted", [program, codec, convert, native]],
    [1, "the codec, which checks what it is given", [program, codec, check]],
    [2, "the rest of zstash", [program, around]],
    [2, "the rest of zstash, where it checks", [program, around, check]],
    [2, "the rest of zstash, where V8 shows no caller", [check]],
    [3, "the SDK", [program, sdk]],
    [3, "the SDK, where it has texts converted", [program, sdk, convert]],
    [4, "JSON, whoever calls it", [program, sdk, frame("file:///x/layers.mjs", "zstashBenchJsonParse")]],
    [5, "Node, which reads HTTP by a module of its own", [program, sdk, fetchOfNode, wasm]],
    [5, "Node, native code included", [program, codec, frame("node:net"), native]],
    [6, "the collector", [program, codec, frame("", "(garbage collector)")]],
    [7, "the measuring program", [program]],
    [7, "nobody", [frame("", "(program)")]],
  ];
  test.each(cases)("layer %d: %s", (layer, _, frames) => {
    expect(layerOf(frames)).toBe(LAYERS[layer]);
  });

  test("JSON in a real profile, and JSON is as it was afterwards", async () => {
    const { parse, stringify } = JSON;
    const hide = showJson();
    const value = Array.from({ length: 2000 }, (_, index) => ({ index, text: "x".repeat(20) }));
    const stacks = await recordStacks(() => {
      for (const end = performance.now() + 150; performance.now() < end;) JSON.parse(JSON.stringify(value));
    }, 100);
    hide();
    expect([JSON.parse, JSON.stringify]).toEqual([parse, stringify]);
    const all = stacks.reduce((sum, { us }) => sum + us, 0);
    const json = stacks
      .filter(({ frames }) => layerOf(frames) === "JSON")
      .reduce((sum, { us }) => sum + us, 0);
    expect(json / all).toBeGreaterThan(0.3);
  });
});

describe("a tree of stacks", () => {
  const stacks = [
    { names: ["a", "b", "c"], us: 500 },
    { names: ["a", "d"], us: 300 },
    { names: ["a"], us: 198 },
    { names: ["a", "b", "rare"], us: 1 },
    { names: ["a", "b"], us: 1 },
  ];
  const tree = treeOf(stacks);

  test("has the longest first, and counts what is short to its caller", () => {
    expect(tree).toEqual([
      [0, "a", 198],
      [1, "b", 2],
      [2, "c", 500],
      [1, "d", 300],
    ]);
  });

  test("lies in a flame graph with callees above their callers", () => {
    expect(placesOf(tree)).toEqual([
      { depth: 0, name: "a", self: 198, start: 0, total: 1000 },
      { depth: 1, name: "b", self: 2, start: 0, total: 502 },
      { depth: 2, name: "c", self: 500, start: 0, total: 500 },
      { depth: 1, name: "d", self: 300, start: 502, total: 300 },
    ]);
  });

  test("of each measured level is small, loses no time, and has zstd's names", () => {
    for (const { level, tree: measured } of article.levels.profiles) {
      expect(measured.length, `level ${level}`).toBeLessThan(100);
      const places = placesOf(measured);
      const all = measured.reduce((sum, [, , us]) => sum + us, 0);
      expect(places.filter(({ depth }) => depth === 0).reduce((sum, { total }) => sum + total, 0)).toBe(all);
      const names = measured.map(([, name]) => name);
      expect(names.some((name) => name.startsWith("ZSTD_compressBlock_"))).toBe(true);
      expect(names.filter((name) => /wasm-function|js-to-wasm|\.\d+$/.test(name))).toEqual([]);
      for (const place of places) {
        const inside = places.some(
          ({ depth, start, total }) =>
            depth === place.depth - 1 && start <= place.start && place.start + place.total <= start + total,
        );
        expect(place.depth === 0 || inside, place.name).toBe(true);
      }
    }
  });

  test("has JavaScript as one function, and none of what V8 or the linker puts between", () => {
    const frames = [
      { functionName: "profileLevel", url: "file:///x/bench/article/levels.mjs", lineNumber: 1 },
      { functionName: "compress", url: "file:///x/dist/chunks/codec.js", lineNumber: 1 },
      { functionName: "js-to-wasm:iii:i", url: "wasm://wasm/01", lineNumber: 0 },
      { functionName: "zstash_compress", url: "wasm://wasm/01", lineNumber: 0 },
      { functionName: "ZSTD_safecopyLiterals.39", url: "wasm://wasm/01", lineNumber: 0 },
    ];
    expect(namesOf(frames)).toEqual([JAVASCRIPT, "ZSTD_safecopyLiterals"]);
    expect(namesOf(frames.slice(0, 1))).toBeUndefined();
  });

  test("groups what functions do", () => {
    expect(
      [
        "ZSTD_compressBlock_fast",
        "ZSTD_insertBt1",
        "HIST_count_simple",
        "FSE_buildCTable_wksp",
        "HUF_compress1X_usingCTable_internal",
        "ZSTD_encodeSequences",
        "ZSTD_reduceTable",
        "ZSTD_XXH64_update",
        JAVASCRIPT,
        "ZSTD_resetCCtx_internal",
      ].map(groupOf),
    ).toEqual([
      "finding matches",
      "finding matches",
      "statistics and tables",
      "statistics and tables",
      "writing bits",
      "writing bits",
      "table reduction",
      "checksum",
      "JavaScript, copies in and out",
      "other",
    ]);
    const profile = { level: 1, calls: 1, tree };
    expect(sharesOf(profile, (name) => (name === "c" ? "c" : "others"))).toEqual(
      new Map([
        ["others", 0.5],
        ["c", 0.5],
      ]),
    );
  });

  test("is drawn as wide as its time, with names where they fit and text that is escaped", () => {
    const svg = flameGraph([...tree, [1, "e<f", 0]], "a & b", "dark");
    const boxes = [...svg.matchAll(/<g><title>(.+?)<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)];
    expect(boxes.map(([, title]) => title)).toEqual([
      "a: 100.0 %, itself 19.8 %",
      "b: 50.2 %, itself 0.2 %",
      "c: 50.0 %, itself 50.0 %",
      "d: 30.0 %, itself 30.0 %",
    ]);
    const [a, b, c] = boxes.map(([, , x, y, width]) => ({
      x: Number(x),
      y: Number(y),
      width: Number(width),
    }));
    expect(c!.width / a!.width).toBeCloseTo(0.5, 2);
    expect(b!.x).toBe(a!.x);
    expect(c!.y).toBeLessThan(b!.y);
    expect(svg).toContain("<title>a &amp; b</title>");
    expect(svg).not.toContain(flameGraph(tree, "a & b", "light").match(/fill="(#\w+)"\/>/)![1]);
  });
});

describe("the code of a module", () => {
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 4, 1, 0x60, 0, 0];
  const functions = [3, 2, 1, 0];
  const code = [10, 4, 1, 2, 0, 0x0b];
  const name = [0, 5, 4, 0x6e, 0x61, 0x6d, 0x65];

  test("is the same with and without names, and other where an instruction is", () => {
    const plain = new Uint8Array([...head, ...type, ...functions, ...code]);
    const named = new Uint8Array([...head, ...name, ...type, ...functions, ...code, ...name]);
    const other = new Uint8Array([...head, ...type, ...functions, 10, 5, 1, 3, 0, 1, 0x0b]);
    for (const module of [plain, named, other]) expect(WebAssembly.validate(module)).toBe(true);
    expect([...codeOf(plain)]).toEqual([1, 2, 0, 0x0b]);
    expect(codeOf(named)).toEqual(codeOf(plain));
    expect(codeOf(other)).not.toEqual(codeOf(plain));
    expect(() => codeOf(new Uint8Array(head))).toThrow("the module has no code");
  });

  test("is found in what is published", () => {
    const module = readFileSync(new URL("dist/zstash.wasm", `file://${root}`));
    const size = codeOf(module).length;
    expect(size).toBeGreaterThan(200_000);
    expect(size).toBeLessThan(module.length);
  });
});

describe("words follow the numbers", () => {
  test("more, fewer, the same", () => {
    expect(compared(80, 100, "fewer", "more")).toBe("20 % fewer");
    expect(compared(110, 100, "fewer", "more")).toBe("10 % more");
    expect(compared(1001, 1000, "fewer", "more")).toBe("the same to a percent");
  });

  test("profile: the claim holds below one percent alone", () => {
    /** The section where zstd has this share, and a pair takes this many times what it takes the client alone. */
    const text = (share: number, factor: number): string =>
      profileSection({
        ...article.profile,
        cells: article.profile.cells.map(({ size, stock }) => ({
          size,
          stock,
          zstash: {
            ...stock,
            cpuUs: stock.cpuUs * factor,
            shares: { ...stock.shares, "zstd in WebAssembly": share },
          },
        })),
      });
    expect(text(0.009, 0.5)).toContain("the claim holds here");
    expect(text(0.009, 0.5)).not.toContain("which is more");
    expect(text(0.011, 2)).toContain("the claim does not hold here");
    expect(text(0.011, 2)).toContain("2 times that of the client alone at 1 KB, which is more");
  });

  test("memory: calls that failed are shown and not compared, and who is left out says so", () => {
    const { figures } = article.memory.cells.find((cell) => cell.figures !== undefined)!;
    const stock = (seconds: number, failures: number): typeof cell => ({
      ...cell,
      side: "stock",
      failed: "terminated",
      figures: { ...figures!, seconds, failures },
    });
    const cell: Article["memory"]["cells"][number] = {
      side: "zstash",
      operation: "SET",
      count: 100,
      figures: { ...figures!, seconds: 4, failures: 0 },
    };
    const text = (cells: Article["memory"]["cells"]): string => memorySection({ ...article.memory, cells });
    expect(text([stock(2, 3), cell])).toContain("3 of 100 failed: terminated");
    expect(text([stock(2, 3), cell])).toContain("| time | not compared |");
    expect(text([stock(2, 0), cell])).toContain("| time | **2.00 !** |");
    expect(text([stock(8, 0), cell])).toContain("| time | 0.50 |");
    const { figures: _, ...leftOut } = { ...cell, failed: "left out" };
    expect(text([stock(2, 0), leftOut])).toContain("left out");
  });

  test("levels: a copy that has a function of its own is named", () => {
    const { profiles } = article.levels;
    expect(levelsSection(article.levels)).toContain("Nor has copying a line of its own");
    const copying = profiles.map((profile) => ({
      ...profile,
      tree: [...profile.tree, [1, "memcpy", 1000], [1, "ZSTD_reduceTable", 9]] as typeof profile.tree,
    }));
    const text = levelsSection({ ...article.levels, profiles: copying });
    expect(text).toContain("Copies within zstd show as memcpy");
    expect(text).toContain("The reduction of tables has its line above");
  });
});

test("generated logs are whole lines of JSON, and the same bytes each time", () => {
  const bytes = jsonLogs(50_000);
  expect(bytes).toHaveLength(50_000);
  expect(jsonLogs(20_000)).toEqual(bytes.slice(0, 20_000));
  expect(jsonLogs(1000, 18)).not.toEqual(bytes.slice(0, 1000));
  const lines = new TextDecoder().decode(bytes).split("\n").slice(0, -1);
  expect(lines.length).toBeGreaterThan(100);
  const traces = lines.map((line) => (JSON.parse(line) as { trace: string }).trace);
  expect(new Set(traces).size).toBe(lines.length);
});
