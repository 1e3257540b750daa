// A project of a user's kind for one version of Next.js: its packages, the packed zstash beside them, and the pages of
// app/ once for each carrier.

import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import {
  copyFile,
  cp,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The ways of a value into Redis that are compared; the first is what the others must not differ from. */
export const carriers = ["stock", "text", "raw", "store"];

/** Copies a tree as hard links where both sides lie in one file system: the packages are 340 MB. */
export async function linkTree(from, to) {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isSymbolicLink()) await cp(source, target, { verbatimSymlinks: true });
    else await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
  }
}

/** Writes the stock client's pages once for each carrier: Next.js decides by file what is static. */
async function writeKinds(from, app) {
  for (const kind of await readdir(from)) {
    for (const file of await readdir(join(from, kind))) {
      const text = await readFile(join(from, kind, file), "utf8");
      for (const carrier of carriers) {
        await mkdir(join(app, carrier, kind), { recursive: true });
        await writeFile(join(app, carrier, kind, file), text.replaceAll("stock", carrier));
      }
    }
  }
}

/** The request hook lies beside app/; Next.js 16 calls it proxy and runs it on Node. */
async function writeRequestHook(version, folder) {
  const text = await readFile(join(here, "middleware.js"), "utf8");
  if (version < 16) await writeFile(join(folder, "middleware.js"), text);
  else await writeFile(join(folder, "proxy.js"), text.replace("function middleware", "function proxy"));
}

/**
 * Makes the project in a temporary folder.
 * @param {{ version: number, tarball: string, components?: boolean, edgeRoutes?: boolean, fixture?: string }} options `components`: the
 *   pages of app/cache-components/ instead of those that Next.js refuses beside `cacheComponents`; `edgeRoutes: false`:
 *   no route handler on the edge runtime; `fixture`: a folder beside this file instead of app/ and its clients
 */
export async function createProject({ version, tarball, components = false, edgeRoutes = true, fixture }) {
  const folder = await mkdtemp(join(tmpdir(), `zstash-next-${version}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const packages = join(here, String(version));
    const modules = join(folder, "node_modules");
    await linkTree(join(packages, "node_modules"), modules);
    execFileSync("tar", ["-xzf", tarball, "-C", folder]);
    await rename(join(folder, "package"), join(modules, "zstash"));
    const { dependencies } = JSON.parse(await readFile(join(packages, "package.json"), "utf8"));
    const manifest = { private: true, type: "module", dependencies };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    if (fixture !== undefined) {
      await cp(join(here, fixture), folder, { recursive: true });
      return { folder, version, remove };
    }
    await copyFile(join(here, "next.config.mjs"), join(folder, "next.config.mjs"));
    const app = join(folder, "app");
    await cp(join(here, "app"), app, { recursive: true });
    for (const name of ["kinds", "cache-components"]) await rm(join(app, name), { recursive: true });
    if (components) {
      await rm(join(app, "any"), { recursive: true });
      await rm(join(app, "library"), { recursive: true });
      await writeKinds(join(here, "app/cache-components"), app);
    } else {
      await writeKinds(join(here, "app/kinds"), app);
      await writeRequestHook(version, folder);
      if (!edgeRoutes) await rm(join(app, "any/[carrier]/edge"), { recursive: true });
    }
    const { clients } = await import(join(app, "clients/all.js"));
    return { folder, version, clients, edgeRoutes, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
