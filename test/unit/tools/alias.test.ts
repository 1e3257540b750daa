/** Libraries that make a client of @upstash/redis by themselves, bundled with the alias to `zstash/redis`. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build as esbuild } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { redisAvailable, startRedis, type RedisServer } from "../../support/redis.ts";
import { root } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const libraries = `${root}test/sdk-versions/node_modules/`;
const tools = `${root}test/runtimes/node_modules/`;
const there =
  requireOrSkip(
    "libraries of @upstash/redis",
    existsSync(`${libraries}drizzle-orm`),
    "npm ci --prefix test/sdk-versions",
  ) && requireOrSkip("bundlers", existsSync(`${tools}webpack`), "npm ci --prefix test/runtimes");

/** Bundles the program into a file and gives its path; with an alias, or as it is. */
type Bundle = (folder: string, alias: boolean) => Promise<string>;

const bundlers: Readonly<Record<string, Bundle>> = {
  async esbuild(folder, alias) {
    const outfile = join(folder, "esbuild.mjs");
    await esbuild({
      entryPoints: [join(folder, "main.mjs")],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
      // It holds for everything below "@upstash/redis" too, but zstash asks for none of that by name.
      alias: alias ? { "@upstash/redis": "zstash/redis" } : {},
    });
    return outfile;
  },
  async vite(folder, alias) {
    const { build } = (await import(pathToFileURL(`${tools}vite/dist/node/index.js`).href)) as {
      build(config: object): Promise<unknown>;
    };
    await build({
      root: folder,
      configFile: false,
      logLevel: "error",
      resolve: { alias: alias ? [{ find: /^@upstash\/redis$/, replacement: "zstash/redis" }] : [] },
      ssr: { noExternal: true },
      build: {
        ssr: "main.mjs",
        outDir: "vite",
        emptyOutDir: true,
        rollupOptions: { output: { entryFileNames: "main.mjs" } },
      },
    });
    return join(folder, "vite/main.mjs");
  },
  async webpack(folder, alias) {
    const webpack = createRequire(import.meta.url)(`${tools}webpack`) as (
      config: object,
      done: (error: Error | null, stats?: { hasErrors(): boolean; toString(): string }) => void,
    ) => void;
    await new Promise<void>((resolve, reject) => {
      webpack(
        {
          mode: "production",
          context: folder,
          entry: "./main.mjs",
          target: "node20",
          output: { path: join(folder, "webpack"), filename: "main.cjs" },
          // The dollar is webpack's word for exactly this name.
          resolve: { alias: alias ? { "@upstash/redis$": "zstash/redis" } : {} },
        },
        (error, stats) =>
          error !== null || stats?.hasErrors() ? reject(error ?? new Error(String(stats))) : resolve(),
      );
    });
    return join(folder, "webpack/main.cjs");
  },
};

describe.runIf(there)("the alias", () => {
  let folder: string;
  let cache: DevServer | undefined;
  let scripts: DevServer | undefined;
  let redis: RedisServer | undefined;
  const env: Record<string, string | undefined> = { ...process.env };

  beforeAll(async () => {
    mkdirSync(`${root}.cache`, { recursive: true });
    folder = mkdtempSync(`${root}.cache/alias-`);
    mkdirSync(join(folder, "node_modules"));
    // Copies, as an installation has them: through a link an alias is looked up where the link leads.
    for (const name of ["dist", "package.json"])
      cpSync(`${root}${name}`, join(folder, "node_modules/zstash", name), { recursive: true });
    for (const name of ["@trpc", "@trpc-limiter", "@upstash", "drizzle-orm", "uncrypto"])
      cpSync(`${libraries}${name}`, join(folder, "node_modules", name), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "main.mjs"), readFileSync(`${root}test/fixtures/alias/main.mjs`));
    cache = await createDevServer({ backend: "embedded" });
    env["CACHE_URL"] = (await cache.listen()).url;
    env["CACHE_TOKEN"] = cache.token;
    if (!redisAvailable()) return;
    // The limiter runs scripts.
    redis = await startRedis();
    scripts = await createDevServer({ redis: redis.url });
    env["UPSTASH_REDIS_REST_URL"] = (await scripts.listen()).url;
    env["UPSTASH_REDIS_REST_TOKEN"] = scripts.token;
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await cache?.close();
    await scripts?.close();
    await redis?.stop();
  });

  const command = async (...command: string[]): Promise<unknown> => {
    const headers = { authorization: `Bearer ${env["CACHE_TOKEN"]}` };
    const reply = await fetch(env["CACHE_URL"]!, { method: "POST", headers, body: JSON.stringify(command) });
    return ((await reply.json()) as { result: unknown }).result;
  };

  async function run(bundle: Bundle, alias: boolean): Promise<{ answer: unknown; stored: unknown }> {
    await command("FLUSHALL");
    if (env["UPSTASH_REDIS_REST_URL"] !== undefined) {
      const headers = { authorization: `Bearer ${env["UPSTASH_REDIS_REST_TOKEN"]}` };
      await fetch(`${env["UPSTASH_REDIS_REST_URL"]}/flushall`, { method: "POST", headers });
    }
    const file = await bundle(folder, alias);
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env });
    return { answer: JSON.parse(stdout), stored: await command("HGET", "__nonAutoInvalidate__", "query") };
  }

  test.each(Object.entries(bundlers))(
    "of %s gives drizzle's cache and a limiter the client of zstash",
    async (_, bundle) => {
      const outcomes = redis === undefined ? [] : ["passed", "TOO_MANY_REQUESTS"];
      const plain = await run(bundle, false);
      expect(plain).toEqual({ answer: { equal: true, outcomes }, stored: expect.stringMatching(/^\[\{/) });
      const aliased = await run(bundle, true);
      expect(aliased).toEqual({
        answer: { equal: true, outcomes },
        stored: expect.stringMatching(/^zs1:KLUv\//),
      });
    },
  );
});
