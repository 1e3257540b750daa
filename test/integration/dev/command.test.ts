/** `zstash dev` with its options on: a program that it runs, its log, its seed, its addresses, and a terminal. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { widthOf } from "../../../src/cli/text.ts";
import { follow, until, useProgram, type Ended } from "../../support/cli-program.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { redisPath } from "../../support/redis.ts";

const program = useProgram();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zstash-command-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (...args: string[]) => follow(spawn(process.execPath, [program(), ...args]));
const run = (...args: string[]): Promise<Ended> => start(...args).ended;
/** `zstash dev -- node -e SCRIPT`, on the embedded keyspace. */
const runScript = (script: string, ...options: string[]): Promise<Ended> =>
  run("dev", "--backend", "embedded", ...options, "--", process.execPath, "-e", script);

describe("zstash dev -- COMMAND", () => {
  test("runs it against a server of its own, with the variables of both names, and prints nothing itself", async () => {
    const script = `
      const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = process.env;
      const { KV_REST_API_URL, KV_REST_API_TOKEN } = process.env;
      const answer = await fetch(url + "/get/k", { headers: { authorization: "Bearer " + token } });
      const same = url === KV_REST_API_URL && token === KV_REST_API_TOKEN;
      console.log(JSON.stringify([same, token, new URL(url).port, await answer.json()]));`;
    writeFileSync(join(folder, "seed.ndjson"), '["SET","k","v"]\n');
    const args = ["--token", "t", "--seed", join(folder, "seed.ndjson")];
    const ended = await run(
      "dev",
      "--backend",
      "embedded",
      ...args,
      "--",
      process.execPath,
      "--input-type=module",
      "-e",
      script,
    );
    expect(ended).toMatchObject({ code: 0, errors: "" });
    const [same, token, port, answer] = JSON.parse(ended.output) as unknown[];
    expect([same, token, answer]).toEqual([true, "t", { result: "v" }]);
    // A free port, not the one of a server that may run beside it.
    expect(port).not.toBe("8079");
  });

  test("ends with its exit code", async () => {
    expect(await runScript("process.exit(0)")).toMatchObject({ code: 0, output: "", errors: "" });
    expect(await runScript("process.exit(42)")).toMatchObject({ code: 42, output: "", errors: "" });
    expect(await runScript("process.kill(process.pid, 'SIGKILL')")).toMatchObject({ code: 137 });
  });

  test("gives it its own input, output and errors", async () => {
    const script = "process.stdin.pipe(process.stdout); console.error('e')";
    const { child, ended } = start("dev", "--backend", "embedded", "--", process.execPath, "-e", script);
    child.stdin!.end("from the pipe");
    expect(await ended).toMatchObject({ code: 0, output: "from the pipe", errors: "e\n" });
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "hands %s on, and ends as the program does",
    async (signal) => {
      const script = `
      for (const one of ["SIGINT", "SIGTERM", "SIGHUP"])
        process.on(one, () => { console.log("got " + one); setTimeout(() => process.exit(7), 50); });
      console.log("ready"); setInterval(() => {}, 1000);`;
      const kind = redisPath() === undefined ? "embedded" : "auto";
      const { child, ended, texts } = start("dev", "--backend", kind, "--", process.execPath, "-e", script);
      await until(() => texts.output.includes("ready"));
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 7, output: `ready\ngot ${signal}\n`, errors: "" });
    },
  );

  test("ends with 128 and the signal's number where the program lets the signal end it", async () => {
    const script = "console.log('ready'); setInterval(() => {}, 1000)";
    const { child, ended, texts } = start(
      "dev",
      "--backend",
      "embedded",
      "--",
      process.execPath,
      "-e",
      script,
    );
    await until(() => texts.output.includes("ready"));
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 143, signal: null });
  });

  test("says what keeps it from running, with the exit codes of shells", async () => {
    const missing = await run("dev", "--backend", "embedded", "--", "no-such-program-here", "x");
    expect(missing).toMatchObject({ code: 127, output: "" });
    expect(missing.errors).toMatch(
      /^Cannot run no-such-program-here: there is no such program\. .*sh -c '…'\n$/,
    );
    writeFileSync(join(folder, "plain"), "no program");
    expect(await run("dev", "--backend", "embedded", "--", join(folder, "plain"))).toMatchObject({
      code: 126,
      errors: expect.stringMatching(/plain: no permission\n$/),
    });
    expect(await run("dev", "--")).toMatchObject({ code: 2, errors: expect.stringContaining("after --") });
    expect(await run("dev", "--json", "--", "node")).toMatchObject({
      code: 2,
      errors: expect.stringContaining("--json together with a COMMAND"),
    });
  });

  test("keeps the keyspace in its file, and tells where it cannot", async () => {
    const file = join(folder, "kept.ndjson");
    const set = `fetch(process.env.KV_REST_API_URL + "/set/k/v", { headers: { authorization: "Bearer " + process.env.KV_REST_API_TOKEN } })`;
    expect(await runScript(set, "--persist", file)).toMatchObject({ code: 0, output: "", errors: "" });
    const broken = await runScript(
      `${set}; require("fs").writeFileSync(${JSON.stringify(file)}, "")`,
      "--persist",
      file,
    );
    expect(broken).toMatchObject({
      code: 1,
      errors: expect.stringContaining("another program has written it"),
    });
  });
});

