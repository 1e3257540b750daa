/** The demo as people run it first: it stores real data, reads all of it back, fits a terminal, and ends with 0. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { widthOf } from "../../../src/cli/text.ts";
import { root } from "../../support/repository.ts";

test("npm run demo: every byte comes back, in bars of at most 80 columns", { timeout: 600_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["demo/demo.mjs", "--rounds", "2"], {
    cwd: root,
    encoding: "utf8",
  });
  expect([status, stdout], stderr).toEqual([
    0,
    expect.stringContaining("all read back equal, byte for byte"),
  ]);
  const lines = stdout.split("\n");
  expect(lines.filter((line) => widthOf(line) > 80)).toEqual([]);
  expect(lines.filter((line) => line.includes("█")).length).toBeGreaterThan(15);
  expect(stdout).toMatch(/^movie-records .* 4\.\d×\* /m);
});
