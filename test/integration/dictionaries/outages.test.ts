/** Dictionaries in Redis while it answers nothing, and while it evicts them under live values. */
import { describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { dictionariesAt } from "../../../src/dictionaries/in-redis.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { Redis } from "../../../src/redis.ts";
import { zstashCode, type ZstashError } from "../../../src/upstash/index.ts";
import { backends } from "../../support/backends.ts";
import { newer, older, sessionOf } from "../../support/dictionaries.ts";
import { startRedis } from "../../support/redis.ts";
import { rejection } from "../../support/rejection.ts";
import { first, keyOf, useDictionaries } from "./rig.ts";

describe.each(backends)("on %s", (backend) => {
  const rig = useDictionaries(backend);

  test("a Redis that answers nothing ends a fetch and a publication with TIMEOUT, and holds up nothing else", async () => {
    await rig().publish();
    await rig().raw().redis.set("a", sessionOf(1));
    await rig().raw({ dictionaries: [] }).redis.set("b", sessionOf(2));
    const { url, token } = rig();
    let asked = 0;
    const silent: typeof fetch = (target, init) => {
      if (!/zstash:dict/.test(String(init?.body))) return fetch(target, init);
      asked += 1;
      return new Promise((_, reject) => {
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason as Error));
      });
    };
    const redis = new Redis({
      url,
      token,
      fetch: silent,
      timeout: 400,
      retry: false,
      enableTelemetry: false,
      enableAutoPipelining: false,
      compression: { dictionaries: "auto", dictionaryWait: 50 },
    });
    const reading = rejection(redis.get("a"));
    expect(await redis.get("b")).toEqual(sessionOf(2));
    expect(await reading).toMatchObject({
      code: "DICTIONARY_UNKNOWN",
      key: "a",
      cause: { cause: { code: "TIMEOUT" } },
    });
    // A write goes without.
    await redis.set("c", sessionOf(3));
    expect(await redis.get("c")).toEqual(sessionOf(3));
    const before = await createDictionaryManager({ url, token }).list();
    const manager = createDictionaryManager({ url, token, fetch: silent, timeout: 200, retry: false });
    for (const step of [
      () => manager.publish(older, { pattern: "*" }),
      () => manager.setMode("off"),
      () => manager.collect(),
    ])
      expect(await rejection(step())).toMatchObject({ code: "TIMEOUT" });
    expect(asked).toBeGreaterThan(4);
    expect(await createDictionaryManager({ url, token }).list()).toEqual(before);
  });
});

test.runIf(backends.includes("redis-server"))(
  "a Redis that evicts: values are right, gone or named, and whoever holds the dictionary puts it back",
  async () => {
    const server = await startRedis(["--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "64"]);
    const rest = await createDevServer({ redis: server.url });
    try {
      const { url } = await rest.listen();
      const { token } = rest;
      const send = async (...command: readonly unknown[]): Promise<unknown> => {
        const init = {
          method: "POST",
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify(command),
        };
        const { result } = (await (await fetch(url, init)).json()) as { result: unknown };
        return result;
      };
      /** A client that stands for an isolate of its own. */
      let isolates = 0;
      const isolate = (clock?: () => number): Redis => {
        const host = `http://evicting-${(isolates += 1)}.test`;
        if (clock !== undefined) dictionariesAt(host, clock);
        return new Redis({
          url: host,
          token,
          enableTelemetry: false,
          enableAutoPipelining: false,
          fetch: (target, init) => fetch(String(target).replace(host, url), init),
          compression: { dictionaries: "auto", dictionaryWait: 10_000 },
        });
      };
      /** What a new reader finds under all keys that were written. */
      const readAll = async (count: number): Promise<Record<"right" | "gone" | "named", number>> => {
        const found = { right: 0, gone: 0, named: 0 };
        const reader = isolate();
        for (let at = 0; at < count; at++) {
          try {
            const value = await reader.get(`k:${at}`);
            if (value !== null) expect(value).toEqual(sessionOf(at));
            found[value === null ? "gone" : "right"] += 1;
          } catch (error) {
            const { key, dictionaryId } = error as ZstashError;
            expect([zstashCode(error), key, dictionaryId]).toEqual([
              "DICTIONARY_UNKNOWN",
              `k:${at}`,
              first.id,
            ]);
            found.named += 1;
          }
        }
        return found;
      };
      const manager = createDictionaryManager({ url, token });
      await manager.publish(newer, { pattern: "*", share: 1, force: true });
      let time = 1_000_000_000;
      const holder = isolate(() => time);
      for (let at = 0; at < 60; at++) await holder.set(`k:${at}`, sessionOf(at));
      const limit = async (bytes: number): Promise<unknown> => {
        const { connect } = await import("node:net");
        return new Promise((resolve) => {
          const socket = connect(server.port, server.host, () =>
            socket.write(`CONFIG SET maxmemory ${bytes}\r\n`),
          );
          socket.once("data", (reply) => resolve(socket.end() && `${reply}`));
        });
      };
      // Redis counts idle time in seconds: what is used now stays longer than the dictionary.
      await new Promise((resolve) => setTimeout(resolve, 2100));
      for (let at = 0; at < 60; at++) await holder.get(`k:${at}`);
      const manifest = await send("GET", "zstash:dicts");
      const usage = Number(/used_memory:(\d+)/.exec(String(await send("INFO", "memory")))?.[1]);
      expect(await limit(usage + 400_000)).toBe("+OK\r\n");
      for (let at = 0; (await send("EXISTS", keyOf(first))) === 1; at++)
        await send("SET", `filler:${at}`, "x".repeat(10_000));
      await limit(0);
      // On a busy machine it may have gone too; here it is the dictionary that is missing.
      await send("SET", "zstash:dicts", manifest);
      const lost = await readAll(60);
      expect(lost.right).toBe(0);
      expect(lost.named).toBeGreaterThan(0);
      // The write that finds its manifest old has it read anew, and what it names put back.
      while ((await send("EXISTS", keyOf(first))) === 0) {
        time += 61_000;
        await holder.set("other", sessionOf(0));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await readAll(60)).toEqual({ right: lost.named, gone: lost.gone, named: 0 });
    } finally {
      await rest.close();
      await server.stop();
    }
  },
);
