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

describe("what needs a real Redis", () => {
  test.each(["EVAL", "evalsha", "SCRIPT", "FCALL", "ZADD", "XADD", "BLPOP", "ACL", "MONITOR"])(
    "%s says so",
    async (name) => {
      const { run } = createKeyspace();
      expect(await run(name, "a", "b")).toMatch(
        /^ERR needs a real Redis: the embedded keyspace has no '[A-Z]+'\. Start with/,
      );
    },
  );
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
