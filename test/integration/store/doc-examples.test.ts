/** The examples in the docstrings of zstash/store run against the local server, and give what they say: `// → value`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { parseAst } from "vitest/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { read, root } from "../../support/repository.ts";

interface Example {
  /** The method of the interface, or the file's own function. */
  readonly name: string;
  readonly code: string;
}

/** The example in the docstring before a place in the text; undefined where there is none. */
function exampleBefore(text: string, start: number): string | undefined {
  const comment = /\/\*\*(?:(?!\*\/)[^])*\*\/\s*(?:export )?$/.exec(text.slice(0, start))?.[0] ?? "";
  const code = /@example\n\s*\* ```ts\n([^]*?)\n\s*\* ```/.exec(comment)?.[1];
  return code?.replaceAll(/^\s*\* ?/gm, "");
}

interface Placed {
  readonly type: string;
  readonly start: number;
  readonly key?: { readonly name: string };
  readonly id?: { readonly name: string };
  readonly body?: { readonly body: readonly Placed[] };
  readonly declaration?: Placed;
}

/** The methods of the interface Store, with their examples. */
function methodsOf(text: string): { name: string; code: string | undefined }[] {
  const { body } = parseAst(text, { lang: "ts", astType: "ts" }) as unknown as { body: readonly Placed[] };
  const declared = body.map(({ declaration }) => declaration);
  const store = declared.find((node) => node?.type === "TSInterfaceDeclaration" && node.id?.name === "Store");
  return store!.body!.body.map(({ key, start }) => ({ name: key!.name, code: exampleBefore(text, start) }));
}

/** Statements whose line ends in `// → value` hand both over to `check`. */
function checked(code: string): string {
  return code.replaceAll(
    /^(?:const (\w+) = )?(.+); \/\/ → (.+)$/gm,
    (_, name: string | undefined, expression: string, value: string) =>
      name === undefined
        ? `check(${expression}, ${value});`
        : `const ${name} = ${expression}; check(${name}, ${value});`,
  );
}

const methods = methodsOf(read("src/store/store.ts"));
const index = read("src/store/index.ts");
const creation = exampleBefore(index, index.indexOf("function createStore"))!;
const examples: Example[] = [
  { name: "createStore", code: creation },
  ...methods.map(({ name, code }) => ({ name, code: code ?? "" })),
];

describe("examples in docstrings", () => {
  const folder = join(root, ".cache", "doc-examples");
  let server: DevServer;
  let url: string;
  let store: Store;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    server = await createDevServer({ backend: "embedded", token: "examples" });
    ({ url } = await server.listen());
    store = createStore({ url, token: "examples" });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("are there for every method of a store, each with a value that it says", () => {
    expect(methods.map(({ name }) => name)).toEqual(Object.keys(store));
    const without = examples.filter(({ code }) => !/; \/\/ → /.test(code));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  /** Runs an example; the number of values that it said, all of which it gave. */
  async function run(code: string): Promise<number> {
    const source = code.replace(/^import \{ createStore \} from "zstash\/store";\n/, "");
    const body = `export default async ({ store: given, createStore, url, token, check }) => {
      ${/const store = /.test(source) ? "" : "const store = given;"}
      ${checked(source)}
    };`;
    const file = join(folder, `example-${crypto.randomUUID()}.mjs`);
    writeFileSync(file, transformSync(body, { loader: "ts", format: "esm" }).code);
    const { default: example } = (await import(/* @vite-ignore */ file)) as {
      default: (given: object) => Promise<void>;
    };
    let count = 0;
    const check = (given: unknown, said: unknown): void => {
      expect(given).toEqual(said);
      count += 1;
    };
    await example({ store, createStore, url, token: "examples", check });
    return count;
  }

  test.each(examples)("$name gives what its example says", async ({ code }) => {
    expect(await run(code)).toBe(code.match(/; \/\/ → /g)?.length);
  });

  test("are found wrong where they are", async () => {
    await expect(run(`await store.delete("none"); // → true`)).rejects.toThrow(/expected false/);
  });
});
