/** The raw carrier: frames as bytes in Redis and on the wire. */
import type { Case } from "./case.ts";
import { equal } from "./case.ts";
import { concat } from "./data.ts";
import { lies, rejects, rows, same, sameFields, upstashCase, type Scene } from "./upstash-case.ts";

function rawCase(name: string, run: (scene: Scene) => Promise<void>): Case {
  return upstashCase(`raw carrier: ${name}`, run);
}

const json = JSON.stringify(rows);

/** Rows that end with a number, to tell values apart. */
const numbered = (number: number): unknown[] => [...rows, number];

export const rawCarrierCases: readonly Case[] = [
  rawCase("a value alone in its request lies as its frame", async ({ context, wrap, stored }) => {
    const redis = wrap("raw");
    await wrap("text").set("text", rows);
    const text = await stored("GET", "text");
    await redis.set("set", rows);
    await redis.set("ex", rows, { ex: 60 });
    await redis.set("px", rows, { px: 60_000 });
    await redis.setex("setex", 60, rows);
    await redis.psetex("psetex", 60_000, rows);
    await redis.setnx("setnx", rows);
    await redis.getset("getset", rows);
    await redis.mset({ mset: rows });
    await redis.hset("hset", { field: rows });
    await redis.hsetnx("hsetnx", "field", rows);
    for (const key of ["set", "ex", "px", "setex", "psetex", "setnx", "getset", "mset", "hset", "hsetnx"]) {
      const frame = await (key.startsWith("h") ? stored("HGET", key, "field") : stored("GET", key));
      lies("raw", frame, key);
      equal(context.zstd.decompressText(frame), json, key);
      equal(4 + 4 * Math.ceil(frame.length / 3), text.length, `${key}: a quarter less than as text`);
    }
    for (const key of ["ex", "px", "setex", "psetex"])
      equal((await redis.ttl(key)) > 0, true, `${key}: a time to live`);
  }),
  rawCase("several values in a request lie as text, and are read alike", async ({ wrap, stored }) => {
    const redis = wrap("raw");
    await redis.set("nx", rows, { nx: true });
    await redis.mset({ a: rows, b: numbered(1) });
    await redis.hset("hash", { a: rows, b: numbered(1) });
    const pipeline = redis.pipeline();
    pipeline.set("c", numbered(2));
    pipeline.set("d", numbered(3));
    await pipeline.exec();
    const transaction = redis.multi();
    transaction.set("e", numbered(4));
    await transaction.exec();
    for (const key of ["nx", "a", "b", "c", "d", "e"]) lies("text", await stored("GET", key), key);
    same(
      await redis.mget("nx", "a", "b", "c", "d", "e"),
      [rows, rows, ...[1, 2, 3, 4].map(numbered)],
      "all of them",
    );
    sameFields(await redis.hgetall("hash"), { a: rows, b: numbered(1) }, "the hash");
  }),
  rawCase("it reads text, raw and plain values in one reply", async ({ context, wrap, plain, store }) => {
    const redis = wrap("raw");
    await wrap("text").set("text", numbered(1));
    await redis.set("raw", numbered(2));
    await plain.set("plain", numbered(3));
    await store(
      "foreign",
      context.zstd.compress(JSON.stringify(numbered(4)), { level: 19, checksum: false }),
    );
    const keys = ["text", "raw", "plain", "foreign"];
    const values = [1, 2, 3, 4].map(numbered);
    same(await redis.mget("none", ...keys), [null, ...values], "one MGET");
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.get(key);
    same(await pipeline.exec(), values, "one pipeline");
    for (const [index, key] of keys.entries()) same(await redis.get(key), values[index], key);
    await wrap("text").hset("hash", { text: numbered(1) });
    await redis.hset("hash", { raw: numbered(2) });
    await plain.hset("hash", { plain: numbered(3) });
    sameFields(
      await redis.hgetall("hash"),
      { text: numbered(1), raw: numbered(2), plain: numbered(3) },
      "one hash",
    );
  }),
  rawCase("a client for text alone refuses a raw frame", async (scene) => {
    const [raw, text] = [scene.wrap("raw"), scene.wrap("text")];
    await raw.set("raw", rows);
    await raw.hset("hash", { field: rows });
    await text.set("text", rows);
    await rejects(scene, "UNSUPPORTED", "GET", text.get("raw"));
    await rejects(scene, "UNSUPPORTED", "MGET", text.mget("text", "raw"));
    await rejects(scene, "UNSUPPORTED", "HGETALL", text.hgetall("hash"));
    same(await text.get("text"), rows, "the next call");
    same(await raw.get("raw"), rows, "the raw frame is whole");
  }),
  rawCase("a damaged frame is an error with a code, and spoils no other value", async (scene) => {
    const { context, wrap, stored, store } = scene;
    const redis = wrap("raw");
    await redis.set("good", rows);
    const frame = await stored("GET", "good");
    const { headerSize } = context.readFrameHeader(frame);
    const changed = (at: number, bits: number): Uint8Array => {
      const copy = frame.slice();
      copy[at]! ^= bits;
      return copy;
    };
    // A block's type is in bits 1 and 2 of its header; 3 is reserved, and ours is compressed: 2.
    const damaged = [
      ["short", "TRUNCATED", frame.slice(0, -1)],
      ["head", "TRUNCATED", frame.slice(0, 4)],
      ["block", "CORRUPT", changed(headerSize, 0b010)],
      ["longer", "CORRUPT", concat(frame, Uint8Array.of(0))],
      ["checksum", "CHECKSUM_MISMATCH", changed(frame.length - 1, 1)],
    ] as const;
    for (const [key, code, bytes] of damaged) {
      await store(key, bytes);
      await rejects(scene, code, key, redis.get(key));
      await rejects(scene, code, `${key} in an MGET`, redis.mget("good", key));
    }
    const pipeline = redis.pipeline();
    for (const key of ["good", ...damaged.map(([name]) => name), "good"]) pipeline.get(key);
    const replies = await pipeline.exec<unknown[]>({ keepErrors: true });
    same(
      replies.map(({ error }) => scene.zstashCode(error) ?? null),
      [null, ...damaged.map(([, code]) => code), null],
      "one pipeline",
    );
    same(replies.at(-1)!.result, rows, "the good one");
    const missing = wrap("raw", { onCorrupt: "miss" });
    equal(await missing.get("checksum"), null, "as a miss");
  }),
  rawCase(
    "strings with a byte order mark that others stored are what they are to a plain client",
    async (scene) => {
      const { wrap, plain } = scene;
      const redis = wrap("raw");
      const texts = ["\uFEFF", "\uFEFFtext", '\uFEFF{"a":1}', `\uFEFF${"long ".repeat(1000)}`];
      for (const text of texts) {
        await plain.set("key", text);
        same(await redis.get("key"), await plain.get("key"), "alone");
        same(await redis.mget("key", "none"), await plain.mget("key", "none"), "in a list");
      }
    },
  ),
];
