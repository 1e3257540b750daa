/** A request or a reply over the server's limit: the error says what to do, and whether the command may have run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Redis as Stock } from "@upstash/redis";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis } from "../../../src/redis.ts";
import { withCompression, type ZstashError } from "../../../src/upstash/index.ts";

const LIMIT = 100_000;
const part = "x".repeat(20_000);
const many = Array.from({ length: 8 }, (_, index) => `k${index}`);
const compression = { policy: (): false => false } as const;

let server: DevServer;
let url: string;
let clients: Record<"zstash/redis" | "withCompression", Redis>;
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded", maxRequestSize: LIMIT, maxResponseSize: LIMIT });
  ({ url } = await server.listen());
  const options = { url, token: server.token, retry: false, enableAutoPipelining: false } as const;
  clients = {
    "zstash/redis": new Redis({ ...options, compression }),
    withCompression: withCompression(new Stock(options), compression) as unknown as Redis,
  };
  const redis = clients["zstash/redis"];
  for (const key of many) {
    await redis.set(key, part);
    await redis.hset("hash", { [key]: part });
    await redis.rpush("list", part);
    await redis.append("long", part);
  }
});
afterAll(() => server.close());

const failure = (work: Promise<unknown>): Promise<ZstashError> =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: ZstashError) => error,
  );

test.each(["zstash/redis", "withCompression"] as const)("%s", async (name) => {
  const redis = clients[name];
  const replies: readonly (readonly [Promise<unknown>, string])[] = [
    [redis.mget(many), "ask for fewer keys at once"],
    [redis.hmget("hash", ...many), "ask for fewer fields at once"],
    [redis.hgetall("hash"), "read it in parts with HSCAN"],
    [redis.lrange("list", 0, -1), "ask for a shorter range"],
    [redis.get("long"), "read it with a store"],
    [many.reduce((batch, key) => batch.get(key), redis.multi()).exec(), "send fewer commands at once"],
  ];
  for (const [work, advice] of replies) {
    const error = await failure(work);
    expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "unknown"]);
    expect(error.message).toContain(advice);
  }
  const requests: readonly (readonly [Promise<unknown>, string])[] = [
    [redis.set("new", part.repeat(6)), "store it with zstash/store"],
    [redis.mset(Object.fromEntries(many.map((key) => [`new:${key}`, part]))), "write fewer keys at once"],
    [
      redis.hset("new:hash", Object.fromEntries(many.map((key) => [key, part]))),
      "write fewer fields at once",
    ],
    [redis.rpush("new:list", ...many.map(() => part)), "write fewer elements at once"],
  ];
  for (const [work, advice] of requests) {
    const error = await failure(work);
    expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "none"]);
    expect(error.message).toContain(advice);
    expect(error.message).not.toContain("xxx");
  }
  expect(await redis.exists("new", "new:hash", "new:list", "new:k0")).toBe(0);
});

test("a limit of the client's own: nothing was sent", async () => {
  const limited = { ...compression, maxRequestSize: 1000 };
  const redis = new Redis({ url, token: server.token, enableAutoPipelining: false, compression: limited });
  const error = await failure(redis.set("new", part));
  expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "none"]);
  expect(error.message).toContain("store it with zstash/store");
});
