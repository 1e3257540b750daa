/** The embedded keyspace where a Redis to compare with cannot help: time, limits, random replies and arithmetic. */
import { describe, expect, test } from "vitest";
import { createEmbeddedBackend } from "../../../src/dev/embedded/index.ts";
import { matchesGlob } from "../../../src/dictionaries/glob.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "../../../src/dev/embedded/long-double.ts";
import type { RespValue } from "../../../src/rest/resp.ts";

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

function plainReply(reply: RespValue): unknown {
  if (reply.kind === "bulk") return reply.bytes === null ? null : String.fromCharCode(...reply.bytes);
  if (reply.kind === "array") return reply.items?.map(plainReply) ?? null;
  return reply.kind === "integer" ? reply.value : reply.text;
}

/** A keyspace whose clock stands still until it is moved, spoken to in Latin-1. */
function createKeyspace(): { run(...command: string[]): Promise<unknown>; clock: { now: number } } {
  const clock = { now: 1_800_000_000_000 };
  const backend = createEmbeddedBackend({ now: () => clock.now });
  return { clock, run: async (...command) => plainReply(await backend.execute(command.map(latin1))) };
}

describe("expiry", () => {
  test("a key is there in its last millisecond and gone in the next", async () => {
    const { run, clock } = createKeyspace();
    await run("SET", "k", "v", "PX", "1000");
    clock.now += 1_000;
    expect(await run("GET", "k")).toBe("v");
    expect(await run("PTTL", "k")).toBe(0);
    clock.now += 1;
    expect(await run("GET", "k")).toBe(null);
    expect(await run("PTTL", "k")).toBe(-2);
    expect(await run("SETNX", "k", "w")).toBe(1);
    expect(await run("PTTL", "k")).toBe(-1);
  });

  test("expired keys count nowhere", async () => {
    const { run, clock } = createKeyspace();
    await run("MSET", "a", "1", "b", "2", "c", "3");
    await run("PEXPIRE", "a", "10");
    await run("PEXPIRE", "b", "20");
    clock.now += 11;
    expect(await run("DBSIZE")).toBe(2);
    expect(await run("KEYS", "*")).toEqual(["b", "c"]);
    clock.now += 10;
    expect(await run("SCAN", "0")).toEqual(["0", ["c"]]);
    expect(await run("RANDOMKEY")).toBe("c");
    expect(await run("EXISTS", "a", "b", "c")).toBe(1);
    expect(await run("RENAME", "a", "z")).toBe("ERR no such key");
    expect(await run("HSET", "b", "f", "v")).toBe(1);
  });

  test("what overwrites drops the expiry, what changes in place keeps it, RENAME and COPY carry it", async () => {
    const { run } = createKeyspace();
    for (const [command, ttl] of [
      [["APPEND", "k", "x"], 100],
      [["SETRANGE", "k", "0", "x"], 100],
      [["INCR", "k"], 100],
      [["SET", "k", "x", "KEEPTTL"], 100],
      [["SET", "k", "x"], -1],
      [["GETSET", "k", "x"], -1],
      [["GETEX", "k", "PERSIST"], -1],
      [["GETEX", "k"], 100],
    ] as const) {
      await run("SET", "k", "1", "EX", "100");
      await run(...command);
      expect([command, await run("TTL", "k")]).toEqual([command, ttl]);
    }
    await run("SET", "k", "1", "EX", "100");
    await run("COPY", "k", "c");
    await run("RENAME", "k", "r");
    expect([await run("TTL", "c"), await run("TTL", "r"), await run("TTL", "k")]).toEqual([100, 100, -2]);
  });
});

