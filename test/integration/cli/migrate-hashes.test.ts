/** `zstash migrate --hashes`: fields of hashes over real HTTP, with their times to live, and against writers of the same fields. */
import { gzipSync } from "node:zlib";
import { execFileSync, spawn } from "node:child_process";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createRequester } from "../../../src/upstash/requester.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { follow, useProgram } from "../../support/cli-program.ts";
import { seededRandom } from "../../support/random.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";
import { long, migrate, run, startRig, TOKEN, type Rig } from "./database-rig.ts";

const FAR = 4_102_444_800_123;
const program = useProgram();
const textOf = (name: string, version = 0): string =>
  `${name} ${version} `.repeat(90) + "the same words in every version of it ".repeat(40);
const fieldsOf = async (rig: Rig, key: string): Promise<Record<string, string>> => {
  const [flat] = (await rig.send(["HGETALL", key])) as [string[]];
  const pairs = Array.from(
    { length: flat.length / 2 },
    (_, at) => [flat[2 * at]!, flat[2 * at + 1]!] as const,
  );
  return Object.fromEntries(pairs);
};

describe.skipIf(!redisAvailable())("zstash migrate --hashes", () => {
  let rig: Rig;
  let hasFieldTimes: boolean;
  beforeAll(async () => {
    rig = await startRig({ backend: "redis-server" });
    const [reply] = await rig.send(["HPEXPIRETIME", "none", "FIELDS", 1, "f"]);
    hasFieldTimes = !(reply instanceof Error);
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.send(["FLUSHDB"]));

  const names = ["a", "plain name", "ключ/?#%&+\n", ".", "", "x".repeat(900)];
  async function fill(): Promise<Record<string, string>> {
    const fields: Record<string, string> = { small: "x", number: "12", mine: `zs1:KLUv/${textOf("m")}` };
    for (const name of names) fields[name] = textOf(name.slice(0, 9));
    await rig.send(
      ["HSET", "hash", ...Object.entries(fields).flat()],
      ["PEXPIREAT", "hash", FAR],
      ["SET", "string", textOf("string")],
      ["RPUSH", "list", textOf("list")],
    );
    return fields;
  }

  test.each([[], ["--carrier", "text"], ["--carrier", "raw"]])(
    "every field, the key's time to live, and back: %s %s",
    async (...carrier) => {
      const before = await fill();
      const dry = await migrate(rig, "--hashes", ...carrier);
      expect(await fieldsOf(rig, "hash")).toEqual(before);
      const applied = await migrate(rig, "--hashes", "--apply", ...carrier);
      // An empty name and a dot stand in no URL, so that those two fields are text in any case.
      const asDry = { method: null, seconds: 0, applied: false, bytesAfter: dry.bytesAfter };
      expect({ ...dry, seconds: 0 }).toEqual({ ...applied, ...asDry });
      if (carrier[1] !== "raw") expect(applied.bytesAfter).toBe(dry.bytesAfter);
      expect(applied).toMatchObject({
        code: 0,
        method: "script",
        hashes: 1,
        fields: 9,
        written: { compressed: 7 },
        left: { small: 2, reserved: 1, "other-type": 1 },
        types: { list: 1 },
        failed: {},
      });
      expect(applied.bytesAfter).toBeLessThan(applied.bytesBefore * 0.6);
      expect(await rig.send(["PEXPIRETIME", "hash"])).toEqual([FAR]);
      const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
      const own = Object.fromEntries(Object.entries(before).filter(([name]) => names.includes(name)));
      expect(await client.hmget("hash", ...names)).toEqual(own);
      if (carrier[1] !== "raw") {
        const texts = withCompression(new Redis({ url: rig.url, token: TOKEN }));
        expect(await texts.hmget("hash", ...names)).toEqual(own);
      }
      const again = await migrate(rig, "--hashes", "--apply", ...carrier);
      expect([again.written, again.left["zstash"]]).toEqual([{}, 7]);
      // Without the option hashes are other types, as before.
      expect((await migrate(rig, "--apply", "--undo")).types).toEqual({ hash: 1, list: 1 });
      const undone = await migrate(rig, "--hashes", "--apply", "--undo");
      expect(undone.written).toEqual({ uncompressed: 6 });
      expect(await fieldsOf(rig, "hash")).toEqual(before);
      expect(await rig.send(["PEXPIRETIME", "hash"])).toEqual([FAR]);
      expect(await rig.send(["DBSIZE"])).toEqual([3]);
    },
  );

  test("what a client has written to fields is undone, and --from reads other schemes", async () => {
    const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    await client.hset("h", { one: textOf("one"), two: { three: textOf("three") } });
    await rig.send(["HSET", "old", "gz", gzipSync(textOf("gz")).toString("base64")]);
    expect((await migrate(rig, "--hashes", "--apply", "--from", "base64-gzip")).written).toEqual({
      converted: 1,
    });
    expect(await client.hget("old", "gz")).toBe(textOf("gz"));
    expect((await migrate(rig, "--hashes", "--apply", "--undo")).written).toEqual({ uncompressed: 3 });
    expect(await fieldsOf(rig, "h")).toEqual({
      one: textOf("one"),
      two: JSON.stringify({ three: textOf("three") }),
    });
    expect(await fieldsOf(rig, "old")).toEqual({ gz: textOf("gz") });
  });

  test.skipIf(!redisAvailable())(
    "the time to live of a field is kept to the millisecond, where the server has them",
    async () => {
      await fill();
      const fields = ["a", "plain name", ".", "x".repeat(900)];
      if (hasFieldTimes) await rig.send(["HPEXPIREAT", "hash", FAR, "FIELDS", fields.length, ...fields]);
      for (const how of [["--carrier", "text"], ["--carrier", "raw"], ["--undo"]]) {
        const { written, failed } = await migrate(rig, "--hashes", "--apply", ...how);
        expect(Object.keys(written).length).toBe(1);
        expect(failed).toEqual({});
        if (!hasFieldTimes) continue;
        const [times, other] = await rig.send(
          ["HPEXPIRETIME", "hash", "FIELDS", fields.length, ...fields],
          ["HPEXPIRETIME", "hash", "FIELDS", 1, "small"],
        );
        expect([times, other]).toEqual([fields.map(() => FAR), [-1]]);
      }
    },
  );

  test("a huge hash page by page, in bounded memory, as fast as strings; stopped and resumed", async () => {
    const count = long ? 200_000 : 20_000;
    for (let at = 0; at < count; at += 1000)
      await rig.send([
        "HSET",
        "huge",
        ...Array.from({ length: 1000 }, (_, index) => [
          `f${at + index}`,
          textOf(`f${at + index}`).slice(0, 2000),
        ]).flat(),
      ]);
    await rig.send(["HSET", "huge", "large", "x".repeat(3_000_000)]);
    const args = [
      "migrate",
      ...rig.here,
      "--apply",
      "--hashes",
      "--rate",
      "0",
      "--json",
      "--max-value",
      "1MiB",
    ];
    const started = performance.now();
    const child = spawn(process.execPath, ["--max-old-space-size=128", program(), ...args], { env: {} });
    setTimeout(() => child.kill("SIGINT"), 1500);
    await follow(child).ended;
    const rest = await migrate(rig, "--apply", "--hashes", "--max-value", "1MiB");
    console.log(`${count} fields in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    expect(rest).toMatchObject({ code: 0, failed: {}, hashes: 1 });
    expect((rest.written["compressed"] ?? 0) + (rest.left["zstash"] ?? 0)).toBe(count);
    expect(rest.left["large"]).toBe(1);
    const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    expect(await client.hget("huge", "f7")).toBe(textOf("f7").slice(0, 2000));
  }, 600_000);

  test.each([["text"], ["raw"]])(
    "no write of others to the same fields is lost, nor its time to live, with the carrier %s",
    async (carrier) => {
      const rounds = long ? 10_000 : 1000;
      const fields = Array.from({ length: 20 }, (_, id) => `f${id}`);
      await rig.send(["HSET", "h", ...fields.flatMap((field) => [field, textOf(field)])]);
      const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
      let running = fields.length;
      let lost = 0;
      const write = async (field: string): Promise<void> => {
        for (let version = 1; version <= rounds / fields.length; version++) {
          const time = FAR + version;
          if (hasFieldTimes)
            await rig
              .send(["HSETEX", "h", "PXAT", time, "FIELDS", 1, field, textOf(field, version)])
              .then(async ([reply]) => {
                // Redis 7.4 has no HSETEX.
                if (reply instanceof Error)
                  await rig.send(
                    ["HSET", "h", field, textOf(field, version)],
                    ["HPEXPIREAT", "h", time, "FIELDS", 1, field],
                  );
              });
          else await rig.send(["HSET", "h", field, textOf(field, version)]);
          const value = await client.hget("h", field);
          if (value !== textOf(field, version)) lost += 1;
          if (!hasFieldTimes) continue;
          const [kept] = await rig.send(["HPEXPIRETIME", "h", "FIELDS", 1, field]);
          if ((kept as number[])[0] !== time) lost += 1;
        }
        running -= 1;
      };
      let written = 0;
      const work = async (): Promise<void> => {
        while (running > 0)
          for (const how of [["--carrier", carrier], ["--undo"]]) {
            const { written: counts, failed } = await migrate(rig, "--hashes", "--apply", ...how);
            written += (counts["compressed"] ?? 0) + (counts["uncompressed"] ?? 0);
            expect(Object.keys(failed).filter((name) => name !== "changed")).toEqual([]);
          }
      };
      await Promise.all([work(), ...fields.map(write)]);
      expect(lost).toBe(0);
      expect(written).toBeGreaterThan(fields.length);
    },
    1_200_000,
  );

  test("fields and hashes that vanish stay away; killed at random, every field is whole", async () => {
    const count = 1000;
    const all = Array.from({ length: count }, (_, id) => `f${id}`);
    const random = seededRandom(9);
    await rig.send(
      ["HSET", "h", ...all.flatMap((field) => [field, textOf(field)])],
      ["HSET", "gone", "f", textOf("f")],
    );
    const going = migrate(rig, "--hashes", "--apply");
    const gone = all.filter((_, index) => index % 2 === 1);
    await rig.send(["DEL", "gone"]);
    for (let at = 0; at < gone.length; at += 20) await rig.send(["HDEL", "h", ...gone.slice(at, at + 20)]);
    expect(await going).toMatchObject({ code: 0, failed: {} });
    expect(await rig.send(["HLEN", "h"], ["EXISTS", "gone"])).toEqual([count / 2, 0]);
    const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    const left = all.filter((field) => !gone.includes(field));
    for (let round = 0; round < (long ? 20 : 3); round++) {
      const how = round % 2 === 0 ? ["--undo"] : ["--carrier", "raw"];
      const args = ["migrate", ...rig.here, "--apply", "--hashes", "--rate", "0", ...how];
      const child = spawn(process.execPath, [program(), ...args], { env: {} });
      const { ended } = follow(child);
      setTimeout(() => child.kill("SIGKILL"), 300 + random.below(500));
      await ended;
      for (let at = 0; at < left.length; at += 100) {
        const some = left.slice(at, at + 100);
        expect(await client.hmget("h", ...some)).toEqual(
          Object.fromEntries(some.map((one) => [one, textOf(one)])),
        );
      }
    }
  });

  test("fields whose values no reply holds are listed all the same, and stay", async () => {
    // Two of them: in a hash of few fields HSCAN gives all at once.
    for (const field of ["one", "two"]) await rig.send(["HSET", "h", field, "x".repeat(6_000_000)]);
    await rig.send(["HSET", "h", "page", textOf("page")]);
    const { written, left, failed } = await migrate(rig, "--hashes", "--apply", "--max-value", "1MiB");
    expect([written, left, failed]).toEqual([{ compressed: 1 }, { large: 2 }, {}]);
  });

  test("words that fit 80 columns tell of hashes and fields", async () => {
    await fill();
    const { code, output, progress } = await run(["migrate", ...rig.here, "--hashes"]);
    expect(code).toBe(0);
    for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(output).toMatch(/3 keys, strings and 9 fields of 1 hash [\d.]+ KiB → /);
    expect(progress.at(-1)).toMatch(/ keys, 9 fields, /);
    // Who forgets the option is told of it, above all on the way back.
    for (const how of [[], ["--undo"]])
      expect((await run(["migrate", ...rig.here, ...how])).output).toMatch(
        /no strings: (?:1 hash, 1 list|1 list, 1 hash)\n[^]*Fields of hashes were not looked at: see --hashes\n/,
      );
  });
});

describe("where hashes cannot be migrated", () => {
  test("a server without scripts: it says so, and no hash is written", async () => {
    const rig = await startRig({ backend: "embedded" });
    try {
      await rig.send(["HSET", "h", "f", textOf("f"), "g", "small"]);
      expect((await migrate(rig, "--hashes")).written).toEqual({ compressed: 1 });
      const { code, errors } = await run(["migrate", ...rig.here, "--apply", "--hashes"]);
      expect([code, errors]).toEqual([1, expect.stringMatching(/runs no scripts.*No hash was written/)]);
      await rig.send(["SET", "s", textOf("s")]);
      const both = await run(["migrate", ...rig.here, "--apply", "--hashes"]);
      expect(both.output).not.toContain("Run it again");
      expect(both.errors).toMatch(/Leave --hashes out/);
      await rig.send(["DEL", "s"]);
      expect(await fieldsOf(rig, "h")).toEqual({ f: textOf("f"), g: "small" });
      expect(await rig.send(["DBSIZE"])).toEqual([1]);
    } finally {
      await rig.close();
    }
  });

  test.skipIf(!redisAvailable())(
    "users that may not touch every hash, and a token that may only read",
    async () => {
      const redis = await startRedis();
      const admin = await startRig({ redis: redis.url });
      const cli = (...args: string[]): string =>
        execFileSync("redis-cli", ["-p", `${redis.port}`, ...args]).toString();
      try {
        await admin.send(["HSET", "mine:1", "f", textOf("f")], ["HSET", "other:1", "f", textOf("g")]);
        cli("ACL", "SETUSER", "limited", "on", ">pw", "~mine:*", "+@all");
        cli("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+info", "+ping", "+hello", "+client");
        const reader = await startRig({ redis: redis.url.replace("//", "//reader:pw@") });
        try {
          expect(await migrate(reader, "--hashes")).toMatchObject({ code: 0, written: { compressed: 2 } });
          const { code, errors } = await run(["migrate", ...reader.here, "--apply", "--hashes"]);
          expect([code, errors]).toEqual([
            1,
            expect.stringMatching(/NOPERM.*Use a token that may read and write/),
          ]);
          expect(await fieldsOf(admin, "mine:1")).toEqual({ f: textOf("f") });
        } finally {
          await reader.close();
        }
        const limited = await startRig({ redis: redis.url.replace("//", "//limited:pw@") });
        try {
          expect(await migrate(limited, "--hashes", "--apply")).toMatchObject({
            code: 1,
            written: { compressed: 1 },
            failed: { refused: 1 },
          });
          expect(await fieldsOf(admin, "other:1")).toEqual({ f: textOf("g") });
        } finally {
          await limited.close();
        }
      } finally {
        await admin.close();
        await redis.stop();
      }
    },
  );
});
