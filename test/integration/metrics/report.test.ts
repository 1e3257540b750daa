/** A collector reports to a real `zstash dev`, whose page is given the figures. */
import { expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { Redis } from "../../../src/redis.ts";

test("the page has the figures of a client that works", async () => {
  const server = await createDevServer({ backend: "embedded" });
  const { url } = await server.listen();
  const { token } = server;
  const metrics = createMetrics({ reportTo: { url, token } });
  const redis = new Redis({ url, token, compression: { onEvent: metrics.onEvent } });
  const value = Array.from({ length: 100 }, (_, id) => ({ id, name: "a name" }));
  await redis.set("key", value);
  expect(await redis.get("key")).toEqual(value);

  const opened = await fetch(`${url}/?ticket=${server.ticket()}`, {
    headers: { accept: "text/html" },
    redirect: "manual",
  });
  const cookie = opened.headers.get("set-cookie")!.split(";")[0]!;
  const read = async (): Promise<readonly { readonly figures: Record<string, number> }[]> =>
    (await (await fetch(`${url}/_zstash/metrics`, { headers: { cookie } })).json()) as [];
  let clients = await read();
  // The test's own limit ends it.
  while (clients.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    clients = await read();
  }
  expect(clients).toHaveLength(1);
  expect(clients[0]!.figures).toMatchObject({
    "values compressed": 1,
    "values decoded": 1,
    "values that did not decode": 0,
    "bytes written": JSON.stringify(value).length,
    requests: 2,
  });
  expect(clients[0]!.figures["ratio"]).toBeGreaterThan(5);
  await server.close();
});

test("a server that is not there, or refuses, harms nothing", async () => {
  for (const reportTo of [{ url: "http://127.0.0.1:1", token: "t" }]) {
    const { onEvent, toPrometheus } = createMetrics({ reportTo });
    onEvent({ type: "wait", for: "turn", ms: 500 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    onEvent({ type: "wait", for: "turn", ms: 500 });
    expect(toPrometheus()).toContain('zstash_wait_seconds_total{for="turn"} 1\n');
  }
});
