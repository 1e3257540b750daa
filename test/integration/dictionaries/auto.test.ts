/** `dictionaries: "auto"` of the wrapper: which requests writers and readers make, and what they do without them. */
import { describe, expect, test } from "vitest";
import { loadZstd, readDictionary, readFrameHeader, type ZstashError } from "../../../src/index.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { sessionOf } from "../../support/dictionaries.ts";
import { rejection } from "../../support/rejection.ts";
import { redisBytes } from "../../support/redis-bytes.ts";
import { briefly, first, keyOf, second, textOf, useDictionaries } from "./rig.ts";

const [a, b, c] = [1, 2, 3].map(sessionOf) as [object, object, object];

describe.each(backends)("on %s", (backend) => {
  const rig = useDictionaries(backend);
  const idIn = async (key: string): Promise<number> => {
    const bytes = await redisBytes(rig(), key);
    if (bytes[0] === 0x7b) return 0;
    return readFrameHeader(bytes[0] === 0x28 ? bytes : fromTextCarrier(Buffer.from(bytes).toString()))
      .dictionaryId;
  };

  describe("a writer", () => {
    test("asks for the manifest and its dictionary once, and writes with it", async () => {
      await rig().publish();
      const { redis, sent } = rig().raw();
      await redis.set("a", a);
      expect(briefly(sent)).toEqual(["GETRANGE zstash:dicts", `GETRANGE ${keyOf(first)}`, "SET a"]);
      expect(await idIn("a")).toBe(first.id);
      await redis.set("b", b);
      await redis.hset("h", { f: c });
      expect(briefly(sent).slice(3)).toEqual(["SET b", "HSET h"]);
      expect(await redis.get("a")).toEqual(a);
    });

    test("over the SDK's own transport too", async () => {
      await rig().publish();
      const { redis } = rig().text();
      await redis.set("a", a);
      expect(await idIn("a")).toBe(first.id);
      expect(await redis.get("a")).toEqual(a);
      expect(await rig().text().redis.get("a")).toEqual(a);
    });

    test("asks for lists that the policy opts in, and for no others", async () => {
      await rig().publish();
      const without = rig().raw();
      await without.redis.rpush("l", a);
      await without.redis.lrange("l", 0, -1);
      expect(briefly(without.sent)).toEqual(["RPUSH l", "LRANGE l"]);
      const { redis, sent } = rig().raw({ policy: { lists: true } });
      await redis.rpush("l", b);
      expect(briefly(sent)).toEqual(["GETRANGE zstash:dicts", `GETRANGE ${keyOf(first)}`, "RPUSH l"]);
      // A reader, with one further request for what it does not know.
      const reader = rig().text({ policy: { lists: "read-only" } });
      await rig()
        .raw({ policy: { lists: true } })
        .redis.rpush("m", a, b, c);
      expect(await reader.redis.lrange("m", 0, -1)).toEqual([a, b, c]);
      const other = rig().raw();
      expect(await other.redis.lrange("l", 0, -1)).toEqual([a, b]);
      expect(briefly(other.sent)).toEqual(["LRANGE l", `GETRANGE ${keyOf(first)}`]);
    });

    test("shares what it knows with the other clients of its isolate", async () => {
      await rig().publish();
      const host = "http://one-isolate.test";
      await rig().raw({}, host).redis.set("a", a);
      const other = rig().raw({}, host);
      await other.redis.set("b", b);
      expect(await other.redis.get("a")).toEqual(a);
      expect(briefly(other.sent)).toEqual(["SET b", "GET a"]);
    });

    test("without a manifest writes as ever, and asks no more", async () => {
      const { redis, sent, events } = rig().raw();
      await redis.set("a", a);
      await redis.set("b", b);
      expect(briefly(sent)).toEqual(["GETRANGE zstash:dicts", "SET a", "SET b"]);
      expect(await idIn("a")).toBe(0);
      expect(events.map(({ type }) => type)).toEqual(["skipped", "skipped"]);
    });

    test("chooses by pattern, and many first writes at once ask once", async () => {
      await rig().publish({
        version: 1,
        patterns: [
          { pattern: "s:*", current: first.id },
          { pattern: "t:*", current: second.id },
        ],
      });
      const { redis, sent } = rig().raw();
      await Promise.all(
        Array.from({ length: 30 }, (_, at) => redis.set(`${"stu"[at % 3]}:${at}`, sessionOf(at))),
      );
      for (let at = 0; at < 30; at++)
        expect(await idIn(`${"stu"[at % 3]}:${at}`)).toBe([first.id, second.id, 0][at % 3]);
      const asked = briefly(sent).filter((one) => one.includes("zstash:"));
      expect(asked.filter((one) => one === "GETRANGE zstash:dicts")).toHaveLength(1);
      expect(asked.length).toBeLessThanOrEqual(4);
    });

    test("waits no longer than it was told, goes without, and has it for a later write", async () => {
      await rig().publish();
      const isolate = rig().raw({ dictionaryWait: 20 });
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      isolate.around = async ([command], forward) => {
        if (String(command![1]).startsWith("zstash:")) await held;
        return forward();
      };
      await isolate.redis.set("a", a);
      expect(await idIn("a")).toBe(0);
      release();
      while (!isolate.sent.some(([command]) => command![1] === keyOf(first)))
        await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await isolate.redis.set("b", b);
      expect(await idIn("b")).toBe(first.id);
    });

    test("that does not wait at all has it for later writes", async () => {
      await rig().publish();
      const { redis, events } = rig().raw({ dictionaryWait: 0 });
      await redis.set("a", a);
      while (!events.some((event) => event.type === "compressed")) await redis.set("a", b);
      expect(await idIn("a")).toBe(first.id);
    });

    test("keeps the order of writes to one key while it waits", async () => {
      await rig().publish();
      const { redis } = rig().raw({ dictionaryWait: 1000 });
      const waiting = redis.set("a", a);
      // A number needs no dictionary.
      const number = redis.set("a", 5);
      await Promise.all([waiting, number]);
      expect(await redis.get("a")).toBe(5);
      // So does what guard judges, while the codec loads.
      const zstd = async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return loadZstd();
      };
      const judged = rig().raw({
        dictionaries: [],
        guard: true,
        zstd,
        policy: ({ key }) => key !== "x" && {},
      }).redis;
      const pipeline = judged.pipeline().append("x", "y").set("b", JSON.stringify(a).repeat(9)).exec();
      await Promise.all([pipeline, judged.set("b", 6)]);
      expect(await judged.get("b")).toBe(6);
    });

    test("a manifest that is none, and one that Redis does not give, never break a write", async () => {
      for (const manifest of ["nonsense", '{"version":1,"patterns":[{"pattern":"*","current":5}]}']) {
        await rig().send(["SET", "zstash:dicts", manifest]);
        const { redis, events } = rig().raw();
        await redis.set("a", a);
        expect(await redis.get("a")).toEqual(a);
        expect(events).toContainEqual(
          expect.objectContaining({
            type: "dictionaries-failed",
            error: expect.objectContaining({ code: "CORRUPT" }),
          }),
        );
      }
      await rig().send(["DEL", "zstash:dicts"], ["LPUSH", "zstash:dicts", "a"]);
      await rig().raw().redis.set("b", b);
      const broken = rig().raw();
      broken.around = ([command], forward) =>
        String(command![1]).startsWith("zstash:") ? Promise.reject(new TypeError("fetch failed")) : forward();
      await broken.redis.set("c", c);
      await broken.redis.set("d", c);
      // It does not ask again with every write.
      expect(briefly(broken.sent).filter((one) => one.includes("zstash:"))).toHaveLength(1);
      expect(await rig().raw().redis.mget("b", "c", "d")).toEqual([b, c, c]);
    });

    test("the kill switch: without a dictionary, or not at all", async () => {
      const large = Array.from({ length: 9 }, (_, at) => sessionOf(at));
      const manifest = { version: 1, patterns: [{ pattern: "*", current: first.id }] };
      await rig().publish({ ...manifest, mode: "off" });
      await rig().raw().redis.mset({ off: large, small: a });
      expect(await idIn("off")).toBe(0);
      expect((await redisBytes(rig(), "off"))[0]).not.toBe(0x5b);
      expect((await redisBytes(rig(), "small"))[0]).toBe(0x7b);
      await rig().publish({ ...manifest, mode: "read-only" });
      const { redis } = rig().raw();
      await redis.set("k", large);
      expect((await redisBytes(rig(), "k"))[0]).toBe(0x5b);
      expect(await redis.mget("off", "k")).toEqual([large, large]);
    });
  });

  describe("a reader", () => {
    const write = async (key: string, value: object, id: number): Promise<void> => {
      await rig().publish({ version: 1, patterns: [{ pattern: "*", current: id }] });
      await rig().raw().redis.set(key, value);
      expect(await idIn(key)).toBe(id);
    };

    test("fetches the first unknown dictionary in one request, and none later", async () => {
      await write("a", a, first.id);
      const { redis, sent } = rig().raw();
      expect(await redis.get("a")).toEqual(a);
      expect(await redis.get("a")).toEqual(a);
      expect(briefly(sent)).toEqual(["GET a", `GETRANGE ${keyOf(first)}`, "GET a"]);
    });

    test("MGET, pipelines and scripts fetch all they need in one further request", async () => {
      await write("a", a, first.id);
      await write("b", b, second.id);
      const both = `GETRANGE ${keyOf(first)}, GETRANGE ${keyOf(second)}`;
      const mget = rig().raw();
      expect(await mget.redis.mget("a", "b", "none")).toEqual([a, b, null]);
      expect(briefly(mget.sent)).toEqual(["MGET a", both]);
      const pipelined = rig().raw();
      expect(await pipelined.redis.pipeline().get("a").get("b").get("none").exec()).toEqual([a, b, null]);
      expect(briefly(pipelined.sent)).toEqual(["GET a, GET b, GET none", both]);
      if (backend !== "redis-server") return;
      const scripted = rig().raw();
      const script = "return {redis.call('GET', KEYS[1]), {redis.call('GET', KEYS[2])}}";
      expect(await scripted.redis.eval(script, ["a", "b"], [])).toEqual([a, [b]]);
      expect(briefly(scripted.sent).slice(1)).toEqual([both]);
    });

    test("many reads at once each fetch for themselves, and none waits for another", async () => {
      await write("a", a, first.id);
      const isolate = rig().raw();
      let asked = 0;
      // The first to ask is never answered.
      isolate.around = ([command], forward) =>
        command![1] === keyOf(first) && (asked += 1) === 1 ? new Promise(() => undefined) : forward();
      void isolate.redis.get("a");
      while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(await Promise.all([isolate.redis.get("a"), isolate.redis.get("a")])).toEqual([a, a]);
    });

    test.each<[string, (send: ReturnType<typeof useDictionaries>) => Promise<unknown>, RegExp]>([
      ["is gone", (at) => at().send(["DEL", keyOf(first)]), /it is not there: publish it again/],
      ["is another one", (at) => at().send(["SET", keyOf(first), textOf(second)]), /it has the id/],
      ["is no text", (at) => at().send(["SET", keyOf(first), "no base64!"]), /not base64/],
      [
        "is of another type",
        (at) => at().send(["DEL", keyOf(first)], ["LPUSH", keyOf(first), "x"]),
        /holds no string/,
      ],
      ["is endless", (at) => at().send(["SETRANGE", keyOf(first), 30_000_000, "x"]), /longer than/],
    ])("one that %s is DICTIONARY_UNKNOWN, never a miss, and names id and key", async (_, spoil, reason) => {
      await write("a", a, first.id);
      await rig().raw().redis.set("plain", "text");
      await spoil(rig);
      const isolate = rig().raw({ onCorrupt: "miss" });
      const error = (await rejection(isolate.redis.get("a"))) as ZstashError;
      expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", key: "a", dictionaryId: first.id });
      expect(error.message).toMatch(reason);
      // Not asked for again at once, and neighbours come.
      const [plain, bad] = await isolate.redis.pipeline().get("plain").get("a").exec({ keepErrors: true });
      expect(plain!.result).toBe("text");
      expect(zstashCode(bad!.error)).toBe("DICTIONARY_UNKNOWN");
      expect(briefly(isolate.sent).filter((one) => one.includes(keyOf(first)))).toHaveLength(1);
    });

    test("one that cannot be fetched is DICTIONARY_UNKNOWN with the cause, and is asked for again", async () => {
      await write("a", a, first.id);
      const isolate = rig().raw();
      isolate.around = ([command], forward) =>
        command![1] === keyOf(first) ? Promise.reject(new TypeError("fetch failed")) : forward();
      const error = (await rejection(isolate.redis.get("a"))) as ZstashError;
      expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", key: "a", dictionaryId: first.id });
      expect(error.message).toMatch(/could not be fetched/);
      expect(error.cause).toBeDefined();
      isolate.around = (_, forward) => forward();
      expect(await isolate.redis.get("a")).toEqual(a);
    });

    test("a frame without a checksum is not read with a dictionary of Redis", async () => {
      await write("a", a, first.id);
      const zstd = await loadZstd();
      const dictionary = readDictionary(first.bytes);
      const frame = zstd.compress(JSON.stringify(b), { dictionary, checksum: false });
      await rig().send(["SET", "b", `zs1:${Buffer.from(frame).toString("base64")}`]);
      const { redis } = rig().raw();
      expect((await rejection(redis.get("b"))).message).toMatch(/no checksum/);
      expect(await redis.get("a")).toEqual(a);
      expect((await rejection(redis.get("b"))).message).toMatch(/no checksum/);
    });

    test("GETDEL of a value whose dictionary is gone throws, and other values are not touched", async () => {
      await write("a", a, first.id);
      await rig().send(["DEL", keyOf(first)]);
      expect(await rejection(rig().raw().redis.getdel("a"))).toMatchObject({ code: "DICTIONARY_UNKNOWN" });
    });
  });
});