describe("fields that expire", () => {
  const field = async (run: (...command: string[]) => Promise<unknown>, name: string): Promise<unknown> =>
    ((await run("HPTTL", "h", "FIELDS", "1", name)) as unknown[])[0];

  test("a field is there in its last millisecond and gone in the next, and the hash with its last field", async () => {
    const { run, clock } = createKeyspace();
    // Something that expires before it, so that the keyspace looks for what has.
    await run("SET", "other", "v", "PX", "500");
    expect(await run("HSETEX", "h", "PX", "1000", "FIELDS", "2", "a", "1", "b", "2")).toBe(1);
    expect(await run("HSETEX", "h", "EX", "2", "FIELDS", "1", "c", "3")).toBe(1);
    clock.now += 1_000;
    expect(await run("HGETALL", "h")).toEqual(["a", "1", "b", "2", "c", "3"]);
    expect(await run("HTTL", "h", "FIELDS", "3", "a", "c", "x")).toEqual([0, 1, -2]);
    clock.now += 1;
    expect(await run("HGETALL", "h")).toEqual(["c", "3"]);
    expect(await run("HLEN", "h")).toBe(1);
    expect(await run("HTTL", "h", "FIELDS", "3", "a", "c", "x")).toEqual([-2, 1, -2]);
    clock.now += 1_000;
    expect(await run("DBSIZE")).toBe(0);
    expect(await run("EXISTS", "h")).toBe(0);
    expect(await run("KEYS", "*")).toEqual([]);
    expect(await run("TYPE", "h")).toBe("none");
    expect(await run("SET", "h", "x", "NX")).toBe("OK");
  });

  test("HSETEX sets all or nothing", async () => {
    const { run, clock } = createKeyspace();
    expect(await run("HSETEX", "h", "FXX", "FIELDS", "1", "a", "1")).toBe(0);
    expect(await run("EXISTS", "h")).toBe(0);
    expect(await run("HSETEX", "h", "FNX", "ex", "10", "fields", "1", "a", "1")).toBe(1);
    expect(await run("HSETEX", "h", "FNX", "FIELDS", "2", "b", "2", "a", "2")).toBe(0);
    expect(await run("HSETEX", "h", "FXX", "FIELDS", "2", "b", "2", "a", "2")).toBe(0);
    expect(await run("HMGET", "h", "a", "b")).toEqual(["1", null]);
    expect(await run("HSETEX", "h", "FXX", "KEEPTTL", "FIELDS", "1", "a", "2")).toBe(1);
    expect(await field(run, "a")).toBe(10_000);
    expect(await run("HSETEX", "h", "EXAT", `${clock.now / 1000 + 7}`, "FIELDS", "1", "a", "2")).toBe(1);
    expect(await field(run, "a")).toBe(7_000);
    expect(await run("HSETEX", "h", "PXAT", `${clock.now + 5}`, "FIELDS", "1", "a", "2")).toBe(1);
    expect(await field(run, "a")).toBe(5);
    expect(await run("HSETEX", "h", "FIELDS", "1", "a", "3")).toBe(1);
    expect(await field(run, "a")).toBe(-1);
    expect(await run("HSETEX", "h", "PX", "0", "FIELDS", "1", "a", "4")).toBe(1);
    expect(await run("EXISTS", "h")).toBe(0);
  });

  test("HGETEX reads and changes the expiry, HGETDEL reads and removes", async () => {
    const { run } = createKeyspace();
    await run("HSET", "h", "a", "1", "b", "2", "c", "3");
    expect(await run("HGETEX", "h", "FIELDS", "2", "a", "x")).toEqual(["1", null]);
    expect(await field(run, "a")).toBe(-1);
    expect(await run("HGETEX", "h", "PX", "50", "FIELDS", "2", "a", "x")).toEqual(["1", null]);
    expect(await field(run, "a")).toBe(50);
    expect(await run("HGETEX", "h", "FIELDS", "1", "a")).toEqual(["1"]);
    expect(await field(run, "a")).toBe(50);
    expect(await run("HGETEX", "h", "PERSIST", "FIELDS", "1", "a")).toEqual(["1"]);
    expect(await field(run, "a")).toBe(-1);
    expect(await run("HGETEX", "h", "EX", "0", "FIELDS", "1", "a")).toEqual(["1"]);
    expect(await run("HGETALL", "h")).toEqual(["b", "2", "c", "3"]);
    expect(await run("HGETDEL", "h", "FIELDS", "2", "b", "x")).toEqual(["2", null]);
    expect(await run("HGETDEL", "h", "FIELDS", "2", "c", "c")).toEqual(["3", null]);
    expect(await run("EXISTS", "h")).toBe(0);
    expect(await run("HGETDEL", "h", "FIELDS", "1", "c")).toEqual([null]);
    expect(await run("HGETEX", "h", "EX", "5", "FIELDS", "1", "c")).toEqual([null]);
    expect(await run("EXISTS", "h")).toBe(0);
  });

  test("HEXPIRE and its relatives", async () => {
    const { run, clock } = createKeyspace();
    await run("HSET", "h", "a", "1", "b", "2");
    expect(await run("HEXPIRE", "h", "10", "FIELDS", "3", "a", "b", "x")).toEqual([1, 1, -2]);
    expect(await run("HPEXPIRE", "h", "5000", "GT", "FIELDS", "1", "a")).toEqual([0]);
    expect(await run("HPEXPIRE", "h", "5000", "LT", "FIELDS", "1", "a")).toEqual([1]);
    expect(await run("HPEXPIRE", "h", "6000", "NX", "FIELDS", "1", "a")).toEqual([0]);
    expect(await run("HEXPIREAT", "h", `${clock.now / 1000 + 20}`, "XX", "FIELDS", "1", "a")).toEqual([1]);
    expect(await run("HEXPIRETIME", "h", "FIELDS", "1", "a")).toEqual([clock.now / 1000 + 20]);
    expect(await run("HPEXPIRETIME", "h", "FIELDS", "1", "a")).toEqual([clock.now + 20_000]);
    expect(await run("HPERSIST", "h", "FIELDS", "3", "a", "a", "x")).toEqual([1, -1, -2]);
    expect(await run("HPEXPIREAT", "h", "1", "FIELDS", "1", "a")).toEqual([2]);
    expect(await run("HGETALL", "h")).toEqual(["b", "2"]);
    expect(await run("HTTL", "none", "FIELDS", "1", "a")).toEqual([-2]);
    expect(await run("HEXPIRE", "none", "1", "FIELDS", "1", "a")).toEqual([-2]);
  });

  test("what overwrites drops a field's expiry, what changes in place keeps it, RENAME and COPY carry it", async () => {
    const { run, clock } = createKeyspace();
    for (const [command, ttl] of [
      [["HINCRBY", "h", "a", "1"], 100],
      [["HINCRBYFLOAT", "h", "a", "0.5"], 100],
      [["HSETNX", "h", "a", "9"], 100],
      [["HSET", "h", "a", "9"], -1],
    ] as const) {
      await run("HSETEX", "h", "PX", "100", "FIELDS", "1", "a", "1");
      await run(...command);
      expect([command, await field(run, "a")]).toEqual([command, ttl]);
      await run("DEL", "h");
    }
    await run("HSETEX", "h", "PX", "100", "FIELDS", "1", "a", "1");
    await run("COPY", "h", "copied");
    await run("RENAME", "h", "renamed");
    await run("HSET", "copied", "b", "2");
    clock.now += 101;
    expect(await run("EXISTS", "renamed")).toBe(0);
    expect(await run("HGETALL", "copied")).toEqual(["b", "2"]);
  });

  test.each([
    [
      ["HSETEX", "h", "FNX", "FXX", "FIELDS", "1", "a", "1"],
      "ERR Only one of FXX or FNX arguments can be specified",
    ],
    [
      ["HSETEX", "h", "EX", "1", "KEEPTTL", "FIELDS", "1", "a", "1"],
      "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    ],
    [
      ["HGETEX", "h", "PERSIST", "PX", "1", "FIELDS", "1", "a"],
      "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
    ],
    [["HSETEX", "h", "BOGUS", "FIELDS", "1", "a", "1"], "ERR unknown argument: BOGUS"],
    [["HSETEX", "h", "FIELDS", "0", "a", "1"], "ERR invalid number of fields"],
    [["HSETEX", "h", "FIELDS", "x", "a", "1"], "ERR invalid number of fields"],
    [["HSETEX", "h", "FIELDS", "2", "a", "1"], "ERR wrong number of arguments for 'hsetex' command"],
    [["HSETEX", "h", "EX", "-1", "FIELDS", "1", "a", "1"], "ERR invalid expire time, must be >= 0"],
    [
      ["HSETEX", "h", "EX", "9223372036854775807", "FIELDS", "1", "a", "1"],
      "ERR invalid expire time in 'hsetex' command",
    ],
    [["HSETEX", "h", "EX", "x", "FIELDS", "1", "a", "1"], "ERR value is not an integer or out of range"],
    [
      ["HGETDEL", "h", "1", "FIELDS", "a"],
      "ERR Mandatory argument FIELDS is missing or not at the right position",
    ],
    [["HGETDEL", "h", "FIELDS", "0", "a"], "ERR Number of fields must be a positive integer"],
    [
      ["HGETDEL", "h", "FIELDS", "2", "a"],
      "ERR The `numfields` parameter must match the number of arguments",
    ],
    [
      ["HGETDEL", "s", "FIELDS", "1", "a"],
      "WRONGTYPE Operation against a key holding the wrong kind of value",
    ],
    [
      ["HSETEX", "s", "FIELDS", "1", "a", "1"],
      "WRONGTYPE Operation against a key holding the wrong kind of value",
    ],
  ])("%j is an error that changes nothing", async (command, text) => {
    const { run } = createKeyspace();
    await run("SET", "s", "v");
    expect(await run(...command)).toBe(text);
    expect(await run("KEYS", "*")).toEqual(["s"]);
  });
});

describe("channels", () => {
  test("each listener of a channel and each pattern that matches counts", async () => {
    const backend = createEmbeddedBackend();
    const feed = async (...command: string[]): Promise<ReadableStreamDefaultReader<RespValue>> =>
      (await backend.feed(command.map(latin1))).getReader();
    const run = async (...command: string[]): Promise<unknown> =>
      plainReply(await backend.execute(command.map(latin1)));
    const [one, two] = [await feed("SUBSCRIBE", "a", "b", "a"), await feed("subscribe", "b")];
    const three = await feed("PSUBSCRIBE", "a*", "?", "c");
    const next = async (reader: typeof one): Promise<unknown> => {
      const { value } = await reader.read();
      return value === undefined ? undefined : plainReply(value);
    };
    expect([await next(one), await next(one), await next(one)]).toEqual([
      ["subscribe", "a", 1],
      ["subscribe", "b", 2],
      ["subscribe", "a", 2],
    ]);
    expect(await run("PUBSUB", "CHANNELS")).toEqual(["a", "b"]);
    expect(await run("pubsub", "channels", "[^a]")).toEqual(["b"]);
    expect(await run("PUBSUB", "NUMSUB", "a", "b", "c")).toEqual(["a", 1, "b", 2, "c", 0]);
    expect(await run("PUBSUB", "NUMPAT")).toBe(3);
    expect(await run("PUBLISH", "a", "\xff\x00")).toBe(3);
    expect(await run("PUBLISH", "b", "2")).toBe(3);
    expect([await next(one), await next(one)]).toEqual([
      ["message", "a", "\xff\x00"],
      ["message", "b", "2"],
    ]);
    expect([await next(two), await next(two)]).toEqual([
      ["subscribe", "b", 1],
      ["message", "b", "2"],
    ]);
    for (let index = 1; index <= 3; index++) expect((await next(three)) as unknown[]).toContain(index);
    expect([await next(three), await next(three)]).toEqual([
      ["pmessage", "a*", "a", "\xff\x00"],
      ["pmessage", "?", "a", "\xff\x00"],
    ]);
    await one.cancel();
    expect(await run("PUBSUB", "NUMSUB", "a", "b")).toEqual(["a", 0, "b", 1]);
    const waiting = next(two);
    await backend.close();
    expect(await waiting).toBe(undefined);
    expect(await run("PUBLISH", "b", "x")).toBe(0);
  });
});

describe("values", () => {
  test("a reply does not change with the value, nor a copy with its source", async () => {
    const backend = createEmbeddedBackend();
    await backend.execute(["SET", "k", "abc"].map(latin1));
    const reply = await backend.execute(["GET", "k"].map(latin1));
    await backend.execute(["COPY", "k", "c"].map(latin1));
    await backend.execute(["SETRANGE", "k", "0", "XYZ"].map(latin1));
    await backend.execute(["APPEND", "k", "!"].map(latin1));
    expect(reply).toEqual({ kind: "bulk", bytes: latin1("abc") });
    expect(await backend.execute(["GET", "c"].map(latin1))).toEqual({ kind: "bulk", bytes: latin1("abc") });
    expect(await backend.execute(["GET", "k"].map(latin1))).toEqual({ kind: "bulk", bytes: latin1("XYZ!") });
  });

  test("a value grows from pieces, in any order", async () => {
    const backend = createEmbeddedBackend();
    const whole = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 7);
    const starts = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) * 10_000);
    for (const start of starts) {
      const piece = whole.slice(start, start + 10_000);
      await backend.execute([latin1("SETRANGE"), latin1("k"), latin1(`${start}`), piece]);
      await backend.execute([latin1("APPEND"), latin1("a"), piece]);
    }
    const reply = await backend.execute(["GET", "k"].map(latin1));
    expect(reply.kind === "bulk" && reply.bytes !== null && Buffer.compare(reply.bytes, whole)).toBe(0);
    expect(await backend.execute(["STRLEN", "a"].map(latin1))).toEqual({ kind: "integer", value: 1_000_000 });
  });

  test("a list takes more items at once than a call takes arguments", async () => {
    const backend = createEmbeddedBackend();
    const items = Array.from({ length: 200_000 }, (_, index) => `${index}`);
    const run = (command: readonly string[]): Promise<RespValue> => backend.execute(command.map(latin1));
    const integer = (value: number): RespValue => ({ kind: "integer", value });
    expect(await run(["RPUSH", "k"].concat(items))).toEqual(integer(200_000));
    expect(await run(["LPUSH", "k"].concat(items))).toEqual(integer(400_000));
    expect(await run(["LREM", "k", "0", "7"])).toEqual(integer(2));
    expect(await run(["LTRIM", "k", "1", "-1"])).toEqual({ kind: "status", text: "OK" });
    expect(await run(["LINDEX", "k", "0"])).toEqual({ kind: "bulk", bytes: latin1("199998") });
    expect(await run(["LLEN", "k"])).toEqual(integer(399_997));
  });

  test("strings stop at 512 MiB", async () => {
    const { run } = createKeyspace();
    const text = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    expect(await run("SETRANGE", "k", "536870912", "x")).toBe(text);
    expect(await run("EXISTS", "k")).toBe(0);
  });

  test("SET IFEQ and IFNE compare with what is there", async () => {
    const { run } = createKeyspace();
    expect(await run("SET", "k", "a", "IFEQ", "a")).toBe(null);
    expect(await run("SET", "k", "a", "IFNE", "a")).toBe("OK");
    expect(await run("SET", "k", "b", "IFNE", "a")).toBe(null);
    expect(await run("SET", "k", "b", "IFEQ", "a", "EX", "10")).toBe("OK");
    expect(await run("TTL", "k")).toBe(10);
    expect(await run("SET", "k", "c", "IFEQ", "x", "GET")).toBe("b");
    expect(await run("GET", "k")).toBe("b");
    expect(await run("SET", "k", "c", "IFEQ")).toBe("ERR syntax error");
    expect(await run("SET", "k", "c", "IFEQ", "b", "NX")).toBe("ERR syntax error");
  });

  test("keys and fields are bytes: none of 256 is another", async () => {
    const { run } = createKeyspace();
    for (let byte = 0; byte < 256; byte++) {
      expect(await run("SET", String.fromCharCode(byte), `${byte}`)).toBe("OK");
      expect(await run("HSET", "the hash", String.fromCharCode(byte), `${byte}`)).toBe(1);
    }
    expect(await run("DBSIZE")).toBe(257);
    expect(await run("HLEN", "the hash")).toBe(256);
    expect(await run("GET", "\xe9")).toBe("233");
    expect(await run("HGET", "the hash", "\x00")).toBe("0");
  });

  test("a prototype's names are ordinary keys and no commands", async () => {
    const { run } = createKeyspace();
    expect(await run("GET", "__proto__")).toBe(null);
    expect(await run("SET", "constructor", "x")).toBe("OK");
    expect(await run("constructor")).toBe("ERR unknown command 'constructor', with args beginning with: ");
    expect(await run("SET", "k", "v", "constructor", "1")).toBe("ERR syntax error");
  });
});

