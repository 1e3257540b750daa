import { describe, expect, test } from "vitest";
import { createEmbeddedBackend } from "../../src/dev/embedded/index.ts";
import { matchesGlob } from "../../src/dev/embedded/glob.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "../../src/dev/embedded/long-double.ts";
import type { RespValue } from "../../src/rest/resp.ts";

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A keyspace whose clock stands still until it is moved, spoken to in Latin-1. */
function createKeyspace(): { run(...command: string[]): Promise<unknown>; clock: { now: number } } {
  const clock = { now: 1_800_000_000_000 };
  const backend = createEmbeddedBackend({ now: () => clock.now });
  const plain = (reply: RespValue): unknown => {
    if (reply.kind === "bulk") return reply.bytes === null ? null : String.fromCharCode(...reply.bytes);
    if (reply.kind === "array") return reply.items?.map(plain) ?? null;
    return reply.kind === "integer" ? reply.value : reply.text;
  };
  return { clock, run: async (...command) => plain(await backend.execute(command.map(latin1))) };
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
  test.each(["EVAL", "evalsha", "SCRIPT", "FCALL", "ZADD", "XADD", "BLPOP", "PUBLISH", "HEXPIRE"])(
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
