/** Values that zstash did not write: they come back as the SDK makes them, and a bad one is named. */
import type { Redis } from "@upstash/redis";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { seededRandom, type Random } from "../../support/random.ts";
import { rejection } from "../../support/rejection.ts";
import { useFidelity, type Kind } from "../../support/fidelity.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Bytes of which odd values are made. */
const parts: readonly Uint8Array[] = [
  latin1("\xef\xbb\xbf"), // a byte order mark
  latin1("\xff\xfe"), // that of UTF-16
  latin1("\xed\xa0\x80"), // a lone surrogate, as CESU-8 has it
  latin1("\xc0\x80"),
  latin1("\xf4\x90\x80\x80"), // above U+10FFFF
  latin1("\xe2\x82"), // cut
  latin1("\x80"),
  latin1("\x00"),
  latin1("\xb5/\xfd"),
  utf8("\u{1F600}"),
  utf8("é"),
  utf8("\uFFFD"),
  ...'{ } [ ] : , " 1 -0 9007199254740993 1e400 0.10 true null nul NaN OK zs1: KLUv/ ( / \n'
    .split(" ")
    .map(utf8),
  utf8('{"a":[1,null,"9007199254740993"]}'),
];

const whole: readonly Uint8Array[] = [
  ...['{"a":1}', "123", "null", "true", '"x"', "[]", "hi", ""].map((text) => utf8(`\uFEFF${text}`)),
  utf8("\uFEFF\uFEFF1"),
  ...["null", "9007199254740993", "-9007199254740993", "101600000000150081467", "01", "1.0", "1e3", ""].map(
    utf8,
  ),
  // These have the first nine characters of a value of ours, and then none that a value has.
  ...["zs1:KLUv/ is how a value of zstash begins", "zs1:KLUv/garbage", "zs1:KLUv/AAAAAAA", "zs1:KLUv/%"].map(
    utf8,
  ),
  utf8(`${Buffer.from('{"a":1}', "utf16le").toString("latin1")}`),
];

function draw(random: Random): Uint8Array {
  if (random.below(4) === 0) return random.pick(whole);
  if (random.below(6) === 0) return random.bytes(random.below(40));
  return Buffer.concat(Array.from({ length: random.below(5) + 1 }, () => random.pick(parts)));
}

/** True for bytes that begin like a stored value: what becomes of those is another test's. */
function looksStored(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  return /^\uFEFF?(zs1:KLUv\/[Q-Za-f]|zs1:KLUv\/$|\(\uFFFD\/\uFFFD)/.test(text);
}

type Reading = (redis: Redis) => Promise<unknown>;
const readings: Readonly<Record<string, Reading>> = {
  GET: (redis) => redis.get("v"),
  MGET: (redis) => redis.mget("v", "none", "v"),
  GETEX: (redis) => redis.getex("v", { persist: true }),
  "SET … GET": async (redis) => {
    await redis.copy("v", "v2", { replace: true });
    return redis.set("v2", "x", { get: true });
  },
  GETRANGE: (redis) => redis.getrange("v", 0, -1),
  HGET: (redis) => redis.hget("h", "f"),
  HMGET: (redis) => redis.hmget("h", "f", "none"),
  HGETALL: (redis) => redis.hgetall("h"),
  HVALS: (redis) => redis.hvals("h"),
  HKEYS: (redis) => redis.hkeys("h"),
  HSCAN: (redis) => redis.hscan("h", 0),
  HRANDFIELD: (redis) => redis.hrandfield("one", 1, true),
  LRANGE: (redis) => redis.lrange("l", 0, -1),
  SMEMBERS: (redis) => redis.smembers("s"),
  TYPE: (redis) => redis.type("v"),
  pipeline: (redis) => redis.pipeline().get("v").hgetall("h").lrange("l", 0, -1).exec(),
  multi: (redis) => redis.multi().get("v").hget("h", "f").exec(),
};
/** What the embedded backend does not have. */
const ofRealRedis: Readonly<Record<string, Reading>> = {
  ZRANGE: (redis) => redis.zrange("z", 0, -1, { withScores: true }),
  "HGETALL with such a field": (redis) => redis.hgetall("fields"),
  "HSCAN with such a field": (redis) => redis.hscan("fields", 0),
  EVAL: (redis) => redis.eval("return redis.call('GET', KEYS[1])", ["v"], []),
  "EVAL, nested": (redis) =>
    redis.eval("return {1, {redis.call('GET', KEYS[1]), {'OKAY', false}}}", ["v"], []),
  "EVAL of a status": (redis) =>
    redis.eval("return redis.status_reply(redis.call('GET', KEYS[1]))", ["plain"], []),
  XRANGE: (redis) => redis.xrange("x", "-", "+"),
};

const settle = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => ({ failed: String(error).replace(/, command was: .*/s, "") }));

