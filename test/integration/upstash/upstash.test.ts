import { Redis, type Requester, type UpstashRequest, type UpstashResponse } from "@upstash/redis";
import { describe, expect, test } from "vitest";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { compressionMiddleware } from "../../../src/upstash/index.ts";
import { backends } from "../../support/backends.ts";
import { rejection } from "../../support/rejection.ts";
import { useClients } from "./rig.ts";

interface User {
  id: number;
  name: string;
  tags: string[];
}
const users = (count: number): User[] =>
  Array.from({ length: count }, (_, id) => ({ id, name: `user ${id}`, tags: ["a", "b", "ü"] }));
const large = users(100);
const other = users(101);
const text = JSON.stringify(large);
const ours = /^zs1:KLUv\//;

let sequence = 0;
const newKey = (): string => `k${(sequence += 1)}`;

const clientKinds = [
  { enableAutoPipelining: true },
  { enableAutoPipelining: false },
  { enableAutoPipelining: true, responseEncoding: false },
  { enableAutoPipelining: false, automaticDeserialization: false },
] as const;

describe.each(backends)("withCompression on %s", (backend) => {
  const clients = useClients(backend);

  /** The value as it lies in Redis. */
  const stored = (key: string): Promise<string | null> =>
    clients.plain({ automaticDeserialization: false }).get<string>(key);
  const storedFields = (key: string): Promise<Record<string, string> | null> =>
    clients.plain().hgetall<Record<string, string>>(key);

  describe.each(clientKinds)("a client with %o", (kind) => {
    const deserializes = !("automaticDeserialization" in kind);
    /** What such a client gives for a JSON value. */
    const seen = (value: unknown): unknown => (deserializes ? value : JSON.stringify(value));
    const connect = (): Redis => clients.compressing({}, kind);

    const expectStored = async (key: string, value: unknown): Promise<void> => {
      expect(await stored(key)).toMatch(ours);
      expect(await connect().get(key)).toEqual(seen(value));
    };

    test("SET and GET", async () => {
      const [redis, key] = [connect(), newKey()];
      expect(await redis.set(key, large)).toBe("OK");
      await expectStored(key, large);
      expect((await stored(key))!.length).toBeLessThan(text.length / 4);
      expect(await redis.get("nothing here")).toBeNull();
    });

    test("SET with every option", async () => {
      const redis = connect();
      const inAnHour = Math.floor(Date.now() / 1000) + 3600;
      const options = [{ ex: 100 }, { px: 100_000 }, { exat: inAnHour }, { pxat: inAnHour * 1000 }] as const;
      for (const option of options) {
        const key = newKey();
        expect(await redis.set(key, large, option)).toBe("OK");
        await expectStored(key, large);
        expect(await redis.ttl(key)).toBeGreaterThan(50);
        expect(await redis.set(key, other, { keepTtl: true })).toBe("OK");
        await expectStored(key, other);
        expect(await redis.ttl(key)).toBeGreaterThan(50);
      }
      const key = newKey();
      expect(await redis.set(key, large, { xx: true })).toBeNull();
      expect(await redis.set(key, large, { nx: true, ex: 100 })).toBe("OK");
      expect(await redis.set(key, other, { nx: true })).toBeNull();
      await expectStored(key, large);
      expect(await redis.set(key, other, { xx: true, px: 100_000 })).toBe("OK");
      await expectStored(key, other);
    });

    test("SET … GET gives the value before", async () => {
      const [redis, key] = [connect(), newKey()];
      expect(await redis.set(key, large, { get: true })).toBeNull();
      expect(await redis.set(key, other, { get: true, ex: 100 })).toEqual(seen(large));
      expect(await redis.set(key, "plain", { get: true, keepTtl: true })).toEqual(seen(other));
      expect(await redis.set(key, large, { get: true, xx: true })).toBe("plain");
      await expectStored(key, large);
    });

    test("GETEX, GETDEL, GETSET, SETEX, PSETEX, SETNX", async () => {
      const [redis, key] = [connect(), newKey()];
      expect(await redis.setex(key, 100, large)).toBe("OK");
      await expectStored(key, large);
      expect(await redis.psetex(key, 100_000, other)).toBe("OK");
      await expectStored(key, other);
      expect(await redis.getex(key, { persist: true })).toEqual(seen(other));
      expect(await redis.ttl(key)).toBe(-1);
      expect(await redis.getex(key, { ex: 100 })).toEqual(seen(other));
      expect(await redis.ttl(key)).toBeGreaterThan(50);
      expect(await redis.getset(key, large)).toEqual(seen(other));
      expect(await redis.setnx(key, other)).toBe(0);
      expect(await redis.getdel(key)).toEqual(seen(large));
      expect(await redis.getdel(key)).toBeNull();
      expect(await redis.setnx(key, other)).toBe(1);
      await expectStored(key, other);
    });

    test("MSET, MSETNX, MGET", async () => {
      const redis = connect();
      const [a, b, c, d] = [newKey(), newKey(), newKey(), newKey()];
      expect(await redis.mset({ [a]: large, [b]: "small", [c]: other })).toBe("OK");
      expect(await stored(a)).toMatch(ours);
      expect(await stored(b)).toBe("small");
      expect(await redis.mget(a, "nothing here", b, c)).toEqual([seen(large), null, "small", seen(other)]);
      expect(await redis.mget([c, a])).toEqual([seen(other), seen(large)]);
      expect(await redis.msetnx({ [d]: large, [a]: other })).toBe(0);
      expect(await redis.msetnx({ [d]: other })).toBe(1);
      await expectStored(d, other);
    });

    test("HSET, HMSET, HSETNX, HGET, HMGET, HGETALL, HVALS, HRANDFIELD, HSCAN", async () => {
      const [redis, key] = [connect(), newKey()];
      expect(await redis.hset(key, { large, small: "s", count: 7 })).toBe(3);
      expect(await redis.hmset(key, { other })).toBe("OK");
      expect(await redis.hsetnx(key, "large", other)).toBe(0);
      expect(await redis.hsetnx(key, "more", large)).toBe(1);
      const lying = (await storedFields(key))!;
      expect(lying["large"]).toMatch(ours);
      expect(lying["other"]).toMatch(ours);
      expect(lying["more"]).toMatch(ours);
      expect(lying["small"]).toBe("s");
      expect(await redis.hincrby(key, "count", 3)).toBe(10);

      expect(await redis.hget(key, "large")).toEqual(seen(large));
      expect(await redis.hget(key, "nothing here")).toBeNull();
      expect(await redis.hmget(key, "other", "nothing here", "large")).toEqual(
        deserializes
          ? { other, "nothing here": null, large }
          : [JSON.stringify(other), null, JSON.stringify(large)],
      );
      const whole = { large, small: "s", count: 10, other, more: large };
      const flat = Object.entries(whole).flatMap(([field, value]) => [
        field,
        typeof value === "object" ? JSON.stringify(value) : String(value),
      ]);
      const sortPairs = (pairs: unknown): unknown =>
        (pairs as string[])
          .flatMap((field, index) => (index % 2 === 0 ? [[field, (pairs as string[])[index + 1]]] : []))
          .sort();
      if (deserializes) {
        expect(await redis.hgetall(key)).toEqual(whole);
        expect(await redis.hrandfield(key, 10, true)).toEqual(whole);
      } else {
        expect(sortPairs(await redis.hgetall(key))).toEqual(sortPairs(flat));
        expect(sortPairs(await redis.hrandfield(key, 10, true))).toEqual(sortPairs(flat));
      }
      const values = await redis.hvals(key);
      expect(values.length).toBe(5);
      expect(values).toEqual(expect.arrayContaining([seen(large), seen(other), "s"]));
      const [cursor, pairs] = await redis.hscan(key, 0, { match: "*", count: 100 });
      expect(String(cursor)).toBe("0");
      expect(pairs.length).toBe(10);
      expect(pairs[pairs.indexOf("large") + 1]).toEqual(seen(large));
      expect((await redis.hrandfield(key, 2))!.length).toBe(2);
    });

    test("explicit pipelines and transactions", async () => {
      const [a, b, h] = [newKey(), newKey(), newKey()];
      for (const open of [(redis: Redis) => redis.pipeline(), (redis: Redis) => redis.multi()]) {
        const results = await open(connect())
          .set(a, large)
          .incr(`${a}:count`)
          .get(a)
          .set(b, other, { get: true })
          .hset(h, { large })
          .hgetall(h)
          .mget(a, b)
          .del(a, b, h, `${a}:count`)
          .exec();
        expect(results).toEqual([
          "OK",
          1,
          seen(large),
          null,
          1,
          deserializes ? { large } : ["large", text],
          [seen(large), seen(other)],
          4,
        ]);
      }
    });

    test("many at once", async () => {
      const redis = connect();
      const keys = Array.from({ length: 30 }, newKey);
      await Promise.all(
        keys.map((key, index) => redis.set(key, index % 3 === 0 ? `small ${key}` : users(50 + index))),
      );
      const values = await Promise.all(keys.map((key) => redis.get(key)));
      for (const [index, key] of keys.entries()) {
        expect(values[index]).toEqual(index % 3 === 0 ? `small ${key}` : seen(users(50 + index)));
      }
      const lying = await Promise.all(keys.map(stored));
      expect(lying.filter((value) => ours.test(value!)).length).toBe(20);
    });

    test("exec, with names in any case", async () => {
      const [redis, key] = [connect(), newKey()];
      expect(await redis.exec(["SeT", key, text, "Ex", 100, "gEt"])).toBeNull();
      expect(await stored(key)).toMatch(ours);
      expect(await redis.exec(["GET", key])).toEqual(seen(large));
      expect(await redis.exec(["hset", `${key}:h`, "f", text])).toBe(1);
      expect(await redis.exec(["HGETALL", `${key}:h`])).toEqual(deserializes ? ["f", large] : ["f", text]);
    });
  });

  test("what is no value passes untouched", async () => {
    const [redis, plain, key] = [clients.compressing(), clients.plain(), newKey()];
    const raw = "x".repeat(5000);
    await redis.rpush(`${key}:l`, raw);
    expect(await plain.lrange(`${key}:l`, 0, -1)).toEqual([raw]);
    await redis.sadd(`${key}:s`, raw);
    expect(await plain.sismember(`${key}:s`, raw)).toBe(1);
    if (backend !== "embedded") {
      await redis.zadd(`${key}:z`, { score: 1, member: raw });
      expect(await plain.zscore(`${key}:z`, raw)).toBe(1);
    }
    await redis.append(key, raw);
    expect(await plain.get(key)).toBe(raw);
    await redis.set(`${key}:n`, 41);
    expect(await redis.incr(`${key}:n`)).toBe(42);
    expect(await redis.get(`${key}:n`)).toBe(42);
    await redis.set(`${key}:b`, true);
    expect(await stored(`${key}:b`)).toBe("true");
  });

  test("values from before come back as they are", async () => {
    const [redis, plain] = [clients.compressing(), clients.plain()];
    for (const value of [text, "zs1:", "zs1:abc", "", "{broken", "x".repeat(10_000), 17, null]) {
      const key = newKey();
      await plain.set(key, value);
      expect(await redis.get(key)).toEqual(await plain.get(key));
    }
  });

  test("one client writes what another reads, and errors of the server stay as they are", async () => {
    const [writer, reader, key] = [clients.compressing(), clients.compressing(), newKey()];
    await writer.set(key, large);
    expect(await reader.get(key)).toEqual(large);
    const wrong = [await rejection(reader.hget(key, "f")), await rejection(clients.plain().hget(key, "f"))];
    expect(wrong[0]!.message).toBe(wrong[1]!.message);
    expect(wrong[0]!.name).toBe("UpstashError");
    const results = await reader
      .pipeline()
      .get(key)
      .hget(key, "f")
      .get(key)
      .exec<[User[], never, User[]]>({ keepErrors: true });
    expect(results.map(({ result }) => result)).toEqual([large, undefined, large]);
    expect(results[1]!.error).toContain("WRONGTYPE");
    const failed = await rejection(reader.pipeline().get(key).hget(key, "f").exec());
    expect(failed.message).toContain("Command 2 [ hget ] failed: WRONGTYPE");
  });

  test("compressionMiddleware serves whoever holds a requester", async () => {
    const { url, token } = clients.endpoint();
    const headers = { authorization: `Bearer ${token}` };
    const bodies: string[] = [];
    const requester: Requester = {
      async request<Result>({ path = [], body }: UpstashRequest) {
        bodies.push(JSON.stringify(body));
        const reply = await fetch([url, ...path].join("/"), {
          method: "POST",
          headers,
          body: bodies.at(-1)!,
        });
        return (await reply.json()) as UpstashResponse<Result>;
      },
    };
    const compress = compressionMiddleware();
    const request = requester.request.bind(requester);
    requester.request = (command) => compress(command, request);
    const [redis, key] = [new Redis(requester), newKey()];
    expect(await redis.set(key, large)).toBe("OK");
    expect(await redis.get(key)).toEqual(large);
    expect(await redis.pipeline().get(key).set(key, other).get(key).exec()).toEqual([large, "OK", other]);
    expect(bodies.join()).not.toContain("user 1");
  });

  test("the policy is told command, key, size and time to live", async () => {
    const asked: unknown[] = [];
    const events: ZstashEvent[] = [];
    const redis = clients.compressing({
      policy: (context) => {
        asked.push(context);
        return context.key.startsWith("session:") ? false : { level: 4, minSize: 10 };
      },
      onEvent: (event) => events.push(event),
    });
    await redis.set("session:1", text, { ex: 60 });
    await redis.psetex("page:1", 1500, text);
    await redis.hset("page:h", { title: text });
    await redis.mset({ "page:2": text });
    const size = Buffer.byteLength(text);
    expect(asked).toEqual([
      { command: "SET", key: "session:1", size, kind: "text", ttl: 60, carrier: "text" },
      { command: "PSETEX", key: "page:1", size, kind: "text", ttl: 1.5, carrier: "text" },
      { command: "HSET", key: "page:h", size, kind: "text", ttl: undefined, carrier: "text" },
      { command: "MSET", key: "page:2", size, kind: "text", ttl: undefined, carrier: "text" },
    ]);
    expect(await stored("session:1")).toBe(text);
    expect(await stored("page:2")).toMatch(ours);
    expect(events.map((event) => ("key" in event ? [event.type, event.key] : []))).toEqual([
      ["skipped", "session:1"],
      ["compressed", "page:1"],
      ["compressed", "page:h"],
      ["compressed", "page:2"],
    ]);
    expect(JSON.stringify(events)).not.toContain("user 1");
  });
});
