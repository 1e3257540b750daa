// vitest run: every test begins with the same keys, at a server inside the test's own process.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDevServer } from "zstash/dev";
import { Redis } from "zstash/redis";

let server;
let redis;
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded", seed: [["SET", "visits", 3]] });
  redis = new Redis({ url: "http://localhost", token: server.token, fetch: server.fetch });
});
beforeEach(() => server.reset());
afterAll(() => server.close());

test("counts a visit", async () => {
  expect(await redis.incr("visits")).toBe(4);
});

test("begins where the other test began", async () => {
  expect(await redis.get("visits")).toBe(3);
  await redis.set("other", "key");
});

test("sees nothing of the others", async () => {
  expect(await redis.keys("*")).toEqual(["visits"]);
});