describe("SCAN", () => {
  test("shows what is there throughout exactly once, while others come and go", async () => {
    const { run } = createKeyspace();
    for (let index = 0; index < 300; index++) await run("SET", `stay:${index}`, "1");
    for (let index = 0; index < 300; index++) await run("SET", `go:${index}`, "1");
    const seen: string[] = [];
    let cursor = "0";
    let calls = 0;
    do {
      const [next, keys] = (await run("SCAN", cursor, "COUNT", "7")) as [string, string[]];
      seen.push(...keys);
      cursor = next;
      await run("DEL", `go:${calls}`, `go:${299 - calls}`);
      await run("SET", `new:${calls}`, "1");
      calls++;
    } while (cursor !== "0" && calls < 1_000);
    expect(calls).toBeGreaterThan(40);
    const stayed = seen.filter((key) => key.startsWith("stay:"));
    expect(stayed.length).toBe(300);
    expect(new Set(stayed).size).toBe(300);
  });

  test("HSCAN goes on where it stopped", async () => {
    const { run } = createKeyspace();
    for (let index = 0; index < 25; index++) await run("HSET", "h", `f${index}`, "v");
    const [cursor, first] = (await run("HSCAN", "h", "0")) as [string, string[]];
    expect(first.length).toBe(20);
    const [second, more] = (await run("HSCAN", "h", cursor)) as [string, string[]];
    expect(more.length).toBe(20);
    expect(await run("HSCAN", "h", second, "MATCH", "f2?")).toEqual([
      "0",
      ["f20", "v", "f21", "v", "f22", "v", "f23", "v", "f24", "v"],
    ]);
  });
});

