/** The records of requests that the local server gives its owner: names and sizes, never values or tokens. */
import { expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { RequestRecord } from "../../../src/dev/index.ts";
import { TOKEN } from "./rig.ts";

const SECRET = "canary-of-a-value";

async function recordsOf(
  send: (fetch: (path: string, init?: RequestInit) => Promise<unknown>) => Promise<void>,
) {
  const records: RequestRecord[] = [];
  const server = await createDevServer({
    backend: "embedded",
    token: TOKEN,
    onRequest: (record) => void records.push(record),
  });
  const headers = { authorization: `Bearer ${TOKEN}` };
  try {
    await send((path, init) => server.fetch(`http://localhost${path}`, { headers, ...init }));
  } finally {
    await server.close();
  }
  return records;
}

test("a record names commands, key, status and sizes, and holds no value", async () => {
  const records = await recordsOf(async (fetch) => {
    const body = (value: unknown) => ({ method: "POST", body: JSON.stringify(value) });
    await fetch("/", body(["set", "key", SECRET]));
    await fetch(
      "/pipeline",
      body([["get", "key"], ["INCR", "key"], ...Array.from({ length: 30 }, () => ["PING"])]),
    );
    await fetch("/get/key");
    await fetch("/incr/key");
    await fetch("/get/key", { headers: { authorization: `Bearer ${SECRET}` } });
    await fetch("/subscribe/news", {
      headers: { authorization: `Bearer ${TOKEN}`, accept: "text/event-stream" },
    });
  });
  expect(
    records.map(({ method, commands, count, key, status }) => [
      method,
      commands.slice(0, 3),
      count,
      key,
      status,
    ]),
  ).toEqual([
    ["POST", ["SET"], 1, "key", 200],
    ["POST", ["GET", "INCR", "PING"], 32, "key", 200],
    ["GET", ["GET"], 1, "key", 200],
    ["GET", ["INCR"], 1, "key", 400],
    ["GET", [], 0, undefined, 401],
    ["GET", ["SUBSCRIBE"], 1, "news", 200],
  ]);
  expect(records[1]?.commands).toHaveLength(20);
  expect(records[0]?.requestSize).toBe(JSON.stringify(["set", "key", SECRET]).length);
  expect(records[2]?.responseSize).toBe(JSON.stringify({ result: SECRET }).length);
  expect(records.map(({ error }) => error)).toEqual([
    undefined,
    undefined,
    undefined,
    "ERR value is not an integer or out of range",
    "WRONGPASS invalid or missing auth token",
    undefined,
  ]);
  for (const { at, duration } of records) {
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
    expect(duration).toBeGreaterThanOrEqual(0);
  }
  expect(JSON.stringify(records)).not.toContain(SECRET);
});

test("a callback that throws fails no request", async () => {
  const server = await createDevServer({
    backend: "embedded",
    token: TOKEN,
    onRequest: () => {
      throw new Error("broken");
    },
  });
  const response = await server.fetch("http://localhost/ping", {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(await response.json()).toEqual({ result: "PONG" });
  await server.close();
});
