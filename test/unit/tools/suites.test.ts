/** `npm test` and what it leaves out are everything, and .ci/run runs both and adds up what they report. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root, tracked } from "../../support/repository.ts";
import { slowTests, withoutSlowTests } from "../../support/slow-tests.mjs";

const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };

/** The parts that a script of package.json runs. */
function partsOf(script: string): string[] {
  const [, args] = /^node build\.mjs && node (.*)$/.exec(scripts[script] ?? "") ?? [];
  expect(args, script).toBeDefined();
  const output = execFileSync(process.execPath, [...args!.split(" "), "--list"], {
    cwd: root,
    encoding: "utf8",
  });
  return output.trim().split("\n");
}

describe("the suites", () => {
  const [short, rest, all] = ["test", "test:rest", "test:all"].map(partsOf) as [string[], string[], string[]];

  /** Files of tests that vitest runs with these arguments. */
  const filesOf = (args: readonly string[]): string[] => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const output = execFileSync(process.execPath, [vitest, "list", "--filesOnly", ...args], {
      cwd: root,
      encoding: "utf8",
    });
    return output.trim().split("\n");
  };

  test("slow tests and all others are every file of tests, each once", () => {
    const files = tracked().filter((path) => /^test\/(unit|integration|fuzz)\/.*\.test\.ts$/.test(path));
    expect(filesOf(slowTests).sort()).toEqual([...slowTests].sort());
    expect([...filesOf(withoutSlowTests), ...slowTests].sort()).toEqual(files.sort());
  });

  test("npm test and npm run test:rest share nothing and are npm run test:all", () => {
    expect([...short, ...rest].sort()).toEqual(all.sort());
    expect(new Set(all).size).toBe(all.length);
    expect(short).toContain("tests");
    expect(rest).toContain("Next.js");
  });
});

describe(".ci/run", () => {
  /** Runs it with an npm of this test's, and a dpkg that has every package; its output's last line and its status. */
  function run(npm: string): { closing: string | undefined; status: number | null; output: string } {
    const folder = mkdtempSync(join(tmpdir(), "zstash-ci-"));
    try {
      for (const [name, script] of Object.entries({ npm, dpkg: "exit 0" })) {
        writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
        chmodSync(join(folder, name), 0o755);
      }
      const { stdout, status } = spawnSync("bash", [join(root, ".ci/run")], {
        env: { ...process.env, PATH: `${folder}${delimiter}${process.env["PATH"]}` },
        encoding: "utf8",
      });
      return { closing: stdout.trim().split("\n").at(-1), status, output: stdout };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const says = (line: string, status = 0): string => `echo "${line}"; exit ${status};;`;

  test("runs both suites and sums their closing lines", () => {
    const { closing, status, output } = run(`case "$*" in
      test) echo "1 passed, 1 failed, 1 skipped"; ${says("10 passed, 0 failed, 2 skipped")}
      "run test:rest") ${says("7 passed, 0 failed, 1 skipped")}
    esac`);
    expect({ closing, status }).toEqual({ closing: "17 passed, 0 failed, 3 skipped", status: 0 });
    expect(output.match(/^ +\d+ s {2}npm .*$/gm)!.map((line) => line.replace(/^.*s {2}/, ""))).toEqual([
      "npm ci",
      "npm ci in test/runtimes",
      "npm ci in test/sdk-versions",
      "npm ci in test/libraries",
      "npm ci in test/readers",
      "npm ci in docs/site",
      "npm ci in test/next",
      "npm test",
      "npm run test:rest",
    ]);
  });

  test("runs the rest where the first fails, and fails itself", () => {
    const { closing, status, output } = run(`case "$*" in
      test) echo "FAILED test/unit/a.test.ts > adds: 1 is not 2"; ${says("9 passed, 1 failed, 2 skipped", 1)}
      "run test:rest") ${says("7 passed, 0 failed, 1 skipped")}
    esac`);
    // Once where it happened, and once at the end.
    expect(output.match(/^FAILED test\/unit\/a\.test\.ts > adds: 1 is not 2$/gm)).toHaveLength(2);
    expect(closing).toBe("16 passed, 1 failed, 3 skipped");
    expect(status).not.toBe(0);
  });

  test("a suite that ends without its closing line is one failure", () => {
    const { closing, status } = run(`case "$*" in
      test) ${says("9 passed, 0 failed, 0 skipped")}
      "run test:rest") ${says("the build broke", 2)}
    esac`);
    expect(closing).toBe("9 passed, 1 failed, 0 skipped");
    expect(status).not.toBe(0);
  });

  test("an installation that fails is one failure, and no suite runs", () => {
    const { closing, status, output } = run(`case "$*" in
      *libraries*) exit 3;;
      test|run*) ${says("9 passed, 0 failed, 0 skipped")}
    esac`);
    expect(closing).toBe("0 passed, 1 failed, 0 skipped");
    expect(status).not.toBe(0);
    expect(output).not.toContain("9 passed");
  });
});
