// The recipes of docs/tcp-clients.md as they stand there, on one Redis and on a cluster of three masters: what they write
// the REST side reads, and what the REST side writes they read.
import { Cluster, Redis as IoRedis } from "ioredis";
import { createClient, createCluster, RESP_TYPES } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../src/dev/index.ts";
import { Redis } from "../../src/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startRedis } from "../support/redis.ts";
import { page } from "./cases.mjs";
import { writeRecipes } from "./recipes.mjs";

const recipes = writeRecipes("tcp-clients.md");
const modules = {};
beforeAll(async () => {
  modules.node = await recipes.load("node-redis.mjs");
  modules.io = await recipes.load("ioredis.mjs");
});
afterAll(recipes.remove);

test("a recipe has at most 40 lines", () => {
  expect(recipes.codes.map(({ name }) => name)).toEqual(["values.mjs", "node-redis.mjs", "ioredis.mjs"]);
  for (const { code } of recipes.codes) expect(code.trim().split("\n").length).toBeLessThanOrEqual(40);
});

/** Redis servers, a REST client for the server of a key, and the clients over TCP. */
async function startOne() {
  const redis = await startRedis();
  const node = await createClient({ url: redis.url }).connect();
  const io = new IoRedis(redis.port, redis.host);
  return { servers: [redis], ownerOf: async () => 0, node, io, stop: () => redis.stop() };
}

async function startThree() {
  const cluster = await startCluster();
  const [{ port, url }] = cluster.nodes;
  const node = createCluster({ rootNodes: [{ url }] });
  await node.connect();
  const io = new Cluster([{ host: "127.0.0.1", port }]);
  return {
    servers: cluster.nodes,
    ownerOf: (key) => cluster.ownerOf(key),
    node,
    io,
    stop: () => cluster.stop(),
  };
}

describe.each([
  ["a Redis", startOne],
  ["a cluster of three masters", startThree],
])("on %s", (_, start) => {
  let setup;
  let fronts;
  const rest = async (key) => fronts[await setup.ownerOf(key)].client;
  const plain = async (key) => fronts[await setup.ownerOf(key)].plain;
  beforeAll(async () => {
    setup = await start();
    fronts = await Promise.all(
      setup.servers.map(async ({ url }) => {
        const server = await createDevServer({ redis: url });
        const endpoint = { url: (await server.listen()).url, token: server.token, enableTelemetry: false };
        const plainClient = new Redis({ ...endpoint, compression: { mode: "read-only" } });
        return { server, client: new Redis(endpoint), plain: plainClient };
      }),
    );
  });
  afterAll(async () => {
    await setup?.node.close();
    setup?.io.disconnect();
    await Promise.all((fronts ?? []).map(({ server }) => server.close()));
    await setup?.stop();
  });
  beforeEach(() => Promise.all(fronts.map(({ client }) => client.flushall())));

  // Keys of all three masters, and keys of one slot.
  const keys = ["page", "other", "third", "fourth", "fifth"];
  const together = ["{one}a", "{one}b", "{one}c"];
  const oneSlot = together.map((key, index) => [key, page(index)]);

  test.each(["node", "io"])("%s reads what the REST side writes, and the other way round", async (kind) => {
    const values = modules[kind].values(setup[kind]);
    for (const [index, key] of keys.entries()) await (await rest(key)).set(key, page(index));
    for (const [index, key] of keys.entries()) expect(await values.get(key)).toEqual(page(index));
    for (const [index, key] of keys.entries()) await values.set(key, page(index + 10));
    for (const [index, key] of keys.entries()) {
      const client = await rest(key);
      expect(await client.get(key)).toEqual(page(index + 10));
      expect(await client.strlen(key)).toBeLessThan(JSON.stringify(page(index + 10)).length / 3);
    }
    expect(await values.get("none")).toBeNull();
  });

  test.each(["node", "io"])(
    "%s: short values, texts, fields and lives are as on the REST side",
    async (kind) => {
      const values = modules[kind].values(setup[kind]);
      const long = "A text that is no JSON. ".repeat(200);
      for (const value of ["short", long, 7, { small: true }, "zs1:KLUv/Q of the user's", null]) {
        await values.set("value", value);
        expect(await (await rest("value")).get("value")).toEqual(value);
        await (await rest("value")).set("value", value);
        expect(await values.get("value")).toEqual(value);
        await (await plain("value")).set("value", value);
        expect(await values.get("value")).toEqual(value);
      }
      await values.set("value", page(1), ...(kind === "node" ? [{ EX: 60 }] : ["EX", 60]));
      expect(await (await rest("value")).ttl("value")).toBeGreaterThan(0);
      const [get, set] = kind === "node" ? ["hGet", "hSet"] : ["hget", "hset"];
      await values[set]("hash", "field", page(2));
      expect(await (await rest("hash")).hgetall("hash")).toEqual({ field: page(2) });
      await (await rest("hash")).hset("hash", { field: page(3) });
      expect(await values[get]("hash", "field")).toEqual(page(3));
      expect(await values[get]("hash", "none")).toBeNull();
    },
  );

  test.each(["node", "io"])("%s: many keys, a pipeline and a transaction", async (kind) => {
    const values = modules[kind].values(setup[kind]);
    const client = await rest(together[0]);
    // Text: what shares a request is JSON. Bytes: what is alone.
    await client.mset(Object.fromEntries(oneSlot.slice(0, 2)));
    await client.set(...oneSlot[2]);
    const expected = oneSlot.map(([, value]) => value);
    const many = kind === "node" ? "mGet" : "mget";
    expect(await values[many]([...together, "{one}none"])).toEqual([...expected, null]);
    expect(await values.getAll(together)).toEqual(expected);
    const changed = together.map((key, index) => [key, page(index + 20)]);
    if (kind === "io") expect(await values.replaceAll(changed)).toEqual(expected);
    else expect(await values.setAll(changed)).toEqual(["OK", "OK", "OK"]);
    expect(await client.mget(together)).toEqual(changed.map(([, value]) => value));
    await client.multi().set(together[0], page(30)).set(together[1], page(31)).exec();
    expect(await values.getAll(together)).toEqual([page(30), page(31), page(22)]);
  });

  test("node-redis makes text of what EXEC answers, whatever its type mapping is: the page says so", async () => {
    const bytes = setup.node.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const value = page(1);
    await (await rest("value")).set("value", value);
    const { decode } = await recipes.load("values.mjs");
    expect(decode("value", await bytes.get("value"))).toEqual(value);
    const [inTransaction] = await bytes.multi().get("value").exec();
    expect(() => decode("value", inTransaction)).toThrow(/UNSUPPORTED|raw frame was read/);
  });
});
