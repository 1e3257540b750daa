/** What the linter finds and the formatter changes, and that neither has anything to say of this repository. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const oxlint = join(root, "node_modules/.bin/oxlint");

/** The linter's binary is an optional package per platform: it may be missing where no such package exists. */
function runs(): boolean {
  return existsSync(oxlint) && spawnSync(oxlint, ["--version"]).status === 0;
}

function lint(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(oxlint, ["-f", "unix", ...args], {
    cwd: root,
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}

describe.runIf(requireOrSkip("oxlint", runs(), "npm ci"))("the linter", () => {
  test("has nothing to say", () => {
    const { status, output } = lint();
    expect(output.replace(/^\s*0 problems\s*$/m, "").trim()).toBe("");
    expect(status).toBe(0);
  });

  test.each([
    ["eqeqeq", "export const f = (x: number): boolean => x == 1;"],
    ["no-explicit-any", "export const f = (x: any): void => void x;"],
    ["no-unused-vars", "export function f(): void { const x = 1; }"],
    ["prefer-const", "export function f(): number { let x = 1; return x; }"],
    ["no-default-export", "export default 1;"],
    ["no-eval", 'export const f = (): unknown => eval("1");'],
    ["no-warning-comments", `export const x = 1; // ${"TO"}DO: later`],
    ["consistent-type-imports", 'import { Plugin } from "vite"; export type X = Plugin;'],
    ["max-params", "export const f = (a = 1, b = a, c = b, d = c, e = d, g = e): number => g;"],
    ["max-params", "export class X { constructor(a = 1, b = a, c = b, d = c, e = d, g = e) { void g; } }"],
    ["prefer-node-protocol", 'import fs from "fs"; export const x = fs.constants;'],
  ])("finds %s in %s", (rule, text) => {
    const folder = mkdtempSync(join(tmpdir(), "zstash-lint-"));
    try {
      writeFileSync(join(folder, "bad.ts"), `${text}\n`);
      const { status, output } = lint("-c", join(root, ".oxlintrc.json"), folder);
      expect(output).toContain(`(${rule})`);
      expect(status).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the formatter", () => {
  const prettier = join(root, "node_modules/prettier/bin/prettier.cjs");

  test("would change nothing", () => {
    // 19 s of processor time without what it remembers of files by their content.
    const remember = ["--cache", "--cache-strategy", "content", "--cache-location", ".cache/prettier"];
    const args = [prettier, "--list-different", ...remember, "."];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
  });

  test("would change what is not formatted", () => {
    const formatted = execFileSync(process.execPath, [prettier, "--stdin-filepath", "x.ts"], {
      input: "const x = {a:1}",
      encoding: "utf8",
    });
    expect(formatted).toBe("const x = { a: 1 };\n");
  });
});
