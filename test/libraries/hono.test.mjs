// The recipe for Hono of docs/libraries.md: what a route answers with it is what it answers without, and a kept response
// goes out as it lies in Redis.
import { Hono } from "hono";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/index.ts";
import { loadZstd } from "../../src/codec/zstd.ts";
import { page } from "./cases.mjs";
import { writeRecipes } from "./recipes.mjs";
import { startServers } from "./rig.mjs";

const recipes = writeRecipes("libraries.md");
let servers;
let store;
let keepResponses;
let decompress;
beforeAll(async () => {
  servers = await startServers();
  const zstd = await loadZstd();
  decompress = (bytes) => new TextDecoder().decode(zstd.decompress(bytes));
  store = createStore({ ...servers.endpoint, zstd });
  ({ keepResponses } = await recipes.load("keep-responses.mjs"));
});
afterAll(async () => {
  recipes.remove();
  await servers?.close();
});
beforeEach(() => servers.client("stock").flushall());

/** An application whose routes count their runs. */
function createApp(...middlewares) {
  const app = new Hono();
  const runs = [];
  for (const middleware of middlewares) app.use("/*", middleware);
  app.get("/reports/:id", (context) => {
    runs.push(context.req.path);
    const id = Number(context.req.param("id"));
    if (id === 404) return context.json({ error: "no such report" }, 404);
    if (id === 7) context.header("cache-control", "private");
    if (id === 8) context.header("set-cookie", "a=b");
    return context.json(page(id));
  });
  app.post("/reports/:id", (context) => context.json({ posted: context.req.param("id") }));
  return { app, runs };
}

const keep = () => keepResponses(store, { contentType: "application/json", ttl: 60 });
const seen = async (response) => ({
  status: response.status,
  type: response.headers.get("content-type"),
  body: await response.json(),
});

test("results are equal with it and without, the first time and from then on", async () => {
  const [stock, kept] = [createApp(), createApp(keep())];
  for (const round of ["first", "second"]) {
    for (const path of ["/reports/1", "/reports/2?part=3", "/reports/404", "/reports/7", "/reports/8"]) {
      const expected = await seen(await stock.app.request(path));
      expect(await seen(await kept.app.request(path)), `${path}, ${round}`).toEqual(expected);
    }
    const posted = { method: "POST" };
    expect(await seen(await kept.app.request("/reports/1", posted))).toEqual(
      await seen(await stock.app.request("/reports/1", posted)),
    );
  }
  // What is no success, private or sets a cookie is made anew.
  const anew = ["/reports/404", "/reports/7", "/reports/8"];
  expect(kept.runs).toEqual(["/reports/1", "/reports/2", ...anew, ...anew]);
  expect((await servers.client("stock").keys("*")).sort()).toEqual([
    "response:/reports/1",
    "response:/reports/2?part=3",
  ]);
  expect(await servers.client("stock").ttl("response:/reports/1")).toBeGreaterThan(0);
});

test("a client that takes zstd gets the stored bytes, and 304 for what it has", async () => {
  const { app, runs } = createApp(keep());
  await app.request("/reports/1");
  const response = await app.request("/reports/1", { headers: { "accept-encoding": "zstd" } });
  expect(response.headers.get("content-encoding")).toBe("zstd");
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(JSON.parse(decompress(bytes))).toEqual(page(1));
  expect(bytes.length).toBeLessThan(JSON.stringify(page(1)).length / 3);
  const again = await app.request("/reports/1", {
    headers: { "accept-encoding": "zstd", "if-none-match": response.headers.get("etag") },
  });
  expect(again.status).toBe(304);
  expect(runs).toEqual(["/reports/1"]);
});

test("what is for one visitor alone is neither kept nor answered from what was kept", async () => {
  const { app, runs } = createApp(keep());
  for (const name of ["authorization", "cookie"])
    await app.request("/reports/1", { headers: { [name]: "x" } });
  expect(await servers.client("stock").keys("*")).toEqual([]);
  await app.request("/reports/1");
  await app.request("/reports/1", { headers: { cookie: "x" } });
  expect(runs).toHaveLength(4);
});

test("a kept response is forgotten by its key", async () => {
  const { app, runs } = createApp(keep());
  await app.request("/reports/1");
  await store.delete("response:/reports/1");
  await app.request("/reports/1");
  expect(runs).toHaveLength(2);
});
