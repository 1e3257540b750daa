// node --test: every test has a server of its own, which costs less than a millisecond.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createDevServer } from "zstash/dev";
import { Redis } from "zstash/redis";

let server;
let redis;
beforeEach(async () => {
  server = await createDevServer({ backend: "embedded" });
  redis = new Redis({ url: "http://localhost", token: server.token, fetch: server.fetch });
});
afterEach(() => server.close());

test("stores a value", async () => {
  await redis.set("user:1", { name: "Ada" });
  assert.deepEqual(await redis.get("user:1"), { name: "Ada" });
});

test("has a keyspace of its own", async () => {
  assert.equal(await redis.get("user:1"), null);
});
