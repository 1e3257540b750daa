/** A copy of the build that tells of every function that is entered, and in which file it lies. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { parseAst } from "vitest/node";

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = `${root}src/`;
const output = `${root}.cache/hops/`;

/**
 * What the traced copy calls, with the path of a file below src/.
 *
 * @typedef {{ zstashHop?: (path: string) => void }} Listener
 */
const listener = /** @type {Listener} */ (globalThis);

/**
 * Puts the entry of every function of a file on record.
 *
 * @param {string} path
 * @param {string} text
 */
function traced(path, text) {
  const enter = `globalThis.zstashHop?.(${JSON.stringify(path)})`;
  /** @type {[at: number, text: string][]} */
  const inserts = [];
  /** @param {object} node */
  const visit = (node) => {
    const { type, body } =
      /** @type {{ type: string, body?: { type: string, start: number, end: number } }} */ (node);
    if (/^(ArrowFunctionExpression|FunctionDeclaration|FunctionExpression)$/.test(type) && body) {
      if (body.type === "BlockStatement") inserts.push([body.start + 1, `${enter};`]);
      else inserts.push([body.start, `(${enter},`], [body.end, ")"]);
    }
    for (const child of Object.values(node)) {
      for (const each of Array.isArray(child) ? child : [child]) if (each?.type !== undefined) visit(each);
    }
  };
  visit(parseAst(text, { lang: "ts", astType: "ts" }));
  // Of two places that are one, the inner expression ends first.
  inserts.sort(([a, first], [b, second]) => b - a || (first === ")" ? 1 : 0) - (second === ")" ? 1 : 0));
  return inserts.reduce((whole, [at, insert]) => whole.slice(0, at) + insert + whole.slice(at), text);
}

/**
 * Builds the copy and loads it.
 *
 * @typedef {object} Traced
 * @property {typeof import("zstash/upstash").withCompression} withCompression
 * @property {typeof import("zstash/redis").Redis} CompressingRedis
 * @property {typeof import("zstash/store").createStore} createStore
 *
 * @returns {Promise<Traced>}
 */
export async function loadTraced() {
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["src/redis.ts", "src/upstash/index.ts", "src/store/index.ts"],
    outdir: output,
    outExtension: { ".js": ".mjs" },
    outbase: "src",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["@bokuweb/zstd-wasm", "@upstash/redis", "node:*"],
    alias: {
      "#sdk": "@upstash/redis",
      "#host": `${source}adapters/host/node.ts`,
      "#http": `${source}adapters/http/fetch.ts`,
      "#channels": `${source}adapters/channels/node.ts`,
      "#wasm/full": `${source}adapters/full/inline.ts`,
      "#wasm/decoder": `${source}adapters/decoder/inline.ts`,
      "#wasm/trainer": `${source}adapters/trainer/inline.ts`,
    },
    plugins: [
      {
        name: "trace",
        setup({ onLoad }) {
          onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
            const text = await readFile(path, "utf8");
            const name = relative(source, path).replaceAll("\\", "/");
            return { contents: name.endsWith("inlined.ts") ? text : traced(name, text), loader: "ts" };
          });
        },
      },
    ],
  });
  /** @param {string} name */
  const load = (name) => import(pathToFileURL(`${output}${name}.mjs`).href);
  const { withCompression } = await load("upstash/index");
  const { createStore } = await load("store/index");
  const { Redis: CompressingRedis } = await load("redis");
  return { withCompression, CompressingRedis, createStore };
}

/**
 * The files that `work` enters, in order, a file again where another one lay between; after it has run three times.
 *
 * @param {() => Promise<unknown>} work
 */
export async function traceOf(work) {
  for (let warm = 0; warm < 3; warm++) await work();
  /** @type {string[]} */
  const files = [];
  listener.zstashHop = (path) => {
    if (files.at(-1) !== path) files.push(path);
  };
  try {
    await work();
  } finally {
    delete listener.zstashHop;
  }
  return files;
}
