// A newcomer's walks: from an empty folder to a compressed value and back to `read-only`, by the words of the docs alone, with the
// packed tarball and the real Next.js, workerd and Deno. `node test/walks/run.mjs [--only NAME]`

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../runtimes/fixture.mjs";
import { program } from "../runtimes/fixtures/tools.mjs";
import { reportParts } from "../runtimes/parts.mjs";
import { readSteps } from "./pages.mjs";
import { packCheckout, startRegistry } from "./registry.mjs";
import { Walker } from "./walker.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });

/** README's promise, which these pages make too. */
const COMMANDS_MAX = 10;

/** The pages, and the programs that their readers have besides those of the machine. */
const walks = [
  { name: "Next.js", walk: "nextjs", page: "docs/quick-start-nextjs.md", programs: [process.execPath] },
  // Wrangler refuses Node 20.
  { name: "Workers", walk: "worker", page: "docs/quick-start-workers.md", programs: [program("node22")] },
  {
    name: "Deno",
    walk: "deno",
    page: "docs/quick-start-deno.md",
    programs: [program("deno"), process.execPath],
  },
].filter(({ name }) => name.includes(flags.only));

/** The newest versions of the registry here are those that the other tests have. */
async function readPins() {
  const pins = {};
  for (const folder of ["test/runtimes", "test/next/16"]) {
    const manifest = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
      if (!version.includes(":")) pins[name] = version;
  }
  return pins;
}

/** What a terminal of the reader's knows. */
function environmentOf({ programs }, folder, registry) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(ZSTASH_|UPSTASH_|KV_REST_|npm_|NODE_ENV$|FORCE_COLOR$)/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PATH: [...programs.map((path) => dirname(path)), process.env.PATH].join(delimiter),
    NPM_CONFIG_REGISTRY: registry,
    // What npx has fetched once it does not fetch again, though another build has the same version.
    NPM_CONFIG_CACHE: join(folder, "npm"),
    DENO_DIR: join(folder, "deno"),
    NO_COLOR: "1",
    NEXT_TELEMETRY_DISABLED: "1",
    WRANGLER_SEND_METRICS: "false",
  };
}

/** @type {string[]} */
const rows = [];

async function takeWalk(one, base, registry) {
  const text = await readFile(join(root, one.page), "utf8");
  const steps = readSteps(text, one.walk);
  const folder = join(base, one.walk);
  const project = join(folder, "project");
  await mkdir(project, { recursive: true });
  const walker = new Walker(project, environmentOf(one, folder, registry));
  try {
    for (const step of steps) await walker.take(step);
  } finally {
    await walker.end();
  }
  const { compressed, inspected } = walker;
  if (compressed === undefined || !inspected[0]?.startsWith("compressed by zstash "))
    throw new Error(`${one.page} shows no compressed value: ${inspected[0]}`);
  if (!inspected.at(-1).startsWith("not compressed, "))
    throw new Error(`${one.page} does not lead back to read-only: ${inspected.at(-1)}`);
  if (compressed.commands > COMMANDS_MAX)
    throw new Error(`${one.page} needs ${compressed.commands} commands`);
  const said = /compressed value in (\w+) commands/.exec(text)?.[1];
  const words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
  if (said !== words[compressed.commands - 1])
    throw new Error(`${one.page} says ${said} commands, there are ${compressed.commands}`);
  rows.push(
    `${one.name}: ${compressed.commands} commands and ${compressed.seconds.toFixed(0)} s to a compressed value, ` +
      `${walker.seconds.toFixed(0)} s with the way back`,
  );
}

const base = await mkdtemp(join(tmpdir(), "zstash-walks-"));
let registry;
try {
  registry = await startRegistry(packCheckout(root, base), await readPins());
  const missing = await registry.missing();
  await reportParts(
    "walks by the docs alone",
    walks.map((one) => ({ name: one.name, missing, run: () => takeWalk(one, base, registry.url) })),
  );
} finally {
  await registry?.close();
  await rm(base, { recursive: true, force: true });
}
for (const row of rows) console.log(`          ${row}`);
