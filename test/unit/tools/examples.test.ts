/** The folders of examples/: each is in the index, says how it is run, and names scripts that it has. */
import { describe, expect, test } from "vitest";
import { readInstallWords } from "../../examples/project.mjs";
import { read, tracked } from "../../support/repository.ts";

const files = tracked().filter((path) => path.startsWith("examples/"));
const folders = [...new Set(files.map((path) => path.split("/")[1]!))].filter((name) => name !== "README.md");
const manifests = files.filter((path) => path.endsWith("/package.json"));

interface Manifest {
  readonly version: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
const readManifest = (path: string): Manifest => JSON.parse(read(path)) as Manifest;

/** Rows of the index: the folder's name and the command. */
function indexOf(text: string): ReadonlyMap<string, string> {
  const rows = text.matchAll(/^\| \[(\S+)\]\(\1\) +\|[^|]+\| ([^|]*`[^`|]+`) +\|$/gm);
  return new Map([...rows].map(([, name, command]) => [name!, command!]));
}

/** Scripts of npm that a text tells to run. */
const namedScripts = (text: string): string[] =>
  [...text.matchAll(/npm (?:run )?(?:--\S+ )*(dev|start|build|client|example|deploy)\b/g)].map(
    ([, name]) => name!,
  );

describe("examples", () => {
  test("are all in the index, with a command", () => {
    expect(folders.length).toBeGreaterThan(8);
    expect([...indexOf(read("examples/README.md")).keys()].sort()).toEqual([...folders].sort());
  });

  test("the index would miss one without its row", () => {
    const text = read("examples/README.md").replace(/^\| \[hono\].*\n/m, "");
    expect(indexOf(text).has("hono")).toBe(false);
    expect(indexOf(text).size).toBe(folders.length - 1);
  });

  test.each(folders)("%s says how it is run", (name) => {
    const readme = read(`examples/${name}/README.md`);
    expect(readme).toMatch(/^# \S/);
    const block = /^```sh\n([^`]+)```$/m.exec(readme)?.[1];
    if (block !== undefined) expect(block.trim().split("\n").length).toBeLessThanOrEqual(3);
  });

  test.each(manifests.map((path) => path.split("/")[1]!).filter((name) => name !== "handler"))(
    "%s has the scripts that its README and the index name",
    (name) => {
      const { scripts = {} } = readManifest(`examples/${name}/package.json`);
      const command = indexOf(read("examples/README.md")).get(name)!;
      const named = [...namedScripts(read(`examples/${name}/README.md`)), ...namedScripts(command)];
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
    },
  );

  test.each(manifests)("%s asks for this version of the package", (path) => {
    const { dependencies, peerDependencies } = readManifest(path);
    const { version } = readManifest("package.json");
    expect((peerDependencies ?? dependencies)?.["zstash"]).toBe(`^${version}`);
  });

  test("that serve stored values share the handler, and are run by the tests", () => {
    const sharing = manifests
      .filter((path) => readManifest(path).dependencies?.["example-handler"] !== undefined)
      .map((path) => path.split("/")[1]!);
    const run = [...read("test/examples/servers.mjs").matchAll(/\bname: "(\S+)",\s+title:/g)];
    expect(sharing.sort()).toEqual(run.map(([, name]) => name!).sort());
    const index = indexOf(read("examples/README.md"));
    for (const name of sharing) {
      expect(readInstallWords(read(`examples/${name}/README.md`)), name).toEqual(["--install-links"]);
      expect(index.get(name), name).toContain("npm install --install-links && ");
    }
  });

  // npm packs no .npmrc: what one says holds in a clone alone, and hides that the package lacks it.
  test("need no file that the package does not have", () => {
    expect(files.filter((path) => path.endsWith("/.npmrc"))).toEqual([]);
  });
});
