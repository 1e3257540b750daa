/** Links of the pages lead somewhere, in the repository and in the package, and sizes are written in one way. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root, tracked } from "../../support/repository.ts";

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

describe("units", () => {
  /** Sizes in letters that are no unit: "12 kb", "3 Mb", "5 kB". KB is 1,000 bytes here, KiB 1,024. */
  const wrong = (text: string): string[] =>
    text.match(/(?<![\w.-])\d[\d.,]* ?(?:[kK]b|kB|[mM]b|mB|[gG]b|gB|[kK]ib|kiB|[mM]ib|miB|[gG]ib|giB)\b/g) ??
    [];

  test("are written in one way", () => {
    const texts = tracked().filter((path) =>
      /^(README|CONTRIBUTING|SECURITY|CHANGELOG)\.md$|^(docs|examples)\/.*\.(md|svg)$|^src\/.*\.ts$|^(demo|bench\/render|docs\/generate)\/.*\.mjs$/.test(
        path,
      ),
    );
    expect(texts.length).toBeGreaterThan(400);
    expect(texts.flatMap((path) => wrong(read(path)).map((one) => `${path}: ${one}`))).toEqual([]);
  });

  test("are found where they are not", () => {
    expect(wrong("12 kb, 3 Mb and 5 kB; 0.5Mib")).toEqual(["12 kb", "3 Mb", "5 kB", "0.5Mib"]);
    expect(wrong("12 KB, 3 MiB, 100 Mbit/s, 256 kbit/s, 64K")).toEqual([]);
  });
});

describe("code in a line", () => {
  /** The lines in which a span of code begins that ends in a later one: some renderers show the line's end in it. */
  const broken = (text: string): string[] =>
    text
      .replaceAll(/^ {0,3}(```+)[^]*?^ {0,3}\1$/gm, "")
      .split("\n")
      .filter((line) => line.replaceAll("``", "").split("`").length % 2 === 0);

  test("is whole in its line", () => {
    const texts = tracked().filter((path) => path.endsWith(".md"));
    expect(texts.flatMap((path) => broken(read(path)).map((line) => `${path}: ${line}`))).toEqual([]);
  });

  test("is found where it is not", () => {
    expect(broken("a `b\nc` d `e`\n```sh\n`x\n```\n")).toEqual(["a `b", "c` d `e`"]);
  });
});

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
    // Decisions name the sources that carry them out: those links are of the repository.
    const prose = (path: string): string =>
      path === "docs/decisions.md" ? read(path).replaceAll(/^Code: .*$/gm, "") : read(path);
    expect(shipped.flatMap((path) => leaving(path, prose(path), isThere))).toEqual([]);
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