describe("what Redis 7.0 does not have yet", () => {
  test("ZRANK … WITHSCORE, as in 7.2", async () => {
    const { run } = createKeyspace();
    await run("ZADD", "z", "1.5", "a", "3", "b");
    expect(await run("ZRANK", "z", "b", "WITHSCORE")).toEqual([1, "3"]);
    expect(await run("ZREVRANK", "z", "a", "withscore")).toEqual([1, "1.5"]);
    expect(await run("ZRANK", "z", "c", "WITHSCORE")).toBe(null);
    expect(await run("ZRANK", "z", "a", "WITHSCORES")).toBe("ERR syntax error");
  });

  test("HSCAN … NOVALUES, as in 7.4", async () => {
    const { run } = createKeyspace();
    await run("HSET", "h", "a", "1", "b", "2", "c", "3");
    expect(await run("HSCAN", "h", "0", "NOVALUES", "MATCH", "[ab]")).toEqual(["0", ["a", "b"]]);
  });

  test.each([
    ["DIFF", "\x0f\xf0\xff", "\x01\x10", "\x02\x80", "\x0c\x60\xff"],
    ["DIFF1", "\x0f\xf0", "\x01\x11", "\x12\x80", "\x10\x01"],
    ["ANDOR", "\x0f\xf0", "\x01\x11", "\x12\x80", "\x03\x90"],
    ["ONE", "\x0f\xf0", "\x01\x11", "\x12\x81", "\x1c\x60"],
  ])("BITOP %s, as in 8.2", async (operation, x, y, z, wanted) => {
    const { run } = createKeyspace();
    await run("MSET", "x", x, "y", y, "z", z);
    expect(await run("BITOP", operation, "to", "x", "y", "z")).toBe(wanted.length);
    expect(await run("GET", "to")).toBe(wanted);
    if (operation !== "ONE")
      expect(await run("BITOP", operation, "to", "x")).toBe(
        `ERR BITOP ${operation} must be called with at least two source keys.`,
      );
  });

  test("SET and DELEX on the digest or the bytes of the old value, as in 8.4", async () => {
    const { run } = createKeyspace();
    await run("SET", "k", "v");
    const digest = String(await run("DIGEST", "k"));
    expect(await run("SET", "k", "w", "IFDEQ", "0".repeat(16))).toBe(null);
    expect(await run("SET", "k", "w", "IFDEQ", digest.toUpperCase())).toBe("OK");
    expect(await run("SET", "k", "x", "IFDNE", digest)).toBe("OK");
    expect(await run("SET", "new", "x", "IFDNE", digest)).toBe("OK");
    expect(await run("SET", "none", "x", "IFDEQ", digest)).toBe(null);
    expect(await run("SET", "k", "x", "IFDEQ", "abc")).toBe("ERR must be exactly 16 hexadecimal characters");
    expect(await run("SET", "k", "x", "IFDEQ", digest, "IFEQ", "x")).toBe("ERR syntax error");
    expect(await run("DELEX", "k", "IFEQ", "other")).toBe(0);
    expect(await run("DELEX", "k", "IFNE", "x")).toBe(0);
    expect(await run("DELEX", "k", "IFDEQ", String(await run("DIGEST", "k")))).toBe(1);
    expect(await run("DELEX", "k", "IFNE", "x")).toBe(0);
    expect(await run("DELEX", "new")).toBe(1);
    await run("RPUSH", "list", "x");
    expect(await run("DELEX", "list", "IFEQ", "x")).toMatch(/^ERR Key should be of string type/);
    expect(await run("DELEX", "list")).toBe(1);
  });
});

