/** A request or a reply over the server's limit: the error says what to do, and whether the command may have run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Redis as Stock } from "@upstash/redis";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis } from "../../../src/redis.ts";
import { compressionMiddleware, withCompression, type ZstashError } from "../../../src/upstash/index.ts";

const LIMIT = 100_000;
const part = "x".repeat(20_000);
const long = part.repeat(6);
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
    expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "none"]);
    expect(error.message).toContain(advice);
    expect(error.message).not.toContain("has run");
  }
  const requests: readonly (readonly [Promise<unknown>, string])[] = [
    [redis.set("new", long), "store it with zstash/store"],
    [redis.mset(Object.fromEntries(many.map((key) => [`new:${key}`, part]))), "write fewer keys at once"],
    [
      redis.hset("new:hash", Object.fromEntries(many.map((key) => [key, part]))),
      "write fewer fields at once",
    ],
    [redis.rpush("new:list", ...many.map(() => part)), "write fewer elements at once"],
    [redis.hset("new:hash", { field: long }), "one value alone is too large: store it"],
    [redis.hset("new:hash", { field: long, other: "x" }), "one value alone is too large: store it"],
    [redis.rpush("new:list", long), "one value alone is too large: store it"],
    [redis.zadd("new:sorted", { score: 1, member: long }), "one value alone is too large: store it"],
    [redis.xadd("new:stream", "*", { field: long }), "one value alone is too large: store it"],
    [redis.multi().set("new:k0", "x").rpush("new:list", long).exec(), "one value alone is too large"],
    [
      redis
        .multi()
        .rpush("new:list", ...many.slice(4).map(() => part))
        .set("new:k0", part)
        .exec(),
      "send fewer commands at once",
    ],
  ];
  for (const [work, advice] of requests) {
    const error = await failure(work);
    expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "none"]);
    expect(error.message).toContain(advice);
    expect(error.message).not.toContain("xxx");
  }
  expect(await redis.exists("new", "new:hash", "new:list", "new:k0")).toBe(0);
});

/** Commands that write and return what they took, with what shows that they have run. */
const taking: readonly (readonly [
  name: string,
  advice: string,
  run: (redis: Redis) => Promise<unknown>,
  left: (redis: Redis) => Promise<number>,
])[] = [
  [
    "GETDEL",
    "gone from Redis: ask for STRLEN",
    (redis) => redis.getdel("t:s"),
    (redis) => redis.exists("t:s"),
  ],
  ["GETSET", "old value is gone", (redis) => redis.getset("t:s", ""), (redis) => redis.strlen("t:s")],
  [
    "SET GET",
    "old value is gone",
    (redis) => redis.set("t:s", "", { get: true }),
    (redis) => redis.strlen("t:s"),
  ],
  ["LPOP", "LRANGE before", (redis) => redis.lpop("t:l", 8), (redis) => redis.llen("t:l")],
  ["RPOP", "LRANGE before", (redis) => redis.rpop("t:l", 8), (redis) => redis.llen("t:l")],
  ["SPOP", "SRANDMEMBER before", (redis) => redis.spop("t:m", 8), (redis) => redis.scard("t:m")],
  ["ZPOPMIN", "ZRANGE before", (redis) => redis.zpopmin("t:z", 8), (redis) => redis.zcard("t:z")],
  ["ZPOPMAX", "ZRANGE before", (redis) => redis.zpopmax("t:z", 8), (redis) => redis.zcard("t:z")],
  ["LMPOP", "LRANGE before", (redis) => redis.lmpop(1, ["t:l"], "LEFT", 8), (redis) => redis.llen("t:l")],
  [
    "MULTI of one reply and a short one",
    "gone from Redis",
    (redis) => redis.multi().getdel("t:s").set("t:x", "y").exec(),
    (redis) => redis.exists("t:s"),
  ],
];

test.each(taking)("%s has run: what it took is gone, and the error says so", async (_, advice, run, left) => {
  for (const redis of Object.values(clients)) {
    await redis.del("t:s", "t:l", "t:m", "t:z");
    for (const [index, key] of many.entries()) {
      await redis.append("t:s", part);
      await redis.rpush("t:l", part + key);
      await redis.sadd("t:m", part + key);
      await redis.zadd("t:z", { score: index, member: part + key });
    }
    const error = await failure(run(redis));
    expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "done"]);
    expect(error.message).toMatch(/the commands? ha(?:s|ve) run, only the reply is too large; /);
    expect(error.message).toContain(advice);
    expect(await left(redis)).toBe(0);
  }
});

test("a pipeline with one reply that may be long gets the advice of its command, and one with writes is unknown", async () => {
  const redis = clients["zstash/redis"];
  const error = await failure(redis.pipeline().get("long").incr("t:n").exec());
  expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "unknown"]);
  expect(error.message).toContain("read it with a store");
  const two = await failure(redis.pipeline().get("long").get("k0").incr("t:n").exec());
  expect(two.message).toContain("send fewer commands at once, and read in parts what is too large alone");
});

test("two middlewares on one client give one advice", async () => {
  const options = { url, token: server.token, retry: false, enableAutoPipelining: false } as const;
  const stock = new Stock(options);
  stock.use(compressionMiddleware(compression));
  const twice = withCompression(stock, compression);
  const { message, effect } = await failure(twice.mget(many));
  expect(effect).toBe("none");
  expect(message.split("ask for fewer keys at once").length).toBe(2);
});

test("a limit of the client's own: nothing was sent", async () => {
  const limited = { ...compression, maxRequestSize: 1000 };
  const redis = new Redis({ url, token: server.token, enableAutoPipelining: false, compression: limited });
  const error = await failure(redis.set("new", part));
  expect([error.code, error.effect]).toEqual(["REQUEST_LIMIT", "none"]);
  expect(error.message).toContain("store it with zstash/store");
});
