/** `persist` and `--persist` in real folders: the file is the old one or the new one, whatever happens meanwhile. */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  lstatSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, DevServerOptions } from "../../../src/dev/index.ts";
import type { ZstashError } from "../../../src/errors.ts";
import { follow, until, useProgram, type Ended, type Followed } from "../../support/cli-program.ts";
import { rejection } from "../../support/rejection.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const program = useProgram();
const servers = new Set<DevServer>();
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zstash-persist-"));
  file = join(folder, "keys.ndjson");
});
afterEach(async () => {
  for (const server of servers) await server.close().catch(() => undefined);
  servers.clear();
  rmSync(folder, { recursive: true, force: true });
});

async function open(options: DevServerOptions = {}): Promise<DevServer> {
  const server = await createDevServer({ persist: file, ...options });
  servers.add(server);
  return server;
}

async function send(server: DevServer, ...command: string[]): Promise<unknown> {
  const headers = { authorization: `Bearer ${server.token}` };
  const init = { method: "POST", headers, body: JSON.stringify(command) };
  return ((await (await server.fetch("http://localhost/", init)).json()) as { result: unknown }).result;
}

const textOf = (): string => readFileSync(file, "utf8");

describe("persist", () => {
  test("keeps keys from one server to the next, whatever else is on the machine", async () => {
    const first = await open();
    expect(first.backend).toMatchObject({ kind: "embedded", description: expect.stringContaining(file) });
    await send(first, "SET", "k", "v", "EX", "1000");
    await send(first, "HSET", "h", "f", "1");
    expect(existsSync(file)).toBe(false);
    await first.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const second = await open();
    expect(await send(second, "GET", "k")).toBe("v");
    expect(await send(second, "TTL", "k")).toBeGreaterThan(900);
    expect(await send(second, "HGETALL", "h")).toEqual(["f", "1"]);
  });

  test("is written after changes settle, without close(), and not after reads", async () => {
    const server = await open();
    await send(server, "SET", "k", "v");
    await until(() => existsSync(file));
    const { mtimeMs } = statSync(file);
    expect(textOf()).toContain('["SET","k","v"]');
    await send(server, "GET", "k");
    const transaction = {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}` },
      body: '[["SET","t","1"]]',
    };
    await server.fetch("http://localhost/multi-exec", transaction);
    await until(() => textOf().includes('["SET","t","1"]'));
    const written = statSync(file).mtimeMs;
    expect(written).toBeGreaterThan(mtimeMs);
    await send(server, "GET", "k");
    await server.close();
    expect(statSync(file).mtimeMs).toBe(written);
  });

  test("takes the seed where there is no file yet, and only there; reset() takes it again", async () => {
    const seed = [["RPUSH", "l", "a"]];
    const first = await open({ seed });
    await send(first, "RPUSH", "l", "b");
    await first.close();
    const second = await open({ seed });
    expect(await send(second, "LRANGE", "l", "0", "-1")).toEqual(["a", "b"]);
    await second.reset();
    expect(await send(second, "LRANGE", "l", "0", "-1")).toEqual(["a"]);
  });

  test("leaves nothing beside the file, and takes over what a killed server has left", async () => {
    writeFileSync(`${file}.tmp`, "half of a fi");
    const server = await open();
    await send(server, "SET", "k", "v");
    await server.close();
    expect(readdirSync(folder)).toEqual(["keys.ndjson"]);
  });

  test("writes the file that a link leads to", async () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "x"), "");
    rmSync(join(folder, "real", "x"));
    const first = await open({ persist: join(folder, "real", "x") });
    await send(first, "SET", "k", "v");
    await first.close();
    symlinkSync(join(folder, "real", "x"), file);
    const second = await open();
    await send(second, "SET", "k", "w");
    await second.close();
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "real", "x"), "utf8")).toContain('"w"');
  });

  test("does not write over what another program has written", async () => {
    const [one, two] = [await open(), await open()];
    await send(one, "SET", "from", "one");
    await send(two, "SET", "from", "two");
    await one.close();
    const error = await rejection(two.close());
    expect(error.message).toBe(`Cannot write ${file}: another program has written it since`);
    expect(textOf()).toContain('"one"');
  });

  test.each([
    [{ redis: "redis://127.0.0.1:1" }, /"persist" keeps the embedded keyspace alone.*"redis"/],
    [{ backend: "redis-server" }, /cannot be combined with backend "redis-server"/],
    [{ persist: "" }, /"persist" must be the path/],
    [{ persist: 5 }, /"persist" must be a string/],
    [{ onPersist: 5 }, /"onPersist" must be a function/],
  ])("is refused with %j", async (options, text) => {
    const error = await rejection(open(options as unknown as DevServerOptions));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(text);
  });
});

describe("a file that cannot be loaded stays as it is", () => {
  const cases: readonly (readonly [string, (good: string) => string, RegExp])[] = [
    ["foreign", () => '{"name":"package"}\n', /line 1 is not that of a file/],
    ["empty", () => "", /it is empty/],
    ["cut", (good) => good.slice(0, -20), /it ends within line 3/],
    ["changed", (good) => good.replace('"v"', '"w"'), /lines 1 to 3 are not as they were written/],
  ];
  test.each(cases)("%s", async (_, spoil, text) => {
    const first = await open();
    await send(first, "SET", "k", "v");
    await first.close();
    const spoilt = spoil(textOf());
    writeFileSync(file, spoilt);
    const error = await rejection(open());
    expect(error).toMatchObject({ name: "ZstashError" });
    expect(error.message).toMatch(text);
    expect(error.message).toContain(`Cannot load ${file}: `);
    expect(error.message).toMatch(/It stays as it is: move it away, or name another file$/);
    expect(textOf()).toBe(spoilt);
    expect(readdirSync(folder)).toEqual(["keys.ndjson"]);
    const ended = await run("dev", "--port", "0", "--persist", file);
    expect(ended).toMatchObject({ code: 1, output: "", errors: expect.stringMatching(text) });
    expect(textOf()).toBe(spoilt);
  });
});

/** A folder on a disk of 64 KiB. */
const disks: string[] = [];
function smallDisk(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "zstash-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path], { stdio: "ignore" });
    disks.push(path);
    return path;
  } catch {
    rmSync(path, { recursive: true });
    return undefined;
  }
}
afterAll(() => {
  for (const path of disks) {
    execFileSync("umount", [path]);
    rmSync(path, { recursive: true });
  }
});
const disk = smallDisk();
const hasDisk = requireOrSkip("a small file system", disk !== undefined, "run the tests as root, with mount");

describe.skipIf(!hasDisk)("a full disk", () => {
  test("is told, costs nothing that was written before, and is over when there is space again", async () => {
    file = join(disk!, "keys.ndjson");
    const told: (string | undefined)[] = [];
    const server = await open({ onPersist: (error: ZstashError | undefined) => told.push(error?.message) });
    await send(server, "SET", "small", "v");
    await until(() => existsSync(file));
    const before = textOf();
    await send(server, "SET", "large", "x".repeat(100_000));
    await until(() => told.length > 0);
    expect(told).toEqual([`Cannot write ${file}: the disk is full. Free some space`]);
    expect(textOf()).toBe(before);
    expect(readdirSync(disk!)).toEqual(["keys.ndjson"]);
    expect(await send(server, "STRLEN", "large")).toBe(100_000);
    // The server goes on; with less to write it is written again, without being asked.
    await send(server, "DEL", "large");
    await send(server, "SET", "more", "w");
    await until(() => told.length > 1);
    expect(told[1]).toBeUndefined();
    expect(textOf()).toContain('"more"');
    await send(server, "SET", "large", "x".repeat(100_000));
    expect(await rejection(server.close())).toMatchObject({
      code: "REDIS",
      message: `Cannot write ${file}: the disk is full. Free some space`,
    });
    expect(textOf()).toContain('"more"');
  });

  test("makes the program end with 1, and say why", async () => {
    const child = start([
      "dev",
      "--port",
      "0",
      "--json",
      "--persist",
      join(disk!, "other.ndjson"),
      "--token",
      "t",
    ]);
    const { url } = JSON.parse(await child.firstLine) as { url: string };
    const headers = { authorization: "Bearer t" };
    await fetch(`${url}/set/large`, { method: "POST", body: "x".repeat(100_000), headers });
    child.child.kill("SIGTERM");
    expect(await child.ended).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^Cannot write .*other\.ndjson: the disk is full\. Free some space\n$/),
    });
  });
});

test("a limit of file sizes is told too", async () => {
  const line = `ulimit -f 16; exec "${process.execPath}" "${program()}" dev --port 0 --json --token t --persist "${file}"`;
  const child = follow(spawn("bash", ["-c", line], { stdio: ["ignore", "pipe", "pipe"] }));
  const { url } = JSON.parse(await child.firstLine) as { url: string };
  await fetch(`${url}/set/large`, {
    method: "POST",
    body: "x".repeat(100_000),
    headers: { authorization: "Bearer t" },
  });
  await until(() => child.texts.errors !== "");
  expect(child.texts.errors).toMatch(/larger than is allowed here\. Raise the limit.*; the server goes on/);
  child.child.kill("SIGTERM");
  expect(await child.ended).toMatchObject({ code: 1 });
  expect(existsSync(file)).toBe(false);
});

const isRoot = requireOrSkip("another user", process.getuid?.() === 0, "run the tests as root");

describe("a folder", () => {
  test("that is not there, or is meant as the file, is named at once", async () => {
    const missing = await rejection(open({ persist: join(folder, "a", "b") }));
    expect(missing.message).toMatch(
      /^Cannot keep the keyspace in .*b: there is no such folder\. Create it first$/,
    );
    const isFolder = await rejection(open({ persist: folder }));
    expect(isFolder.message).toMatch(/^Cannot load .*: it is a folder\. Name a file in it$/);
  });

  test.skipIf(!isRoot)("without permission is named at once, with exit code 1", async () => {
    chmodSync(folder, 0o755);
    chmodSync(dirname(dirname(dirname(program()))), 0o755);
    const nobody = { uid: 65_534, gid: 65_534 };
    const args = [program(), "dev", "--port", "0", "--persist", file];
    const ended = await follow(
      spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], ...nobody }),
    ).ended;
    expect(ended).toMatchObject({
      code: 1,
      output: "",
      errors: `Cannot keep the keyspace in ${file}: no permission. Choose a file in a folder of yours\n`,
    });
    // A port below 1024 for such a user, where the system keeps them back.
    chownSync(folder, nobody.uid, nobody.gid);
    const port = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
    if (port > 80) {
      args.splice(2, 2, "--port", "80");
      const refused = await follow(
        spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], ...nobody }),
      ).ended;
      expect(refused).toMatchObject({
        code: 1,
        errors: "Cannot listen on port 80: no permission. Choose one from 1024 on with --port, or --port 0\n",
      });
    }
  });
});

test("a server that is killed at random leaves the old file or the new one", async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const child = start(["dev", "--port", "0", "--json", "--persist", file, "--token", "t"]);
    const { url } = JSON.parse(await child.firstLine) as { url: string };
    const headers = { authorization: "Bearer t" };
    const { result } = (await (await fetch(`${url}/get/round`, { headers })).json()) as {
      result: string | null;
    };
    seen.add(`${result}`);
    await fetch(`${url}/set/round/${round}`, { headers });
    await fetch(`${url}/set/large`, { method: "POST", body: Buffer.alloc(8_000_000, round), headers });
    await new Promise((resolve) => setTimeout(resolve, 950 + 40 * round));
    child.child.kill("SIGKILL");
    expect(await child.ended).toMatchObject({ code: null });
  }
  const last = await open();
  expect([null, "0", "1", "2", "3", "4", "5"]).toContain(await send(last, "GET", "round"));
  expect(seen.has("null")).toBe(true);
});

function start(args: readonly string[]): Followed {
  return follow(spawn(process.execPath, [program(), ...args], { stdio: ["ignore", "pipe", "pipe"] }));
}

const run = (...args: string[]): Promise<Ended> => start(args).ended;
