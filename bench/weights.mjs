// What a program weighs with zstash and without it: the bundles that users make of one program with the stock client, with
// `zstash/redis` and with `withCompression`, as esbuild makes them of the built package. Prints the README's table.
//   node bench/weights.mjs

import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The same program three times: it writes a value. The columns of the table. */
const programs = {
  "`@upstash/redis`": 'import { Redis } from "@upstash/redis"; const redis = Redis.fromEnv();',
  "`zstash/redis`": 'import { Redis } from "zstash/redis"; const redis = Redis.fromEnv();',
  "`withCompression`": `import { Redis } from "@upstash/redis"; import { withCompression } from "zstash/upstash";
    const redis = withCompression(Redis.fromEnv());`,
};

/**
 * How a program is bundled for each place, with nothing but what the README says about esbuild.
 *
 * @type {Readonly<Record<string, import("esbuild").BuildOptions>>}
 */
const places = {
  Worker: { conditions: ["workerd"], loader: { ".wasm": "copy" } },
  Node: { platform: "node" },
  browser: { platform: "browser", splitting: true },
};

/**
 * Bytes of a bundle, minified and gzipped.
 *
 * @typedef {{ first: number, later: number, module: number }} Weight `first`: what loads before the program runs;
 *   `later`: on demand; `module`: WebAssembly that is a file of its own
 *
 * @param {string} program
 * @param {import("esbuild").BuildOptions} options
 * @returns {Promise<Weight>}
 */
async function weigh(program, options) {
  const { outputFiles = [], metafile } = await build({
    stdin: {
      contents: `${program} export const save = (value) => redis.set("key", value);`,
      resolveDir: root,
      sourcefile: "program.mjs",
    },
    absWorkingDir: root,
    outdir: "out",
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "error",
    ...options,
  });
  const { outputs } = /** @type {import("esbuild").Metafile} */ (metafile);
  const sizes = new Map(
    outputFiles.map(({ path, contents }) => [path, gzipSync(contents, { level: 9 }).length]),
  );
  const [entry] = Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === "program.mjs");
  if (entry === undefined) throw new Error("the bundle has no entry");
  const first = new Set([entry]);
  for (const path of first) {
    for (const { path: imported, kind, external } of outputs[path]?.imports ?? []) {
      if (kind === "import-statement" && !external && outputs[imported]) first.add(imported);
    }
  }
  const weight = { first: 0, later: 0, module: 0 };
  for (const path of Object.keys(outputs)) {
    const size = sizes.get(join(root, path)) ?? 0;
    if (path.endsWith(".wasm")) weight.module += size;
    else weight[first.has(path) ? "first" : "later"] += size;
  }
  return weight;
}

/**
 * The rows of the table by name, one weight for each program; parts that no program has are left out.
 *
 * @returns {Promise<Readonly<Record<string, readonly number[]>>>}
 */
export async function measureWeights() {
  /** @type {Record<string, readonly number[]>} */
  const rows = {};
  for (const [place, options] of Object.entries(places)) {
    const weights = await Promise.all(Object.values(programs).map((program) => weigh(program, options)));
    const parts = /** @type {const} */ ([
      [`${place}: script`, "first"],
      [`${place}: script on demand`, "later"],
      [`${place}: WebAssembly`, "module"],
    ]);
    for (const [name, part] of parts) {
      const row = weights.map((weight) => weight[part]);
      if (row.some((size) => size > 0)) rows[name] = row;
    }
  }
  return rows;
}

/**
 * The table in Markdown, in whole KB.
 *
 * @param {Readonly<Record<string, readonly number[]>>} rows
 */
export function weightTable(rows) {
  const shown = Object.entries(rows).map(
    ([name, sizes]) =>
      `| ${name} | ${sizes.map((size) => (size === 0 ? "–" : `${Math.round(size / 1000)} KB`)).join(" | ")} |`,
  );
  return [
    `| gzip | ${Object.keys(programs).join(" | ")} |`,
    `| --- | ${Object.keys(programs)
      .map(() => "--:")
      .join(" | ")} |`,
    ...shown,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(weightTable(await measureWeights()));
}
