/** The docs say what the sources are: generated parts and pictures are current, functions are where they are said to be. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { beforeAll, describe, expect, test } from "vitest";
import {
  folderTable,
  hopTable,
  metricsTable,
  replaceBlock,
  shownWays,
  wayLists,
} from "../../../docs/generate/page.mjs";
import { commandSections, loadCommands } from "../../../docs/generate/commands.mjs";
import { CONCEPTS } from "../../../docs/generate/concepts.mjs";
import { layoutTable } from "../../../docs/generate/layouts.mjs";
import { numberDecisions, readDecisions } from "../../../docs/generate/decisions.mjs";
import { arrowsOf, drawLayers, units } from "../../../docs/generate/picture.mjs";
import type { CliCommand, CliCommands } from "../../../src/cli/command.ts";
import { COMMANDS } from "../../../src/cli/program.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { identifiersOf } from "../../support/identifiers.ts";
import { layers, readSources, unitOf } from "../../support/import-graph.mjs";
import { read, root } from "../../support/repository.ts";

const sources = readSources(`${root}src/`);
const page = read("docs/architecture.md");

/** A generated part of the page, between its markers. */
function block(name: string, text = page): string {
  const found = new RegExp(`<!-- ${name}: [^\\n]* -->\\n([^]*?)<!-- /${name} -->`).exec(text);
  expect(found, `the block ${name}`).not.toBeNull();
  return found![1]!.trim();
}

const formatted = async (markdown: string): Promise<string> =>
  (await format(markdown, { parser: "markdown", printWidth: 110 })).trim();

test("docs/store.md has the bytes of layouts as docs/benchmarks.md has them: npm run docs writes them", async () => {
  const benchmarks = read("docs/benchmarks.md");
  expect(block("layouts", read("docs/store.md"))).toBe(await formatted(layoutTable(benchmarks)));
  const dearer = benchmarks.replace(/^(mtu 1500 .* )\d+( bytes,)/m, "$19999999$2");
  expect(layoutTable(dearer)).not.toBe(layoutTable(benchmarks));
});

test("docs/metrics.md has the metrics as they are: npm run docs writes them", async () => {
  const zstd = { stats: () => ({ live: 0, idle: 0, waiters: 0, memory: 0 }) };
  const table = metricsTable(createMetrics({ zstd }).toPrometheus());
  expect(block("metrics", read("docs/metrics.md"))).toBe(await formatted(table));
  expect(rowsOf(table).map(([name]) => name)).toContain("`zstash_decode_failures_total`");
});

describe("docs/command-line.md", () => {
  const text = read("docs/command-line.md");

  test("has the commands as they are: npm run docs writes them", async () => {
    expect(block("commands", text)).toBe(await formatted(commandSections(COMMANDS)));
    // The page is made from a bundle of the same sources.
    expect(commandSections(await loadCommands())).toBe(commandSections(COMMANDS));
  });

  test("has every option and every argument of every command", () => {
    const leaves = (all: CliCommands): CliCommand[] =>
      Object.values(all).flatMap((one) => ("run" in one ? [one] : leaves(one.commands)));
    for (const { options, args = [], examples } of leaves(COMMANDS)) {
      for (const name of Object.keys(options)) expect(text).toMatch(new RegExp(`^\\| \`--${name}[ \`]`, "m"));
      for (const { usage } of args) expect(text).toContain(`| \`${usage.replaceAll("|", "\\|")}\``);
      for (const [line] of examples) expect(text).toContain(`\n${line}\n`);
    }
  });
});

