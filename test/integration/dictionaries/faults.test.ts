/**
 * Dictionaries in Redis under faults: they are deleted, rotated and removed while many isolates write and read, and
 * requests for them are lost or never answered. Every value comes back, and every error says what is missing.
 * `ZSTASH_LONG=1` takes 10,000 operations instead of 1,000.
 */
import type { Redis } from "@upstash/redis";
import { describe, expect, test } from "vitest";
import { dictionariesAt, MANIFEST_AGE_MAX } from "../../../src/dictionaries/in-redis.ts";
import type { ZstashError } from "../../../src/errors.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { backends } from "../../support/backends.ts";
import { newer, older, sessionOf, type Session } from "../../support/dictionaries.ts";
import { seededRandom } from "../../support/random.ts";
import { rejection } from "../../support/rejection.ts";
import { briefly, first, keyOf, second, textOf, useDictionaries, type Isolate, type Rig } from "./rig.ts";

const OPERATIONS = process.env["ZSTASH_LONG"] === "1" ? 10_000 : 1_000;
/** The backend that has everything, where it is there. */
const backend = backends.at(-1)!;
const MINUTE = 61_000;

/** A clock that tests move, for isolates that are made with it. */
class Clock {
  time = 1_000_000_000;
  #isolates = 0;

  async raw(rig: Rig, options: Parameters<Rig["raw"]>[0] = {}): Promise<Isolate> {
    const host = `http://clocked-${(this.#isolates += 1)}-${Math.random()}.test`;
    dictionariesAt(host, () => this.time);
    const isolate = rig.raw(options, host);
    // A process keeps what it knows of eight servers: this client has it from here on.
    await isolate.redis.set("begun", "yes");
    isolate.sent.length = isolate.events.length = 0;
    return isolate;
  }
}

