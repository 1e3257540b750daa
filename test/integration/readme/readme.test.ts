/** Every code block of the README compiles and runs. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { startRedis, redisAvailable } from "../../support/redis.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const readme = readFileSync(`${root}/README.md`, "utf8");
/** Below the package's own folder, so that `import "zstash"` resolves as it does for a user. */
const folder = `${root}/.cache/readme`;

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1]!,
  );
}

const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

describe("README: code blocks", () => {
  let server: DevServer;
  let url: string;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    server = await createDevServer({ backend: "embedded", token: "readme" });
    ({ url } = await server.listen());
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("there are some, and each one is of a language that is tested", () => {
    const languages = [...readme.matchAll(/^```(\w+)\n/gm)].map((match) => match[1]);
    expect(new Set(languages)).toEqual(new Set(["ts", "sh", "text"]));
    expect(blocks("ts").length).toBeGreaterThanOrEqual(4);
  });

  it.each(blocks("ts").map((code, index) => ({ code, index })))(
    "block $index runs",
    async ({ code, index }) => {
      const file = `${folder}/block-${index}.mjs`;
      writeFileSync(file, transformSync(code, { loader: "ts", format: "esm" }).code);
      const output = await new Promise<string>((resolve, reject) => {
        const child = spawn(process.execPath, [file], {
          cwd: root,
          env: { ...process.env, UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: "readme" },
        });
        let text = "";
        child.stdout.on("data", (bytes) => (text += bytes));
        child.stderr.on("data", (bytes) => (text += bytes));
        child.on("exit", (status) =>
          status === 0 ? resolve(text) : reject(new Error(`exit ${status}: ${text}`)),
        );
      });
      const promised = /console\.log\(.*\); \/\/ (.*)$/m.exec(code)?.[1];
      expect(output).not.toMatch(/error/i);
      if (promised !== undefined) expect(output.trim().replaceAll("'", '"')).toBe(promised);
    },
  );

  it("`zstash dev` of the README starts, answers, and ends with SIGTERM", async () => {
    const command = blocks("sh").find((text) => text.startsWith("npx zstash dev"))!;
    const args = [...command.trim().split(" ").slice(2), "--port", "0", "--backend", "embedded"];
    const child = spawn(process.execPath, [`${root}/dist/cli/main.js`, ...args]);
    try {
      const [address, token] = await new Promise<string[]>((resolve, reject) => {
        let text = "";
        child.stdout.on("data", (bytes) => {
          text += bytes;
          const found = /_URL=(http:\/\/127\.0\.0\.1:\d+)\n.*_TOKEN=(.+)\n/.exec(text);
          if (found) resolve(found.slice(1));
        });
        child.on("exit", (status) => reject(new Error(`exit ${status}: ${text}`)));
      });
      const reply = await fetch(`${address}/ping`, { headers: { authorization: `Bearer ${token}` } });
      expect(await reply.json()).toEqual({ result: "PONG" });
    } finally {
      child.removeAllListeners("exit");
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    expect(child.exitCode).toBe(0);
  });

  it("the two commands for a clone are those of the scripts", () => {
    const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as { scripts: object };
    expect(blocks("sh")).toContain("npm ci && npm run demo\nnpm ci && npm test\n");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["demo", "test"]));
  });

  it("the demo's output is there", () => {
    expect(blocks("text").join("")).toMatch(/data +sha256 [0-9a-f]{64}/);
  });
});

const redisCli = has("redis-cli")
  ? execFileSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).trim()
  : "";
const tools = ["redis-cli", "zstd", "base64"].every(has);
const runnable =
  redisAvailable() && requireOrSkip("redis-cli and zstd", tools, "apt-get install redis-tools zstd");

describe.runIf(runnable)("README: is it on?", () => {
  it("the commands show a stored value of each carrier without zstash", async () => {
    const redisServer = await startRedis();
    const server = await createDevServer({ redis: redisServer.url, token: "readme" });
    try {
      const { url } = await server.listen();
      const token = "readme";
      const user = { id: 42, visits: Array.from({ length: 200 }, (_, day) => ({ day, page: "/home" })) };
      await withCompression(new Redis({ url, token })).set("user:42", user);
      await new CompressingRedis({ url, token }).set("page:42", user);
      const commands = blocks("sh").filter((text) => text.startsWith("redis-cli"));
      expect(commands.map((text) => /GET (\S+)/.exec(text)![1])).toEqual(["user:42", "page:42"]);
      // The README's command talks to the default port; this one's redis-cli talks to the test's.
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/redis-cli`, `#!/bin/sh\nexec ${redisCli} -p ${redisServer.port} "$@"\n`, {
        mode: 0o755,
      });
      for (const command of commands) {
        const output = execFileSync("sh", ["-c", command], {
          encoding: "utf8",
          env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
        });
        expect(JSON.parse(output)).toEqual(user);
      }
    } finally {
      rmSync(`${folder}/redis-cli`, { force: true });
      await server.close();
      await redisServer.stop();
    }
  });
});
