// What is done with each library: many operations at once on one client, and all of their results.
import { UpstashRedisAdapter } from "@auth/upstash-redis-adapter";
import { PGlite } from "@electric-sql/pglite";
import { cachified } from "@epic-web/cachified";
import { UpstashRedisCache } from "@langchain/community/caches/upstash_redis";
import { UpstashRedisStore } from "@langchain/community/storage/upstash_redis";
import { Lock } from "@upstash/lock";
import { Ratelimit } from "@upstash/ratelimit";
import { createClient, VercelKV } from "@vercel/kv";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { UpstashCache } from "drizzle-orm/cache/upstash";
import { eq } from "drizzle-orm";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/pglite";
import { Hono } from "hono";
import { rateLimiter, RedisStore } from "hono-rate-limiter";
import { createResumableStreamContext } from "resumable-stream/generic";
import { createStorage } from "unstorage";
import upstashDriver from "unstorage/drivers/upstash";
import { createRequester, withCompression } from "../../src/upstash/index.ts";
import { chatCompression, chatMemory, langchainHistory } from "./chat.mjs";

/** A page of JSON that compresses, and differs by its number. */
export const page = (number, rows = 60) => ({
  number,
  rows: Array.from({ length: rows }, (_, id) => ({
    id,
    title: `Row ${id} of page ${number}`,
    tags: ["a", "b"],
  })),
});
const numbers = Array.from({ length: 20 }, (_, number) => number);
const all = (work) => Promise.all(numbers.map(work));
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const posts = pgTable("posts", {
  id: integer("id").primaryKey(),
  author: integer("author").notNull(),
  body: text("body").notNull(),
});

/** One database for all: it takes seconds to start. */
let database;

export async function drizzleCache(redis) {
  database ??= new PGlite();
  const db = drizzle(database, { cache: new UpstashCache(redis, { ex: 60 }, true) });
  await database.exec(
    "drop table if exists posts; create table posts (id integer primary key, author integer not null, body text not null)",
  );
  const bodies = numbers.map((id) => ({ id, author: id % 4, body: JSON.stringify(page(id, 10)) }));
  await db.insert(posts).values(bodies);
  const byAuthor = (author) => db.select().from(posts).where(eq(posts.author, author)).orderBy(posts.id);
  const tagged = (author) => byAuthor(author).$withCache({ tag: `author:${author}`, config: { ex: 60 } });
  const kept = (author) =>
    byAuthor(author).$withCache({ tag: `kept:${author}`, autoInvalidate: false, config: { ex: 60 } });
  const reads = () =>
    Promise.all([0, 1, 2, 3].flatMap((author) => [byAuthor(author), tagged(author), kept(author)]));
  const first = await reads();
  // Behind the cache's back: what is read now comes out of Redis.
  await database.exec("update posts set body = 'changed behind the cache'");
  const second = await reads();
  const fresh = second.flat().filter(({ body }) => body.startsWith("changed")).length;
  await db.$cache.invalidate({ tags: "author:1" });
  const third = await tagged(1);
  await db.update(posts).set({ body: "new" }).where(eq(posts.id, 2));
  return { first, second, fresh, third, fourth: await reads() };
}

async function ratelimit(redis) {
  const limiters = [
    Ratelimit.fixedWindow(5, "60 m"),
    Ratelimit.slidingWindow(5, "60 m"),
    Ratelimit.tokenBucket(5, "60 m", 5),
  ].map(
    (limiter, index) =>
      new Ratelimit({
        redis,
        limiter,
        prefix: `limit${index}`,
        ephemeralCache: false,
        analytics: false,
        timeout: 0,
      }),
  );
  const results = [];
  for (const limiter of limiters) {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => limiter.limit(`user ${n % 2} ${"x".repeat(1500)}`)),
    );
    results.push(
      answers.map(({ success, limit }) => ({ success, limit })).sort((a, b) => a.success - b.success),
    );
  }
  return results;
}

async function lock(redis) {
  const locks = numbers.map(
    (n) => new Lock({ id: `lock:${n}`, redis, lease: 60_000, retry: { attempts: 1, delay: 1 } }),
  );
  const taken = await Promise.all(locks.map((one) => one.acquire()));
  const again = await Promise.all(
    numbers.map((n) => new Lock({ id: `lock:${n}`, redis, retry: { attempts: 1, delay: 1 } }).acquire()),
  );
  const extended = await Promise.all(locks.map((one) => one.extend(1000)));
  const released = await Promise.all(locks.map((one) => one.release()));
  return { taken, again, extended, released };
}

