/** docs/dev-server.md and examples/dev-server: the options are those of the help, and the recipes run as they are written. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../../../src/cli/parser.ts";
import { DEV_COMMAND } from "../../../src/cli/commands/dev.ts";
import { COMMANDS } from "../../../src/cli/program.ts";
import type { Terminal } from "../../../src/cli/command.ts";
import { describeRequest, LOG_HEAD } from "../../../src/cli/request-log.ts";
import { follow, until, useProgram, type Ended } from "../../support/cli-program.ts";
import { read, root } from "../../support/repository.ts";

const program = useProgram();
const page = read("docs/dev-server.md");
const folder = mkdtempSync(join(tmpdir(), "zstash-recipes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipe: Terminal = {
  columns: undefined,
  errorColumns: undefined,
  colours: false,
  print: () => undefined,
  complain: () => undefined,
  log: () => undefined,
  progress: () => undefined,
  untilStopped: () => Promise.resolve(),
};

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) => match[1]!);

describe("docs/dev-server.md", () => {
  test("has its headings", () => {
    expect([...page.matchAll(/^## (.*)$/gm)].map((match) => match[1])).toEqual([
      "Start",
      "Options",
      "Seed and persist",
      "In tests",
      "In containers",
      "In CI",
    ]);
  });

  test("has every option of the help in its words, and no other", () => {
    const rows = Object.entries(DEV_COMMAND.options).map(([name, { value, meaning }]) => [
      value === undefined ? `--${name}` : `--${name} <${value}>`,
      meaning,
    ]);
    const table = /<!-- options -->\n\n([^]*?)\n\n<!-- \/options -->/.exec(page)?.[1] ?? "";
    const found = [...table.matchAll(/^\| `(--.*?)` +\| (.*?) +\|$/gm)].map((match) => [match[1], match[2]]);
    expect(found).toEqual(rows);
    // Options that are named elsewhere on the page exist too.
    const named = new Set([...page.matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g)].map((match) => match[1]!));
    const known = [...Object.keys(DEV_COMMAND.options), "help", "experimental-vm-modules"];
    expect([...named].filter((name) => !known.includes(name))).toEqual([]);
  });

  test("has command lines that the program takes", () => {
    const lines = [...blocks(page, "sh"), ...blocks(read("README.md"), "sh")]
      .join("")
      .split("\n")
      .filter((line) => line.startsWith("npx zstash "));
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const parsed = parseCommandLine(line.split(" ").slice(2), { version: "", commands: COMMANDS }, pipe);
      expect(parsed, line).toHaveProperty("command");
    }
  });

  test("shows the log as it is", () => {
    const [head, line] = (blocks(page, "text").find((text) => text.startsWith("time ")) ?? "").split("\n");
    expect(head).toBe(LOG_HEAD);
    const at = new Date(2026, 10, 26, 9, 5, 3).getTime();
    const sizes = { duration: 1.26, requestSize: 1536, responseSize: 15 };
    const record = { at, ...sizes, method: "POST", commands: ["SET"], count: 1, key: "user:1", status: 200 };
    expect(line).toBe(describeRequest({ ...record, error: undefined }, undefined));
  });

  test("shows the seed and the tests of the examples", () => {
    const example = read("examples/dev-server/seed.ndjson");
    expect(blocks(page, "text")).toContain(example);
    const [vitest, node] = blocks(page, "js");
    expect(read("examples/dev-server/keyspace.vitest.js")).toContain(vitest);
    expect(read("examples/dev-server/keyspace.test.mjs")).toContain(node);
  });
});

/** Runs a program with `npx zstash` on its PATH, as it is where the package is installed. */
function runNode(args: readonly string[], cwd: string): Promise<Ended> {
  return follow(spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })).ended;
}

describe("examples/dev-server", () => {
  test("runs with node --test", async () => {
    const ended = await runNode(["--test", "examples/dev-server/keyspace.test.mjs"], root);
    expect(ended.output).toMatch(/# pass 2\n# fail 0|pass 2\n.*fail 0/);
    expect(ended.code).toBe(0);
  });

  test("runs with vitest", async () => {
    const config = join(folder, "vitest.config.mjs");
    writeFileSync(config, "export default { test: { include: ['**/*.vitest.js'] } };");
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const args = [vitest, "run", "--root", join(root, "examples/dev-server"), "--config", config];
    const ended = await runNode(args, root);
    expect(ended.errors + ended.output).toMatch(/3 passed/);
    expect(ended.code).toBe(0);
  });

  test("has a seed that is taken", async () => {
    const script =
      "fetch(process.env.KV_REST_API_URL + '/mget/greeting/bytes', { headers: { authorization: 'Bearer ' + " +
      "process.env.KV_REST_API_TOKEN, 'upstash-encoding': 'base64' } }).then(async (a) => console.log(await a.text()))";
    const args = ["dev", "--backend", "embedded", "--seed", join(root, "examples/dev-server/seed.ndjson")];
    const ended = await runNode([program(), ...args, "--", process.execPath, "-e", script], root);
    expect(ended.errors).toBe("");
    expect(JSON.parse(ended.output)).toEqual({ result: ["aGVsbG8=", "AAEC/w=="] });
  });
});

test("the container's command line answers the name of its service, and keeps its keys", async () => {
  const text = read("examples/dev-server/compose.yaml");
  const line = /^ +command: npx --yes zstash (.*)$/m.exec(text)?.[1] ?? "";
  const token = /UPSTASH_REDIS_REST_TOKEN: (\S+)/.exec(text)?.[1] ?? "";
  const { hostname, port } = new URL(/UPSTASH_REDIS_REST_URL: (\S+)/.exec(text)?.[1] ?? "");
  expect([hostname, port]).toEqual(["redis", "8079"]);
  expect(line).toContain(`--token ${token}`);
  const file = join(folder, "keys.ndjson");
  const args = [...line.replace("/data/keys.ndjson", file).split(" "), "--port", "0"];
  for (const command of ["/set/k/v", "/get/k"]) {
    const { child, ended, texts } = follow(spawn(process.execPath, [program(), ...args]));
    await until(() => texts.output.includes("TOKEN="));
    const bound = /127\.0\.0\.1:(\d+)/.exec(texts.output)?.[1] ?? "";
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { host: `${hostname}:${port}`, authorization: `Bearer ${token}` };
      request({ port: bound, path: command, headers }, (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => resolve(body));
      })
        .on("error", reject)
        .end();
    });
    expect(JSON.parse(answer)).toEqual({ result: command === "/get/k" ? "v" : "OK" });
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
  }
});

test("the workflow's line runs the tests of a project, and fails with them", async () => {
  const text = read("examples/dev-server/github-actions.yaml");
  const line = /^ +- run: npx zstash (dev .*)$/m.exec(text)?.[1] ?? "";
  expect(line).toMatch(/ -- npm test$/);
  const script = `node -e \\"process.exit(process.env.UPSTASH_REDIS_REST_URL ? Number(process.env.WISH) : 9)\\"`;
  writeFileSync(join(folder, "package.json"), `{"scripts":{"test":"${script}"}}`);
  for (const wish of [0, 3]) {
    const child = spawn(process.execPath, [program(), ...line.split(" ")], {
      cwd: folder,
      env: { ...process.env, WISH: `${wish}` },
    });
    expect(await follow(child).ended).toMatchObject({ code: wish });
  }
});
