// The package as registries and bundlers judge it: publint, Are The Types Wrong, Deno's dry run, and the size of every
// subpath against test/size.json.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { pack, root } from "./fixture.mjs";
import { program } from "./fixtures/tools.mjs";
import { reportParts } from "./parts.mjs";

const folder = await mkdtemp(join(tmpdir(), "zstash-packaging-"));

function run(command, args, cwd = root) {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, maxBuffer: 32 << 20, env: { ...process.env, NO_COLOR: "1" } },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${args.join(" ")}\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`));
        else resolve(stdout + stderr);
      },
    );
  });
}

/**
 * Minified and gzipped bytes of what a user would import: what loads first, and with what is loaded on demand.
 * `without` leaves imports and files of src/ out, by their ends.
 */
async function bundledSizes({ from, names, without = [] }) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { ${names.join(", ")} } from "./${from}";`, resolveDir: root, loader: "ts" },
    absWorkingDir: root,
    outdir: "out",
    bundle: true,
    splitting: true,
    metafile: true,
    write: false,
    minify: true,
    format: "esm",
    external: ["node:*", "@upstash/redis", "@bokuweb/zstd-wasm"],
    tsconfigRaw: {},
    plugins: [
      {
        name: "module-and-left-out",
        setup(build) {
          build.onResolve({ filter: /^#channels$/ }, () => ({
            path: join(root, "src/adapters/channels/none.ts"),
          }));
          build.onResolve({ filter: /^#host$/ }, () => ({
            path: join(root, "src/adapters/host/process.ts"),
          }));
          build.onResolve({ filter: /^#http$/ }, () => ({ path: join(root, "src/adapters/http/fetch.ts") }));
          build.onResolve({ filter: /^#sdk$/ }, ({ path }) => ({ path, external: true }));
          build.onResolve({ filter: /^#wasm\// }, ({ path }) =>
            without.includes(path)
              ? { path, external: true }
              : { path: join(root, "src/adapters", path.slice("#wasm/".length), "inline.ts") },
          );
          build.onResolve({ filter: /\.ts$/ }, ({ path }) =>
            without.some((suffix) => path.endsWith(suffix)) ? { path, external: true } : undefined,
          );
        },
      },
    ],
  });
  const sizeOf = (path) =>
    gzipSync(outputFiles.find((file) => file.path === join(root, path)).contents, { level: 9 }).length;
  const [entry] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === "<stdin>");
  const first = new Set([entry]);
  for (const path of first) {
    for (const { path: imported, kind, external } of metafile.outputs[path].imports) {
      if (kind === "import-statement" && !external) first.add(imported);
    }
  }
  const sum = (paths) => [...paths].reduce((size, path) => size + sizeOf(path), 0);
  return { first: sum(first), all: sum(Object.keys(metafile.outputs)) };
}

async function checkSizes() {
  const budgets = JSON.parse(readFileSync(join(root, "test/size.json"), "utf8"));
  const over = [];
  for (const [name, { budget, ...bundle }] of Object.entries(budgets)) {
    const { first: size, all } = await bundledSizes(bundle);
    const later = all > size ? `, ${all - size} more on demand` : "";
    console.log(
      `          ${name.padEnd(34)} ${String(size).padStart(7)} of ${String(budget).padStart(7)} bytes gzip${later}`,
    );
    if (size > budget) over.push(`${name}: ${size} bytes, over ${budget}`);
  }
  if (over.length > 0) throw new Error(over.join("\n"));
}

/** The modules in the tarball are those of dist/, and their sums are printed. */
async function checkModules(tarball) {
  for (const name of ["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"]) {
    await run("tar", ["-xzf", tarball, "-C", folder, `package/dist/${name}`]);
    const [packed, built] = [join(folder, "package/dist", name), join(root, "dist", name)].map((file) =>
      createHash("sha256").update(readFileSync(file)).digest("hex"),
    );
    console.log(`          sha256 ${packed}  ${name}`);
    if (packed !== built) throw new Error(`${name} in the tarball is not the one that was built`);
  }
}

try {
  const tarball = pack(folder);
  const npmTool = (name) => (existsSync(program(name)) ? undefined : "npm ci --prefix test/runtimes");
  await reportParts("packaging", [
    {
      name: "publint --strict",
      missing: npmTool("publint"),
      run: () => run(program("publint"), ["--strict", tarball]),
    },
    {
      name: "attw --profile esm-only",
      missing: npmTool("attw"),
      // The types of zstash/redis for CommonJS are there for those of the SDK that they stand on.
      run: () => run(program("attw"), [tarball, "--profile", "esm-only", "--ignore-rules", "false-cjs"]),
    },
    {
      name: "deno publish --dry-run",
      missing: npmTool("deno"),
      run: () => run(program("deno"), ["publish", "--dry-run", "--allow-dirty"]),
    },
    { name: "sha256 of the modules", run: () => checkModules(tarball) },
    { name: "size budgets", missing: npmTool("esbuild"), run: checkSizes },
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
