/** Values of the wrapper that are written and read with dictionaries that the application brings. */
import type { Redis } from "@upstash/redis";
import { beforeEach, describe, expect, test } from "vitest";
import { readDictionary, readFrameHeader } from "../../../src/index.ts";
import { Redis as RawRedis } from "../../../src/redis.ts";
import {
  withCompression,
  zstashCode,
  ZstashError,
  type ClientCompressionOptions,
  type CompressionOptions,
  type ZstashEvent,
} from "../../../src/upstash/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { impostor, NEWER, newer, OLDER, older, sessionOf } from "../../support/dictionaries.ts";
import { rejection } from "../../support/rejection.ts";
import { redisBytes } from "../../support/redis-bytes.ts";
import { useClients } from "./rig.ts";

const sessions = Array.from({ length: 40 }, (_, id) => sessionOf(id));
const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe.each(backends)("dictionaries of the application on %s", (backend) => {
  const clients = useClients(backend);
  beforeEach(async () => {
    await clients.plain().flushall();
  });

  describe.each(["raw", "compressing"] as const)("the %s client", (kind) => {
    let events: ZstashEvent[] = [];
    const client = (
      dictionaries?: CompressionOptions["dictionaries"],
      more: CompressionOptions = {},
    ): Redis =>
      clients[kind](
        {
          ...more,
          ...(dictionaries !== undefined && { dictionaries }),
          onEvent: (event) => event.type !== "request" && events.push(event),
        },
        { enableAutoPipelining: false },
      );
    const stored = (key: string): Promise<Uint8Array> => redisBytes(clients.endpoint(), key);
    /** The frame of a stored value. */
    const frameOf = async (key: string): Promise<Uint8Array> => {
      const bytes = await stored(key);
      return bytes[0] === 0x28 ? bytes : fromTextCarrier(Buffer.from(bytes).toString());
    };
    beforeEach(() => {
      events = [];
    });

    test("a value of 300 bytes is half as long and names its dictionary, with a checksum", async () => {
      const redis = client([newer]);
      let [plain, compressed] = [0, 0];
      for (const [id, session] of sessions.entries()) {
        await redis.set(`s:${id}`, session);
        plain += sizeOf(session);
        compressed += (await stored(`s:${id}`)).length;
      }
      // Without a dictionary they are stored as they are: 0 % saved.
      expect(compressed / plain).toBeLessThan(kind === "raw" ? 0.42 : 0.56);
      const { dictionaryId, checksum, contentSize } = readFrameHeader(await frameOf("s:0"));
      expect([dictionaryId, checksum, contentSize]).toEqual([NEWER, true, sizeOf(sessions[0])]);
      expect(events[0]).toMatchObject({ type: "compressed", dictionaryId: NEWER, key: "s:0" });
      for (const [id, session] of sessions.entries()) expect(await redis.get(`s:${id}`)).toEqual(session);
    });

    test("GET, GETEX, GETSET, GETDEL, MGET, hashes, pipelines and transactions read them", async () => {
      const redis = client([newer, older]);
      const [a, b, c] = sessions as [object, object, object];
      await redis.mset({ a, b });
      await client([older]).set("c", c);
      expect(readFrameHeader(await frameOf("a")).dictionaryId).toBe(NEWER);
      expect(readFrameHeader(await frameOf("c")).dictionaryId).toBe(OLDER);
      expect(await redis.mget("a", "none", "b", "c")).toEqual([a, null, b, c]);
      expect(await redis.getex("a", { ex: 100 })).toEqual(a);
      expect(await redis.getset("a", b)).toEqual(a);
      expect(await redis.getdel("a")).toEqual(b);

      await redis.hset("h", { one: a, two: b, n: 1 });
      expect(await redis.hget("h", "one")).toEqual(a);
      expect(await redis.hmget("h", "one", "none")).toEqual({ one: a, none: null });
      expect(await redis.hgetall("h")).toEqual({ one: a, two: b, n: 1 });
      const values = await redis.hvals("h");
      expect(values).toHaveLength(3);
      expect(values).toEqual(expect.arrayContaining([a, b, 1]));
      const [, fields] = await redis.hscan("h", 0);
      expect(fields).toEqual(expect.arrayContaining(["one", a, "two", b, "n", 1]));

      const pipeline = redis.pipeline().set("p", a).get("p").get("c").hget("h", "two");
      expect(await pipeline.exec()).toEqual(["OK", a, c, b]);
      expect(await redis.multi().set("m", c).get("m").exec()).toEqual(["OK", c]);
      expect(readFrameHeader(await frameOf("m")).dictionaryId).toBe(NEWER);
    });

    test.runIf(backend === "redis-server")("replies of scripts are decoded, at any depth", async () => {
      const redis = client([newer]);
      await redis.set("a", sessions[0]);
      const script = "return {redis.call('GET', KEYS[1]), {redis.call('GET', KEYS[1]), 7}}";
      expect(await redis.eval(script, ["a"], [])).toEqual([sessions[0], [sessions[0], 7]]);
      // One whose dictionary is not known stays as it is, and an event tells.
      events = [];
      const without = client();
      await without.eval("return redis.call('GET', KEYS[1])", ["a"], []);
      expect(events).toEqual([expect.objectContaining({ type: "undecoded", code: "DICTIONARY_UNKNOWN" })]);
    });

    test("who has none of them is told the id, the key and the way out", async () => {
      await client([newer]).set("a", sessions[0]);
      await client([newer]).hset("h", { f: sessions[0]! });
      for (const redis of [client(), client([older])]) {
        const error = (await rejection(redis.get("a"))) as ZstashError;
        expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", key: "a", dictionaryId: NEWER });
        expect(error.message).toMatch(
          /of "a" \(GET\): the frame needs dictionary 1001.*pass it in "dictionaries"/,
        );
        expect(await rejection(redis.hgetall("h"))).toMatchObject({
          key: "h",
          field: "f",
          dictionaryId: NEWER,
        });
        // Not damage: never a miss.
        const missing = client([older], { onCorrupt: "miss" });
        expect(await rejection(missing.get("a"))).toMatchObject({ code: "DICTIONARY_UNKNOWN" });
        // Neighbours in a pipeline are not taken along.
        await client().set("n", "text");
        const results = await redis.pipeline().get("n").get("a").exec({ keepErrors: true });
        expect(results[0]!.result).toBe("text");
        expect(zstashCode(results[1]!.error)).toBe("DICTIONARY_UNKNOWN");
      }
    });

    test("the same id with other bytes is an error, never another value", async () => {
      const writer = client([newer]);
      const reader = client([impostor]);
      for (const [id, session] of sessions.entries()) {
        await writer.set("a", session);
        const outcome = await reader.get("a").catch((error: unknown) => error);
        // A value that refers to nothing in the dictionary comes back right.
        if (!(outcome instanceof ZstashError)) expect(outcome, `${id}`).toEqual(session);
        else expect(["CHECKSUM_MISMATCH", "CORRUPT"]).toContain(outcome.code);
      }
    });

    test("values from 128 bytes on, and by the policy: another one, none, another size", async () => {
      const redis = client([newer, older], {
        policy: ({ key }) =>
          key === "old" ? { dictionary: OLDER } : key === "none" ? { dictionary: false } : {},
      });
      const session = JSON.stringify(sessions[0]);
      const size = { a: 127, b: 128 };
      for (const [key, bytes] of Object.entries(size)) await redis.set(key, session.slice(0, bytes));
      expect(await stored("a")).toHaveLength(127);
      expect(readFrameHeader(await frameOf("b")).dictionaryId).toBe(NEWER);
      await redis.set("old", session);
      expect(readFrameHeader(await frameOf("old")).dictionaryId).toBe(OLDER);
      await redis.set("none", session);
      expect(Buffer.from(await stored("none")).toString()).toBe(session);
      await client([newer], { policy: { minSize: 1000 } }).set("small", session);
      expect(Buffer.from(await stored("small")).toString()).toBe(session);
      await redis.set("none", session.repeat(9));
      expect(readFrameHeader(await frameOf("none")).dictionaryId).toBe(0);
      for (const key of ["b", "old", "small"])
        expect(await client([newer, older], { policy: {} }).get(key)).toBeTruthy();
    });

    test("values of 256 KiB and more are written without one", async () => {
      const redis = client([newer]);
      await redis.set("large", JSON.stringify(sessions).repeat(50));
      expect(readFrameHeader(await frameOf("large")).dictionaryId).toBe(0);
      expect(await client().get("large")).toBe(JSON.stringify(sessions).repeat(50));
    });

    test("modes: shadow counts and writes the value itself, read-only reads", async () => {
      await client([newer], { mode: "shadow" }).set("a", sessions[0]);
      expect(events).toEqual([
        expect.objectContaining({ type: "compressed", written: false, dictionaryId: NEWER }),
      ]);
      expect(await client().get("a")).toEqual(sessions[0]);
      await client([newer]).set("a", sessions[0]);
      expect(await client([newer], { mode: "read-only" }).get("a")).toEqual(sessions[0]);
    });

    test("a dictionary whose tables are broken never breaks a write", async () => {
      const broken = newer.slice();
      broken.fill(0xff, 8, 200);
      const redis = client([broken]);
      await redis.set("a", sessions[0]);
      expect(events).toEqual([expect.objectContaining({ type: "uncompressed", key: "a" })]);
      expect(await redis.get("a")).toEqual(sessions[0]);
      // Nor is it a miss for whoever reads with it.
      await client([newer]).set("b", sessions[0]);
      const reader = client([broken], { onCorrupt: "miss" });
      expect(await rejection(reader.get("b"))).toMatchObject({
        code: "DICTIONARY_UNKNOWN",
        dictionaryId: NEWER,
      });
    });
  });

  test("each client reads what the other has written", async () => {
    const [raw, text] = [
      clients.raw({ dictionaries: [newer] }),
      clients.compressing({ dictionaries: [newer], policy: {} }),
    ];
    await text.set("t", sessions[0]);
    expect(await raw.get("t")).toEqual(sessions[0]);
    const third: ClientCompressionOptions = { dictionaries: [newer], carrier: "text" };
    await clients.raw(third).set("r", sessions[1]);
    expect(await text.get("r")).toEqual(sessions[1]);
  });
});

test("what is no list of dictionaries is refused where the client is made", () => {
  const redis = (dictionaries: unknown): unknown =>
    new RawRedis({
      url: "http://127.0.0.1:9",
      token: "t",
      compression: { dictionaries } as CompressionOptions,
    });
  expect(() => redis(newer)).toThrow(new TypeError('"dictionaries" must be an array, got Uint8Array'));
  expect(() => redis(["text"])).toThrow(/"dictionaries" must be what readDictionary returns, got string/);
  expect(() => redis([newer, impostor])).toThrow(new RangeError('"dictionaries" holds id 1001 twice'));
  expect(() => redis([new Uint8Array(20)])).toThrow(/no zstd dictionary magic number/);
  expect(() => redis([readDictionary(newer), older])).not.toThrow();
  expect(() => redis([])).not.toThrow();
  const host = { use: () => undefined };
  const policy = { dictionary: OLDER };
  expect(() => withCompression(host, { policy, dictionaries: [newer] })).toThrow(
    new RangeError('"dictionary" must be the id of one of "dictionaries", got 1002'),
  );
  expect(() => withCompression(host, { policy })).toThrow(RangeError);
  expect(() => withCompression(host, { policy: { dictionary: 0 } })).toThrow(RangeError);
});
