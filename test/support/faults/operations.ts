/** Operations whose requests are made to fail, and canaries that no error may repeat. */
import type { Redis } from "@upstash/redis";

/** In every value; in no key. */
export const CANARY = "Xq7CANARYq7X";
/** The token of the servers. */
export const TOKEN = "TkCANARYsecret0token";

/** Stored as it is. */
export const small = `${CANARY} small`;
const rows = (count: number, salt: number): unknown =>
  Array.from({ length: count }, (_, id) => ({ id, name: `${CANARY} ${(id * 7919 + salt) % 101}` }));
/** Stored as a frame of some hundred bytes. */
export const large: string = JSON.stringify(rows(60, 1));
export const other: string = JSON.stringify(rows(70, 2));
/** Several packets. */
export const huge: string = JSON.stringify(
  Array.from({ length: 6000 }, (_, id) => `${CANARY}${(id * 2654435761) % 4294967291}`),
);

/** One call of a client. Keys begin with `key`, which is another one for every run. */
export interface Operation {
  readonly name: string;
  /** True if it may be sent again when nobody knows if it has run: it leaves and answers the same when run twice. */
  readonly repeatable: boolean;
  prepare(redis: Redis, key: string): Promise<unknown>;
  run(redis: Redis, key: string): Promise<unknown>;
  /** What lies in Redis, decoded. */
  state(redis: Redis, key: string): Promise<unknown>;
}

const nothing = (): Promise<unknown> => Promise.resolve();
const value = (redis: Redis, key: string): Promise<unknown> => redis.get(key);
const withTtl = async (redis: Redis, key: string): Promise<unknown> => [
  await redis.get(key),
  (await redis.ttl(key)) > 0,
];
const preset =
  (text: string | number) =>
  (redis: Redis, key: string): Promise<unknown> =>
    redis.set(key, text);

function operation(
  name: string,
  repeatable: boolean,
  prepare: Operation["prepare"],
  run: Operation["run"],
  state: Operation["state"] = value,
): Operation {
  return { name, repeatable, prepare, run, state };
}

const PAST = 1_000_000_000;

export const operations: readonly Operation[] = [
  operation("set small", true, preset(large), (redis, key) => redis.set(key, small)),
  operation("set large", true, preset(small), (redis, key) => redis.set(key, large)),
  operation("set huge", true, preset(small), (redis, key) => redis.set(key, huge)),
  operation("set large ex", true, preset(small), (redis, key) => redis.set(key, large, { ex: 900 }), withTtl),
  operation("set large nx", false, nothing, (redis, key) => redis.set(key, large, { nx: true })),
  operation("set large get", false, preset(other), (redis, key) => redis.set(key, large, { get: true })),
  operation("setnx large", false, nothing, (redis, key) => redis.setnx(key, large)),
  operation("setex large", true, preset(small), (redis, key) => redis.setex(key, 900, large), withTtl),
  operation("get small", true, preset(small), value),
  operation("get large", true, preset(large), value),
  operation("get huge", true, preset(huge), value),
  operation("get nothing", true, nothing, value),
  operation("getdel small", false, preset(small), (redis, key) => redis.getdel(key)),
  operation("getdel large", false, preset(large), (redis, key) => redis.getdel(key)),
  operation("getset", false, preset(other), (redis, key) => redis.getset(key, large)),
  operation("getex past", false, preset(large), (redis, key) => redis.getex(key, { exat: PAST })),
  operation("expire now", false, preset(small), (redis, key) => redis.expire(key, -1)),
  operation("append", false, preset("ab"), (redis, key) => redis.append(key, "cd")),
  operation("incr", false, preset(5), (redis, key) => redis.incr(key)),
  operation("del", false, preset(large), (redis, key) => redis.del(key)),
  operation(
    "mget",
    true,
    (redis, key) => redis.mset({ [key]: large, [`${key}:2`]: small }),
    (redis, key) => redis.mget(key, `${key}:none`, `${key}:2`),
  ),
  operation(
    "mset",
    true,
    preset(small),
    (redis, key) => redis.mset({ [key]: large, [`${key}:2`]: other, [`${key}:3`]: small }),
    (redis, key) => redis.mget(key, `${key}:2`, `${key}:3`),
  ),
  operation(
    "hset",
    false,
    (redis, key) => redis.hset(key, { f: other }),
    (redis, key) => redis.hset(key, { f: large, g: small }),
    (redis, key) => redis.hgetall(key),
  ),
  operation(
    "hgetall",
    true,
    (redis, key) => redis.hset(key, { f: large, g: small, [small.slice(-5)]: other }),
    (redis, key) => redis.hgetall(key),
    (redis, key) => redis.hgetall(key),
  ),
  operation(
    "pipeline of reads",
    true,
    (redis, key) => redis.mset({ [key]: large, [`${key}:2`]: small }),
    (redis, key) =>
      redis.pipeline().get(key).get(`${key}:2`).mget(key, `${key}:none`).strlen(`${key}:2`).exec(),
  ),
  operation(
    "pipeline of sets",
    true,
    preset(small),
    (redis, key) => redis.pipeline().set(key, large).set(`${key}:2`, small).get(key).exec(),
    (redis, key) => redis.mget(key, `${key}:2`),
  ),
  operation(
    "pipeline with incr",
    false,
    (redis, key) => redis.mset({ [key]: small, [`${key}:2`]: 7 }),
    (redis, key) => redis.pipeline().set(key, large).incr(`${key}:2`).get(key).exec(),
    (redis, key) => redis.mget(key, `${key}:2`),
  ),
  operation("pipeline of get and set", false, preset(other), (redis, key) =>
    redis.pipeline().get(key).set(key, large).exec(),
  ),
  operation(
    "multi of sets",
    true,
    preset(small),
    (redis, key) => redis.multi().set(key, large).set(`${key}:2`, small).get(key).exec(),
    (redis, key) => redis.mget(key, `${key}:2`),
  ),
  operation(
    "multi with append",
    false,
    (redis, key) => redis.mset({ [key]: small, [`${key}:2`]: "x" }),
    (redis, key) => redis.multi().append(`${key}:2`, "y").set(key, large).exec(),
    (redis, key) => redis.mget(key, `${key}:2`),
  ),
  operation("multi of get and set", false, preset(other), (redis, key) =>
    redis.multi().get(key).set(key, large).exec(),
  ),
];
