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

/** Minified and gzipped bytes of a bundle of what a user would import; `without` leaves files of src/ out, by suffix. */
async function bundledSize({ from, names, without = [] }) {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names.join(", ")} } from "./${from}";`, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    external: ["node:*", "@upstash/redis", "@bokuweb/zstd-wasm"],
    tsconfigRaw: {},
    plugins: [
      {
        name: "module-and-left-out",
        setup(build) {
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
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

async function checkSizes() {
  const budgets = JSON.parse(readFileSync(join(root, "test/size.json"), "utf8"));
  const over = [];
  for (const [name, { budget, ...bundle }] of Object.entries(budgets)) {
    const size = await bundledSize(bundle);
    console.log(
      `          ${name.padEnd(44)} ${String(size).padStart(7)} of ${String(budget).padStart(7)} bytes gzip`,
    );
    if (size > budget) over.push(`${name}: ${size} bytes, over ${budget}`);
  }
  if (over.length > 0) throw new Error(over.join("\n"));
}

/** The modules in the tarball are those of dist/, and their sums are printed. */
async function checkModules(tarball) {
  for (const name of ["zstash.wasm", "zstash-decoder.wasm"]) {
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
      run: () => run(program("attw"), [tarball, "--profile", "esm-only"]),
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