const until = async (probe: () => Promise<boolean>): Promise<void> => {
  while (!(await probe())) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe(`on ${backend}`, () => {
  const rig = useDictionaries(backend);
  const exists = async (key: string): Promise<boolean> => (await rig().send(["EXISTS", key]))[0] === 1;

  test("a dictionary that is deleted 100 times is put back, and 20 isolates lose nothing", async () => {
    await rig().publish();
    const clock = new Clock();
    const isolates: Isolate[] = [];
    for (let index = 0; index < 20; index++) isolates.push(await clock.raw(rig()));
    for (const [index, { redis }] of isolates.entries()) await redis.set(`k:${index}`, sessionOf(index));
    for (let round = 0; round < 100; round++) {
      await rig().send(["DEL", keyOf(first)]);
      clock.time += MINUTE;
      const one = isolates[round % 20]!;
      await one.redis.set(`k:${round % 20}`, sessionOf(round));
      await until(() => exists(keyOf(first)));
      expect(await isolates[(round + 7) % 20]!.redis.get(`k:${round % 20}`)).toEqual(sessionOf(round));
    }
    expect(await rig().send(["GET", keyOf(first)])).toEqual([textOf(first)]);
    const restored = isolates
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === "dictionary-restored");
    expect(restored).toHaveLength(100);
    const fresh = rig().raw().redis;
    for (let index = 0; index < 20; index++)
      expect(await fresh.get(`k:${index}`)).toEqual(sessionOf(80 + index));
  });

  test("one that was removed with its manifest's word is not put back", async () => {
    await rig().publish();
    const clock = new Clock();
    const { redis, sent } = await clock.raw(rig());
    await redis.set("k", sessionOf(1));
    await rig().send(["DEL", keyOf(first)], ["SET", "zstash:dicts", '{"version":2,"patterns":[]}']);
    clock.time += MINUTE;
    await redis.set("k", sessionOf(2));
    await until(async () => briefly(sent).some((one) => one.includes("EXISTS")));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await exists(keyOf(first))).toBe(false);
  });

  test("a refresh that fails, and one that is never answered, hold nothing up", async () => {
    await rig().publish();
    const clock = new Clock();
    const isolate = await clock.raw(rig());
    await isolate.redis.set("k", sessionOf(1));
    let hangs = false;
    isolate.around = ([command], forward) => {
      if (!String(command![1]).startsWith("zstash:")) return forward();
      return hangs ? new Promise(() => undefined) : Promise.reject(new TypeError("fetch failed"));
    };
    for (hangs of [false, true]) {
      for (let round = 0; round < 5; round++) {
        clock.time += 20_000;
        await isolate.redis.set("k", sessionOf(round));
        expect(await isolate.redis.get("k")).toEqual(sessionOf(round));
      }
    }
    expect(isolate.events).toContainEqual(expect.objectContaining({ type: "dictionaries-failed" }));
    // Whoever was at it has not come back: another asks again.
    isolate.around = (_, forward) => forward();
    isolate.sent.length = 0;
    clock.time += MINUTE;
    await isolate.redis.set("k", sessionOf(9));
    await until(async () => briefly(isolate.sent).some((one) => one.includes("zstash:dicts")));
  });

  test("a manifest that is too old is not used: what it names may be gone", async () => {
    await rig().publish();
    const clock = new Clock();
    const isolate = await clock.raw(rig(), { dictionaryWait: 30 });
    while (!isolate.events.some((event) => event.type === "compressed"))
      await isolate.redis.set("k", sessionOf(1));
    clock.time += MANIFEST_AGE_MAX;
    isolate.around = ([command], forward) =>
      String(command![1]).startsWith("zstash:") ? new Promise(() => undefined) : forward();
    isolate.events.length = 0;
    await isolate.redis.set("k", sessionOf(2));
    expect(isolate.events).toEqual([expect.objectContaining({ type: "skipped" })]);
  });

  test("a new dictionary is fetched before writers change over, so that no write waits for it", async () => {
    await rig().publish();
    const clock = new Clock();
    const { redis, sent, events } = await clock.raw(rig());
    await redis.set("k", sessionOf(1));
    await rig().publish({ version: 2, patterns: [{ pattern: "*", current: second.id }] });
    clock.time += MINUTE;
    await redis.set("k", sessionOf(2));
    await until(async () => briefly(sent).some((one) => one.includes(keyOf(second))));
    await new Promise((resolve) => setTimeout(resolve, 50));
    sent.length = 0;
    await redis.set("k", sessionOf(3));
    expect(briefly(sent)).toEqual(["SET k"]);
    expect(events.map((event) => (event.type === "compressed" ? event.dictionaryId : event.type))).toEqual([
      first.id,
      first.id,
      second.id,
    ]);
  });

  test("every request of a publication lost in turn, before and after it ran: it can be done again", async () => {
    const { url, token } = rig();
    for (const ran of [false, true]) {
      for (let lost = 0; ; lost++) {
        await rig().send(["FLUSHALL"]);
        let count = 0;
        const manager = createDictionaryManager({
          url,
          token,
          retry: false,
          fetch: async (target, init) => {
            const isLost = count++ === lost;
            if (!isLost) return fetch(target, init);
            if (ran) await (await fetch(target, init)).arrayBuffer();
            throw new TypeError("fetch failed");
          },
        });
        const outcome = await manager
          .publish(newer, { pattern: "*", share: 1 })
          .catch((error: unknown) => error);
        if (count <= lost) break;
        if (outcome instanceof Error) expect((outcome as ZstashError).code).toBe("REDIS");
        const again = createDictionaryManager({ url, token });
        await again.publish(newer, { pattern: "*", share: 1 });
        expect(await again.list()).toMatchObject([{ id: first.id, uses: [{ role: "current" }] }]);
        const { redis } = rig().raw();
        await redis.set("k", sessionOf(1));
        expect(await rig().raw().redis.get("k")).toEqual(sessionOf(1));
      }
    }
  });

  test.each([false, true])(
    `rotation under load: 20 clients in mixed states, text clients: %s`,
    async (hasTextClients) => {
      const random = seededRandom(20_261_126);
      const clock = new Clock();
      const manager = createDictionaryManager({ url: rig().url, token: rig().token });
      // Clients for text cannot read raw frames: where there are any, all write text.
      const carrier = hasTextClients ? "text" : "raw";
      const own = [
        {},
        {},
        {},
        {},
        {},
        {},
        {},
        {},
        { mode: "read-only" },
        { mode: "shadow" },
        { dictionaryWait: 0 },
      ] as const;
      const knowing: Redis[] = [];
      const policy = { lists: true };
      for (const options of [...own, { policy: { lists: true, dictionary: false } } as const])
        knowing.push((await clock.raw(rig(), { carrier, policy, ...options })).redis);
      for (let index = 0; index < 5; index++)
        knowing.push(
          hasTextClients
            ? rig().text({ policy }).redis
            : (await clock.raw(rig(), { carrier: "text", policy })).redis,
        );
      // These know dictionaries of their own, or none: what they cannot read they name.
      const lacking: Redis[] = [
        rig().raw({ carrier, policy, dictionaries: [first.bytes] }).redis,
        rig().raw({ carrier, policy, dictionaries: [] }).redis,
        rig().raw({ carrier, policy, dictionaries: [second.bytes], mode: "read-only" }).redis,
      ];
      const model = new Map<string, Session>();
      let [reads, unknown] = [0, 0];
      const read = async (redis: Redis, key: string, mayLack: boolean): Promise<void> => {
        reads += 1;
        try {
          const value =
            key[0] === "h"
              ? ((await redis.hgetall(key)) ?? { f: null })["f"]
              : key[0] === "l"
                ? (await redis.lrange(key, 0, -1)).at(-1)
                : await redis.get(key);
          expect(value ?? undefined, key).toEqual(model.get(key));
        } catch (error) {
          const { code, key: named, dictionaryId } = error as ZstashError;
          if (code !== "DICTIONARY_UNKNOWN" || !mayLack) throw error;
          expect([named, typeof dictionaryId]).toEqual([key, "number"]);
          unknown += 1;
        }
      };
      const write = async (redis: Redis, key: string): Promise<void> => {
        const value = sessionOf(random.below(100_000));
        if (key[0] === "h") await redis.hset(key, { f: value });
        else if (key[0] === "l") await redis.pipeline().rpush(key, value).ltrim(key, -2, -1).exec();
        else await redis.set(key, value);
        model.set(key, value);
      };
      const steps: (() => Promise<unknown>)[] = [
        () => manager.publish(newer, { pattern: "*", share: 0.5 }),
        () => manager.promote("*"),
        () => manager.publish(older, { pattern: "*", share: 0.3 }),
        () => manager.promote("*"),
        () => manager.setMode("off"),
        () => manager.setMode("on"),
        () => rig().send(["DEL", keyOf(second)]),
        () => manager.retire(second.id),
        async () => {
          // Long after: what is retired is removed, if no value needs it.
          clock.time += 4_000_000;
          const [text] = await rig().send(["GET", "zstash:dicts"]);
          await rig().send(["SET", "zstash:dicts", String(text).replace(/"at":\d+/g, '"at":1')]);
          // The text clients have the clock of the machine: they are not to write with what is removed.
          const { removed, kept } = await manager.collect();
          for (const id of removed) expect(kept.some((one) => one.id === id)).toBe(false);
        },
      ];
      let step = 0;
      for (let done = 0; done < OPERATIONS / 2; done += 10) {
        if (done % 60 === 0) {
          await steps[step++ % steps.length]!();
          clock.time += MINUTE;
        }
        // Ten at once, each on keys of its own.
        await Promise.all(
          Array.from({ length: 10 }, async (_, lane) => {
            const key = `${random.pick(["s", "h", "l"])}:${lane}:${random.below(4)}`;
            const lacks = random.below(7) === 0;
            const redis = random.pick(lacks ? lacking : knowing);
            if (random.below(2) === 0) await write(redis, key);
            else await read(redis, key, lacks);
          }),
        );
      }
      const fresh = rig().raw({ policy }).redis;
      for (const key of model.keys()) await read(fresh, key, false);
      expect(reads).toBeGreaterThan(OPERATIONS / 8);
      expect(unknown).toBeGreaterThan(0);
    },
  );

  test("a value whose dictionary is gone for good is named, and its neighbours come", async () => {
    await rig().publish();
    await rig()
      .raw()
      .redis.mset({ a: sessionOf(1), b: "text" });
    await rig().send(["DEL", keyOf(first), "zstash:dicts"]);
    const error = await rejection(rig().raw().redis.mget("a", "b"));
    expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", dictionaryId: first.id, keys: ["a"] });
    expect(await rig().raw().redis.get("b")).toBe("text");
  });
});
