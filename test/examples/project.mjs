// An example as its reader has it: its folder and ../handler out of the packed tarball, which is installed by the words of
// its README too, and run by the command that this names.

import { execFile, spawnSync } from "node:child_process";
import { cp, mkdir, readFile, rename } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../runtimes/fixture.mjs";
import { program, within } from "../runtimes/fixtures/tools.mjs";
import { linkTree } from "../next/project.mjs";

const runFile = promisify(execFile);
/** Node 22, because Wrangler refuses 20; the other programs lie where the tests have them. */
const path = [
  dirname(program("node22")),
  dirname(program("bun")),
  dirname(program("deno")),
  join(root, "test/runtimes/node_modules/.bin"),
  process.env.PATH,
].join(delimiter);
const environment = {
  ...process.env,
  PATH: path,
  PORT: "0",
  CI: "1",
  NO_COLOR: "1",
  FORCE_COLOR: undefined,
  NODE_ENV: undefined,
  NEXT_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
};

/** What to install where there is no redis-server, without which no example is tested. */
export const missingRedis = () =>
  spawnSync("redis-server", ["--version"]).status === 0 ? undefined : "apt-get install redis-server";

/**
 * The words after `npm install` with which a README begins.
 * @param {string} readme
 * @returns {string[]}
 */
export function readInstallWords(readme) {
  const words = /^```sh\nnpm install\b([^\n&]*)/m.exec(readme)?.[1];
  if (words === undefined) throw new Error("the first block of a README must begin with npm install");
  return words.trim().split(" ").filter(Boolean);
}

/**
 * Copies an example and the handler out of the package, and installs what they need.
 * @param {{ base: string, tarball: string }} place
 * @param {{ name: string, packages?: string }} example `packages`: a folder whose packages are taken instead of npm's
 * @returns {Promise<string>} the folder of the copy
 */
export async function copyExample({ base, tarball }, { name, packages }) {
  await mkdir(base, { recursive: true });
  const copied = ["handler", name].map((folder) => `package/examples/${folder}`);
  await runFile("tar", ["-xzf", tarball, "-C", base, "--strip-components=2", ...copied]);
  const folder = join(base, name);
  if (packages === undefined) {
    const flags = [
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--omit=dev",
      "--prefer-offline",
    ];
    const words = readInstallWords(await readFile(join(folder, "README.md"), "utf8"));
    await runCommand(folder, "npm", ["install", ...words, ...flags, tarball]);
    return folder;
  }
  await requireSamePackages(folder, packages);
  const modules = join(folder, "node_modules");
  await linkTree(join(packages, "node_modules"), modules);
  await cp(join(base, "handler"), join(modules, "example-handler"), { recursive: true });
  await runFile("tar", ["-xzf", tarball, "-C", folder]);
  await rename(join(folder, "package"), join(modules, "zstash"));
  // As npm would: the local server's program.
  await mkdir(join(modules, ".bin"), { recursive: true });
  await runFile("ln", ["-sf", "../zstash/dist/cli/main.js", join(modules, ".bin/zstash")]);
  await runFile("chmod", ["+x", join(modules, "zstash/dist/cli/main.js")]);
  return folder;
}

/** What stands in for npm's packages must be what the example asks for. */
async function requireSamePackages(folder, packages) {
  const read = async (from) => JSON.parse(await readFile(join(from, "package.json"), "utf8")).dependencies;
  const [asked, given] = [await read(folder), await read(packages)];
  for (const [name, version] of Object.entries(asked)) {
    if (["zstash", "example-handler"].includes(name)) continue;
    if (given[name] !== version)
      throw new Error(`${folder} asks for ${name}@${version}, the tests have ${given[name]}`);
  }
}

/** Runs a command to its end; its output is the error's where it fails. */
export async function runCommand(folder, command, args) {
  const options = { cwd: folder, env: environment, maxBuffer: 32 << 20, timeout: 240_000 };
  try {
    return (await runFile(command, args, options)).stdout;
  } catch (error) {
    const output = `${error.stdout?.slice(-3000)}\n${error.stderr?.slice(-3000)}`;
    throw new Error(`${command} ${args.join(" ")}\n${output}`, { cause: error });
  }
}

/**
 * Runs a script of the example's package.json until `work` is done. It starts a local server of zstash over a
 * redis-server, and prints where it listens itself.
 * @template T
 * @param {string} folder
 * @param {readonly string[]} args of npm
 * @param {(url: string, output: () => string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export function whileRunning(folder, args, work) {
  return within({ folder, environment }, "npm", args, work);
}
