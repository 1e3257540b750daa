// Real projects of Next.js 14, 15 and 16 with the packed tarball: built and started, and under the development servers of
// both bundlers. Every page must show and send what it does with the stock client. `node test/next/run.mjs [--only TEXT]`;
// ZSTASH_LONG=1 runs every version with every bundler that it offers.

import { mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pack } from "../runtimes/fixture.mjs";
import { reportParts } from "../runtimes/parts.mjs";
import { judgeCacheHandler, judgeUseCache } from "./cache-handler.mjs";
import { judgeBuild, judgeComponents, judgeDev } from "./checks.mjs";
import { createProject } from "./project.mjs";
import { startRig } from "./rig.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
const long = process.env.ZSTASH_LONG === "1";

/**
 * What is run: `alias` lets the bundler replace "@upstash/redis"; `edgeRoutes: false` is for webpack in Next.js 16, which
 * ends with "ENOENT … route_client-reference-manifest.js" at any route handler on the edge runtime. Each version is built and started with the bundler that
 * it takes by itself; the rest of the matrix is long.
 */
const configurations = [
  { version: 14, name: "build and start, webpack", judge: judgeBuild },
  { version: 15, name: "build and start, webpack", judge: judgeBuild, alias: true },
  { version: 15, name: "dev, Turbopack", args: ["--turbopack"], judge: judgeDev, alias: true },
  { version: 16, name: "build and start, Turbopack", judge: judgeBuild },
  { version: 16, name: "dev, Turbopack", judge: judgeDev, alias: true },
  { version: 16, name: "Cache Components", judge: judgeComponents, components: true },
  { version: 16, name: "cache handler", judge: judgeCacheHandler, fixture: "cache-handler" },
  { version: 16, name: "cache handlers, use cache", judge: judgeUseCache, fixture: "use-cache" },
  { version: 15, name: "cache handlers, use cache", judge: judgeUseCache, fixture: "use-cache", long: true },
  { version: 15, name: "cache handler", judge: judgeCacheHandler, fixture: "cache-handler", long: true },
  { version: 14, name: "build and start, webpack, alias", judge: judgeBuild, alias: true, long: true },
  { version: 14, name: "dev, webpack", judge: judgeDev, long: true },
  { version: 14, name: "dev, Turbopack", args: ["--turbo"], judge: judgeDev, alias: true, long: true },
  {
    version: 15,
    name: "build and start, Turbopack",
    args: ["--turbopack"],
    judge: judgeBuild,
    alias: true,
    long: true,
  },
  { version: 15, name: "dev, webpack", judge: judgeDev, long: true },
  { version: 16, name: "build and start, Turbopack, alias", judge: judgeBuild, alias: true, long: true },
  {
    version: 16,
    name: "build and start, webpack",
    args: ["--webpack"],
    judge: judgeBuild,
    alias: true,
    edgeRoutes: false,
    long: true,
  },
  {
    version: 16,
    name: "dev, webpack",
    args: ["--webpack"],
    judge: judgeDev,
    alias: true,
    edgeRoutes: false,
    long: true,
  },
];

const selected = configurations
  .map((configuration) => ({
    ...configuration,
    name: `Next.js ${configuration.version}: ${configuration.name}`,
  }))
  .filter(
    (configuration) =>
      (long || flags.only !== "" || !configuration.long) && configuration.name.includes(flags.only),
  );

const folder = await mkdtemp(join(tmpdir(), "zstash-next-"));
const rig = await startRig();
try {
  const tarball = pack(folder);
  // The clients of the fixtures read them as they load, in this process too.
  Object.assign(process.env, rig.environment);
  const missing = (version) =>
    existsSync(fileURLToPath(new URL(`${version}/node_modules`, import.meta.url)))
      ? undefined
      : `npm ci --prefix test/next/${version}`;
  await reportParts(
    "Next.js",
    selected.map(
      ({
        version,
        name,
        args = [],
        judge,
        alias = false,
        components = false,
        edgeRoutes = true,
        fixture,
      }) => ({
        name,
        missing: missing(version),
        async run() {
          const project = await createProject({ version, tarball, components, edgeRoutes, fixture });
          const environment = {
            ...rig.environment,
            ZSTASH_NEXT: String(version),
            ZSTASH_ALIAS: alias ? "1" : "",
            ZSTASH_COMPONENTS: components ? "1" : "",
          };
          try {
            await judge({ ...rig, environment }, project, args);
          } finally {
            await project.remove();
          }
        },
      }),
    ),
  );
  const left = configurations.filter(({ long: isLong }) => isLong).length;
  if (!long && flags.only === "") console.log(`          ${left} more with ZSTASH_LONG=1`);
} finally {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
}
