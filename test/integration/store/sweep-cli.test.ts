/** `zstash sweep` as a program, against the local server over real HTTP. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Terminal } from "../../../src/cli/command.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createStore, type TemporaryKey } from "../../../src/store/index.ts";
import { temporaryKey, UPLOAD_MARK } from "../../../src/store/temporary-key.ts";
import { useProgram } from "../../support/cli-program.ts";
import { createRandom } from "../../support/random.ts";
import { backends } from "../../support/backends.ts";

const TOKEN = "the-secret-token";
const READER = "the-reader-token";

const program = useProgram();

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs `zstash sweep` with nothing in its environment but what is given. */
function sweep(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, [program(), "sweep", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (output += text));
  child.stderr.on("data", (text: Buffer) => (errors += text));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output, errors })));
}

const listOf = ({ output }: Ended) => JSON.parse(output) as { keys: TemporaryKey[]; removed: number };
const byKey = (a: TemporaryKey, b: TemporaryKey): number => (a.key < b.key ? -1 : 1);

describe.each(backends)("zstash sweep on %s", (backend) => {
  let server: DevServer;
  let url: string;
  let here: readonly string[];
  beforeAll(async () => {
    server = await createDevServer({ backend, token: TOKEN, readOnlyToken: READER });
    ({ url } = await server.listen());
    here = ["--url", url, "--token", TOKEN];
  });
  afterAll(() => server.close());

  const send = async (...commands: (readonly (string | number)[])[]): Promise<unknown[]> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers,
      body: JSON.stringify(commands),
    });
    return ((await response.json()) as { result: unknown }[]).map(({ result }) => result);
  };
  const has = async (...keys: readonly string[]): Promise<unknown> => (await send(["EXISTS", ...keys]))[0];

  const ended = temporaryKey("ended");
  const endless = temporaryKey("endless");
  const running = temporaryKey("running");
  const names = ["plain", "x:zstash:short", `${ended}0`, `${ended.slice(0, -1)}G`];
  beforeEach(async () => {
    await send(
      ["FLUSHDB"],
      ["SET", ended, UPLOAD_MARK + "x".repeat(2048 - UPLOAD_MARK.length), "PX", 60_000],
      ["SET", endless, ""],
      ["SETRANGE", endless, 1023, "y"],
      ["SET", running, "", "PX", 14 * 60_000],
      ...names.map((name) => ["SET", name, "v"]),
    );
  });

  test("lists what was left behind, and only that", async () => {
    const { code, output, errors } = await sweep(here);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toMatch(/^2 temporary keys of uploads, 3\.0 KiB\n/);
    expect(output).toMatch(new RegExp(`2\\.0 KiB +(60|5\\d) s +left behind +${ended}\n`));
    expect(output).toMatch(new RegExp(`1\\.0 KiB +never +left behind +${endless}\n`));
    expect(output).toContain("1 key of uploads that may be running: see --all");
    expect(output).toContain('Add "--delete" to remove them');
    for (const name of [running, ...names]) expect(output).not.toMatch(new RegExp(`${name}\n`));
    expect(await has(ended, endless, running, ...names)).toBe(7);
  });

  test("--all marks what may be running", async () => {
    const { output } = await sweep([...here, "--all"]);
    expect(output).toMatch(/^3 temporary keys/);
    expect(output).toMatch(new RegExp(`14 min +may be running +${running}\n`));
    expect(output).not.toContain("see --all");
  });

  test("--json is one line with the same keys", async () => {
    const ofAll = await sweep([...here, "--all", "--json"]);
    expect(ofAll).toMatchObject({ code: 0, errors: "" });
    expect(ofAll.output.trimEnd().split("\n").length).toBe(1);
    const { keys, removed } = listOf(ofAll);
    expect(removed).toBe(0);
    expect(keys.sort(byKey)).toEqual(
      [
        { key: ended, size: 2048, ttl: expect.toSatisfy((ttl) => ttl > 0 && ttl <= 60_000), abandoned: true },
        { key: endless, size: 1024, ttl: -1, abandoned: true },
        { key: running, size: 0, ttl: expect.any(Number), abandoned: false },
      ].sort(byKey),
    );
    expect(
      listOf(await sweep([...here, "--json"]))
        .keys.map(({ key }) => key)
        .sort(),
    ).toEqual([ended, endless].sort());
  });

  test("--delete removes what was left behind and says how many", async () => {
    const { code, output } = await sweep([...here, "--delete"]);
    expect(code).toBe(0);
    expect(output).toContain("2 temporary keys removed\n");
    expect(await has(ended, endless)).toBe(0);
    expect(await has(running, ...names)).toBe(5);
    expect(await sweep([...here, "--delete"])).toMatchObject({
      code: 0,
      output: "No temporary keys of uploads left behind\n1 key of uploads that may be running: see --all\n",
    });
    expect(listOf(await sweep([...here, "--delete", "--all", "--json"])).removed).toBe(1);
    expect(await has(running)).toBe(0);
    expect(await has(...names)).toBe(4);
    expect(await sweep([...here, "--all"])).toMatchObject({
      code: 0,
      output: "No temporary keys of uploads left behind\n",
    });
  });

  test("thousands of them, and the server's address from the environment", async () => {
    const many = Array.from({ length: 2_345 }, (_, number) => temporaryKey(`many-${number}`));
    await send(["MSET", ...many.flatMap((key) => [key, UPLOAD_MARK])]);
    const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: TOKEN };
    const { keys, removed } = listOf(await sweep(["--delete", "--json"], env));
    expect([keys.length, removed]).toEqual([2_347, 2_347]);
    expect((await send(["DBSIZE"]))[0]).toBe(5);
  });

  test("control characters of a key do not reach the terminal", async () => {
    const evil = temporaryKey("a\u001b[2J\nb");
    await send(["SET", evil, UPLOAD_MARK]);
    const { output } = await sweep(here);
    expect(output).toContain(String.raw`a\u001b[2J\nb:zstash:`);
    expect(output).not.toContain("\u001b");
    expect(listOf(await sweep([...here, "--json"])).keys.map(({ key }) => key)).toContain(evil);
  });

  test("the key of an upload that runs is not touched, and one of an upload that died is", async () => {
    const store = createStore({ url, token: TOKEN, pieceSize: 1000 });
    let end: () => void = () => undefined;
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(createRandom(1).bytes(400_000));
        end = () => controller.close();
      },
    });
    let sent: () => void;
    const begun = new Promise<void>((resolve) => (sent = resolve));
    const put = store.put("upload", source, { onProgress: () => sent() });
    await begun;
    const [own] = listOf(await sweep([...here, "--all", "--json"])).keys.filter(({ key }) =>
      key.startsWith("upload:"),
    );
    expect(own).toMatchObject({ abandoned: false });
    await sweep([...here, "--delete"]);
    expect(await has(own!.key)).toBe(1);
    end();
    await put;
    expect(await has("upload")).toBe(1);
    // Ten minutes later, had its process died.
    await send(["SET", own!.key, UPLOAD_MARK, "PX", 299_000]);
    expect(listOf(await sweep([...here, "--json"])).keys.map(({ key }) => key)).toContain(own!.key);
  });

  test("a terminal sees how far it is, and what is written last takes that away", async () => {
    const lines: (string | undefined)[] = [];
    const printed: string[] = [];
    const terminal: Terminal = {
      print: (text) => printed.push(text),
      complain: (text) => printed.push(text),
      columns: undefined,
      errorColumns: undefined,
      colours: false,
      log: () => undefined,
      progress: (text) => lines.push(text),
      untilStopped: () => Promise.resolve(),
    };
    expect(await runProgram(["sweep", ...here, "--delete"], "1", terminal)).toBe(0);
    expect(lines).toContain("1000 keys looked at, 0 found");
    expect(lines).toContain("0 of 2 temporary keys removed");
    expect(lines.at(-1)).toBe(undefined);
    expect(printed.length).toBe(1);
    lines.length = 0;
    expect(await runProgram(["sweep", "--url", url, "--token", "another-token"], "1", terminal)).toBe(1);
    expect(lines.at(-1)).toBe(undefined);
  });

  test.each([
    ["another-token", /Check --token or UPSTASH_REDIS_REST_TOKEN\n$/],
    [READER, /NOPERM[^]*Use a token that may read and write: --token or UPSTASH_REDIS_REST_TOKEN\n$/],
  ])("the token %s is exit code 1, one line that says what to do, and is not shown", async (token, text) => {
    const { code, output, errors } = await sweep(["--url", url, "--token", token, "--delete"]);
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toMatch(text);
    expect(errors.trim().split("\n").length).toBe(1);
    expect(errors).not.toContain(token);
    expect(await has(ended)).toBe(1);
  });
});

