/** The wrapper around the real client, over HTTP: what holds for both carriers. */
import type { Case } from "./case.ts";
import { equal } from "./case.ts";
import { randomBytes } from "./data.ts";
import {
  lies,
  rejects,
  rows,
  same,
  sameFields,
  sorted,
  upstashCase,
  type Carrier,
  type Scene,
  rejection,
} from "./upstash-case.ts";

/** Strings that look like ours, like numbers, or are damaged by careless text handling. */
const awkward = [
  "zs1:",
  "zs1:KLUv/",
  "zs1:KLUv/SAAAQAA",
  "zs1:KLUv/" + "A".repeat(3000),
  "(\uFFFD/\uFFFD",
  "(\uFFFD/\uFFFD and more",
  "\uFFFD",
  "",
  " ",
  "\uFEFF",
  "\uFEFFtext after a byte order mark",
  "\uFEFFzs1:KLUv/",
  `\uFEFF${"long ".repeat(1000)}`,
  "é ü 漢字 🦀".repeat(500),
];

/** Keys that mean something in a URL, in JSON or to careless text handling. */
const keys = [
  "a/b",
  "/",
  "a b",
  " ",
  "100%",
  "%2F",
  "%2e%2e",
  "what?",
  "?EX=1",
  "a#b",
  "a&b=c+d",
  "\\",
  '"quoted"',
  "line\nfeed",
  ".",
  "..",
  "./.",
  "",
  "é 漢字 🦀",
  "\uFEFFkey",
];

/** What URLs drop cannot stand before bytes. */
const inPath = (key: string): boolean => !["", ".", ".."].includes(key);

/** Text in which there is nothing to compress but the choice of its sixteen characters. */
const hex = (seed: number, length: number): string =>
  Array.from(randomBytes(seed, length), (byte) => (byte & 15).toString(16)).join("");

/** The same case with each carrier. */
function each(name: string, run: (carrier: Carrier, scene: Scene) => Promise<void>): Case[] {
  return (["text", "raw"] as const).map((carrier) =>
    upstashCase(`upstash: ${name}, ${carrier} carrier`, (scene) => run(carrier, scene)),
  );
}

