// How often a reader turns the page: the way of one value through the sources, counted on a tracing copy of the build.
// A hop is the entry of a function in another file than the function entered before it; what runs inside the client of
// @upstash/redis and inside the platform is not counted. Paths are warm: everything is loaded and has run before.
//
//   node bench/hops.mjs [--json] [--trace NAME]
//
// `--trace "text SET"` prints the files in the order in which they are entered.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Redis } from "@upstash/redis";
import { build } from "esbuild";
import { parseAst } from "vitest/node";
import { jsonOfSize } from "./json-of-size.mjs";
import { table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" }, trace: { type: "string" } } });
const root = fileURLToPath(new URL("..", import.meta.url));
const source = `${root}src/`;
const output = `${root}.cache/hops/`;

/** Puts the entry of every function of a file on record. */
function traced(path, text) {
  const enter = `globalThis.zstashHop?.(${JSON.stringify(path)})`;
  const inserts = [];
  const visit = (node) => {
    if (/^(ArrowFunctionExpression|FunctionDeclaration|FunctionExpression)$/.test(node.type) && node.body) {
      const { start, end, type } = node.body;
      if (type === "BlockStatement") inserts.push([start + 1, `${enter};`]);
      else inserts.push([start, `(${enter},`], [end, ")"]);
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

async function buildTraced() {
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["src/upstash/index.ts", "src/store/index.ts"],
    outdir: output,
    outExtension: { ".js": ".mjs" },
    outbase: "src",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["@bokuweb/zstd-wasm", "node:*"],
    alias: {
      "#host": `${source}adapters/host/process.ts`,
      "#wasm/full": `${source}adapters/full/inline.ts`,
      "#wasm/decoder": `${source}adapters/decoder/inline.ts`,
    },
    plugins: [
      {
        name: "trace",
        setup({ onLoad }) {
          onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
            const text = await readFile(path, "utf8");
            const name = relative(source, path);
            return { contents: name.endsWith("inlined.ts") ? text : traced(name, text), loader: "ts" };
          });
        },
      },
    ],
  });
  const load = (name) => import(pathToFileURL(`${output}${name}/index.mjs`).href);
  const [{ withCompression }, { createStore }] = [await load("upstash"), await load("store")];
  return { withCompression, createStore };
}

/** Counts what `work` enters, after it has run three times. */
async function count(work) {
  for (let warm = 0; warm < 3; warm++) await work();
  const files = [];
  globalThis.zstashHop = (path) => void (files.at(-1) === path || files.push(path));
  try {
    await work();
  } finally {
    delete globalThis.zstashHop;
  }
  return { files: new Set(files).size, hops: files.length, trace: files };
}

const server = fork(fileURLToPath(new URL("server.mjs", import.meta.url)));
try {
  const [{ url, token }] = await once(server, "message");
  const { withCompression, createStore } = await buildTraced();
  const options = { url, token, enableTelemetry: false, automaticDeserialization: false };
  const text = withCompression(new Redis({ ...options, enableAutoPipelining: false }));
  const raw = withCompression(new Redis({ ...options, enableAutoPipelining: false }), { url, token });
  const store = createStore({ url, token });
  const value = jsonOfSize(8 << 10);
  const large = jsonOfSize(8 << 20);
  const page = jsonOfSize(100 << 10);
  await store.put("range", large, { layout: { frameSize: 65_536 } });
  const paths = {
    "text SET": () => text.set("text", value),
    "text GET": () => text.get("text"),
    "raw SET": () => raw.set("raw", value),
    "raw GET": () => raw.get("raw"),
    put: () => store.put("put", page),
    range: async () => new Response(await store.getRange("range", 1_000_000, 1_001_024)).arrayBuffer(),
  };
  const results = {};
  for (const [name, work] of Object.entries(paths)) results[name] = await count(work);
  if (flags.trace !== undefined) console.log(results[flags.trace].trace.join("\n"));
  else if (flags.json) {
    const counts = Object.entries(results).map(([name, { files, hops }]) => [name, { files, hops }]);
    console.log(JSON.stringify(Object.fromEntries(counts)));
  } else {
    const rows = Object.entries(results).map(([name, { files, hops }]) => [name, `${files}`, `${hops}`]);
    console.log(table(["way of a value", "files", "hops"], rows));
  }
} finally {
  server.disconnect();
}
