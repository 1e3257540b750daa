/** The built declarations in programs of others: by compiler, by platform, and by how modules are found. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const compilers = {
  "TypeScript 5.7": join(root, "test/runtimes/node_modules/typescript57/bin/tsc"),
  "TypeScript 5.9": join(root, "test/runtimes/node_modules/typescript59/bin/tsc"),
  "TypeScript 7": join(root, "node_modules/typescript/bin/tsc"),
};

const dom = ["dom", "dom.iterable", "dom.asynciterable"];
const node = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
const platforms = {
  "the DOM": { files: ["dom.ts", "engine.ts", "redis.ts"], options: { lib: ["es2022", ...dom], types: [] } },
  "the DOM and Node": {
    files: ["dom.ts", "node.ts", "engine.ts", "redis.ts", "redis.cts"],
    options: { lib: ["es2023", ...dom], ...node },
  },
  Node: { files: ["node.ts", "engine.ts", "redis.ts", "redis.cts"], options: { lib: ["es2022"], ...node } },
};

const strict = {
  target: "es2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: false,
};

/** A project that has the package installed. */
let project: string;

beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  project = mkdtempSync(join(root, ".cache/types-"));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(root, join(project, "node_modules/zstash"), "dir");
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  const fixtures = join(root, "test/fixtures/types");
  for (const name of readdirSync(fixtures)) {
    writeFileSync(join(project, name), readFileSync(join(fixtures, name)));
  }
});
afterAll(() => rmSync(project, { recursive: true }));

function compile(compiler: string, files: readonly string[], compilerOptions: object): string {
  const name = `tsconfig.${Math.random().toString(36).slice(2)}.json`;
  writeFileSync(
    join(project, name),
    JSON.stringify({ compilerOptions: { ...strict, ...compilerOptions }, files }),
  );
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", name], {
    cwd: project,
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe.each(Object.entries(compilers))("%s compiles", (name, compiler) => {
  const there = requireOrSkip(name, existsSync(compiler), "npm ci --prefix test/runtimes");
  describe.runIf(there)("programs", () => {
    test.each(Object.entries(platforms))("for %s", (_, { files, options }) => {
      expect(compile(compiler, files, { module: "nodenext", ...options })).toBe("");
    });

    // TypeScript 7 has this resolution no longer.
    test.skipIf(name === "TypeScript 7")("with moduleResolution node10", () => {
      const options = { module: "esnext", moduleResolution: "node10", ...platforms["the DOM"].options };
      expect(compile(compiler, ["dom.ts", "redis.ts", "subpaths.ts"], options)).toBe("");
    });
  });
});

describe("TypeScript 7", () => {
  const compiler = compilers["TypeScript 7"];

  test("compiles programs for a bundler", () => {
    const options = { module: "esnext", moduleResolution: "bundler", ...platforms["the DOM"].options };
    expect(compile(compiler, ["dom.ts", "engine.ts", "redis.ts", "subpaths.ts"], options)).toBe("");
  });

  test("sees a program that is wrong", () => {
    writeFileSync(
      join(project, "wrong.ts"),
      'import { loadZstd } from "zstash"; export const x: string = loadZstd();',
    );
    const options = { module: "nodenext", ...platforms.Node.options };
    expect(compile(compiler, ["wrong.ts"], options)).toContain("TS2322");
  });
});