test("MEMORY USAGE grows with the value, whatever its type", async () => {
  const { run } = createKeyspace();
  const size = async (key: string): Promise<number> => Number(await run("MEMORY", "USAGE", key));
  expect(await run("MEMORY", "USAGE", "none")).toBe(null);
  const grow = [
    ["APPEND", "text"],
    ["RPUSH", "list"],
    ["SADD", "set"],
    ["HSET", "hash", "f"],
    ["ZADD", "zset", "1"],
    ["XADD", "stream", "*", "f"],
  ];
  for (const [name = "", key = "", ...rest] of grow) {
    await run(name, key, ...rest, "a");
    const before = await size(key);
    await run(name, key, ...rest, "b".repeat(1000));
    expect(await size(key)).toBeGreaterThan(before + 900);
  }
  expect(await run("MEMORY", "USAGE", "text", "SAMPLES", "0")).toBe(await size("text"));
  expect(await run("MEMORY", "USAGE", "text", "BOGUS", "0")).toBe("ERR syntax error");
});

test("XDELEX and XACKDEL, as in 8.2", async () => {
  const { run } = createKeyspace();
  for (const id of ["1", "2", "3", "4"]) await run("XADD", "s", `${id}-0`, "f", "v");
  for (const group of ["g", "h"]) await run("XGROUP", "CREATE", "s", group, "0");
  await run("XREADGROUP", "GROUP", "g", "c", "COUNT", "3", "STREAMS", "s", ">");
  await run("XREADGROUP", "GROUP", "h", "c", "COUNT", "2", "STREAMS", "s", ">");
  expect(await run("XDELEX", "s", "ACKED", "IDS", "3", "1-0", "4-0", "9-0")).toEqual([2, 2, -1]);
  await run("XACK", "s", "g", "1-0");
  await run("XACK", "s", "h", "1-0");
  expect(await run("XDELEX", "s", "ACKED", "IDS", "1", "1-0")).toEqual([1]);
  // The other group still waits for the second entry.
  expect(await run("XACKDEL", "s", "g", "ACKED", "IDS", "2", "2-0", "4-0")).toEqual([2, -1]);
  expect(await run("XACKDEL", "s", "h", "ACKED", "IDS", "1", "2-0")).toEqual([1]);
  expect(await run("XDELEX", "s", "IDS", "1", "3-0")).toEqual([1]);
  expect(await run("XPENDING", "s", "g")).toEqual([1, "3-0", "3-0", [["c", "1"]]]);
  await run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">");
  expect(await run("XDELEX", "s", "DELREF", "IDS", "1", "4-0")).toEqual([1]);
  expect(await run("XPENDING", "s", "g")).toEqual([1, "3-0", "3-0", [["c", "1"]]]);
  expect(await run("XLEN", "s")).toBe(0);
  expect(await run("XDELEX", "none", "IDS", "1", "1")).toEqual([-1]);
  expect(await run("XDELEX", "s", "IDS", "2", "1")).toMatch(/^ERR The `numids`/);
  expect(await run("XDELEX", "s", "BOGUS", "IDS", "1", "1")).toBe("ERR syntax error");
});

