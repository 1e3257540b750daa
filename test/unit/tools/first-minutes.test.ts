/** A new user's first ten minutes: the packed package in a fresh folder, README's words, and a value that got smaller. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { follow, until, type Followed } from "../../support/cli-program.ts";
import { read, root } from "../../support/repository.ts";

/** What `npm install zstash @upstash/redis` brings. All of it is on this machine: no registry is asked. */
const INSTALLED = [root, ...["@upstash/redis", "uncrypto"].map((name) => join(root, "node_modules", name))];

const readme = read("README.md");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) => match[1]!);

let folder: string;
const npm = (...args: string[]): string =>
  execFileSync("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, npm_config_cache: join(folder, "cache") },
  });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zstash-first-"));
  writeFileSync(join(folder, "package.json"), '{ "name": "mine", "type": "module" }');
  npm("pack", ...INSTALLED);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (tarballs.length !== INSTALLED.length) throw new Error(`packed ${tarballs.join(", ")}`);
  npm("install", "--offline", ...tarballs.map((name) => `./${name}`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs what README shows, as `npx` runs it, in a process group that Ctrl-C reaches as a whole. */
const npx = (...args: string[]): Followed =>
  follow(
    spawn("npx", ["--offline", ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true }),
  );

describe("the first ten minutes", () => {
  test("are README's words", () => {
    expect(blocks("sh")[0]).toBe("npm install zstash @upstash/redis\n");
    expect(blocks("sh")).toContain("npx zstash dev\n");
    expect(blocks("ts")[0]).toContain("Redis.fromEnv()");
  });

  test("install nothing else", () => {
    const modules = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(modules).toEqual(["@upstash", "uncrypto", "zstash"]);
  });

  test("start a server, run README's snippet against it, and see a value smaller than it was", async () => {
    const { child, ended, texts } = npx("zstash", "dev", "--port", "0", "--backend", "embedded");
    try {
      await until(() => texts.output.includes("TOKEN=") || child.exitCode !== null);
      const variables = Object.fromEntries(
        [...texts.output.matchAll(/^(UPSTASH_\w+)=(.*)$/gm)].map((match) => [match[1], match[2]]),
      ) as Record<string, string>;
      expect(Object.keys(variables)).toEqual(["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]);
      const snippet = `${blocks("ts")[0]}
        const value = { items: Array.from({ length: 200 }, (_, id) => ({ id, name: "item", price: 10 })) };
        await redis.set("cart", value);
        const again = await redis.get("cart");
        const stored = await redis.strlen("cart");
        console.log(JSON.stringify({ same: JSON.stringify(again) === JSON.stringify(value), stored, asJson: JSON.stringify(value).length }));`;
      writeFileSync(join(folder, "app.mjs"), snippet);
      const app = follow(
        spawn(process.execPath, ["app.mjs"], { cwd: folder, env: { ...process.env, ...variables } }),
      );
      const { code, output, errors } = await app.ended;
      expect([code, errors]).toEqual([0, ""]);
      const { same, stored, asJson } = JSON.parse(output) as {
        same: boolean;
        stored: number;
        asJson: number;
      };
      expect(same).toBe(true);
      expect(stored).toBeGreaterThan(0);
      expect(stored).toBeLessThan(asJson / 3);
    } finally {
      // As Ctrl-C does it.
      if (child.exitCode === null) process.kill(-child.pid!, "SIGINT");
      await ended;
    }
    expect(texts.errors).toBe("");
  });

  test("run the tests of a project against a server of their own", async () => {
    const script = "console.log(process.env.UPSTASH_REDIS_REST_URL?.replace(/\\d+$/, 'port'))";
    writeFileSync(join(folder, "check.mjs"), script);
    const { ended } = npx("zstash", "dev", "--backend", "embedded", "--", "node", "check.mjs");
    expect(await ended).toMatchObject({ code: 0, output: "http://127.0.0.1:port\n", errors: "" });
  });

  test("have help, a version and advice at hand", async () => {
    expect(await npx("zstash", "-v").ended).toMatchObject({ code: 0, output: `${manifest.version}\n` });
    expect(await npx("zstash", "help", "dev").ended).toMatchObject({ code: 0, errors: "" });
    expect(await npx("zstash", "dve").ended).toMatchObject({
      code: 2,
      errors: expect.stringContaining('Did you mean "dev"?'),
    });
  });
});
