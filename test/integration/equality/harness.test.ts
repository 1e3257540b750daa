/** The comparison of equality.test.ts finds what it is there for: clients and databases that are damaged on purpose. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { CompressionMiddleware } from "../../../src/upstash/index.ts";
import { seededRandom } from "../../support/random.ts";
import { Operations } from "../../support/equality/operations.ts";
import { compareDatabases, compareStep, drawStep } from "./rig.ts";
import {
  clientKinds,
  noCounts,
  startServers,
  type ClientKind,
  type Pair,
  type Servers,
} from "../../support/equality/servers.ts";
import { Values } from "../../support/equality/values.ts";

let servers: Servers;
beforeAll(async () => {
  servers = await startServers("embedded", {});
});
afterAll(() => servers?.close());

/** A pair whose compressing client has one more middleware, between it and whoever calls. */
async function damagedPair(kind: ClientKind, middleware: CompressionMiddleware): Promise<Pair> {
  const pair = (await servers.connect("text", noCounts())).get(kind)!;
  pair.wrapped.use(middleware);
  return pair;
}

async function run(pair: Pair, steps: number): Promise<void> {
  const random = seededRandom(1);
  const operations = new Operations(random, new Values(random, await loadZstd()), false);
  for (let step = 0; step < steps; step++) await compareStep(drawStep(random, operations), pair);
}

/** One reply with its result changed, in a batch or alone. */
function change(reply: unknown, to: (result: unknown) => unknown): unknown {
  if (Array.isArray(reply)) return [change(reply[0], to), ...(reply.slice(1) as unknown[])];
  return { ...(reply as object), result: to((reply as { result?: unknown }).result) };
}

describe.each(clientKinds)("with a client of kind %s", (kind) => {
  test("an undamaged client passes", async () => {
    const pair = await damagedPair(kind, (request, next) => next(request) as never);
    await run(pair, 60);
    expect(await compareDatabases(pair)).toBeGreaterThan(0);
  });

  test.each([
    ["a wrong reply", (result: unknown) => (typeof result === "number" ? result + 1 : [result, "more"])],
    ["a lost reply", () => null],
  ])("%s is found", async (_, damage) => {
    let requests = 0;
    const pair = await damagedPair(kind, async (request, next) => {
      const reply = await next(request);
      requests += 1;
      return (requests >= 40 ? change(reply, damage) : reply) as never;
    });
    await expect(run(pair, 120)).rejects.toThrow(/plain: .*\n *wrapped: /s);
    expect(requests).toBeGreaterThanOrEqual(40);
  });

  test("an error where there was none, and none where there was one, are found", async () => {
    const failing = await damagedPair(kind, async (request, next) => {
      const reply = (await next(request)) as unknown;
      return (Array.isArray(reply) ? reply.map(() => ({ error: "ERR" })) : { error: "ERR" }) as never;
    });
    const get = {
      kind: "one",
      operations: [{ method: "get", args: ["key"], view: "exact", keys: ["key"] }],
    } as const;
    await expect(compareStep(get, failing)).rejects.toThrow("UpstashError");
    const silent = await damagedPair(kind, async (request, next) => {
      const answer = (reply: unknown): unknown => ({
        result: (reply as { result?: unknown }).result ?? null,
      });
      const reply = await next(request).catch(() => ({ result: null }));
      return (Array.isArray(reply) ? reply.map(answer) : answer(reply)) as never;
    });
    const wrong = {
      ...get,
      operations: [{ ...get.operations[0], method: "setex", args: ["key", 0, "x"] }],
    } as const;
    await expect(compareStep(wrong, silent)).rejects.toThrow("UpstashError");
  });

  test.each([
    ["a value", async (pair: Pair) => pair.wrapped.set("v0", "other")],
    ["a time to live", async (pair: Pair) => pair.wrapped.expire("v0", 1_000_000)],
    ["a type", async (pair: Pair) => [await pair.wrapped.del("v0"), await pair.wrapped.lpush("v0", "value")]],
    ["a missing key", async (pair: Pair) => pair.wrapped.del("v0")],
    ["an unknown key", async (pair: Pair) => pair.wrapped.set("a key that no operation uses", 1)],
    ["a field", async (pair: Pair) => pair.wrapped.hset("h0", { f0: "other" })],
    [
      "the order of a list",
      async (pair: Pair) => [await pair.wrapped.lpop("l0"), await pair.wrapped.rpush("l0", "a")],
    ],
  ])("%s that differs in the databases is found", async (_, damage) => {
    const pair = await damagedPair(kind, (request, next) => next(request) as never);
    for (const redis of [pair.plain, pair.wrapped]) {
      await redis.set("v0", "value ".repeat(300), { ex: 10_000 });
      await redis.hset("h0", { f0: "value ".repeat(300), f1: "x" });
      await redis.rpush("l0", "a", "b");
    }
    expect(await compareDatabases(pair)).toBe(3);
    await damage(pair);
    await expect(compareDatabases(pair)).rejects.toThrow(/plain: .*\n *wrapped: /s);
  });
});