describe.each(backends)("on %s", (backend) => {
  const rig = useFidelity(backend);
  const compressing: readonly Kind[] = ["text", "raw"];
  let zstd: Zstd;
  beforeAll(async () => {
    zstd = await loadZstd();
  });

  const all = backend === "embedded" ? readings : { ...readings, ...ofRealRedis };

  test.each([{}, { automaticDeserialization: false }, { enableAutoPipelining: false }])(
    "bytes that are no value of ours are what the SDK makes of them, in every reply (%j)",
    async (options) => {
      const random = seededRandom(71);
      const stock = rig.client("stock", {}, options);
      const others = compressing.map((kind) => [kind, rig.client(kind, { zstd }, options)] as const);
      for (let round = 0; round < 25; round++) {
        const bytes = draw(random);
        if (bytes.length === 0 || looksStored(bytes)) continue;
        await stock.flushall();
        await rig.put(["set", "v"], bytes);
        await rig.put(["hset", "h", "f"], bytes);
        await rig.put(["hset", "one", "f"], bytes);
        await stock.hset("h", { good: "1" });
        await rig.put(["rpush", "l"], bytes);
        await rig.put(["sadd", "s"], bytes);
        if (backend !== "embedded") {
          const field = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[1]) redis.call('SET', ARGV[1], 'x')";
          await rig.put(["eval", field, "1", "fields"], bytes);
          await rig.put(["zadd", "z", "1.5"], bytes);
          await stock.sadd("ids", "v");
          await rig.put(["xadd", "x", "*", "f"], bytes);
          await stock.set("plain", bytes.includes(10) || bytes.includes(13) ? "x" : "\uFEFFstatus");
        }
        const shown = Buffer.from(bytes).toString("latin1");
        for (const [name, read] of Object.entries(all)) {
          const wanted = await settle(read(stock));
          for (const [kind, redis] of others) {
            expect([kind, name, shown, await settle(read(redis))]).toEqual([kind, name, shown, wanted]);
          }
        }
      }
    },
  );

  describe.each(compressing)("the %s client", (kind) => {
    const binary = (): Uint8Array =>
      zstd.compress(Uint8Array.from({ length: 3000 }, (_, at) => (at * 7) & 255));
    const bad = (): Uint8Array => (kind === "raw" ? binary() : utf8(toTextCarrier(binary())));
    let stock: Redis;
    beforeEach(async () => {
      stock = rig.client("stock");
      await stock.flushall();
      await stock.hset("h", { a: "1", b: "two" });
      await rig.put(["hset", "h", "bin"], bad());
      await stock.mset({ good: "1", other: "text" });
      await rig.put(["set", "bad"], bad());
    });

    test.each([
      ["HGETALL", "h", "bin", (redis: Redis) => redis.hgetall("h")],
      ["HGET", "h", "bin", (redis: Redis) => redis.hget("h", "bin")],
      ["HMGET", "h", "bin", (redis: Redis) => redis.hmget("h", "a", "bin")],
      ["HVALS", "h", undefined, (redis: Redis) => redis.hvals("h")],
      ["HSCAN", "h", "bin", (redis: Redis) => redis.hscan("h", 0)],
      ["GET", "bad", undefined, (redis: Redis) => redis.get("bad")],
      ["MGET", "bad", undefined, (redis: Redis) => redis.mget("good", "bad", "other")],
    ] as const)("a bad value in %s is named by its key and its field", async (command, key, field, read) => {
      // Alone the error is zstash's own; in an automatic pipeline the client has a text for it.
      const error = await rejection(read(rig.client(kind, { zstd }, { enableAutoPipelining: false })));
      expect(error).toBeInstanceOf(ZstashError);
      expect(error).toMatchObject({
        code: "NOT_TEXT",
        key,
        message: expect.stringContaining(`"${key}" (${command})`),
      });
      expect((error as ZstashError).field).toBe(field);
      expect(error.message.includes(`field "bin" of`)).toBe(field !== undefined);
      const text = await rejection(read(rig.client(kind, { zstd })));
      expect(zstashCode(text)).toBe("NOT_TEXT");
      expect(text.message).toContain(`"${key}" (${command})`);
      expect(text.message.includes(`field "bin" of`)).toBe(field !== undefined);
    });

    test("several bad fields are named together", async () => {
      await rig.put(["hset", "h", "bin2"], bad());
      const error = await rejection(rig.client(kind, { zstd }, { enableAutoPipelining: false }).hgetall("h"));
      expect(error).toMatchObject({ code: "NOT_TEXT", key: "h", keys: ["h"] });
      expect(error.message).toMatch(/2 values of "h", fields "bin2?", "bin2?" \(HGETALL\)/);
    });

    test("takes no neighbour along where damage counts as a miss, nor in a pipeline", async () => {
      const miss = rig.client(kind, { zstd, onCorrupt: "miss" });
      expect(await miss.hgetall("h")).toEqual({ a: 1, b: "two" });
      expect(await miss.hmget("h", "a", "bin", "b")).toEqual({ a: 1, bin: null, b: "two" });
      expect(new Set(await miss.hvals("h"))).toEqual(new Set([1, "two"]));
      expect(await miss.mget("good", "bad", "other")).toEqual([1, null, "text"]);
      const pipeline = rig
        .client(kind, { zstd })
        .pipeline()
        .get("good")
        .get("bad")
        .hget("h", "a")
        .hget("h", "bin");
      const replies = await pipeline.exec({ keepErrors: true });
      expect(replies.map(({ result, error }) => (error === undefined ? result : zstashCode(error)))).toEqual([
        1,
        "NOT_TEXT",
        1,
        "NOT_TEXT",
      ]);
    });

    test("a value that APPEND or a script has damaged is an error, and never another value", async () => {
      const redis = rig.client(kind, { zstd }, { enableAutoPipelining: false });
      await redis.set("k", "lorem ipsum ".repeat(300));
      await stock.append("k", " and more");
      expect(await rejection(redis.get("k"))).toMatchObject({ code: "CORRUPT", key: "k" });
    });
  });
});
