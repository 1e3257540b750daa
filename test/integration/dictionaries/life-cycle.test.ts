/** The life of a dictionary: published, promoted, retired and removed, each in one compare-and-set. */
import { beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { readFrameHeader } from "../../../src/index.ts";
import { createDictionaryManager, type DictionaryManager } from "../../../src/life-cycle/index.ts";
import type { ZstashError } from "../../../src/errors.ts";
import { RestClient } from "../../../src/rest/client.ts";
import { readRestOptions } from "../../../src/rest/rest-options.ts";
import { createStore } from "../../../src/store/index.ts";
import { backends } from "../../support/backends.ts";
import { newer, older, sessionOf } from "../../support/dictionaries.ts";
import { redisBytes } from "../../support/redis-bytes.ts";
import { startRedis } from "../../support/redis.ts";
import { rejection } from "../../support/rejection.ts";
import { first, keyOf, second, textOf, useDictionaries } from "./rig.ts";

const [a, b] = [1, 2].map(sessionOf) as [object, object];
const HOUR = 3600;

describe.each(backends)("on %s", (backend) => {
  const rig = useDictionaries(backend);
  let manager: DictionaryManager;
  beforeEach(() => {
    manager = createDictionaryManager({ url: rig().url, token: rig().token });
  });
  const manifest = async (): Promise<Record<string, unknown>> =>
    JSON.parse(String((await rig().send(["GET", "zstash:dicts"]))[0])) as Record<string, unknown>;
  /** Makes what is retired look as if it were so for an hour. */
  const age = async (): Promise<void> => {
    const text = JSON.stringify(await manifest());
    const then = Math.floor(Date.now() / 1000) - HOUR - 10;
    await rig().send(["SET", "zstash:dicts", text.replace(/"at":\d+/g, `"at":${then}`)]);
  };

  test("publish stores it under the id of its content and names it for a share of the keys", async () => {
    const { id, size, manifest: made } = await manager.publish(newer, { pattern: "s:*", share: 0.25 });
    expect([id, size]).toEqual([first.id, newer.length]);
    expect(await rig().send(["GET", keyOf(first)], ["TTL", keyOf(first)])).toEqual([textOf(first), -1]);
    expect(made).toEqual(await manifest());
    expect(await manifest()).toEqual({
      version: 1,
      mode: "on",
      patterns: [{ pattern: "s:*", canary: { id, share: 0.25 }, retired: [] }],
    });
    // Once more is the same, but for the version.
    await manager.publish(newer, { pattern: "s:*", share: 0.25 });
    expect(await manifest()).toMatchObject({
      version: 2,
      patterns: [{ canary: { id, share: 0.25 }, retired: [] }],
    });
  });

  test("canary, current, retired, back, and writers do as it says", async () => {
    const at = expect.any(Number) as number;
    await manager.publish(newer, { pattern: "s:*", share: 1 });
    expect(await manifest()).toMatchObject({ patterns: [{ current: first.id, retired: [] }] });
    await manager.publish(older, { pattern: "s:*" });
    expect(await manifest()).toMatchObject({
      patterns: [{ current: first.id, canary: { id: second.id, share: 0.1 } }],
    });
    await manager.promote("s:*", { share: 0.5 });
    expect(await manifest()).toMatchObject({ patterns: [{ current: first.id, canary: { share: 0.5 } }] });
    const { redis } = rig().raw();
    const ids = new Set<number>();
    for (let key = 0; key < 30; key++) {
      await redis.set(`s:${key}`, a);
      ids.add(readFrameHeader(await redisBytes(rig(), `s:${key}`)).dictionaryId);
    }
    expect(ids).toEqual(new Set([first.id, second.id]));
    expect(await manager.list()).toEqual(
      [
        {
          id: first.id,
          storedSize: textOf(first).length,
          uses: [{ pattern: "s:*", role: "current", share: 0.5 }],
        },
        {
          id: second.id,
          storedSize: textOf(second).length,
          uses: [{ pattern: "s:*", role: "canary", share: 0.5 }],
        },
      ].sort((x, y) => x.id - y.id),
    );
    await manager.promote("s:*");
    expect(await manifest()).toMatchObject({
      patterns: [{ current: second.id, retired: [{ id: first.id, at }] }],
    });
    await manager.promote("s:*", { id: first.id });
    expect(await manifest()).toMatchObject({
      patterns: [{ current: first.id, retired: [{ id: second.id, at }] }],
    });
    await manager.retire(first.id);
    const [rule] = (await manifest())["patterns"] as [object];
    expect(rule).toEqual({
      pattern: "s:*",
      retired: [
        { id: second.id, at },
        { id: first.id, at },
      ],
    });
    // What was written comes back, and nothing new is written with either.
    const fresh = rig().raw().redis;
    expect(await fresh.get("s:1")).toEqual(a);
    await fresh.set("s:1", b);
    expect(Buffer.from(await redisBytes(rig(), "s:1")).toString()).toBe(JSON.stringify(b));
  });

  test("wrong steps are refused, and nothing is done", async () => {
    await manager.publish(newer, { pattern: "s:*", share: 1 });
    const before = await manifest();
    for (const wrong of [
      () => manager.promote("s:*"),
      () => manager.promote("t:*"),
      () => manager.promote("s:*", { id: second.id }),
      () => manager.retire(second.id),
      () => manager.publish(newer, { pattern: "" }),
      () => manager.publish(newer, { pattern: "s:*", share: 2 }),
      () => manager.collect({ minAge: 5 }),
    ])
      expect(await rejection(wrong())).toBeInstanceOf(RangeError);
    expect(await rejection(manager.publish(new Uint8Array(99), { pattern: "*" }))).toMatchObject({
      code: "DICTIONARY_INVALID",
    });
    expect(await manifest()).toEqual(before);
    await rig().send(["SET", "zstash:dicts", "nonsense"]);
    expect(await rejection(manager.retire(first.id))).toMatchObject({ code: "CORRUPT", key: "zstash:dicts" });
  });

  test("of two steps at once the second is told, and nothing of it was done", async () => {
    await manager.publish(newer, { pattern: "s:*", share: 1 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, at) => manager.publish(older, { pattern: `p${at}:*`, share: 1 })),
    );
    const done = outcomes.filter(({ status }) => status === "fulfilled").length;
    expect(done).toBeGreaterThan(0);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      const { code, message } = outcome.reason as ZstashError;
      expect(code).toBe("VALUE_CHANGED");
      expect(message).toMatch(/another has changed version \d+ meanwhile/);
    }
    const { version, patterns } = (await manifest()) as { version: number; patterns: object[] };
    expect([version, patterns.length]).toEqual([1 + done, 1 + done]);
  });

  test("a key that holds something else is never overwritten", async () => {
    await rig().send(["SET", keyOf(first), "another"]);
    const error = await rejection(manager.publish(newer, { pattern: "*" }));
    expect(error).toMatchObject({ code: "VALUE_CHANGED", dictionaryId: first.id, key: keyOf(first) });
    expect(await rig().send(["GET", keyOf(first)], ["EXISTS", "zstash:dicts"])).toEqual(["another", 0]);
  });

  test("a lost reply of the last step is no failure, if the step was done", async () => {
    let lose = false;
    const losing = createDictionaryManager({
      url: rig().url,
      token: rig().token,
      retry: false,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        const isStep =
          /"(EVAL|IFEQ|NX)"/.test(String(init.body)) && String(init.body).includes('"zstash:dicts"');
        if (!lose || !isStep) return response;
        await response.arrayBuffer();
        throw new TypeError("terminated");
      },
    });
    await losing.publish(newer, { pattern: "s:*", share: 1 });
    lose = true;
    // Without scripts the step takes two requests, and the second is not sent after the first was lost.
    const outcome = await losing.setMode("off").catch((error: unknown) => error);
    if (backend === "redis-server") expect(outcome).toMatchObject({ mode: "off", version: 2 });
    else expect(outcome).toMatchObject({ code: "REDIS", effect: "unknown" });
  });

  test("collect removes what is retired long enough and needed by no value, and nothing else", async () => {
    await manager.publish(newer, { pattern: "*", share: 1 });
    const { redis } = rig().raw();
    await redis.set("kept", a);
    await manager.publish(older, { pattern: "*", share: 1 });
    const young = await manager.collect();
    expect(young).toEqual({ removed: [], kept: [{ id: first.id, references: 1 }], unfinishedUploads: 0 });
    await age();
    // Each kind of value alone keeps it.
    const text = `zs1:${Buffer.from(await redisBytes(rig(), "kept")).toString("base64")}`;
    await rig().send(
      ["SET", "text", text],
      ["HSET", "hash", "f", text],
      ["RPUSH", "list", "x", text],
      ["SADD", "set", text],
    );
    for (const [references, key] of [
      [4, "kept"],
      [3, "text"],
      [2, "hash"],
      [1, "list"],
    ] as const) {
      expect((await manager.collect()).kept).toEqual([{ id: first.id, references }]);
      await rig().send(["DEL", key]);
    }
    // An upload that is not complete may need anything.
    await rig().send(["SET", "big:zstash:0", "zstash upload, not complete\n"]);
    expect(await manager.collect()).toMatchObject({ removed: [], unfinishedUploads: 1 });
    await rig().send(["DEL", "big:zstash:0"]);
    expect(await manager.collect({ dryRun: true })).toMatchObject({ removed: [first.id] });
    expect(await rig().send(["EXISTS", keyOf(first)])).toEqual([1]);
    expect(await manager.collect()).toMatchObject({ removed: [first.id], kept: [] });
    expect(await rig().send(["EXISTS", keyOf(first), keyOf(second)])).toEqual([1]);
    expect(await manifest()).toMatchObject({ patterns: [{ current: second.id, retired: [] }] });
    // Nobody who holds it puts it back.
    expect(await manager.show(first.id)).toBeNull();
    // One that no manifest names goes too; the current one never.
    await rig().send(["SET", keyOf(first), textOf(first)], ["SET", "zstash:dict:other", "x"]);
    expect(await manager.collect()).toMatchObject({ removed: [first.id] });
    expect(await rig().send(["EXISTS", keyOf(second), "zstash:dict:other"])).toEqual([2]);
  });

  test("collect while another takes a step removes nothing", async () => {
    await manager.publish(newer, { pattern: "*", share: 1 });
    await manager.publish(older, { pattern: "*", share: 1 });
    await age();
    let steps = 0;
    const other = createDictionaryManager({ url: rig().url, token: rig().token });
    let step: Promise<unknown> | undefined;
    const onScan = (): void =>
      void (steps++ === 0 && (step = other.promote("*", { id: first.id }).catch(() => undefined)));
    const outcome = await manager.collect({ onScan }).then(
      (result) => result,
      async (error: unknown) => error,
    );
    await step;
    if ((outcome as { code?: string }).code === "VALUE_CHANGED") {
      expect(await rig().send(["EXISTS", keyOf(first)])).toEqual([1]);
    }
    expect(await rig().raw().redis.set("k", a)).toBe("OK");
    expect(await rig().raw().redis.get("k")).toEqual(a);
  });

  test("show gives the bytes and the text in it", async () => {
    await manager.publish(newer, { pattern: "*" });
    const shown = await manager.show(first.id);
    expect(shown!.bytes).toEqual(first.bytes);
    expect(shown!.text).toContain('"currency":"EUR"');
    expect(shown!.uses).toEqual([{ pattern: "*", role: "canary", share: 0.1 }]);
    expect(await manager.show(50_000)).toBeNull();
    await rig().send(["SET", keyOf(first), "nonsense"]);
    expect(await rejection(manager.show(first.id))).toMatchObject({ code: "DICTIONARY_INVALID" });
  });
});

