/**
 * `zstash migrate` while others write, delete and break things: no write is lost, every value stays whole, and the program
 * says what was wrong. `ZSTASH_LONG=1` takes ten times as many rounds.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createRequester } from "../../../src/upstash/requester.ts";
import { backends } from "../../support/backends.ts";
import { follow, useProgram } from "../../support/cli-program.ts";
import { seededRandom } from "../../support/random.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";
import { startStoreProxy } from "../../support/store/proxy.ts";
import { long, migrate, run, startRig, TOKEN, type MigrateJson, type Rig } from "./database-rig.ts";

const program = useProgram();

const textOf = (key: string, version: number): string =>
  `${key} ${version} `.repeat(90) + "the same words in every version of it ".repeat(40);
const reading = (url: string): Redis => new Redis(createRequester({ url, token: TOKEN }));

describe.each(backends)("zstash migrate on %s", (backend) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ backend });
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.send(["FLUSHDB"]));

  const fill = async (count: number): Promise<Map<string, string>> => {
    const values = new Map(Array.from({ length: count }, (_, id) => [`key:${id}`, textOf(`key:${id}`, id)]));
    const all = [...values];
    for (let at = 0; at < all.length; at += 200)
      await rig.send(...all.slice(at, at + 200).map(([key, value]) => ["SET", key, value]));
    return values;
  };
  /** Every value is there, as the wrapper reads it. */
  const expectWhole = async (values: ReadonlyMap<string, string>): Promise<void> => {
    const client = reading(rig.url);
    const keys = [...values.keys()];
    for (let at = 0; at < keys.length; at += 200) {
      const some = keys.slice(at, at + 200);
      expect(await client.mget(some)).toEqual(some.map((key) => values.get(key)));
    }
  };

  test.each([["text"], ["raw"]])(
    "no write of others is lost, with the carrier %s",
    async (carrier) => {
      const rounds = long ? 10_000 : 1_000;
      const keys = Array.from({ length: 20 }, (_, id) => `key:${id}`);
      await rig.send(...keys.map((key) => ["SET", key, textOf(key, 0)]));
      const client = reading(rig.url);
      let running = keys.length;
      let lost = 0;
      const write = async (key: string): Promise<void> => {
        for (let version = 1; version <= rounds / keys.length; version++) {
          const expires = 4e12 + version;
          await rig.send(["SET", key, textOf(key, version), "PXAT", expires]);
          const [value, [kept]] = [await client.get(key), await rig.send(["PEXPIRETIME", key])];
          if (value !== textOf(key, version) || kept !== expires) lost += 1;
        }
        running -= 1;
      };
      let written = 0;
      const work = async (): Promise<void> => {
        while (running > 0) {
          for (const how of [["--carrier", carrier], ["--undo"]]) {
            const { written: counts, failed } = await migrate(rig, "--apply", ...how);
            written += (counts["compressed"] ?? 0) + (counts["uncompressed"] ?? 0);
            expect(Object.keys(failed).filter((name) => name !== "changed")).toEqual([]);
          }
        }
      };
      await Promise.all([work(), ...keys.map(write)]);
      expect(lost).toBe(0);
      expect(written).toBeGreaterThan(keys.length);
    },
    1_200_000,
  );

  test("keys that vanish while it looks stay away, and so do those that expire", async () => {
    const values = await fill(2000);
    await rig.send(...[...values.keys()].slice(0, 200).map((key) => ["PEXPIRE", key, 300]));
    const going = migrate(rig, "--apply");
    const gone = [...values.keys()].filter((_, index) => index % 2 === 1);
    for (let at = 0; at < gone.length; at += 20) await rig.send(["DEL", ...gone.slice(at, at + 20)]);
    const { code, failed } = await going;
    expect([code, failed]).toEqual([0, {}]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await rig.send(["EXISTS", ...gone]))[0]).toBe(0);
    expect((await rig.send(["DBSIZE"]))[0]).toBe(900);
  });

  test("killed at random and started again, every value is whole and nothing is left behind", async () => {
    const random = seededRandom(11);
    const values = await fill(long ? 20_000 : 2_000);
    const args = ["migrate", ...rig.here, "--apply", "--carrier", "raw", "--rate", "0", "--json"];
    let kills = 0;
    // How long a whole run takes on this machine: it is killed somewhere within.
    const started = performance.now();
    await follow(spawn(process.execPath, [program(), ...args], { env: {} })).ended;
    const whole = performance.now() - started;
    await migrate(rig, "--apply", "--undo");
    for (let round = 0; round < (long ? 40 : 6); round++) {
      const child = spawn(process.execPath, [program(), ...args], { env: {} });
      const { ended } = follow(child);
      setTimeout(() => child.kill("SIGKILL"), whole * (0.3 + random.below(60) / 100));
      if ((await ended).signal === "SIGKILL") kills += 1;
      await expectWhole(values);
      if (round % 3 === 2) await migrate(rig, "--apply", "--undo");
    }
    expect(kills).toBeGreaterThan(0);
    const last = await migrate(rig, "--apply", "--carrier", "raw");
    expect([last.code, last.failed]).toEqual([0, {}]);
    await expectWhole(values);
    for (const [key, { expires }] of await rig.strings())
      if (!values.has(key)) expect([key, expires > 0 && expires < Date.now() + 60_000]).toEqual([key, true]);
  });

  test("replies that are lost, and requests that are carried out late", async () => {
    const values = await fill(600);
    const proxy = await startStoreProxy(seededRandom(12), Number(new URL(rig.url).port));
    try {
      for (let round = 0; round < (long ? 40 : 4); round++) {
        proxy.weather = { every: 60_000, late: true };
        const how = [["--carrier", "text"], ["--undo"], ["--carrier", "raw"], ["--undo"]][round % 4]!;
        const broken = await run([
          "migrate",
          "--url",
          proxy.url,
          "--token",
          TOKEN,
          "--apply",
          "--rate",
          "0",
          ...how,
        ]);
        // Where a request breaks too often it says so; what was done is done.
        if (broken.code !== 0)
          expect(broken.errors + broken.output).toMatch(/server|connection|changed|Run it again/i);
        proxy.weather = undefined;
        await proxy.quiet();
        await expectWhole(values);
        expect((await migrate(rig, "--apply", ...how)).failed).toEqual({});
        await expectWhole(values);
      }
      expect(proxy.counts.reset + proxy.counts.late).toBeGreaterThan(0);
    } finally {
      await proxy.close();
    }
  });
});