async function storage(_, { kind, endpoint }) {
  // It makes its client by itself, shows it to be wrapped, and passes on whatever is a requester.
  const options = { base: "site", ...(kind === "raw" ? createRequester(endpoint) : endpoint) };
  const driver = upstashDriver(options);
  if (kind === "text") withCompression(driver.getInstance());
  const store = createStorage({ driver });
  await all((n) => store.setItem(`pages:${n}`, page(n)));
  await store.setItems(numbers.map((n) => ({ key: `texts:${n}`, value: `text ${n} `.repeat(300) })));
  const keys = (await store.getKeys()).sort();
  const read = await all((n) => store.getItem(`pages:${n}`));
  const items = await store.getItems(numbers.map((n) => `texts:${n}`));
  await store.removeItem("pages:3");
  const has = await Promise.all([store.hasItem("pages:3"), store.hasItem("pages:4")]);
  return { keys, read, items, has };
}

async function auth(redis) {
  const adapter = UpstashRedisAdapter(redis, { baseKeyPrefix: "auth:" });
  const note = "a long biography ".repeat(200);
  const users = await all((n) =>
    adapter.createUser({ name: `User ${n}`, email: `u${n}@example.org`, emailVerified: new Date(n), note }),
  );
  const expires = new Date("2030-01-01");
  await Promise.all(
    users.map(({ id }, n) => adapter.createSession({ sessionToken: `s${n}`, userId: id, expires, note })),
  );
  await Promise.all(
    users.map(({ id }, n) =>
      adapter.linkAccount({
        provider: "p",
        providerAccountId: `a${n}`,
        userId: id,
        type: "oauth",
        id_token: note,
      }),
    ),
  );
  const results = await all(async (n) => [
    await adapter.getUserByEmail(`u${n}@example.org`),
    await adapter.getUserByAccount({ provider: "p", providerAccountId: `a${n}` }),
    await adapter.getSessionAndUser(`s${n}`),
    await adapter.updateUser({ id: users[n].id, name: `Renamed ${n}` }),
  ]);
  await adapter.deleteUser(users[0].id);
  // Ids are random.
  const shown = JSON.stringify([results, await adapter.getUser(users[0].id)]);
  return users.reduce((shape, { id }, n) => shape.replaceAll(id, `user ${n}`), shown);
}

