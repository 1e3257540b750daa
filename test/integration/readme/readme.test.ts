/** Every code block of the README and of the pages it leads to first compiles and runs; README is short. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gainPicture, leadLine, networkTable, readNetwork } from "../../../docs/generate/face.mjs";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { startRedis, redisAvailable } from "../../support/redis.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const PAGES = ["README.md", "docs/client.md", "docs/store.md", "docs/codec.md", "docs/errors.md"];
const texts = new Map(PAGES.map((path) => [path, readFileSync(`${root}/${path}`, "utf8")]));
const readme = texts.get("README.md")!;
/** Below the package's own folder, so that `import "zstash"` resolves as it does for a user. */
const folder = `${root}/.cache/readme`;

function blocks(language: string, page = readme): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
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
    for (const page of texts.values()) {
      const languages = [...page.matchAll(/^```(\w+)\n/gm)].map((match) => match[1]!);
      expect(languages.filter((language) => !["ts", "sh"].includes(language))).toEqual([]);
      expect(blocks("ts", page).length).toBeGreaterThan(0);
    }
  });

  it("README is at most 150 lines long, and no table of it wider than 100 characters", () => {
    const lines = readme.split("\n");
    expect(lines.length).toBeLessThanOrEqual(151);
    // A row of links is as wide as its addresses, which nobody sees.
    const seen = lines.map((line) => line.replaceAll(/\]\([^)]*\)/g, "]"));
    expect(
      seen.filter((line) => line.startsWith("|") && line.trimEnd().replaceAll(/ +/g, " ").length > 100),
    ).toEqual([]);
  });

  it.each(
    [...texts].flatMap(([page, text]) => blocks("ts", text).map((code, index) => ({ page, code, index }))),
  )("$page: block $index runs", async ({ page, code, index }) => {
    const file = `${folder}/${page.replaceAll(/\W/g, "-")}-${index}.mjs`;
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
  });

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

  it("the demo's output is on its page", () => {
    const page = readFileSync(`${root}/docs/demo.md`, "utf8");
    expect(blocks("text", page).join("")).toMatch(/data +sha256 [0-9a-f]{64}/);
  });

  it("its figures are those of the newest measurement: npm run readme:network writes them", async () => {
    const measured = readNetwork();
    const shown = (text: string): string => text.replaceAll(/[ -]+/g, " ");
    expect(shown(readme)).toContain(shown(leadLine(measured)));
    for (const row of networkTable(measured).split("\n")) expect(shown(readme)).toContain(shown(row));
    for (const theme of ["light", "dark"] as const)
      expect(readFileSync(`${root}/docs/readme/gain-${theme}.svg`, "utf8")).toBe(
        gainPicture(measured, theme),
      );
  });
});

const redisCli = has("redis-cli")
  ? execFileSync("sh", ["-c", "command -v redis-cli"], { encoding: "utf8" }).trim()
  : "";
const tools = ["redis-cli", "zstd", "base64"].every(has);
const runnable =
  redisAvailable() && requireOrSkip("redis-cli and zstd", tools, "apt-get install redis-tools zstd");

describe.runIf(runnable)("docs/client.md: a value without zstash", () => {
  it("the commands show a stored value of each carrier without zstash", async () => {
    const redisServer = await startRedis();
    const server = await createDevServer({ redis: redisServer.url, token: "readme" });
    try {
      const { url } = await server.listen();
      const token = "readme";
      const user = { id: 42, visits: Array.from({ length: 200 }, (_, day) => ({ day, page: "/home" })) };
      await withCompression(new Redis({ url, token })).set("user:42", user);
      await new CompressingRedis({ url, token }).set("page:42", user);
      const commands = blocks("sh", texts.get("docs/client.md")).filter((text) =>
        text.startsWith("redis-cli"),
      );
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
