/** The docs say what the sources are: generated parts are current, links lead somewhere, functions are where they are said to be. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
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
import { arrowsOf, drawLayers, units } from "../../../docs/generate/picture.mjs";
import type { CliCommand, CliCommands } from "../../../src/cli/command.ts";
import { COMMANDS } from "../../../src/cli/program.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { identifiersOf } from "../../support/identifiers.ts";
import { layers, readSources, unitOf } from "../../support/import-graph.mjs";
import { read, root, tracked } from "../../support/repository.ts";

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

  test("a warm SET of 8 KB as text passes at most 18 files in 36 hops, its GET 16 in 32", () => {
    expect(ways["text SET"]!.files).toBeLessThanOrEqual(18);
    expect(ways["text SET"]!.hops).toBeLessThanOrEqual(36);
    expect(ways["text GET"]!.files).toBeLessThanOrEqual(16);
    expect(ways["text GET"]!.hops).toBeLessThanOrEqual(32);
  });

  test("a warm SET of 8 KB as bytes passes at most 26 files in 58 hops, its GET too", () => {
    // 24 in 55 and 23 in 50; a reply that comes in two chunks has three hops more.
    for (const name of ["raw SET", "raw GET"]) {
      expect(ways[name]!.files, name).toBeLessThanOrEqual(26);
      expect(ways[name]!.hops, name).toBeLessThanOrEqual(58);
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

/** Paths of the files that npm packs. */
function packedFiles(): string[] {
  const list = execFileSync("npm", ["pack", "--ignore-scripts", "--dry-run", "--json"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const [packed] = JSON.parse(list) as [{ files: { path: string }[] }];
  return packed.files.map(({ path }) => path);
}

/** Relative links and pictures of a page, outside of code, that lead to nothing `isThere` knows. */
function leaving(path: string, text: string, isThere: (path: string) => boolean): string[] {
  const prose = text.replaceAll(/^```[^]*?^```$|`[^`\n]*`/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => (link ?? attribute)!)
    .filter((link) => !/^([a-z]+:|#)/.test(link))
    .filter((link) => !isThere(normalize(join(dirname(path), link.replace(/#.*$/, "")))))
    .map((link) => `${path}: ${link}`);
}

describe("links", () => {
  const pages = tracked().filter((path) => path.endsWith(".md"));

  /** Relative links of a page that lead nowhere. */
  const dead = (path: string, text: string): string[] =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link!)
      .filter((link) => !/^([a-z]+:|#)/.test(link))
      .filter((link) => !existsSync(join(root, normalize(join(dirname(path), link.replace(/#.*$/, ""))))))
      .map((link) => `${path}: ${link}`);

  test("lead to files that there are", () => {
    expect(pages).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "docs/architecture.md"]));
    expect(pages.flatMap((path) => dead(path, read(path)))).toEqual([]);
  });

  /** The anchors of a page, as the forges make them of its headings. */
  const anchors = (text: string): string[] =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    );

  test("lead to headings that there are", () => {
    const lost = pages.flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)\s#]*\.md)?#([^)\s]+)\)/g)].flatMap(([, file, anchor]) => {
        const target = file === undefined ? path : normalize(join(dirname(path), file));
        return !existsSync(join(root, target)) || anchors(read(target)).includes(anchor!)
          ? []
          : [`${path}: ${file ?? ""}#${anchor}`];
      }),
    );
    expect(lost).toEqual([]);
  });

  test("from docs/README.md reach every page of the folder", () => {
    const index = read("docs/README.md");
    const listed = pages.filter((path) => /^docs\/[^/]+\.md$/.test(path) && path !== "docs/README.md");
    expect(listed.filter((path) => !index.includes(`(${path.slice(5)})`))).toEqual([]);
  });

  test("and paths in code lead to files that there are", () => {
    const named = pages
      .filter((path) => path !== "CHANGELOG.md" && path !== "docs/decisions.md")
      .flatMap((path) =>
        [...read(path).matchAll(/`((?:src|test|docs|bench|examples|wasm)\/[\w./-]+)`/g)].map(
          ([, named]) => `${path}: ${named}`,
        ),
      );
    expect(named).toContain("docs/architecture.md: src/upstash/middleware.ts");
    expect(named.filter((one) => !existsSync(`${root}${one.split(": ")[1]}`))).toEqual([]);
  });

  test("within the package lead to files of the package", () => {
    const files = packedFiles();
    const shipped = files.filter((path) => path.endsWith(".md"));
    expect(shipped).toEqual(expect.arrayContaining(["README.md", "SECURITY.md", "docs/README.md"]));
    const isThere = (path: string): boolean =>
      files.includes(path) || files.some((file) => file.startsWith(`${path.replace(/\/$/, "")}/`));
    expect(shipped.flatMap((path) => leaving(path, read(path), isThere))).toEqual([]);
    expect(leaving("docs/x.md", "[a](../src/a.ts) [b](x.md)", isThere)).toEqual([
      "docs/x.md: ../src/a.ts",
      "docs/x.md: x.md",
    ]);
  });

  test("are found where they are dead", () => {
    const text = "[a](nonesuch.md) [b](../README.md#x) [c](https://example.com/x) [d](#there)";
    expect(dead("docs/x.md", text)).toEqual(["docs/x.md: nonesuch.md"]);
  });
});

test("docs/errors.md has every code, and no other", () => {
  const codes = [
    .../export type ZstashErrorCode =([^;]*);/.exec(read("src/errors.ts"))![1]!.matchAll(/"(\w+)"/g),
  ];
  const headings = [...read("docs/errors.md").matchAll(/^### (\w+)$/gm)];
  expect(headings.map((match) => match[1]).sort()).toEqual(codes.map((match) => match[1]).sort());
});