describe("--seed", () => {
  test.each([
    ["not there", undefined, /^Cannot read --seed .*: there is no such file\n$/],
    [
      "wrong",
      '["SET","k","secret"]\n["SET","k",{}]\n',
      /^Cannot use .*s\.ndjson: line 2 has an argument 2 .*Correct it and start again/,
    ],
    [
      "refused by Redis",
      '["SET","k","secret"]\n\n["INCR","k"]\n',
      /^Cannot use .*s\.ndjson: line 3, INCR: ERR value is not an integer/,
    ],
  ])("that is %s ends it with 1 and the line", async (_, text, expected) => {
    const file = join(folder, "s.ndjson");
    rmSync(file, { force: true });
    if (text !== undefined) writeFileSync(file, text);
    const ended = await run("dev", "--port", "0", "--backend", "embedded", "--seed", file);
    expect(ended).toMatchObject({ code: 1, output: "", errors: expect.stringMatching(expected) });
    expect(ended.errors).not.toContain("secret");
    // The program that it was for does not run either.
    const command = await runScript("console.log('ran')", "--seed", file);
    expect(command).toMatchObject({ code: 1, output: "" });
  });

  test("is left out where a file of --persist is there, which is said", async () => {
    const [seed, file] = [join(folder, "one.ndjson"), join(folder, "both.ndjson")];
    writeFileSync(seed, '["RPUSH","l","a"]\n');
    const args = ["dev", "--port", "0", "--seed", seed, "--persist", file];
    for (const said of [false, true]) {
      const { child, ended, texts } = start(...args);
      await until(() => texts.output.includes("TOKEN="));
      child.kill("SIGTERM");
      expect(await ended).toMatchObject({ code: 0, errors: "" });
      expect(texts.output.includes(`the seed is left out: ${file} is there already`)).toBe(said);
      expect(texts.output).toContain(`embedded keyspace, kept in ${file}`);
    }
  });
});

test("--verbose logs a line for each request, beside the results, and no value or token", async () => {
  const { child, ended, texts } = start(
    "dev",
    "--port",
    "0",
    "--json",
    "--verbose",
    "--backend",
    "embedded",
    "--token",
    "secret-token",
  );
  await until(() => texts.output.includes("\n"));
  const { url } = JSON.parse(texts.output) as { url: string };
  const call = (path: string, body?: string, token = "secret-token"): Promise<Response> =>
    fetch(url + path, {
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { method: "POST", body }),
    });
  await call("/", '["SET","a\\u001b[2Jb","secret-value"]');
  await call("/pipeline", '[["GET","k"],["GET","k"],["INCR","n"]]');
  await call("/get/k?_token=secret-token", undefined, "wrong");
  await call("/", '["ECHO","secret-value"]');
  await call("/", '["AUTH","secret-value"]');
  await call("/", '["EVAL","return \'secret-value\'","0"]');
  await until(() => texts.errors.split("\n").length >= 8);
  child.kill("SIGTERM");
  await ended;
  const lines = texts.errors.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^time +code +took +in +out request$/);
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d {2}200 +\d+\.\d ms +\d+ B +15 B POST SET a\\u001b\[2Jb$/);
  expect(lines[2]).toMatch(/ 200 .* POST GET×2 INCR k$/);
  expect(lines[3]).toMatch(/ 401 .* GET \(WRONGPASS\)$/);
  expect(lines[4]).toMatch(/ POST ECHO$/);
  expect(lines[5]).toMatch(/ 400 .* POST AUTH \(ERR\)$/);
  expect(lines[6]).toMatch(/ POST EVAL \(ERR\)$/);
  expect(texts.errors + texts.output.replace('"token":"secret-token"', "")).not.toMatch(/secret/);
});

describe("--host", () => {
  test("with 0.0.0.0 lets other machines in, and says so", async () => {
    const { child, ended, texts } = start(
      "dev",
      "--port",
      "0",
      "--host",
      "0.0.0.0",
      "--backend",
      "embedded",
      "--token",
      "t",
    );
    await until(() => texts.output.includes("TOKEN="));
    expect(texts.output).toContain("other machines can reach it");
    const port = /^UPSTASH_REDIS_REST_URL=http:\/\/127\.0\.0\.1:(\d+)$/m.exec(texts.output)?.[1];
    const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
    for (const { address } of addresses.filter(({ family }) => family === "IPv4")) {
      const answer = await fetch(`http://${address}:${port}/ping`, {
        headers: { authorization: "Bearer t" },
      });
      expect(await answer.json()).toEqual({ result: "PONG" });
    }
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
  });

  test("takes one address and any number of names", async () => {
    const { child, ended, texts } = start(
      "dev",
      "--port",
      "0",
      "--json",
      "--host",
      "redis",
      "--host",
      "127.0.0.2",
      "--host",
      "cache",
      "--backend",
      "embedded",
    );
    await until(() => texts.output.includes("\n"));
    expect(JSON.parse(texts.output)).toMatchObject({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.2:/) });
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, errors: "" });
    expect(await run("dev", "--host", "127.0.0.1", "--host", "[::1]")).toMatchObject({
      code: 2,
      errors: expect.stringContaining("Cannot listen on 127.0.0.1 and on ::1: give --host one address"),
    });
    expect(await run("dev", "--port", "0", "--host", "192.0.2.1", "--backend", "embedded")).toMatchObject({
      code: 1,
      errors:
        "Cannot listen on 192.0.2.1: it is no address of this machine. Use --host 0.0.0.0 for all of them\n",
    });
  });
});

