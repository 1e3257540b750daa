/** The examples in docstrings run against the local server, and give what they say: `// → value`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { examples, givenIn, unimportedIn, withoutExample } from "../../support/docstring-examples.ts";
import { redisAvailable } from "../../support/redis.ts";
import { read, root } from "../../support/repository.ts";
import { createRig, type Rig } from "./rig.ts";

/** Examples that say no value, and why. */
const SAYS_NOTHING: Readonly<Record<string, string>> = {
  "CompressingRequester.mergeTelemetry": "it changes headers, which its caller does not see",
  createCacheHandler: "the file of the example is the handler",
  createUseCacheHandler: "the file of the example is the handler",
};

type Modules = Readonly<Record<string, object>>;

/** The subpaths, from the sources. */
async function importModules(): Promise<Modules> {
  const { exports } = JSON.parse(read("deno.json")) as { exports: Readonly<Record<string, string>> };
  const modules: Record<string, object> = { "@upstash/redis": await import("@upstash/redis") };
  for (const [subpath, path] of Object.entries(exports))
    modules[`zstash${subpath.slice(1)}`] = (await import(/* @vite-ignore */ join(root, path))) as object;
  return modules;
}

/** Statements whose line ends in `// → value` hand both over to `check`. */
function checked(code: string): string {
  return code.replaceAll(
    /^( *)(?:const (\w+) = )?(.+); \/\/ → (.+)$/gm,
    (_, indent: string, name: string | undefined, expression: string, value: string) =>
      name === undefined
        ? `${indent}check(${expression}, ${value});`
        : `${indent}const ${name} = ${expression}; check(${name}, ${value});`,
  );
}

/** An example as a function: what it imports comes from `modules`, and what it takes for granted from `given`. */
function asFunction(code: string): string {
  const imports = unimportedIn(code).map(
    ([name, specifier]) => `const { ${name} } = modules["${specifier}"];`,
  );
  const body = checked(code)
    .replaceAll(/^import (\{[^}]*\}) from (".+");$/gm, "const $1 = modules[$2];")
    .replace(/^export default /m, "const exported = ");
  return `export default async ({ modules, given, check }) => {
    const { ${givenIn(code).join(", ")} } = given;
    ${imports.join("\n")}
    ${body}
  };`;
}

const saidIn = (code: string): number => code.match(/; \/\/ → /g)?.length ?? 0;

test("there is an example for every function, class and method that users call", () => {
  expect(withoutExample()).toEqual([]);
});

test("each says a value, but for those that have none", () => {
  const silent = examples.filter(({ code }) => saidIn(code) === 0).map(({ name }) => name);
  expect(silent.sort()).toEqual(Object.keys(SAYS_NOTHING).sort());
});

describe.runIf(redisAvailable())("examples in docstrings", () => {
  const folder = join(root, ".cache", "doc-examples");
  let rig: Rig;
  let modules: Modules;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    rig = await createRig(folder);
    modules = await importModules();
    for (const [name, value] of Object.entries(rig.env)) vi.stubEnv(name, value);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rig.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs an example; the number of values that it said, all of which it gave. */
  async function run(code: string): Promise<number> {
    const file = join(folder, `example-${crypto.randomUUID()}.mjs`);
    writeFileSync(file, transformSync(asFunction(code), { loader: "ts", format: "esm" }).code);
    const { default: example } = (await import(/* @vite-ignore */ file)) as {
      default: (given: object) => Promise<void>;
    };
    let count = 0;
    const check = (given: unknown, said: unknown): void => {
      expect(given).toEqual(said);
      count += 1;
    };
    try {
      await example({ modules, given: await rig.given(), check });
      return count;
    } finally {
      await rig.clear();
    }
  }

  test.each(examples)("$name gives what its example says", async ({ code }) => {
    expect(await run(code)).toBe(saidIn(code));
  });

  test("are found wrong where they are", async () => {
    await expect(run(`await store.delete("none"); // → true`)).rejects.toThrow(/expected false/);
  });
});