async function better(redis) {
  const instance = betterAuth({
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    baseURL: "http://localhost:3000",
    secret: "a secret that is long enough for this library",
    emailAndPassword: {
      enabled: true,
      password: { hash: async (one) => one, verify: async ({ hash, password }) => hash === password },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    secondaryStorage: {
      get: (key) => redis.get(key),
      set: (key, value, ttl) =>
        (ttl ? redis.set(key, value, { ex: ttl }) : redis.set(key, value)).then(() => undefined),
      delete: (key) => redis.del(key).then(() => undefined),
    },
  });
  const image = `data:text/plain,${"pixel ".repeat(400)}`;
  return all(async (n) => {
    const body = { email: `u${n}@example.org`, password: "a password", name: `User ${n}`, image };
    const { headers, response } = await instance.api.signUpEmail({ body, returnHeaders: true });
    const cookie = headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
    const session = await instance.api.getSession({ headers: new Headers({ cookie }) });
    if (n % 2 === 0)
      await instance.api.signOut({ headers: new Headers({ cookie, origin: "http://localhost:3000" }) });
    const after = await instance.api.getSession({ headers: new Headers({ cookie }) });
    return [response.user.email, session?.user.name, session?.user.image, after?.user.name];
  });
}

async function cached(redis) {
  let made = 0;
  const cache = {
    get: (key) => redis.get(key),
    set: (key, value) => redis.set(key, value),
    delete: (key) => redis.del(key),
  };
  const read = (n) =>
    cachified({ key: `page:${n}`, cache, ttl: 60_000, getFreshValue: () => (made++, page(n)) });
  const first = await all(read);
  const second = await all(read);
  return { first, second, made };
}

async function resumable(redis) {
  const subscriptions = new Map();
  const subscriber = {
    connect: async () => {},
    async subscribe(channel, callback) {
      const subscription = redis.subscribe(channel);
      subscriptions.set(channel, subscription);
      const ready = new Promise((resolve) => subscription.on("subscribe", resolve));
      subscription.on("message", ({ message }) =>
        callback(typeof message === "string" ? message : JSON.stringify(message)),
      );
      subscription.on("error", () => {});
      await ready;
    },
    unsubscribe: (channel) => subscriptions.get(channel)?.unsubscribe(),
  };
  const publisher = {
    connect: async () => {},
    publish: (channel, message) => redis.publish(channel, message),
    set: (key, value, { EX } = {}) => (EX ? redis.set(key, value, { ex: EX }) : redis.set(key, value)),
    get: (key) => redis.get(key),
    incr: (key) => redis.incr(key),
  };
  const context = createResumableStreamContext({
    waitUntil: null,
    subscriber,
    publisher,
    keyPrefix: "streams",
    // Messages of several lines do not pass the SDK's subscriptions: the end is found by looking.
    doneWatchdogIntervalMs: 200,
  });
  const readAll = async (stream) => {
    let whole = "";
    for await (const chunk of stream) whole += chunk;
    return whole;
  };
  return Promise.all(
    [0, 1, 2].map(async (n) => {
      let release;
      const resumed = new Promise((resolve) => (release = resolve));
      const make = () =>
        new ReadableStream({
          async start(controller) {
            controller.enqueue(`first of ${n} `.repeat(200));
            await resumed;
            controller.enqueue(`second of ${n} `.repeat(200));
            controller.close();
          },
        });
      const writer = await context.resumableStream(`s${n}`, make);
      const reading = readAll(writer);
      await delay(50);
      const follower = await context.resumeExistingStream(`s${n}`);
      const following = readAll(follower);
      await delay(50);
      release();
      return [await reading, await following, await context.hasExistingStream(`s${n}`)];
    }),
  );
}

async function langchainCache(redis) {
  const cache = new UpstashRedisCache({ client: redis });
  const generation = (n) => [{ text: `An answer to question ${n}. `.repeat(120), generationInfo: { n } }];
  await all((n) => cache.update(`question ${n}`, "model", generation(n)));
  return [await all((n) => cache.lookup(`question ${n}`, "model")), await cache.lookup("none", "model")];
}

async function langchainStore(redis) {
  const store = new UpstashRedisStore({ client: redis, namespace: "docs" });
  const encoder = new TextEncoder();
  await all((n) =>
    store.mset([
      [`d${n}`, encoder.encode(JSON.stringify(page(n)))],
      [`t${n}`, encoder.encode(`text ${n} `.repeat(300))],
    ]),
  );
  const read = await store.mget(numbers.flatMap((n) => [`d${n}`, `t${n}`, `none${n}`]));
  const keys = [];
  for await (const key of store.yieldKeys("d")) keys.push(key);
  await store.mdelete(["d1", "t1"]);
  return [
    read.map((bytes) => bytes && new TextDecoder().decode(bytes)),
    keys.sort(),
    await store.mget(["d1", "d2"]),
  ];
}

async function vercel(_, { kind, endpoint }) {
  // Its clients are made by itself: one is wrapped, one is given our requester.
  const client = {
    stock: () => createClient(endpoint),
    text: () => withCompression(createClient(endpoint)),
    raw: () => new VercelKV(createRequester(endpoint)),
  }[kind]();
  await all((n) => client.set(`page:${n}`, page(n)));
  await client.hset("hash", Object.fromEntries(numbers.map((n) => [`f${n}`, page(n, 20)])));
  const keys = [];
  for await (const key of client.scanIterator({ match: "page:*" })) keys.push(key);
  const fields = [];
  for await (const field of client.hscanIterator("hash")) fields.push(field);
  return [
    await all((n) => client.get(`page:${n}`)),
    keys.sort(),
    fields.length,
    await client.hgetall("hash"),
  ];
}

async function hono(redis) {
  const app = new Hono();
  app.use(
    rateLimiter({
      windowMs: 3_600_000,
      limit: 5,
      keyGenerator: (context) => context.req.header("user"),
      store: new RedisStore({ client: redis }),
    }),
  );
  app.get("/", (context) => context.text("answer"));
  const statuses = await Promise.all(
    numbers.map((n) =>
      app
        .request("/", { headers: { user: `user ${n % 2} ${"x".repeat(1500)}` } })
        .then(({ status }) => status),
    ),
  );
  return statuses.sort();
}

/** By the name of the package. */
export const cases = {
  "drizzle-orm (UpstashCache)": drizzleCache,
  "@upstash/ratelimit": ratelimit,
  "@upstash/lock": lock,
  "unstorage (driver upstash)": storage,
  "@auth/upstash-redis-adapter": auth,
  "better-auth (secondaryStorage)": better,
  "@epic-web/cachified": cached,
  "resumable-stream": resumable,
  "@langchain/community (cache)": langchainCache,
  "@langchain/community (store)": langchainStore,
  "@vercel/kv": vercel,
  "hono-rate-limiter": hono,
  "@langchain/community (history)": langchainHistory,
  "chat memory in a list": chatMemory,
};

/** How the clients of a case compress, where it is not by default. */
export const compressions = {
  "@langchain/community (history)": chatCompression,
  "chat memory in a list": chatCompression,
};
