/** The wrapper around the real client, over real requests and responses to a local server in the same process. */
import type { Redis } from "@upstash/redis";
import type { UpstashContext } from "./case.ts";
import { equal, fail, type Case, type Context } from "./case.ts";

/** A value that shrinks well: 200 rows of JSON. */
const rows = Array.from({ length: 200 }, (_, day) => ({ day, page: "/home", visits: day * 7 }));
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
  "é ü 漢字 🦀".repeat(500),
];

type Clients = { wrapped: Redis; plain: Redis };

function upstashCase(name: string, run: (clients: Clients, context: UpstashContext) => Promise<void>): Case {
  return {
    name: `upstash: ${name}`,
    needs: ["upstash"],
    async run(context: Context) {
      const { upstash } = context;
      if (upstash === undefined) return fail("the context has no client");
      const server = await upstash.start();
      try {
        await run({ wrapped: upstash.withCompression(server.connect()), plain: server.connect() }, upstash);
      } finally {
        await server.stop();
      }
    },
  };
}

function same(actual: unknown, expected: unknown, about: string): void {
  equal(JSON.stringify(actual), JSON.stringify(expected), about);
}

async function rejects(about: string, code: string, run: () => Promise<unknown>): Promise<void> {
  let error: unknown;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
  }
  const text = error === undefined ? "no error" : `${(error as { code?: string }).code} ${String(error)}`;
  if (!text.includes(code)) fail(`${about}: ${text}, expected ${code}`);
}

export const upstashCases: readonly Case[] = [
  upstashCase("a large object lies compressed and comes back", async ({ wrapped, plain }) => {
    equal(await wrapped.set("key", rows), "OK", "set");
    same(await wrapped.get("key"), rows, "get");
    const stored = await plain.get<string>("key");
    equal(typeof stored === "string" && stored.startsWith("zs1:KLUv/"), true, "stored as a frame");
    equal(stored!.length < JSON.stringify(rows).length / 2, true, "less than half the size");
  }),
  upstashCase("small values, numbers and booleans lie as they are", async ({ wrapped, plain }) => {
    for (const value of [1, -2.5, true, false, "text", { a: 1 }, [1, 2], null]) {
      await wrapped.set("key", value);
      await plain.set("plain", value);
      same(await wrapped.get("key"), await plain.get("plain"), `read back ${JSON.stringify(value)}`);
      same(await plain.get("key"), await plain.get("plain"), `stored ${JSON.stringify(value)}`);
    }
  }),
  upstashCase("awkward strings come back exactly", async ({ wrapped }) => {
    for (const [index, value] of awkward.entries()) {
      await wrapped.set(`key ${index}`, value);
      same(await wrapped.get(`key ${index}`), value, `string ${index}`);
    }
    same(await wrapped.mget(awkward.map((_, index) => `key ${index}`)), awkward, "all in one MGET");
  }),
  upstashCase("values stored without zstash come back as they are", async ({ wrapped, plain }) => {
    await plain.set("object", rows);
    await plain.set("text", "x".repeat(5000));
    same(await wrapped.get("object"), rows, "object");
    same(await wrapped.get("text"), "x".repeat(5000), "text");
    same(await wrapped.get("none"), null, "missing key");
  }),
  upstashCase("MSET, MGET with missing keys, GETDEL, GETEX, SETEX, SETNX", async ({ wrapped }) => {
    await wrapped.mset({ a: rows, b: 2 });
    same(await wrapped.mget("a", "none", "b"), [rows, null, 2], "mget");
    same(await wrapped.getex("a", { ex: 60 }), rows, "getex");
    same(await wrapped.getdel("a"), rows, "getdel");
    same(await wrapped.get("a"), null, "gone");
    await wrapped.setex("c", 60, rows);
    same(await wrapped.get("c"), rows, "setex");
    equal((await wrapped.ttl("c")) > 0, true, "it has a TTL");
    equal(await wrapped.setnx("c", "other"), 0, "setnx on a key that is there");
    same(await wrapped.set("c", "new", { get: true }), rows, "SET with GET returns the old value");
  }),
  upstashCase("hashes: HSET, HGET, HMGET, HGETALL", async ({ wrapped, plain }) => {
    await wrapped.hset("hash", { large: rows, small: "s", number: 3 });
    same(await wrapped.hget("hash", "large"), rows, "hget");
    same(await wrapped.hmget("hash", "large", "none"), { large: rows, none: null }, "hmget");
    same(await wrapped.hgetall("hash"), { large: rows, small: "s", number: 3 }, "hgetall");
    const stored = await plain.hget<string>("hash", "large");
    equal(typeof stored === "string" && stored.startsWith("zs1:KLUv/"), true, "the field is a frame");
  }),
  upstashCase("pipelines and transactions", async ({ wrapped }) => {
    for (const batch of [wrapped.pipeline(), wrapped.multi()]) {
      batch.set("key", rows);
      batch.incr("counter");
      batch.get("key");
      batch.hset("hash", { field: rows });
      batch.hget("hash", "field");
      const [set, , get, , hget] = await batch.exec();
      equal(set, "OK", "set");
      same(get, rows, "get");
      same(hget, rows, "hget");
    }
  }),
  upstashCase("many calls at once share requests and keep their own answers", async ({ wrapped }) => {
    const indexes = Array.from({ length: 50 }, (_, index) => index);
    await Promise.all(indexes.map((index) => wrapped.set(`key ${index}`, { index, rows })));
    const values = await Promise.all(indexes.map((index) => wrapped.get(`key ${index}`)));
    same(
      values,
      indexes.map((index) => ({ index, rows })),
      "each its own",
    );
  }),
  upstashCase(
    "a damaged value is an error with a code, and the next call works",
    async ({ wrapped, plain }) => {
      await wrapped.set("key", rows);
      const stored = (await plain.get<string>("key"))!;
      await plain.set("short", stored.slice(0, stored.length - 8));
      await plain.set("foreign", `zs1:KLUv/${"%".repeat(40)}`);
      await rejects("truncated", "TRUNCATED", () => wrapped.get("short"));
      await rejects("no base64", "CORRUPT", () => wrapped.get("foreign"));
      same(await wrapped.get("key"), rows, "the good one");
    },
  ),
  upstashCase("a megabyte goes there and back", async ({ wrapped }) => {
    const large = Array.from({ length: 6000 }, (_, row) => ({
      row,
      text: `row ${row} of the table`,
      rows: row % 7,
    }));
    await wrapped.set("large", large);
    same(await wrapped.get("large"), large, "large");
  }),
];