const hasScript = requireOrSkip("script", redisPath("script") !== undefined, "apt-get install bsdutils");

/** What a command prints on a terminal of 80 columns, as script of util-linux makes one. */
async function onTerminal(
  columns: number,
  ...args: string[]
): Promise<{ code: number | null; lines: string[] }> {
  const line = [process.execPath, program(), ...args].map((word) => `'${word}'`).join(" ");
  const { code, output } = await follow(
    spawn("script", ["-qec", `stty cols ${columns}; ${line}`, "/dev/null"], {
      stdio: ["ignore", "pipe", "pipe"],
      // As a person's terminal has it: Node takes the log of a CI for one without colours.
      env: { ...process.env, CI: undefined, NO_COLOR: undefined, TERM: "xterm-256color" },
    }),
  ).ended;
  return { code, lines: output.replaceAll("\r", "").trimEnd().split("\n") };
}

describe.skipIf(!hasScript)("a terminal", () => {
  test("gets help in bold and at its width", async () => {
    for (const columns of [60, 80, 132]) {
      const { lines } = await onTerminal(columns, "dev", "--help");
      expect(lines).toContain("\x1b[1mOptions:\x1b[22m");
      const bare = lines.map((text) => stripVTControlCharacters(text));
      const wide = bare.filter((text) => !/^(Usage:|  zstash) /.test(text)).map(widthOf);
      expect(Math.max(...wide)).toBeLessThanOrEqual(Math.min(80, columns));
    }
  });

  test.each([
    [["dev", "--prot", "1"], 2],
    [["dev", "--redis", "redis://:x@127.0.0.1:1"], 1],
    [["dev", "--redis", "http://127.0.0.1"], 2],
    [["dev", "--host", "127.0.0.1", "--host", "::1"], 2],
    [["dev", "--persist", "x", "--redis", "redis://a"], 2],
    [["dev", "--token", "--json"], 2],
    [["sweep", "--url", "http://127.0.0.1:1", "--token", "t"], 1],
  ])("gets the error of %j at its width", async (args, code) => {
    const ended = await onTerminal(80, ...args);
    expect(ended.code).toBe(code);
    expect(ended.lines.join(" ")).toMatch(/Cannot/);
    expect(Math.max(...ended.lines.map(widthOf))).toBeLessThanOrEqual(80);
  });

  test("lets a command end by itself at Ctrl-C, also while its progress is shown", async () => {
    const server = start("dev", "--backend", "embedded", "--port", "0", "--json");
    try {
      const { url, token } = JSON.parse(await server.firstLine) as { url: string; token: string };
      const sets = Array.from({ length: 2000 }, (_, id) => ["SET", `k:${id}`, JSON.stringify({ id })]);
      await fetch(`${url}/pipeline`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(sets),
      });
      const words = [
        "exec",
        process.execPath,
        program(),
        "migrate",
        "--rate",
        "200",
        "--url",
        url,
        "--token",
        token,
      ];
      const { child, ended, texts } = follow(spawn("script", ["-qec", words.join(" "), "/dev/null"]));
      await until(() => texts.output.includes("of 2000 keys"));
      child.stdin!.write("\x03");
      expect((await ended).code).toBe(1);
      expect(texts.output).toContain("Stopped before the end");
    } finally {
      server.child.kill("SIGTERM");
      await server.ended;
    }
  });

  test("gives a program of it Ctrl-C once", async () => {
    const script = [
      "let count = 0;",
      'process.on("SIGINT", () => { count++; setTimeout(() => { console.log("signals " + count); process.exit(5); }, 300); });',
      'console.log("ready"); setInterval(() => {}, 1000);',
    ];
    writeFileSync(join(folder, "signals.cjs"), script.join("\n"));
    const words = [process.execPath, program(), "dev", "--backend", "embedded", "--", process.execPath];
    // Without "exec" a shell may stay in between, and end by the signal itself (dash does).
    const line = ["exec", ...words, join(folder, "signals.cjs")].join(" ");
    const { child, ended, texts } = follow(spawn("script", ["-qec", line, "/dev/null"]));
    await until(() => texts.output.includes("ready"));
    child.stdin!.write("\x03");
    expect((await ended).code).toBe(5);
    expect(texts.output).toContain("signals 1");
  });
});