/** A server in front of another that refuses some requests. */
async function startFilter(
  rig: Rig,
  refuses: (path: string, body: string) => boolean,
): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      void (async () => {
        if (refuses(request.url!, body.toString("latin1"))) {
          response.writeHead(400, { "content-type": "application/json" }).end('{"error":"ERR syntax error"}');
          return;
        }
        const headers = Object.fromEntries(
          Object.entries(request.headers).filter(
            ([name]) => !/^(host|connection|content-length)$/.test(name),
          ),
        );
        const reply = await fetch(rig.url + request.url!, {
          method: "POST",
          headers: headers as Record<string, string>,
          body,
        });
        response.writeHead(reply.status, { "content-type": reply.headers.get("content-type") ?? "" });
        response.end(Buffer.from(await reply.arrayBuffer()));
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}

describe.skipIf(!redisAvailable())("ways to compare and set, on Redis", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig();
  });
  afterAll(() => rig.close());

  test.each([
    ["script", (): boolean => false],
    ["temporary-key", (path: string): boolean => /^\/evalsha/i.test(path)],
  ])("%s", async (method, refuses) => {
    await rig.send(["FLUSHDB"]);
    await rig.send(["SET", "key", textOf("key", 1), "PXAT", 4e12 + 7]);
    const filter = await startFilter(rig, refuses);
    try {
      const args = ["migrate", "--url", filter.url, "--token", TOKEN, "--apply", "--json"];
      const { output } = await run([...args, "--carrier", "raw"]);
      expect(JSON.parse(output) as MigrateJson).toMatchObject({
        method,
        written: { compressed: 1 },
        failed: {},
      });
      expect((await rig.bytesOf("key")).subarray(0, 4).toString("hex")).toBe("28b52ffd");
      expect((await rig.strings()).get("key")!.expires).toBe(4e12 + 7);
      expect((await rig.send(["DBSIZE"]))[0]).toBe(1);
      await run([...args, "--undo"]);
      expect((await rig.bytesOf("key")).toString()).toBe(textOf("key", 1));
    } finally {
      filter.close();
    }
  });

  test("a digest that is another one is not used, and where there is nothing else nothing is written", async () => {
    const embedded = await startRig({ backend: "embedded" });
    // As if the server's digest came from another hash.
    const filter = await startFilter(embedded, (_, body) => body.includes('"DIGEST"'));
    try {
      await embedded.send(["SET", "key", textOf("key", 1)]);
      const { code, errors } = await run(["migrate", "--url", filter.url, "--token", TOKEN, "--apply"]);
      expect(code).toBe(1);
      expect(errors).toMatch(/neither SET with IFDEQ .* nor scripts.*Nothing was written/);
      expect((await embedded.bytesOf("key")).toString()).toBe(textOf("key", 1));
      expect((await embedded.send(["DBSIZE"]))[0]).toBe(1);
    } finally {
      filter.close();
      await embedded.close();
    }
  });
});