test("XADD takes the time for its ID, and goes on from the last one", async () => {
  const { run, clock } = createKeyspace();
  expect(await run("XADD", "s", "*", "f", "v")).toBe("1800000000000-0");
  expect(await run("XADD", "s", "*", "f", "v")).toBe("1800000000000-1");
  clock.now -= 50;
  expect(await run("XADD", "s", "*", "f", "v")).toBe("1800000000000-2");
  clock.now += 51;
  expect(await run("XADD", "s", "MAXLEN", "~", "2", "*", "f", "v")).toBe("1800000000001-0");
  expect(await run("XLEN", "s")).toBe(2);
});

describe("scans and samples of many members", () => {
  test("several scans at once find each member that stays exactly once, whatever comes and goes", async () => {
    const { run } = createKeyspace();
    for (let index = 0; index < 500; index++) await run("SADD", "s", `m${index}`);
    // More scans than places are remembered for, so that some go on from their cursor alone.
    const scans = Array.from({ length: 20 }, () => ({ cursor: "0", found: [] as string[], done: false }));
    for (let step = 0; scans.some(({ done }) => !done); step++) {
      for (const scan of scans.filter(({ done }) => !done)) {
        const [cursor, found] = (await run("SSCAN", "s", scan.cursor, "COUNT", "50")) as [string, string[]];
        scan.found.push(...found);
        scan.done = cursor === "0";
        scan.cursor = cursor;
      }
      await run("SREM", "s", `m${step * 3}`);
      await run("SADD", "s", `new${step}`);
    }
    for (const { found } of scans) {
      expect(new Set(found).size).toBe(found.length);
      for (let index = 100; index < 500; index++) expect(found).toContain(`m${index}`);
    }
  });

  test("a cursor may be used twice", async () => {
    const { run } = createKeyspace();
    for (let index = 0; index < 50; index++) await run("SADD", "s", `m${index}`);
    const [cursor] = (await run("SSCAN", "s", "0")) as [string, string[]];
    const second = await run("SSCAN", "s", cursor);
    expect(await run("SSCAN", "s", cursor)).toEqual(second);
  });

  test("samples are of members that are there, each once, and every one comes up", async () => {
    const { run } = createKeyspace();
    const there = new Set<string>();
    for (let index = 0; index < 60; index++) {
      await run("SADD", "s", `m${index}`);
      there.add(`m${index}`);
      if (index % 3 === 0) {
        await run("SREM", "s", `m${index / 3}`);
        there.delete(`m${index / 3}`);
      }
    }
    const seen = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const drawn = (await run("SRANDMEMBER", "s", "7")) as string[];
      expect([drawn.length, new Set(drawn).size]).toEqual([7, 7]);
      for (const member of drawn) seen.add(member);
    }
    expect([...seen].sort()).toEqual([...there].sort());
    expect(((await run("SRANDMEMBER", "s", "-100")) as string[]).length).toBe(100);
    expect(((await run("SPOP", "s", "1000")) as string[]).sort()).toEqual([...there].sort());
    expect(await run("EXISTS", "s")).toBe(0);
  });
});