/** The cells of a Markdown table, without its head. */
const rowsOf = (table: string): string[][] =>
  table
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe("docs/architecture.md", () => {
  test("has the folders as they are: npm run docs writes them", async () => {
    expect(block("folders")).toBe(await formatted(folderTable(sources)));
  });

  test("has the picture of the imports as they are: npm run docs draws it", () => {
    expect(read("docs/architecture/layers.svg")).toBe(drawLayers(sources));
    expect(page).toContain("(architecture/layers.svg)");
  });

  test("knows every folder", () => {
    const known = Object.keys(units);
    expect(
      [...new Set(sources.map(({ path }) => unitOf(path)))].filter((unit) => !known.includes(unit)),
    ).toEqual([]);
  });

  test("draws no folder over another", () => {
    const places = [...new Set(sources.map(({ path }) => unitOf(path)))]
      .filter((unit) => layers[unit]! > 1)
      .map((unit) => `layer ${layers[unit]}, column ${units[unit]?.column}`);
    expect(places.filter((place, index) => places.indexOf(place) !== index)).toEqual([]);
  });

  test("says where a function is, and it is there", () => {
    const claims = [...page.matchAll(/`(\w+)`\s+in\s+`((?:src|test)\/[^`]+)`/g)];
    expect(claims.length).toBeGreaterThan(8);
    for (const [, name, path] of claims) {
      const names = existsSync(`${root}${path}`)
        ? identifiersOf({ path: path!, text: read(path!) })
            .filter(({ kind }) => kind === "module")
            .map((found) => found.name)
        : [];
      expect(names, path).toContain(name);
    }
  });
});

describe("the picture", () => {
  const files = (texts: Readonly<Record<string, string>>): { path: string; text: string }[] =>
    Object.entries(texts).map(([path, text]) => ({ path, text }));

  test("has an arrow for what is imported, and none for what follows or for the ground", () => {
    const found = arrowsOf(
      files({
        "store/index.ts": `import "../value/a.ts"; import "../codec/a.ts"; import "../errors.ts";`,
        "value/a.ts": `import type { X } from "../codec/a.ts";`,
        "codec/a.ts": `const x = await import("../engine/a.ts"); import "./b.ts";`,
        "codec/b.ts": "",
        "engine/a.ts": `import "../bytes.ts";`,
        "bytes.ts": "",
        "errors.ts": "",
      }),
    );
    expect(found).toEqual([
      ["codec", "engine"],
      ["store", "value"],
      ["value", "codec"],
    ]);
  });

  test("has a box for each folder that there is, and for no other", () => {
    const drawn = drawLayers(files({ "store/index.ts": `import "../rest/a.ts";`, "rest/a.ts": "" }));
    for (const name of ["store/", "rest/"]) expect(drawn).toContain(`>${name}</text>`);
    expect(drawn).not.toContain(">upstash/</text>");
  });
});

describe("the ways of a value", () => {
  interface Way {
    readonly files: number;
    readonly hops: number;
    readonly trace: readonly string[];
  }
  let ways: Readonly<Record<string, Way>>;
  beforeAll(() => {
    ways = JSON.parse(
      execFileSync(process.execPath, [join(root, "bench/hops.mjs"), "--json"], {
        encoding: "utf8",
        cwd: root,
      }),
    ) as typeof ways;
  });

  /** Ways that are the same on every machine: the client's transport is not counted, and no chunk of a response. */
  const steady = ["text SET", "text GET"] as const;

  test("are in the docs, all of them", () => {
    const rows = rowsOf(block("hops"));
    expect(rows.map(([name]) => name)).toEqual(Object.keys(ways));
    for (const [, files, hops] of rows) {
      expect(Number(files)).toBeGreaterThan(0);
      expect(Number(hops)).toBeGreaterThanOrEqual(Number(files));
    }
  });

  test.each(steady)("%s has the numbers of the docs: npm run docs writes them", (name) => {
    const { files, hops } = ways[name]!;
    expect(rowsOf(block("hops"))).toContainEqual([name, `${files}`, `${hops}`]);
    const way = rowsOf(hopTable({ [name]: ways[name]! }));
    expect(way).toEqual([[name, `${files}`, `${hops}`]]);
  });

  test.each(steady)("%s enters the files that the docs list", async (name) => {
    const listed = block("ways");
    const paragraph = listed.slice(listed.indexOf(`**${shownWays[name]}:**`)).split("\n\n")[0]!;
    const made = wayLists(ways)
      .slice(wayLists(ways).indexOf(`**${shownWays[name]}:**`))
      .split("\n\n")[0]!;
    expect(paragraph).toBe(await formatted(made));
  });

  test("enter files that there are", () => {
    const known = sources.map(({ path }) => path);
    const listed = [...block("ways").matchAll(/`([\w/.-]+\.ts)`/g)].map(([, path]) => path!);
    expect(listed.length).toBeGreaterThan(30);
    expect(listed.filter((path) => !known.includes(path))).toEqual([]);
  });

  test("a warm SET of 8 KB as text passes at most 18 files in 37 hops, its GET 18 in 40", () => {
    // On Node before 24 a text is also read by engine/wide-text.ts: one file, four hops.
    expect(ways["text SET"]!.files).toBeLessThanOrEqual(18);
    expect(ways["text SET"]!.hops).toBeLessThanOrEqual(37);
    // The signal of the request ends its decoding too.
    expect(ways["text GET"]!.files).toBeLessThanOrEqual(18);
    expect(ways["text GET"]!.hops).toBeLessThanOrEqual(40);
  });

  test("a warm SET of 8 KB as bytes passes at most 28 files in 62 hops, its GET too", () => {
    // 24 in 55 and 23 in 50; a reply that comes in two chunks has three hops more.
    for (const name of ["raw SET", "raw GET"]) {
      expect(ways[name]!.files, name).toBeLessThanOrEqual(28);
      expect(ways[name]!.hops, name).toBeLessThanOrEqual(62);
    }
  });
});

describe("a generated block", () => {
  test("is replaced between its markers and nowhere else", () => {
    const text = "a\n<!-- x: by y -->\nold\n<!-- /x -->\nb\n";
    expect(replaceBlock(text, "x", "new $&")).toBe("a\n<!-- x: by y -->\n\nnew $&\n\n<!-- /x -->\nb\n");
    expect(() => replaceBlock(text, "z", "new")).toThrow(/no markers for z/);
  });
});

test("docs/concepts.md has its pictures as they are drawn: npm run docs draws them", () => {
  for (const [name, picture] of Object.entries(CONCEPTS)) {
    expect(read(`docs/concepts/${name}`)).toBe(picture);
    expect(picture).toContain("@media(prefers-color-scheme:dark)");
    expect(read("docs/concepts.md")).toContain(`(concepts/${name})`);
  }
});

test("docs/errors.md has every code, and no other", () => {
  const codes = [
    .../export type ZstashErrorCode =([^;]*);/.exec(read("src/errors.ts"))![1]!.matchAll(/"(\w+)"/g),
  ];
  const headings = [...read("docs/errors.md").matchAll(/^### (\w+)$/gm)];
  expect(headings.map((match) => match[1]).sort()).toEqual(codes.map((match) => match[1]).sort());
});

describe("docs/decisions.md", () => {
  test("has an id and a date for every decision: npm run docs gives them to new ones", () => {
    const entries = readDecisions(read("docs/decisions.md"));
    expect(entries.length).toBeGreaterThan(200);
    expect(entries.filter(({ id, isDated }) => id === undefined || !isDated)).toEqual([]);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    expect(entries.filter(({ isAlone }) => !isAlone)).toEqual([]);
  });

  test("says after every decision which files carry it out", () => {
    const entries = readDecisions(read("docs/decisions.md"));
    const lacking = entries.filter(
      ({ code }) => code.length === 0 || !code.every((path) => existsSync(`${root}docs/${path}`)),
    );
    expect(lacking.map(({ id, title, code }) => [id, title, code])).toEqual([]);
    const [linked, bare] = readDecisions(
      "**D1 · A** is so.\nCode: [a.ts](../a.ts), [b](b).\n\n**D2 · B** [b](b).\n",
    );
    expect([linked?.code, bare?.code]).toEqual([["../a.ts", "b"], []]);
  });

  test("parts what a merge has glued together, and keeps an id that two branches gave for the first", () => {
    const merged =
      "**D7 · Old** (2026-01-02): x.\n**Glued** (2026-01-03): y.\n\n**D7 · Other** (2026-01-04): z.\n";
    expect(numberDecisions(merged, () => "2026-05-06")).toBe(
      "**D7 · Old** (2026-01-02): x.\n\n**D8 · Glued** (2026-01-03): y.\n\n**D9 · Other** (2026-01-04): z.\n",
    );
    expect(readDecisions(merged).map(({ isAlone }) => isAlone)).toEqual([false, true]);
  });

  test("keeps ids, and numbers what is new after the largest", () => {
    const text =
      "# D\n\n**D7 · Old** (2026-01-02): x.\n\n**New.** Because.\n\n## Later (2026-01-03)\n\n**Last** is so.\n";
    expect(numberDecisions(text, () => "2026-05-06")).toBe(
      "# D\n\n**D7 · Old** (2026-01-02): x.\n\n**D8 · New.** (2026-05-06) Because.\n\n## Later (2026-01-03)\n\n**D9 · Last** is so.\n",
    );
    expect(readDecisions(text).map(({ id, isDated }) => [id, isDated])).toEqual([
      [7, true],
      [undefined, false],
      [undefined, true],
    ]);
  });
});