describe.skipIf(!redisAvailable())("zstash migrate in front of a Redis", () => {
  test("users that may not write, and users that may not touch every key", async () => {
    const redis = await startRedis();
    const admin = await startRig({ redis: redis.url });
    const keys = Array.from({ length: 20 }, (_, id) => `${id % 2 ? "mine" : "other"}:${id}`);
    // A shell of the server's own: the REST API has no users of this kind.
    const { execFileSync } = await import("node:child_process");
    const cli = (...args: string[]): string =>
      execFileSync("redis-cli", ["-p", `${redis.port}`, ...args]).toString();
    try {
      await admin.send(...keys.map((key, id) => ["SET", key, textOf(key, id)]));
      const before = await admin.strings();
      cli("ACL", "SETUSER", "limited", "on", ">pw", "~mine:*", "+@all");
      cli("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+info", "+ping", "+hello", "+client");
      const reader = await startRig({ redis: redis.url.replace("//", "//reader:pw@") });
      try {
        const { code, errors } = await run(["migrate", ...reader.here, "--apply"]);
        expect([code, errors]).toEqual([
          1,
          expect.stringMatching(/NOPERM.*Use a token that may read and write/),
        ]);
        expect(await admin.strings()).toEqual(before);
      } finally {
        await reader.close();
      }
      const limited = await startRig({ redis: redis.url.replace("//", "//limited:pw@") });
      try {
        const result = await migrate(limited, "--apply");
        expect([result.code, result.written, result.failed]).toEqual([
          1,
          { compressed: 10 },
          { refused: 10 },
        ]);
        const partly = await run(["estimate", ...limited.here]);
        expect([partly.code, partly.errors]).toEqual([1, ""]);
        expect(partly.output).toContain("The token may not read 10 of the keys: they are in no figure");
        expect(partly.output).toMatch(/^10 keys; a sample of 10 lengths and 10 values/);
        const { output } = await run(["migrate", ...limited.here, "--apply"]);
        expect(output).toMatch(/10 +refused +the token may not read or write them\n +refused: other:/);
      } finally {
        await limited.close();
      }
      cli("ACL", "SETUSER", "blind", "on", ">pw", "~*", "+@all", "-get", "-mget", "-getrange");
      const blind = await startRig({ redis: redis.url.replace("//", "//blind:pw@") });
      try {
        const { code, errors } = await run(["estimate", ...blind.here]);
        expect([code, errors]).toEqual([
          1,
          expect.stringMatching(/may read none of the 20 values.*GETRANGE/),
        ]);
      } finally {
        await blind.close();
      }
      for (const [key, { bytes }] of before)
        if (key.startsWith("other")) expect(await admin.bytesOf(key)).toEqual(bytes);
    } finally {
      await admin.close();
      await redis.stop();
    }
  });

  test("a token that may not run scripts is told so, and scripts that are flushed meanwhile are loaded again", async () => {
    const redis = await startRedis();
    const admin = await startRig({ redis: redis.url });
    const { execFileSync } = await import("node:child_process");
    const cli = (...args: string[]): string =>
      execFileSync("redis-cli", ["-p", `${redis.port}`, ...args]).toString();
    try {
      const values = new Map(Array.from({ length: 500 }, (_, id) => [`key:${id}`, textOf(`key:${id}`, id)]));
      const all = [...values];
      for (let at = 0; at < all.length; at += 200)
        await admin.send(...all.slice(at, at + 200).map(([key, value]) => ["SET", key, value]));
      await admin.send(["HSET", "hash", "f", textOf("f", 0)]);
      cli("ACL", "SETUSER", "scriptless", "on", ">pw", "~*", "+@all", "-@scripting");
      const scriptless = await startRig({ redis: redis.url.replace("//", "//scriptless:pw@") });
      // Since 8.4 a value is compared without a script.
      const [digest] = await admin.send(["DIGEST", "key:0"]);
      const how = digest instanceof Error ? [] : ["--hashes", "--match", "hash"];
      const { code, errors } = await run(["migrate", ...scriptless.here, "--apply", ...how]);
      await scriptless.close();
      expect(code).toBe(1);
      expect(errors).toMatch(/NOPERM.*\+evalsha \+script\|load.*Nothing was written/);
      expect(errors).not.toMatch(/no scripts|nor scripts/);

      for (const way of [["--carrier", "text"], ["--undo"], ["--carrier", "raw"]]) {
        let flushing = true;
        const flushes = (async () => {
          while (flushing) {
            await admin.send(["SCRIPT", "FLUSH"]);
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        })();
        const result = await migrate(admin, "--apply", "--hashes", ...way);
        flushing = false;
        await flushes;
        expect([result.code, result.failed]).toEqual([0, {}]);
      }
    } finally {
      await admin.close();
      await redis.stop();
    }
  });

  test("a Redis that is started anew meanwhile: the program says so, and nothing is damaged", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zstash-migrate-"));
    const args = ["--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let redis = await startRedis(args);
    const { port } = redis;
    const rig = await startRig({ redis: redis.url });
    try {
      const values = new Map(Array.from({ length: 3000 }, (_, id) => [`key:${id}`, textOf(`key:${id}`, id)]));
      const all = [...values];
      for (let at = 0; at < all.length; at += 200)
        await rig.send(...all.slice(at, at + 200).map(([key, value]) => ["SET", key, value]));
      const going = run(["migrate", ...rig.here, "--apply", "--rate", "1500", "--json"]);
      await new Promise((resolve) => setTimeout(resolve, 600));
      await redis.stop("SIGKILL");
      redis = await startRedis(args, port);
      const { code, output, errors } = await going;
      expect(code).toBe(1);
      if (output === "") expect(errors).toMatch(/Redis|server/);
      else expect((JSON.parse(output) as MigrateJson).restarted).toBe(true);
      const last = await migrate(rig, "--apply");
      expect([last.code, last.failed]).toEqual([0, {}]);
      expect((last.written["compressed"] ?? 0) + (last.left["zstash"] ?? 0)).toBe(values.size);
      const client = reading(rig.url);
      const keys = [...values.keys()];
      for (let at = 0; at < keys.length; at += 200)
        expect(await client.mget(keys.slice(at, at + 200))).toEqual(
          keys.slice(at, at + 200).map((key) => values.get(key)),
        );
    } finally {
      await rig.close();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a full Redis refuses each write: the first one ends it, with what the server says", async () => {
    const redis = await startRedis();
    const rig = await startRig({ redis: redis.url });
    const { execFileSync } = await import("node:child_process");
    try {
      await rig.send(["SET", "key", textOf("key", 1)]);
      execFileSync("redis-cli", ["-p", `${redis.port}`, "CONFIG", "SET", "maxmemory", "1mb"]);
      const { code, errors } = await run(["migrate", ...rig.here, "--apply"]);
      expect([code, errors]).toEqual([1, expect.stringMatching(/OOM/)]);
      expect((await rig.bytesOf("key")).toString()).toBe(textOf("key", 1));
    } finally {
      await rig.close();
      await redis.stop();
    }
  });
});
