/** Every file can be loaded where there is nothing but the language: what else it needs is looked up at first use. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** Programs, which run when they are loaded: the command line, and the script of the local server's page. */
const programs: readonly string[] = ["cli/main.ts", "dev/page/client/main.ts"];
/** All of src/ but those, and declarations. */
const files = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !programs.includes(path))
  .sort();

/** The adapters that are chosen by a name of their own. */
const adapters: Readonly<Record<string, string>> = {
  "#host": "host/process",
  "#http": "http/fetch",
  "#channels": "channels/none",
};

/** Bundles one module that loads them all; modules of Node and WebAssembly files are stood in for. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "loaded",
    target: "es2022",
    ignoreAnnotations: true,
    tsconfigRaw: {},
    logLevel: "error",
    plugins: [
      {
        name: "stand-ins",
        setup(builder) {
          builder.onResolve({ filter: /^node:|^@bokuweb\/|^#sdk$|\.wasm(\?module)?$/ }, ({ path }) => ({
            path,
            namespace: "stand-in",
          }));
          builder.onResolve({ filter: /^#/ }, ({ path }) => ({
            path: `${root}src/adapters/${adapters[path] ?? `${path.slice("#wasm/".length)}/inline`}.ts`,
          }));
          builder.onLoad({ filter: /.*/, namespace: "stand-in" }, ({ path }) => ({
            contents:
              path === "#sdk"
                ? "export class Redis {}; export const errors = {};"
                : "module.exports = new Proxy(function () {}, { get: (target, name) => target[name] ?? target });",
          }));
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}

test("a realm without the platform's classes and timers loads every file of src/", async () => {
  expect(files.length).toBeGreaterThan(100);
  const loads = files.map((path, index) => `export * as file${index} from "./src/${path}";`);
  const code = await bundle(loads.join("\n"));
  const realm = createContext({});
  for (const name of [
    "TextEncoder",
    "TextDecoder",
    "ReadableStream",
    "AbortController",
    "setTimeout",
    "crypto",
    "atob",
  ])
    expect(runInContext(`typeof ${name}`, realm), name).toBe("undefined");
  runInContext(code, realm);
  expect(Object.keys(runInContext("loaded", realm) as object)).toHaveLength(files.length);
});

test("what is loaded before the classes are there works once they are", async () => {
  const code = await bundle(
    `export * from "./src/value/value.ts"; export { bokuweb } from "./src/engine/bokuweb.ts";`,
  );
  const realm = createContext({});
  runInContext(code, realm);
  Object.assign(realm, { TextEncoder, TextDecoder, atob });
  const codec = `{ compress() { throw new Error("no codec") } }`;
  expect(runInContext(`loaded.encodeValue(${codec}, "zs1:KLUv/ as text")`, realm)).toMatch(/^zs1:KLUv\//);
});
