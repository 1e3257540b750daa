/** Every TypeScript block of the pages and every example of a docstring compiles against the package's own types, and every script parses. `npm run build` makes the types. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { asModule, examples } from "../../support/docstring-examples.ts";
import { read, root, tracked } from "../../support/repository.ts";

/** Below the package's own folder, so that `import "zstash"` resolves as it does for a user. */
const folder = join(root, ".cache", "docs-code");

/** Blocks that are parts of programs which other tests run as they stand. */
const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  "docs/libraries.md": "test/libraries: the libraries' own packages are there",
  "docs/tcp-clients.md": "test/libraries: node-redis and ioredis are there",
  "docs/nextjs.md": "test/next: a project of Next.js is there",
};

/** What a page needs that no package here has types for. */
const AMBIENT = `
declare namespace JSX { interface IntrinsicElements { [name: string]: unknown } }
`;

interface Block {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

/**
 * The blocks of a page. A comment `<!-- given: CODE -->` before a block declares what the text around it has introduced.
 */
function blocksOf(page: string, text: string): Block[] {
  const found = text.matchAll(/(?:<!-- given: ([^]*?) -->\n+)?^```(ts|tsx|js|jsx)\n([^]*?)^```$/gm);
  return [...found].map(([, given = "", language, code]) => ({
    page,
    language: language!,
    code: `${given}\n${code}\nexport {};\n`,
  }));
}

const pages = tracked().filter((path) => path.endsWith(".md") && !path.startsWith("examples/"));
const blocks = pages
  .filter((page) => !(page in TESTED_ELSEWHERE))
  .flatMap((page) => blocksOf(page, read(page)));

/** The examples in the docstrings of what users call, which test/integration/docstrings runs. */
for (const { path, code } of examples) blocks.push({ page: path, language: "ts", code: asModule(code) });

const typed = ({ language }: Block): boolean => language.startsWith("ts");

/** The compiler's complaints about the blocks, by page. */
function compile(all: readonly Block[]): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    all.forEach(({ page, language, code }, index) =>
      writeFileSync(join(folder, `${page.replaceAll(/\W/g, "-")}-${index}.${language}`), code),
    );
    writeFileSync(join(folder, "ambient.d.ts"), AMBIENT);
    const compilerOptions = {
      target: "ES2023",
      lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
      module: "ESNext",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      jsx: "preserve",
      types: ["node"],
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["*.ts", "*.tsx", "*.d.ts"] }),
    );
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8",
    });
    return stdout.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("code in the pages", () => {
  test("compiles", () => {
    expect(blocks.length).toBeGreaterThan(20);
    expect(compile(blocks.filter(typed))).toEqual([]);
  });

  test("parses where it has no types", () => {
    const scripts = blocks.filter((block) => !typed(block));
    expect(scripts.length).toBeGreaterThan(5);
    for (const { page, code } of scripts) {
      // A part of a handler returns.
      const whole = /^return /m.test(code) ? `(async () => {\n${code.replace("export {};", "")}\n})` : code;
      expect(() => transformSync(whole, { loader: "jsx", format: "esm", sourcefile: page })).not.toThrow();
    }
  });

  test("is found wrong where it is", () => {
    const text = "```ts\nimport { loadZstd } from 'zstash';\n(await loadZstd()).compres('x');\n```\n";
    const given =
      "<!-- given: declare const zstd: import('zstash').Zstd; -->\n\n```ts\nzstd.compress('x');\n```\n";
    const complaints = compile([...blocksOf("docs/x.md", text), ...blocksOf("docs/y.md", given)]);
    expect(complaints).toEqual([expect.stringMatching(/^docs-x-md-0\.ts.*compres/)]);
  });

  test("is left to other tests only where a page is there for them", () => {
    expect(Object.keys(TESTED_ELSEWHERE).filter((page) => !pages.includes(page))).toEqual([]);
  });
});