export const upstashCases: readonly Case[] = [
  ...each("a large object lies compressed and comes back", async (carrier, { wrap, stored }) => {
    const redis = wrap(carrier);
    equal(await redis.set("key", rows), "OK", "set");
    same(await redis.get("key"), rows, "get");
    const bytes = await stored("GET", "key");
    lies(carrier, bytes, "the value");
    equal(bytes.length < JSON.stringify(rows).length / 2, true, "less than half the size");
  }),
  ...each("small values, numbers and booleans lie as they are", async (carrier, { wrap, plain, stored }) => {
    const redis = wrap(carrier);
    for (const value of [1, -2.5, true, false, "text", { a: 1 }, [1, 2], null]) {
      await redis.set("key", value);
      await plain.set("plain", value);
      same(await redis.get("key"), await plain.get("plain"), `read back ${JSON.stringify(value)}`);
      equal(await stored("GET", "key"), await stored("GET", "plain"), `stored ${JSON.stringify(value)}`);
    }
  }),
  ...each("awkward strings come back exactly", async (carrier, { wrap }) => {
    const redis = wrap(carrier);
    const names = awkward.map((_, index) => `key ${index}`);
    for (const [index, value] of awkward.entries()) {
      await redis.set(names[index]!, value);
      same(await redis.get(names[index]!), value, `string ${index}`);
      await redis.hset("hash", { field: value });
      same(await redis.hget("hash", "field"), value, `string ${index} in a hash`);
    }
    same(await redis.mget(names), awkward, "all in one MGET");
  }),
  ...each("awkward keys and fields are themselves", async (carrier, { wrap, plain, stored }) => {
    const redis = wrap(carrier);
    for (const [index, key] of keys.entries()) {
      await redis.set(key, { index, rows }, { ex: 60 });
      same(await redis.get(key), { index, rows }, `key ${index}`);
      lies(inPath(key) ? carrier : "text", await stored("GET", key), `key ${index}`);
    }
    equal(await plain.dbsize(), keys.length, "each its own");
    same(
      await redis.mget(keys),
      keys.map((_, index) => ({ index, rows })),
      "all in one MGET",
    );
    await plain.flushdb();
    for (const [index, key] of keys.entries()) {
      await redis.hset(key, { [key]: { index, rows } });
      same(await redis.hget(key, key), { index, rows }, `field ${index}`);
      lies(inPath(key) ? carrier : "text", await stored("HGET", key, key), `field ${index}`);
    }
    equal(await plain.dbsize(), keys.length, "each its own hash");
  }),
  ...each("lists of old and new elements", async (carrier, { wrap, plain, stored, zstashCode }) => {
    const redis = wrap(carrier, { policy: { lists: true } });
    await plain.rpush<unknown>("list", "old", 7);
    await redis.rpush("list", rows);
    await redis.rpush<unknown>("list", rows, "zs1:KLUv/", 8);
    lies(carrier, await stored("LINDEX", "list", "2"), "the one alone");
    lies("text", await stored("LINDEX", "list", "3"), "one of several");
    same(await redis.lrange("list", 0, -1), ["old", 7, rows, rows, "zs1:KLUv/", 8], "the list");
    same(await redis.rpop("list", 4), [8, "zs1:KLUv/", rows, rows], "popped");
    equal(zstashCode(await rejection("LREM", redis.lrem("list", 1, 7))), "COMMAND_REFUSED", "LREM");
    same(await wrap(carrier).lindex("list", 1), 7, "without lists");
  }),
  ...each("values stored without zstash come back as they are", async (carrier, { wrap, plain }) => {
    const redis = wrap(carrier);
    await plain.set("object", rows);
    await plain.set("text", "x".repeat(5000));
    same(await redis.get("object"), rows, "object");
    same(await redis.get("text"), "x".repeat(5000), "text");
    same(await redis.get("none"), null, "missing key");
  }),
  ...each("SET with EX, PX, KEEPTTL, NX, XX and GET", async (carrier, { wrap }) => {
    const redis = wrap(carrier);
    for (const [options, least] of [
      [{ ex: 1000 }, 900_000],
      [{ px: 200_000 }, 100_000],
    ] as const) {
      equal(await redis.set("key", rows, options), "OK", "with a time to live");
      const left = await redis.pttl("key");
      equal(left > least && left <= 1_000_000, true, `${left} ms are left`);
      same(await redis.get("key"), rows, "the value");
    }
    await redis.set("key", [...rows, 1], { keepTtl: true });
    equal((await redis.pttl("key")) > 0, true, "KEEPTTL keeps it");
    same(await redis.set("key", [...rows, 2], { get: true }), [...rows, 1], "GET gives the old value");
    equal(await redis.set("key", rows, { nx: true }), null, "NX on a key that is there");
    equal(await redis.set("none", rows, { xx: true }), null, "XX on a key that is not");
    equal(await redis.set("none", rows, { nx: true }), "OK", "NX on a key that is not");
    same(await redis.set("none", [...rows, 3], { get: true, ex: 60 }), rows, "GET and EX");
    same(
      await redis.mget("key", "none"),
      [
        [...rows, 2],
        [...rows, 3],
      ],
      "at last",
    );
  }),
  ...each("MSET, MGET with missing keys, GETDEL, GETEX, SETEX, SETNX", async (carrier, { wrap }) => {
    const redis = wrap(carrier);
    await redis.mset({ a: rows, b: 2, d: [...rows, 4] });
    same(await redis.mget("a", "none", "b", "d"), [rows, null, 2, [...rows, 4]], "mget");
    same(await redis.getex("a", { ex: 60 }), rows, "getex");
    same(await redis.getdel("a"), rows, "getdel");
    same(await redis.get("a"), null, "gone");
    await redis.setex("c", 60, rows);
    same(await redis.get("c"), rows, "setex");
    equal((await redis.ttl("c")) > 0, true, "it has a TTL");
    equal(await redis.setnx("c", "other"), 0, "setnx on a key that is there");
    same(await redis.getset("c", "new"), rows, "GETSET returns the old value");
  }),
  ...each("hashes: one field and many, HGET, HMGET, HGETALL, HVALS", async (carrier, { wrap, stored }) => {
    const redis = wrap(carrier);
    equal(await redis.hset("hash", { large: rows, small: "s", number: 3 }), 3, "hset of many");
    equal(await redis.hset("hash", { alone: rows }), 1, "hset of one");
    same(await redis.hget("hash", "large"), rows, "hget");
    same(await redis.hmget("hash", "large", "none"), { large: rows, none: null }, "hmget");
    sameFields(await redis.hgetall("hash"), { large: rows, small: "s", number: 3, alone: rows }, "hgetall");
    same(sorted(await redis.hvals("hash")), sorted([rows, "s", 3, rows]), "hvals");
    lies("text", await stored("HGET", "hash", "large"), "one field of several");
    lies(carrier, await stored("HGET", "hash", "alone"), "a field alone");
  }),
  ...each("pipelines and transactions", async (carrier, { wrap }) => {
    const redis = wrap(carrier);
    for (const batch of [redis.pipeline(), redis.multi()]) {
      batch.set("key", rows);
      batch.incr("counter");
      batch.get("key");
      batch.hset("hash", { field: rows });
      batch.hget("hash", "field");
      batch.mget("key", "none", "counter");
      const [set, counter, get, , hget, mget] = await batch.exec<unknown[]>();
      equal(set, "OK", "set");
      same(get, rows, "get");
      same(hget, rows, "hget");
      same(mget, [rows, null, counter], "mget");
    }
  }),
  ...each("many calls at once share requests and keep their own answers", async (carrier, { wrap }) => {
    const redis = wrap(carrier);
    const indexes = Array.from({ length: 50 }, (_, index) => index);
    await Promise.all(indexes.map((index) => redis.set(`key ${index}`, { index, rows })));
    const values = await Promise.all(indexes.map((index) => redis.get(`key ${index}`)));
    same(
      values,
      indexes.map((index) => ({ index, rows })),
      "each its own",
    );
  }),
  ...each("many requests at once keep their own answers", async (carrier, { wrap }) => {
    const redis = wrap(carrier, {}, { autoPipelining: false });
    const indexes = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(indexes.map((index) => redis.set(`key ${index}`, { index, rows }, { ex: 60 })));
    const values = await Promise.all(indexes.map((index) => redis.get(`key ${index}`)));
    same(
      values,
      indexes.map((index) => ({ index, rows })),
      "each its own",
    );
  }),
  ...each("a damaged text is an error with a code, and the next call works", async (carrier, scene) => {
    const redis = scene.wrap(carrier);
    await scene.wrap("text").set("key", rows);
    const stored = (await scene.plain.get<string>("key"))!;
    await scene.plain.set("short", stored.slice(0, stored.length - 8));
    await scene.plain.set("foreign", `zs1:KLUv/S${"%".repeat(40)}`);
    await rejects(scene, "TRUNCATED", "truncated", redis.get("short"));
    await rejects(scene, "CORRUPT", "no base64", redis.get("foreign"));
    same(await redis.get("key"), rows, "the good one");
  }),
  ...each("a megabyte goes there and back", async (carrier, { wrap, stored }) => {
    const redis = wrap(carrier);
    const large = Array.from({ length: 24_000 }, (_, row) => ({ row, text: `row ${row} of the table` }));
    equal(JSON.stringify(large).length > 1 << 20, true, "it is one");
    await redis.set("large", large);
    same(await redis.get("large"), large, "large");
    lies(carrier, await stored("GET", "large"), "large");
    const random = hex(1, 1 << 20);
    await redis.set("random", random);
    equal(await redis.get("random"), random, "half a megabyte when compressed");
  }),
  ...each("maxRequestSize divides pipelines and refuses commands", async (carrier, scene) => {
    const redis = scene.wrap(carrier, { maxRequestSize: 4096 });
    await rejects(scene, "REQUEST_LIMIT", "a large value", redis.set("key", hex(2, 20_000)));
    equal(await redis.get("key"), null, "it was not sent");
    const values = Array.from({ length: 12 }, (_, index) => hex(index, 1000));
    const batch = redis.pipeline();
    for (const [index, value] of values.entries()) batch.set(`key ${index}`, value);
    batch.set("large", hex(3, 20_000));
    batch.incr("after");
    const replies = await batch.exec<unknown[]>({ keepErrors: true });
    equal(replies.length, values.length + 2, "replies");
    same(
      replies.map(({ result, error }) => result ?? scene.zstashCode(error)),
      [...values.map(() => "OK"), "REQUEST_LIMIT", 1],
      "each its own",
    );
    for (const [index, value] of values.entries()) equal(await redis.get(`key ${index}`), value, "a value");
  }),
  ...each("guard refuses what works on stored bytes", async (carrier, scene) => {
    const redis = scene.wrap(carrier, { guard: true });
    await redis.set("key", rows);
    await rejects(scene, "COMMAND_REFUSED", "APPEND", redis.append("key", "more"));
    await rejects(scene, "COMMAND_REFUSED", "STRLEN", redis.strlen("key"));
    await rejects(scene, "COMMAND_REFUSED", "GETRANGE", redis.getrange("key", 0, 3));
    const batch = redis.multi();
    batch.incr("counter");
    batch.append("key", "more");
    await rejects(scene, "COMMAND_REFUSED", "a transaction", batch.exec());
    equal(await redis.incr("counter"), 1, "nothing of it has run");
    same(await redis.get("key"), rows, "the value");
  }),
  ...each("the client's build for Cloudflare", async (carrier, { wrap, stored }) => {
    const redis = wrap(carrier, {}, { entry: "cloudflare" });
    await redis.set("key", rows, { ex: 60 });
    lies(carrier, await stored("GET", "key"), "the value");
    same(await redis.get("key"), rows, "get");
    await redis.mset({ a: rows, b: 2 });
    same(await redis.mget("a", "none", "b"), [rows, null, 2], "mget");
    const batch = redis.multi();
    batch.hset("hash", { field: rows });
    batch.hgetall("hash");
    same((await batch.exec<unknown[]>())[1], { field: rows }, "a transaction");
  }),
];