describe("zstash sweep without a server", () => {
  test.each([
    [[], "Cannot sweep without a url: give --url or set UPSTASH_REDIS_REST_URL\n"],
    [
      ["--url", "http://127.0.0.1:1"],
      "Cannot sweep without a token: give --token or set UPSTASH_REDIS_REST_TOKEN\n",
    ],
    [
      ["--url", "redis://:the-secret-token@127.0.0.1", "--token", TOKEN],
      /^Cannot sweep: "url" is the TCP address: .*--help"\n$/,
    ],
    [["--url", "http://127.0.0.1:1", "--token", `${TOKEN} x`], /^Cannot sweep: "token" must .*--help"\n$/],
    [["--bogus"], /--bogus.*"zstash sweep --help"\n$/],
    [["key"], /key/],
    [["--delete=yes"], /--delete/],
  ])("%j is exit code 2", async (args, text) => {
    const { code, output, errors } = await sweep(args);
    expect({ code, output }).toEqual({ code: 2, output: "" });
    if (typeof text === "string") expect(errors).toBe(text);
    else expect(errors).toMatch(text);
    expect(errors).not.toContain(TOKEN);
  });

  test("help names every option", async () => {
    expect(await sweep(["--help"])).toMatchObject({
      code: 0,
      output: expect.stringMatching(/--url[^]*--token[^]*--delete[^]*--all[^]*--json/),
      errors: "",
    });
  });

  test("a server that is not there", async () => {
    const { code, output, errors } = await sweep(["--url", "http://127.0.0.1:1", "--token", TOKEN]);
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toBe(
      "Cannot reach the server at 127.0.0.1:1: it refused the connection (ECONNREFUSED); nothing has run. " +
        "Check --url or UPSTASH_REDIS_REST_URL, and that the server runs\n",
    );
  });

  test.each([
    [200, "<html>the-secret-token</html>"],
    [200, JSON.stringify({ result: "OK" })],
    [200, JSON.stringify({ result: ["MA==", "the-secret-token"] })],
    [404, "<html>the-secret-token</html>"],
    [400, JSON.stringify({ error: "ERR Bearer the-secret-token is odd" })],
    [403, JSON.stringify({ error: "ERR Bearer the-secret-token is odd" })],
  ])("something else answers %i %s", async (status, body) => {
    const other = createServer((_, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const { code, output, errors } = await sweep(["--url", `http://127.0.0.1:${port}`, "--token", TOKEN]);
      expect({ code, output }).toEqual({ code: 1, output: "" });
      expect(errors).toMatch(/^Cannot .*\. Check .*UPSTASH_REDIS_REST_URL.*\n$/);
      expect(errors).not.toContain(TOKEN);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
