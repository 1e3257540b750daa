// The recipes for clients over TCP: what they write the REST side reads, and what the REST side writes they read.
import KeyvRedis from "@keyv/redis";
import { BentoCache, bentostore } from "bentocache";
import { redisDriver } from "bentocache/drivers/redis";
import { RedisStore } from "connect-redis";
import { Redis as IoRedis } from "ioredis";
import { Keyv } from "keyv";
import { Keyv as Keyv5 } from "keyv5";
import { createClient, RESP_TYPES } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd } from "../../src/codec/zstd.ts";
import { decodeValue, encodeValue, keyvCompression } from "../../src/upstash/index.ts";
import { page } from "./cases.mjs";
import { startServers } from "./rig.mjs";

let servers;
let zstd;
let node;
let io;
beforeAll(async () => {
  servers = await startServers();
  zstd = await loadZstd();
  node = createClient({ url: servers.redis.url });
  await node.connect();
  io = new IoRedis(servers.redis.port, servers.redis.host);
});
afterAll(async () => {
  await node?.close();
  io?.disconnect();
  await servers?.close();
});
beforeEach(() => io.flushall());

const value = page(1);
const json = JSON.stringify(value);
const small = JSON.stringify({ small: true });
const binary = Uint8Array.from({ length: 6000 }, (_, at) => (at % 50) + 180);

describe.each(["text", "raw"])("with what the %s client of the REST side", (kind) => {
  const rest = () => servers.client(kind);

  test("writes and reads, node-redis reads and writes", async () => {
    await rest().set("page", value);
    await rest().set("small", small);
    const bytes = node.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    // One line more than without compression, in each direction.
    expect(decodeValue(zstd, await bytes.get("page"), { key: "page" })).toBe(json);
    expect(decodeValue(zstd, await bytes.get("small"))).toBe(small);
    expect((await bytes.mGet(["page", "small", "none"])).map((one) => one && decodeValue(zstd, one))).toEqual(
      [json, small, null],
    );
    await node.set("theirs", encodeValue(zstd, json, { key: "theirs" }));
    expect(await rest().get("theirs")).toEqual(value);
    await node.set("raw", Buffer.from(encodeValue(zstd, Buffer.from(json), { carrier: "raw" })));
    expect(await servers.client("raw").get("raw")).toEqual(value);
    expect(await io.strlen("raw")).toBeLessThan(json.length / 3);
  });

  test("writes and reads, ioredis reads and writes", async () => {
    await rest().hset("hash", { page: value, small: "text" });
    expect(decodeValue(zstd, await io.hgetBuffer("hash", "page"))).toBe(json);
    const all = Object.entries(await io.hgetallBuffer("hash")).map(([field, one]) => [
      field,
      decodeValue(zstd, one),
    ]);
    expect(Object.fromEntries(all)).toEqual({ page: json, small: "text" });
    await io.set("theirs", encodeValue(zstd, Buffer.from(json)));
    expect(await rest().get("theirs")).toEqual(value);
    // Text that a client for text has written can be read as text too.
    await servers.client("text").set("page", value);
    expect(decodeValue(zstd, await io.get("page"))).toBe(json);
  });

  test("has beside it, bytes that are no text stay theirs", async () => {
    for (const carrier of ["text", "raw"]) {
      // ioredis takes a Buffer as bytes, and a Uint8Array as the text of its numbers.
      await io.set("binary", Buffer.from(encodeValue(zstd, Buffer.from(binary), { carrier })));
      expect(await io.strlen("binary")).toBeLessThan(binary.length / 2);
      expect(decodeValue(zstd, await io.getBuffer("binary"), { as: "bytes" })).toEqual(binary);
    }
    await expect(rest().get("binary")).rejects.toThrow(/NOT_TEXT|UNSUPPORTED/);
  });

  test("writes and reads, keyv reads and writes", async () => {
    const keyv = new Keyv({
      store: new KeyvRedis(servers.redis.url),
      compression: keyvCompression(zstd),
      useKeyPrefix: false,
    });
    const errors = [];
    keyv.on("error", (error) => errors.push(error));
    try {
      await Promise.all(Array.from({ length: 20 }, (_, n) => keyv.set(`page:${n}`, page(n))));
      expect(await Promise.all(Array.from({ length: 20 }, (_, n) => keyv.get(`page:${n}`)))).toEqual(
        Array.from({ length: 20 }, (_, n) => page(n)),
      );
      const [key] = (await io.keys("*page:7")).slice(0, 1);
      expect(await io.strlen(key)).toBeLessThan(json.length / 2);
      expect(await rest().get(key)).toEqual({ value: page(7) });
      // In bytes keyv's store, which reads text, cannot have it.
      await servers.client("text").set(key, { value: page(8) });
      expect(await keyv.get("page:7")).toEqual(page(8));
      await io.set(key, JSON.stringify({ value: "written before" }));
      expect(await keyv.get("page:7")).toBe("written before");
      expect(errors).toEqual([]);
    } finally {
      await keyv.disconnect();
    }
  });

  test("writes and reads, keyv 5 reads and writes by serialize and deserialize", async () => {
    const stored = new Map();
    const keyv = new Keyv5({
      store: stored,
      serialize: (data) => encodeValue(zstd, JSON.stringify(data)),
      deserialize: (text) => JSON.parse(decodeValue(zstd, text)),
      useKeyPrefix: false,
    });
    await keyv.set("page", value);
    expect(await keyv.get("page")).toEqual(value);
    await io.set("page", stored.get("page"));
    expect(await rest().get("page")).toMatchObject({ value });
    const wrong = new Keyv5({ store: new Map(), compression: keyvCompression(zstd) });
    wrong.on("error", () => {});
    await expect(wrong.set("page", value)).rejects.toThrow(/keyv 5 needs "serialize"/);
  });

  test("writes and reads, connect-redis reads and writes", async () => {
    const store = new RedisStore({
      client: node,
      serializer: {
        stringify: (session) => encodeValue(zstd, JSON.stringify(session)),
        parse: (text) => JSON.parse(decodeValue(zstd, text)),
      },
    });
    const session = { cookie: { maxAge: 60_000 }, cart: value };
    await store.set("id", session);
    expect(await store.get("id")).toEqual(session);
    expect(await io.strlen("sess:id")).toBeLessThan(json.length / 2);
    expect(await rest().get("sess:id")).toEqual(session);
    await servers.client("text").set("sess:id", { ...session, changed: true });
    expect(await store.get("id")).toEqual({ ...session, changed: true });
  });

  test("writes and reads, bentocache reads and writes", async () => {
    const bento = new BentoCache({
      default: "redis",
      serializer: {
        serialize: (data) => encodeValue(zstd, JSON.stringify(data)),
        deserialize: (text) => JSON.parse(decodeValue(zstd, text)),
      },
      stores: { redis: bentostore().useL2Layer(redisDriver({ connection: io })) },
    });
    await bento.set({ key: "page", value });
    expect(await bento.get({ key: "page" })).toEqual(value);
    const [key] = await io.keys("*page");
    expect(await io.strlen(key)).toBeLessThan(json.length / 2);
    const entry = await rest().get(key);
    expect(entry).toMatchObject({ value });
    await servers.client("text").set(key, { ...entry, value: page(2) });
    expect(await bento.get({ key: "page" })).toEqual(page(2));
  });
});
