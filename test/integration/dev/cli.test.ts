/** The program `zstash` and its command `dev`: the command line, the output, exit codes and signals. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { useProgram } from "../../support/cli-program.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";

const hasRedis = redisAvailable();
const program = useProgram();

/** A started program: what it printed so far, and how it ends. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [program(), ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (output += text));
  child.stderr.on("data", (text: Buffer) => (errors += text));
  const ended = new Promise<{ code: number | null; output: string; errors: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, output, errors })),
  );
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", () => output.includes("\n") && resolve(output));
    void ended.then(({ errors: text }) => reject(new Error(`ended without a word: ${text}`)));
  });
  firstLine.catch(() => undefined);
  return { child, ended, firstLine };
}

const run = (...args: string[]) => start(args).ended;

async function ping(url: string, token: string): Promise<unknown> {
  return (await fetch(`${url}/ping`, { headers: { authorization: `Bearer ${token}` } })).json();
}

/** Poll until a process is gone; the test's own timeout bounds it. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function redisPid(url: string, token: string): Promise<number> {
  const answer = (await (
    await fetch(`${url}/info/server`, { headers: { authorization: `Bearer ${token}` } })
  ).json()) as { result: string };
  return Number(/process_id:(\d+)/.exec(answer.result)?.[1]);
}

describe("the command line", () => {
  test("help lists the commands, and explains one", async () => {
    expect(await run("--help")).toMatchObject({
      code: 0,
      output: expect.stringMatching(/Usage: zstash <command>[^]*\n {2}dev +Run/),
      errors: "",
    });
    expect(await run("dev", "--help")).toMatchObject({
      code: 0,
      output: expect.stringMatching(
        /--port[^]*--token[^]*--read-only-token[^]*--redis[^]*--backend[^]*--json[^]*--no-resp2/,
      ),
    });
    expect(await run()).toMatchObject({ code: 2, output: expect.stringContaining("Usage:") });
  });

  test("the version is the package's", async () => {
    expect(await run("--version")).toEqual({ code: 0, output: `${manifest.version}\n`, errors: "" });
    expect(await run("dev", "--version")).toMatchObject({ code: 0, output: `${manifest.version}\n` });
  });

  test.each([
    [["serve"], /^Cannot run "serve": there is no such command\. "zstash --help" lists them\n$/],
    [["constructor"], /no such command/],
    [["--bogus"], /^Cannot read the command line: .*--bogus.*"zstash --help"\n$/],
    [["dev", "--bogus"], /--bogus.*"zstash dev --help"\n$/],
    [["dev", "extra"], /extra/],
    [["dev", "--port"], /--port/],
    [["dev", "--port", "x"], /^Cannot use --port: a number from 0 to 65535 is expected\n$/],
    [["dev", "--port", "65536"], /--port/],
    [["dev", "--backend", "sqlite"], /^--backend must be auto, redis-server, embedded, got "sqlite"\n$/],
    [
      ["dev", "--max-record-size", "1.5"],
      /^Cannot use --max-record-size: a number of bytes above 0 is expected\n$/,
    ],
    [["dev", "--max-request-size", "0"], /--max-request-size/],
    [["dev", "--no-resp2=yes"], /--no-resp2/],
    [["dev", "--backend", "embedded", "--redis", "redis://127.0.0.1"], /--redis together with --backend/],
  ])("%j is exit code 2 and says what to do", async (args, text) => {
    expect(await run(...args)).toEqual({ code: 2, output: "", errors: expect.stringMatching(text) });
  });

  test.each([
    [2, ["dev", "--redis", "http://:secret@127.0.0.1"], /^Cannot start: --redis must be redis:\/\//],
    [2, ["dev", "--token", "a b"], /^Cannot start: --token must be/],
    [2, ["dev", "--read-only-token", "a b"], /^Cannot start: --read-only-token must be/],
    [
      2,
      ["dev", "--token", "secret", "--read-only-token", "secret"],
      /^Cannot start: --read-only-token must differ from --token.*"zstash dev --help"\n$/,
    ],
    [
      1,
      ["dev", "--redis", "redis://:secret@127.0.0.1:1"],
      /^Cannot reach Redis at 127\.0\.0\.1:1: ECONNREFUSED\. Check --redis and that it runs there/,
    ],
  ])("exit code %i for %j with one line, and no secret in it", async (code, args, text) => {
    const ended = await run(...args);
    expect(ended).toEqual({ code, output: "", errors: expect.stringMatching(text) });
    expect(ended.errors).not.toContain("secret");
    expect(ended.errors.trim().split("\n").length).toBe(1);
  });

  test.skipIf(!hasRedis)("a wrong password is exit code 1 and says where it is given", async () => {
    const redis = await startRedis(["--requirepass", "right"]);
    try {
      for (const [login, error] of [
        [":wrong-secret@", "WRONGPASS"],
        ["", "NOAUTH"],
      ] as const) {
        const ended = await run("dev", "--port", "0", "--redis", redis.url.replace("//", `//${login}`));
        expect(ended).toMatchObject({ code: 1, output: "" });
        expect(ended.errors).toMatch(
          new RegExp(`: ${error} .*[^.]\\. Check user and password: --redis redis://user:password@host\n$`),
        );
        expect(ended.errors).not.toContain("secret");
      }
    } finally {
      await redis.stop();
    }
  });

  test("a port in use is exit code 1 and names the way out", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    expect(await run("dev", "--port", `${port}`)).toEqual({
      code: 1,
      output: "",
      errors: `Cannot listen on port ${port}: it is in use. Choose another with --port, or --port 0 for a free one\n`,
    });
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe("zstash dev", () => {
  test("without a redis-server on the PATH it runs on the embedded keyspace and says so", async () => {
    const { child, ended, firstLine } = start(["dev", "--port", "0", "--token", "t"], {
      ...process.env,
      PATH: "/nonexistent",
    });
    const output = await firstLine;
    expect(output).toContain("embedded keyspace");
    const url = /^UPSTASH_REDIS_REST_URL=(http:\/\/127\.0\.0\.1:\d+)$/m.exec(output)?.[1] ?? "";
    expect(output).toMatch(/^UPSTASH_REDIS_REST_TOKEN=t$/m);
    expect(await ping(url, "t")).toEqual({ result: "PONG" });
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
    const asked = start(["dev", "--port", "0", "--backend", "redis-server"], {
      ...process.env,
      PATH: "/nonexistent",
    });
    expect(await asked.ended).toEqual({
      code: 1,
      output: "",
      errors: expect.stringMatching(/^Cannot start redis-server: no such program.*--backend embedded\n$/),
    });
  });

  test("each switch and each limit reaches the server, and read-only tokens", async () => {
    const base = ["dev", "--port", "0", "--json", "--backend", "embedded", "--token", "t"];
    const switches = "--no-resp2 --no-raw-body --no-scripts --no-sync-token".split(" ");
    const limits = "--max-request-size 40 --max-response-size 4 --max-record-size 3".split(" ");
    const readers = "--read-only-token r --read-only-token q".split(" ");
    const { child, ended, firstLine } = start([...base, ...readers, ...switches, ...limits]);
    const { url } = JSON.parse(await firstLine) as { url: string };
    const call = async (path: string, body?: string, token = "t"): Promise<unknown> => {
      const response = await fetch(url + path, {
        headers: { authorization: `Bearer ${token}`, "upstash-response-format": "resp2" },
        ...(body === undefined ? {} : { method: "POST", body }),
      });
      expect(response.headers.has("upstash-sync-token")).toBe(false);
      return response.json();
    };
    const fails = (text: string): unknown => ({ error: expect.stringContaining(text) });
    expect(await call("/set/k/abc")).toEqual({ result: "OK" });
    expect(await call("/set/k", "v")).toEqual(fails("takes no body"));
    expect(await call("/eval/x/0")).toEqual(fails("'EVAL'"));
    expect(await call("/append/k/d")).toEqual(fails("max single record size exceeded"));
    expect(await call("/", `["GET","${"k".repeat(60)}"]`)).toEqual(fails("Limit: 40 bytes"));
    expect(await call("/echo/12345")).toEqual(fails("Limit: 4 bytes"));
    for (const token of ["r", "q"]) {
      expect(await call("/get/k", undefined, token)).toEqual({ result: "abc" });
      expect(await call("/del/k", undefined, token)).toEqual(fails("NOPERM"));
    }
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
  });

  test("an open subscription does not hold it up", async () => {
    const { child, ended, firstLine } = start([
      "dev",
      "--port",
      "0",
      "--json",
      "--backend",
      "embedded",
      "--token",
      "t",
    ]);
    const { url } = JSON.parse(await firstLine) as { url: string };
    const headers = { authorization: "Bearer t", accept: "text/event-stream" };
    const events = await fetch(`${url}/subscribe/c`, { method: "POST", headers });
    child.kill("SIGTERM");
    expect(await events.text()).toBe("data: subscribe,c,1\n\n");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
  });

  test.skipIf(!hasRedis).each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
    "%s leaves no redis-server behind",
    async (signal) => {
      const { child, ended, firstLine } = start([
        "dev",
        "--port",
        "0",
        "--json",
        "--token",
        "one",
        "--token",
        "two",
      ]);
      const { backend, url, port, token } = JSON.parse(await firstLine) as {
        backend: { kind: string };
        url: string;
        port: number;
        token: string;
      };
      expect([backend.kind, url, token]).toEqual(["redis-server", `http://127.0.0.1:${port}`, "one"]);
      expect(await ping(url, "two")).toEqual({ result: "PONG" });
      const pid = await redisPid(url, token);
      expect(() => process.kill(pid, 0)).not.toThrow();
      child.kill(signal);
      expect(await ended).toMatchObject({ code: signal === "SIGKILL" ? null : 0, errors: "" });
      await gone(pid);
    },
  );

  test("requests that run when it is told to stop are answered", async () => {
    const { child, ended, firstLine } = start([
      "dev",
      "--port",
      "0",
      "--json",
      "--backend",
      "embedded",
      "--token",
      "t",
    ]);
    const { url } = JSON.parse(await firstLine) as { url: string };
    let send: (piece: Uint8Array | undefined) => void = () => undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (piece) => (piece === undefined ? controller.close() : controller.enqueue(piece));
      },
    });
    send(new Uint8Array(1_000));
    const init = { method: "POST", body, duplex: "half", headers: { authorization: "Bearer t" } };
    const answer = fetch(`${url}/set/k`, init as RequestInit);
    await ping(url, "t");
    child.kill("SIGTERM");
    send(undefined);
    expect(await (await answer).json()).toEqual({ result: "OK" });
    expect(await ended).toMatchObject({ code: 0, errors: "" });
  });
});
