// Libraries that take an Upstash client give the same results with the stock client, and with ours in both carriers.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lock } from "@upstash/lock";
import { cases, compressions, drizzleCache } from "./cases.mjs";
import { writeTable } from "./document.mjs";
import { kinds, startServers, storedBytes } from "./rig.mjs";

let servers;
const rows = [];
beforeAll(async () => {
  servers = await startServers();
});
afterAll(async () => {
  await servers?.close();
  const line = (cells) =>
    cells.map((cell, at) => (at === 0 ? String(cell).padEnd(34) : String(cell).padStart(10))).join("");
  console.log([line(["bytes in Redis", ...kinds]), ...rows.map(line)].join("\n"));
  if (process.env.ZSTASH_WRITE_DOCS) writeTable(rows);
});

/** Libraries whose values are too small to be compressed, or nothing but counters. */
const unchanged = new Set(["@upstash/ratelimit", "@upstash/lock", "hono-rate-limiter", "resumable-stream"]);

describe("a library", () => {
  test.each(Object.keys(cases))("%s does what it does with the stock client", async (name) => {
    const stock = servers.client("stock");
    const compression = (await compressions[name]?.()) ?? {};
    const results = {};
    const sizes = [];
    for (const kind of kinds) {
      await stock.flushall();
      const client = servers.client(kind, {}, compression);
      results[kind] = JSON.parse(
        JSON.stringify(await cases[name](client, { kind, endpoint: servers.endpoint })),
      );
      sizes.push(await storedBytes(stock));
    }
    rows.push([name, ...sizes]);
    expect(results.stock).toBeTruthy();
    expect(results.text).toEqual(results.stock);
    expect(results.raw).toEqual(results.stock);
    const [stockSize, textSize, rawSize] = sizes;
    if (unchanged.has(name)) expect([textSize, rawSize]).toEqual([stockSize, stockSize]);
    else {
      expect(textSize).toBeLessThan(stockSize);
      // Commands that share a request are text for both; times in the values make a few bytes of difference.
      expect(rawSize).toBeLessThan(textSize * 1.02);
    }
  });
});

describe.each(["text", "raw"])("conversations over the %s client", (kind) => {
  test("without lists lie in Redis as they were, and leaving leaves them readable", async () => {
    const stock = servers.client("stock");
    const name = "@langchain/community (history)";
    const compression = await compressions[name]();
    await stock.flushall();
    const before = await cases[name](servers.client(kind));
    const untouched = await storedBytes(stock);
    await stock.flushall();
    expect(await cases[name](servers.client(kind, {}, compression))).toEqual(before);
    expect(await storedBytes(stock)).toBeLessThan(0.6 * untouched);
    // Who writes no compressed elements any more reads those that are there, and adds others.
    const leaving = servers.client(kind, {}, { ...compression, policy: { lists: "read-only" } });
    const [messages] = await cases[name](leaving);
    expect(messages[0]).toHaveLength(2 * before[0][0].length);
  });
});

describe.each(["text", "raw"])("scripts of libraries, over the %s client", (kind) => {
  test("drizzle's cache needs replies of scripts decoded", async () => {
    const redis = servers.client(kind, {}, { scripts: "as-is" });
    await redis.flushall();
    await expect(drizzleCache(redis)).rejects.toThrow(/is not iterable|undefined|not a function/);
  });

  test("a lock whose value is compressed is not released: a script compares it; by policy it is", async () => {
    const uuid = "one owner ".repeat(120);
    const use = async (policy) => {
      const redis = servers.client(kind, {}, policy);
      await redis.flushall();
      const lock = new Lock({ id: "lock:large", redis, lease: 60_000 });
      return [await lock.acquire({ uuid }), await lock.extend(1000), await lock.release()];
    };
    expect(await use({})).toEqual([true, false, false]);
    expect(await use({ policy: ({ key }) => (key.startsWith("lock:") ? false : {}) })).toEqual([
      true,
      true,
      true,
    ]);
  });
});

test("the page on libraries has a row for each", () => {
  const page = readFileSync(new URL("../../docs/libraries.md", import.meta.url), "utf8");
  for (const name of Object.keys(cases)) expect(page).toContain(`| ${name} `);
});