test.runIf(backends.includes("redis-server"))(
  "an eviction policy that may remove it is refused, unless told",
  async () => {
    const redis = await startRedis(["--maxmemory-policy", "allkeys-lru"]);
    const server = await createDevServer({ redis: redis.url });
    try {
      const { url } = await server.listen();
      const manager = createDictionaryManager({ url, token: server.token });
      const error = await rejection(manager.publish(newer, { pattern: "*" }));
      expect(error).toMatchObject({ code: "COMMAND_REFUSED" });
      expect(error.message).toContain("allkeys-lru");
      expect(await manager.list()).toEqual([]);
      const { evictionPolicy } = await manager.publish(newer, { pattern: "*", force: true });
      expect(evictionPolicy).toBe("allkeys-lru");
    } finally {
      await server.close();
      await redis.stop();
    }
  },
);

test.runIf(backends.includes("redis-server"))(
  "collect removes nothing where it may not read every key: what it cannot see may need a dictionary",
  async () => {
    const user = (rights: string): string[] => ["--user", ...`limited on >secret ${rights}`.split(" ")];
    // One may not read keys of others at all, one may know their types and not their content.
    for (const rights of ["~mine:* ~zstash:* +@all", "%R~* ~zstash:* +@all -getrange -hscan -lrange"]) {
      const redis = await startRedis(user(rights));
      const [whole, limited] = [
        await createDevServer({ redis: redis.url }),
        await createDevServer({ redis: redis.url.replace("//", "//limited:secret@") }),
      ];
      try {
        const { url } = await whole.listen();
        const manager = createDictionaryManager({ url, token: whole.token });
        await manager.publish(newer, { pattern: "*", share: 1 });
        const store = createStore({ url, token: whole.token, dictionaries: "auto", dictionaryWait: 10_000 });
        await store.put("theirs", JSON.stringify(sessionOf(3)));
        await manager.retire(first.id);
        const other = createDictionaryManager({ url: (await limited.listen()).url, token: limited.token });
        const age = new RestClient(readRestOptions({ url, token: whole.token }));
        const retired = [{ id: first.id, at: Math.floor(Date.now() / 1000) - 2 * HOUR }];
        const text = JSON.stringify({ version: 9, patterns: [{ pattern: "*", retired }] });
        await age.command(["SET", "zstash:dicts", text]);
        const error = await rejection(other.collect());
        expect(error.message, rights).toMatch(/NOPERM/);
        expect((await manager.show(first.id))!.id).toBe(first.id);
      } finally {
        await Promise.all([whole.close(), limited.close()]);
        await redis.stop();
      }
    }
  },
);
