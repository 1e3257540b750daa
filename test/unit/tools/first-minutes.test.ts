/** A new user's first minutes: the packed package in a fresh folder, README's words, and a compressed value in ten commands. */
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

/** README's program that shows what zstash changes. */
const SNIPPET = blocks("ts").find((code) => /redis\.set\([^]*console\.log\(/.test(code))!;

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
  started = performance.now();
  type(blocks("sh")[0]!.trim());
  npm("install", "--offline", ...tarballs.map((name) => `./${name}`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs what README shows, as `npx` runs it, in a process group that Ctrl-C reaches as a whole. */
const npx = (args: readonly string[], variables: Readonly<Record<string, string>> = {}): Followed =>
  follow(
    spawn("npx", ["--offline", ...args], {
      cwd: folder,
      env: { ...process.env, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    }),
  );

/** README's promise. */
const COMMANDS_MAX = 10;
/** What has been typed so far, and since when. */
const typed: string[] = [];
let started = 0;
const type = (command: string): void => void typed.push(command);

describe("the first ten minutes", () => {
  test("are README's words", () => {
    expect(blocks("sh")[0]).toBe("npm install zstash @upstash/redis\n");
    expect(blocks("sh")).toContain("npx zstash dev\n");
    expect(SNIPPET).toContain("Redis.fromEnv()");
    expect(readme).toContain("npx zstash inspect KEY");
  });

  test("install nothing else", () => {
    const modules = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(modules).toEqual(["@upstash", "uncrypto", "zstash"]);
  });

  test("start a server, run README's snippet against it, and see a compressed value, in ten commands", async () => {
    type("npx zstash dev");
    const { child, ended, texts } = npx(["zstash", "dev", "--port", "0", "--backend", "embedded"]);
    try {
      await until(() => texts.output.includes("TOKEN=") || child.exitCode !== null);
      const variables = Object.fromEntries(
        [...texts.output.matchAll(/^(UPSTASH_\w+)=(.*)$/gm)].map((match) => [match[1], match[2]]),
      ) as Record<string, string>;
      expect(Object.keys(variables)).toEqual(["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]);
      type("export UPSTASH_REDIS_REST_URL=…");
      type("export UPSTASH_REDIS_REST_TOKEN=…");
      writeFileSync(join(folder, "app.mjs"), SNIPPET);
      const env = { ...process.env, ...variables };
      type("node app.mjs");
      const app = follow(spawn(process.execPath, ["app.mjs"], { cwd: folder, env }));
      const { code, output, errors } = await app.ended;
      const promised = /console\.log\(.*\); \/\/ (\d+)$/m.exec(SNIPPET)![1]!;
      expect([code, errors, output]).toEqual([0, "", `${promised}\n`]);
      type("npx zstash inspect cart");
      const inspect = await npx(["zstash", "inspect", "cart"], variables).ended;
      expect(inspect).toMatchObject({ code: 0, errors: "" });
      expect(inspect.output).toMatch(
        new RegExp(`^compressed by zstash \\(raw carrier\\), ${promised} B stored for`),
      );
      expect(typed.length).toBeLessThanOrEqual(COMMANDS_MAX);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`README: ${typed.length} commands and ${seconds} s to a compressed value`);
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
    const { ended } = npx(["zstash", "dev", "--backend", "embedded", "--", "node", "check.mjs"]);
    expect(await ended).toMatchObject({ code: 0, output: "http://127.0.0.1:port\n", errors: "" });
  });

  test("have help, a version and advice at hand", async () => {
    expect(await npx(["zstash", "-v"]).ended).toMatchObject({ code: 0, output: `${manifest.version}\n` });
    expect(await npx(["zstash", "help", "dev"]).ended).toMatchObject({ code: 0, errors: "" });
    expect(await npx(["zstash", "dve"]).ended).toMatchObject({
      code: 2,
      errors: expect.stringContaining('Did you mean "dev"?'),
    });
  });
});