describe("what needs a real Redis", () => {
  test.each(["EVAL", "evalsha", "SCRIPT", "FCALL", "DUMP", "CONFIG", "ACL"])("%s says so", async (name) => {
    const { run } = createKeyspace();
    expect(await run(name, "a", "b")).toBe(
      `ERR the embedded backend has no ${name.toUpperCase()}: a redis-server on the PATH or a Redis by --redis has it`,
    );
  });
});

describe("matchesGlob", () => {
  test("many stars cost no more than their product", () => {
    expect(matchesGlob("*a".repeat(200), "a".repeat(5_000) + "b")).toBe(false);
    expect(matchesGlob(`${"*a".repeat(200)}*`, "a".repeat(5_000))).toBe(true);
  });
});

describe("long doubles", () => {
  // What Redis 7.0.15 answers to SET k a, INCRBYFLOAT k b.
  test.each([
    ["10.5", "0.1", "10.6"],
    ["0.1", "0.2", "0.3"],
    ["5.0e3", "2.0e2", "5200"],
    ["3", "-3", "0"],
    ["1", "1e-17", "1.00000000000000001"],
    ["-0.00000000000000001", "0", "-0.00000000000000001"],
    ["9007199254740993", "1", "9007199254740994"],
    ["18446744073709551615", "1", "18446744073709551616"],
  ])("%s + %s is %s", (a, b, sum) => {
    const [x, y] = [parseLongDouble(a), parseLongDouble(b)];
    if (x === undefined || y === undefined) throw new Error("both are numbers");
    const total = addLongDouble(x, y);
    expect(total === undefined ? undefined : formatLongDouble(total)).toBe(sum);
  });

  test.each(["", "x", "1x", " 1", "1 ", "nan", "inf", ".", "e5", "1e", "--1", "1e99999", "1e-99999"])(
    "%j is no number",
    (text) => {
      expect(parseLongDouble(text)).toBe(undefined);
    },
  );
});
