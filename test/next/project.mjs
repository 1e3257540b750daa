// A project of a user's kind for one version of Next.js: its packages, the packed zstash beside them, and the pages of
// app/ once for each carrier.

import { execFileSync } from "node:child_process";
import { copyFile, cp, link, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

export const carriers = /** @type {const} */ (["stock", "text", "raw", "store"]);

/** Copies a tree as hard links where both sides lie in one file system: the packages are 300 MB. */
async function linkTree(from, to) {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isSymbolicLink()) await cp(source, target, { verbatimSymlinks: true });
    else await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
  }
}

/**
 * Makes the project in a temporary folder.
 * @param {14 | 15 | 16} version
 * @param {string} tarball
 */
export async function createProject(version, tarball) {
  const folder = await mkdtemp(join(tmpdir(), `zstash-next-${version}-`));
  const modules = join(folder, "node_modules");
  await linkTree(join(here, String(version), "node_modules"), modules);
  execFileSync("tar", ["-xzf", tarball, "-C", folder]);
  await rename(join(folder, "package"), join(modules, "zstash"));
  const { dependencies } = JSON.parse(await readFile(join(here, String(version), "package.json"), "utf8"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  await cp(join(here, "next.config.mjs"), join(folder, "next.config.mjs"));
  const app = join(folder, "app");
  await cp(join(here, "app"), app, { recursive: true });
  const kinds = join(app, "kinds");
  for (const kind of await readdir(kinds)) {

    for (const file of await readdir(join(kinds, kind))) {
      const text = await readFile(join(kinds, kind, file), "utf8");
      for (const carrier of carriers) {
        await mkdir(join(app, carrier, kind), { recursive: true });
        await writeFile(join(app, carrier, kind, file), text.replaceAll("CARRIER", carrier));
      }
    }
  }
  await rm(kinds, { recursive: true });
  return { folder, version, remove: () => rm(folder, { recursive: true, force: true }) };
}
