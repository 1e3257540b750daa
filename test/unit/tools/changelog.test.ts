/** CHANGELOG.md tells who upgrades what they have to change, against 0.1.0 as it was. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import * as codec from "../../../src/index.ts";
import * as store from "../../../src/store/index.ts";
import * as upstash from "../../../src/upstash/index.ts";
import manifest from "../../../package.json" with { type: "json" };
import { read, root } from "../../support/repository.ts";

const changelog = read("CHANGELOG.md");

/** The upgrade notes of all versions after 0.1.0. */
const notes = [...changelog.matchAll(/^### Upgrade notes\n([^]*?)(?=^##)/gm)]
  .map(([, text]) => text)
  .join("\n");

/** The subpaths of 0.1.0. */
const SUBPATHS = [
  ".",
  "./decode",
  "./upstash",
  "./store",
  "./dev",
  "./bokuweb",
  "./zstash.wasm",
  "./zstash-decoder.wasm",
  "./package.json",
];

/** Names that were there and are not, without a word about them in the notes. */
const lost = (before: readonly string[], after: readonly string[], text: string): string[] =>
  before.filter((name) => !after.includes(name) && !text.includes(`\`${name}\``));

test("every version has a date, but what is not released yet", () => {
  const headings = changelog.match(/^## .*$/gm) ?? [];
  expect(headings.length).toBeGreaterThan(1);
  expect(
    headings.filter(
      (line) => line !== "## Unreleased" && !/^## \d+\.\d+\.\d+ \(20\d\d-\d\d-\d\d\)$/.test(line),
    ),
  ).toEqual([]);
});

test("the upgrade notes name what 0.1.0 exported and is gone or renamed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zstash-changelog-"));
  try {
    execFileSync("tar", ["xzf", join(root, "test/fixtures/frozen/zstash-0.1.0.tgz"), "-C", folder]);
    for (const [file, now] of [
      ["index.js", codec],
      ["store/index.js", store],
      ["upstash/index.js", upstash],
    ] as const) {
      const before = Object.keys(
        (await import(/* @vite-ignore */ pathToFileURL(join(folder, "package/dist", file)).href)) as object,
      );
      expect(before.length, file).toBeGreaterThan(1);
      expect(lost(before, Object.keys(now), notes), file).toEqual([]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  expect(lost(SUBPATHS, Object.keys(manifest.exports), notes)).toEqual([]);
  expect(lost(["gone", "renamed", "kept"], ["kept"], "`renamed` is `new`")).toEqual(["gone"]);
});
