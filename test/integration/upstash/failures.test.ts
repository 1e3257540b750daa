import type { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { zstashCode, type CompressionMode } from "../../../src/upstash/index.ts";
import { seededRandom } from "../../support/random.ts";
import { backends } from "../../support/backends.ts";
import { rejection } from "../../support/rejection.ts";
import { useClients } from "./rig.ts";

const pages = Array.from({ length: 80 }, (_, id) => ({ id, title: `page ${id}`, secret: "hunter2" }));
const text = JSON.stringify(pages);
const ours = /^zs1:KLUv\//;
const alone = { enableAutoPipelining: false };

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe.each(backends)("what goes wrong on %s", (backend) => {
  const clients = useClients(backend);
  const stored = (key: string): Promise<string | null> =>
    clients.plain({ automaticDeserialization: false }).get<string>(key);

  /** Stores a value and changes one character of what lies in Redis. */
  async function damage(key: string, at = 60): Promise<void> {
    await clients.compressing().set(key, pages);
    const whole = (await stored(key))!;
    await clients
      .plain()
      .set(key, whole.slice(0, at) + (whole[at] === "A" ? "B" : "A") + whole.slice(at + 1));
  }

  describe("a damaged value", () => {
    test("alone throws the ZstashError, with the key and without the value", async () => {
      await damage("bad");
      const redis = clients.compressing({}, alone);
      const error = (await rejection(redis.get("bad"))) as ZstashError;
      expect(error).toBeInstanceOf(ZstashError);
      expect(error.key).toBe("bad");
      expect(error.message).toContain('"bad"');
      expect(error.message).not.toContain("hunter2");
      expect(zstashCode(error)).toBe(error.code);
      expect(await redis.set("good", pages)).toBe("OK");
      expect(await redis.get("good")).toEqual(pages);
    });

    test("fails its own command of an automatic pipeline and no other", async () => {
      await damage("bad");
      const redis = clients.compressing();
      await redis.set("good", pages);
      const [first, bad, last] = await Promise.allSettled([
        redis.get("good"),
        redis.get("bad"),
        redis.get("good"),
      ]);
      expect(first).toMatchObject({ status: "fulfilled", value: pages });
      expect(last).toMatchObject({ status: "fulfilled", value: pages });
      const error = (bad as PromiseRejectedResult).reason as Error;
      expect(error.name).toBe("UpstashError");
      expect(error.message).toMatch(
        /^Command failed: ZSTASH_[A-Z_]+ Cannot decode the value of "bad" \(GET\): /,
      );
      expect(zstashCode(error)).toMatch(/^(CORRUPT|CHECKSUM_MISMATCH)$/);
      expect(zstashCode(await rejection(redis.get("bad")))).toBe(zstashCode(error));
    });

    test("fails its own command of a pipeline or transaction", async () => {
      await damage("bad");
      await clients.compressing().hset("bad:h", { f: pages, g: "small" });
      await clients.plain().hset("bad:h", { f: "zs1:KLUv/Q!" });
      for (const open of [(redis: Redis) => redis.pipeline(), (redis: Redis) => redis.multi()]) {
        const redis = clients.compressing();
        const batch = (): ReturnType<typeof open> =>
          open(redis)
            .set("good", pages)
            .get("bad")
            .get("good")
            .hgetall("bad:h")
            .hmget("bad:h", "f")
            .hvals("bad:h")
            .mget("bad", "good");
        const error = await rejection(batch().exec());
        expect(error.message).toMatch(/^Command 2 \[ get \] failed: ZSTASH_/);
        expect(zstashCode(error)).toBeDefined();
        const results = await batch().exec<[string, ...unknown[]]>({ keepErrors: true });
        expect(results.map(({ error: failed }) => zstashCode(failed))).toEqual([
          undefined,
          expect.any(String),
          undefined,
          "CORRUPT",
          "CORRUPT",
          "CORRUPT",
          expect.any(String),
        ]);
        expect(results[0]!.result).toBe("OK");
        expect(results[2]!.result).toEqual(pages);
        expect(JSON.stringify(results[6])).toContain('\\"bad\\"');
      }
    });

    test("rejects an MGET, naming the keys", async () => {
      await damage("bad:1");
      await damage("bad:2", 70);
      const redis = clients.compressing({}, alone);
      await redis.set("good", pages);
      const one = (await rejection(redis.mget("good", "bad:1", "none"))) as ZstashError;
      expect(one).toMatchObject({ name: "ZstashError", key: "bad:1", keys: ["bad:1"] });
      const two = (await rejection(redis.mget("bad:2", "good", "bad:1", "bad:2"))) as ZstashError;
      expect(two).toMatchObject({ name: "ZstashError", keys: ["bad:2", "bad:1"] });
      expect(two.key).toBeUndefined();
      expect(two.message).toContain('"bad:2", "bad:1"');
      expect(two.message.length).toBeLessThan(300);
    });

    test("in any place never comes back as another value", async () => {
      const random = seededRandom(61);
      const redis = clients.compressing({}, alone);
      await redis.set("whole", pages);
      const whole = (await stored("whole"))!;
      for (let round = 0; round < 60; round++) {
        const at = 9 + random.below(whole.length - 9);
        const damaged = random.pick([
          whole.slice(0, at) + random.pick([..."AQgw/+"]) + whole.slice(at + 1),
          whole.slice(0, at),
          whole + whole.slice(4, at),
        ]);
        if (damaged === whole) continue;
        await clients.plain().set("damaged", damaged);
        expect(await rejection(redis.get("damaged"))).toBeInstanceOf(ZstashError);
      }
      expect(await redis.get("whole")).toEqual(pages);
    });

    test('is absent under onCorrupt "miss"', async () => {
      await damage("bad");
      const events: ZstashEvent[] = [];
      const redis = clients.compressing({ onCorrupt: "miss", onEvent: (event) => events.push(event) });
      await redis.set("good", pages);
      await redis.hset("bad:h", { f: pages, g: pages });
      await clients.plain().hset("bad:h", { f: "zs1:KLUv/Q!" });
      expect(await redis.get("bad")).toBeNull();
      expect(await redis.mget("good", "bad")).toEqual([pages, null]);
      expect(await redis.hgetall("bad:h")).toEqual({ g: pages });
      expect(await redis.hvals("bad:h")).toEqual([pages]);
      expect(await redis.hget("bad:h", "f")).toBeNull();
      expect(await redis.hmget("bad:h", "f", "g")).toEqual({ f: null, g: pages });
      expect((await redis.hscan("bad:h", 0))[1]).toEqual(["g", pages]);
      expect(events.filter(({ type }) => type === "decode-failed").length).toBe(7);
    });

    test("is not what a limit, a raw frame or an absent codec makes of it", async () => {
      await clients.compressing().set("good", pages);
      await clients.plain().set("raw", "(\uFFFD/\uFFFD and so on");
      const small = clients.compressing({ onCorrupt: "miss", maxSize: 100 }, alone);
      expect(zstashCode(await rejection(small.get("good")))).toBe("SIZE_LIMIT");
      expect(zstashCode(await rejection(small.get("raw")))).toBe("UNSUPPORTED");
      const none = clients.compressing(
        { onCorrupt: "miss", zstd: () => Promise.reject(new Error("no")) },
        alone,
      );
      expect(zstashCode(await rejection(none.get("good")))).toBe("WASM_UNAVAILABLE");
    });
  });

  describe("a raw frame", () => {
    test("is UNSUPPORTED through a client for text, whatever its decoding", async () => {
      const frame = zstd.compress(text);
      const { url, token } = clients.endpoint();
      const headers = { authorization: `Bearer ${token}` };
      const reply = await fetch(`${url}/set/rawframe`, {
        method: "POST",
        body: new Uint8Array(frame),
        headers,
      });
      expect(reply.status).toBe(200);
      for (const responseEncoding of ["base64", false] as const) {
        const redis = clients.compressing({}, { ...alone, responseEncoding });
        expect(zstashCode(await rejection(redis.get("rawframe")))).toBe("UNSUPPORTED");
      }
      const passing = clients.compressing({ mode: "passthrough" });
      expect(await passing.get<string>("rawframe")).toMatch(/^\(\uFFFD\/\uFFFD/);
    });
  });

  describe("a codec that does not load", () => {
    test("writes the value uncompressed and says so; a read that needs it throws; and a later load is used", async () => {
      await clients.compressing().set("from others", pages);
      let loads = 0;
      let works = false;
      const events: ZstashEvent[] = [];
      const redis = clients.compressing(
        {
          zstd: () => {
            loads += 1;
            return works ? Promise.resolve(zstd) : Promise.reject(new Error("blocked by policy"));
          },
          onEvent: (event) => events.push(event),
        },
        alone,
      );
      expect(await redis.set("small", "value")).toBe("OK");
      expect(await redis.get("small")).toBe("value");
      expect(loads).toBe(0);

      expect(await redis.set("raw", pages)).toBe("OK");
      expect(await stored("raw")).toBe(text);
      expect(await redis.get("raw")).toEqual(pages);
      expect(events.at(-1)).toMatchObject({
        type: "uncompressed",
        key: "raw",
        error: { code: "WASM_UNAVAILABLE" },
      });

      const error = (await rejection(redis.get("from others"))) as ZstashError;
      expect(error).toMatchObject({ name: "ZstashError", code: "WASM_UNAVAILABLE", key: "from others" });

      for (const reserved of ["zs1:KLUv/", "(\uFFFD/\uFFFD", "\uFEFFzs1:KLUv/"]) {
        await redis.set("reserved", reserved);
        expect(await stored("reserved")).toMatch(ours);
        expect(await clients.compressing().get("reserved")).toBe(reserved);
      }

      works = true;
      expect(await redis.get("from others")).toEqual(pages);
      await redis.set("raw", pages);
      expect(await stored("raw")).toMatch(ours);
      const before = loads;
      await redis.set("raw", pages);
      expect(loads).toBe(before);
    });

    test("is one load for many commands at once", async () => {
      let loads = 0;
      const redis = clients.compressing(
        {
          zstd: () => {
            loads += 1;
            return loadZstd();
          },
        },
        alone,
      );
      await Promise.all(Array.from({ length: 10 }, (_, index) => redis.set(`once:${index}`, pages)));
      expect(loads).toBe(1);
      expect(await stored("once:9")).toMatch(ours);
    });

    test.each<[string, () => unknown]>([
      ["a promise that rejects", () => Promise.reject(new Error("no"))],
      [
        "a function that throws",
        () => () => {
          throw new Error("no");
        },
      ],
      ["a function that gives no codec", () => () => Promise.resolve({})],
      ["a promise of nothing", () => Promise.resolve(undefined)],
    ])("%s breaks no write", async (_, option) => {
      const redis = clients.compressing({ zstd: option() as Promise<Zstd> });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await redis.set("raw", pages)).toBe("OK");
      expect(await stored("raw")).toBe(text);
      await clients.compressing().set("from others", pages);
      expect(zstashCode(await rejection(redis.get("from others")))).toBe("WASM_UNAVAILABLE");
    });

    test("is never loaded in mode passthrough", async () => {
      const redis = clients.compressing({
        mode: "passthrough",
        zstd: () => {
          throw new Error("loaded");
        },
      });
      await clients.compressing().set("from others", pages);
      expect(await redis.get("from others")).toBe(await stored("from others"));
      await redis.set("reserved", "zs1:KLUv/");
      expect(await clients.compressing().get("reserved")).toBe("zs1:KLUv/");
    });
  });

  test("a codec whose compress throws writes uncompressed, in a batch too", async () => {
    const compress = (): never => {
      throw new ZstashError("OUT_OF_MEMORY", "Cannot compress: no memory");
    };
    const events: ZstashEvent[] = [];
    const redis = clients.compressing({
      zstd: { ...zstd, compress },
      onEvent: (event) => events.push(event),
    });
    await redis.pipeline().set("raw:1", pages).mset({ "raw:2": pages, "raw:3": "zs1:KLUv/" }).exec();
    expect(await stored("raw:1")).toBe(text);
    expect(await stored("raw:2")).toBe(text);
    expect(await redis.mget("raw:1", "raw:2", "raw:3")).toEqual([pages, pages, "zs1:KLUv/"]);
    expect(events.map(({ type }) => type)).toEqual([
      "uncompressed",
      "uncompressed",
      "uncompressed",
      "escaped",
      "decoded",
    ]);
  });

  test("modes may change at run time", async () => {
    let mode: CompressionMode = "on";
    const events: ZstashEvent[] = [];
    const redis = clients.compressing({ mode: () => mode, onEvent: (event) => events.push(event) });
    await redis.set("modes", pages);
    expect(await stored("modes")).toMatch(ours);

    mode = "shadow";
    events.length = 0;
    expect(await redis.get("modes")).toEqual(pages);
    await redis.set("modes", pages);
    expect(await stored("modes")).toBe(text);
    expect(events).toMatchObject([{ type: "decoded" }, { type: "compressed", written: false }]);

    mode = "on";
    await redis.set("modes", pages);
    mode = "read-only";
    events.length = 0;
    expect(await redis.get("modes")).toEqual(pages);
    await redis.set("modes:2", pages);
    expect(await stored("modes:2")).toBe(text);
    expect(events.map(({ type }) => type)).toEqual(["decoded"]);

    mode = "passthrough";
    expect(await redis.get("modes")).toMatch(ours);
    expect(await redis.get("modes:2")).toEqual(pages);

    mode = "off" as CompressionMode;
    events.length = 0;
    expect(await redis.get("modes")).toEqual(pages);
    await redis.set("modes:2", pages);
    expect(await stored("modes:2")).toBe(text);
    expect(events.map(({ type }) => type)).toEqual(["mode-failed", "decoded", "mode-failed"]);
  });

  test("a listener that throws breaks nothing", async () => {
    await damage("bad");
    const redis = clients.compressing({
      onEvent: () => {
        throw new Error("listener failed");
      },
    });
    expect(await redis.set("listened", pages)).toBe("OK");
    expect(await redis.get("listened")).toEqual(pages);
    expect(zstashCode(await rejection(redis.get("bad")))).toBeDefined();
  });
});
