// A project of a user's kind: the packed tarball under node_modules/zstash, beside the suite that imports it by name.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Packs the checkout as npm would publish it.
 * @param {string} folder where the tarball goes
 * @returns {string} the tarball's path
 */
export function pack(folder) {
  const output = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return join(folder, JSON.parse(output)[0].filename);
}

/**
 * The project, the file below this folder that runs in it, and the server that a runtime is to talk to.
 * @typedef {{ folder: string, entry: string, server: { url: string, token: string } }} Fixture
 */

/**
 * Makes the project: node_modules/zstash out of the tarball, node_modules/@upstash out of the checkout, and
 * `suite.mjs`, the entry with zstash left to be resolved by the runtime.
 * @param {string} entry by default the conformance suite; it exports `report(server)`
 * @returns {Promise<{ folder: string, entry: string, remove(): Promise<void> }>}
 */
export async function createFixture(entry = "suite.ts") {
  const folder = await mkdtemp(join(tmpdir(), "zstash-runtimes-"));
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "@upstash"), { recursive: true });
  execFileSync("tar", ["-xzf", pack(folder), "-C", folder]);
  await rename(join(folder, "package"), join(modules, "zstash"));
  await symlink(join(root, "node_modules/@upstash/redis"), join(modules, "@upstash/redis"));
  await symlink(join(root, "node_modules/uncrypto"), join(modules, "uncrypto"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await bundleSuite(join(folder, "suite.mjs"), {
    entryPoints: [join(root, "test/runtimes", entry)],
    external: ["zstash", "zstash/*", "@upstash/*", "node:*"],
  });
  return { folder, entry, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Bundles the suite's entry.
 * @param {string} outfile
 * @param {import("esbuild").BuildOptions} options
 */
export async function bundleSuite(outfile, options) {
  await mkdir(dirname(outfile), { recursive: true });
  await build({
    entryPoints: [join(root, "test/runtimes/suite.ts")],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    // Not test/tsconfig.json, whose paths lead to the sources.
    tsconfigRaw: {},
    logLevel: "warning",
    ...options,
    plugins: [listenersLeftOut(), ...(options.plugins ?? [])],
  });
}

/** The parts of the local server that open sockets and files are chunks that these suites never load. */
function listenersLeftOut() {
  return {
    name: "listeners-left-out",
    setup(build) {
      build.onResolve({ filter: /\/(listen|redis|persist)[^/]*\.js$/ }, ({ path }) => ({
        path,
        external: true,
      }));
    },
  };
}
