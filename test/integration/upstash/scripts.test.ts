/** Stored values in the replies of scripts, functions and SORT … GET are decoded once, and nothing else is. */
import type { Redis } from "@upstash/redis";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { writeRawBlocks } from "../../../src/format/raw-blocks.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { rejection } from "../../support/rejection.ts";
import { useFidelity, type Kind } from "../../support/fidelity.ts";

const rows = Array.from({ length: 80 }, (_, id) => ({ id, name: `name ${id}` }));
const json = JSON.stringify(rows);
const GET = "return redis.call('GET', KEYS[1])";
const ECHO = "return ARGV[1]";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe.runIf(backends.includes("redis-server"))("on redis-server", () => {
  const rig = useFidelity("redis-server");
  const compressing: readonly Kind[] = ["text", "raw"];

  describe.each(compressing)("the %s client", (kind) => {
    let redis: Redis;
    beforeEach(async () => {
      redis = rig.client(kind, { zstd });
      await redis.flushall();
      await redis.set("rows", rows);
      rig.events();
    });

    test("decodes what EVAL, EVAL_RO, EVALSHA and EVALSHA_RO return", async () => {
      expect(await redis.eval(GET, ["rows"], [])).toEqual(rows);
      expect(await redis.evalRo(GET, ["rows"], [])).toEqual(rows);
      const sha = await redis.scriptLoad(GET);
      expect(await redis.evalsha(sha, ["rows"], [])).toEqual(rows);
      expect(await redis.evalshaRo(sha, ["rows"], [])).toEqual(rows);
      const script = redis.createScript(GET);
      expect(await script.exec(["rows"], [])).toEqual(rows);
      const stored = kind === "raw" ? zstd.compress(json).length : toTextCarrier(zstd.compress(json)).length;
      expect(rig.events().filter(({ type }) => type === "decoded")).toEqual(
        ["EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "EVALSHA"].map((command) => ({
          type: "decoded",
          command,
          key: "rows",
          size: json.length,
          storedSize: stored,
          ms: expect.any(Number) as number,
        })),
      );
    });

    test("decodes what functions return", async () => {
      const library = `#!lua name=lib
redis.register_function{ function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'} }`;
      await redis.exec(["FUNCTION", "LOAD", "REPLACE", library]);
      expect(await redis.exec(["FCALL", "read", 1, "rows"])).toEqual(rows);
      expect(await redis.exec(["fcall_ro", "read", 1, "rows"])).toEqual(rows);
    });

    test("decodes at any depth, in a pipeline and in a transaction, beside what is no value", async () => {
      await redis.hset("h", { a: rows, b: 5, c: "text" });
      const deep = `local v = redis.call('GET', KEYS[1])
return { 1, { 'x', { v, { redis.call('HMGET', KEYS[2], 'a', 'b', 'c') } } }, v, false, 'zs1:' }`;
      const wanted = [1, ["x", [rows, [[rows, 5, "text"]]]], rows, null, "zs1:"];
      expect(await redis.eval(deep, ["rows", "h"], [])).toEqual(wanted);
      expect(await redis.pipeline().eval(deep, ["rows", "h"], []).get("rows").exec()).toEqual([wanted, rows]);
      expect(await redis.multi().get("rows").eval(deep, ["rows", "h"], []).exec()).toEqual([rows, wanted]);
    });

    test("decodes exactly once", async () => {
      const inner = toTextCarrier(zstd.compress(json));
      await redis.set("nested", inner);
      expect(await redis.get("nested")).toBe(inner);
      expect(await redis.eval(GET, ["nested"], [])).toBe(inner);
    });

    test("never touches an argument, and decodes one that is a whole value when it comes back", async () => {
      const long = "z".repeat(5000);
      expect(await redis.eval("return #ARGV[1]", [], [long])).toBe(5000);
      expect(
        await redis.eval(
          "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('STRLEN', KEYS[1])",
          ["k"],
          [long],
        ),
      ).toBe(5000);
      expect(await redis.eval(ECHO, [], [toTextCarrier(zstd.compress(json))])).toEqual(rows);
      expect(rig.events().map(({ type }) => type)).toEqual(["decoded"]);
    });

    const whole = (): string => toTextCarrier(zstd.compress(json));
    test.each<[string, () => string, string]>([
      ["text that only begins like one", () => "zs1:KLUv/QBYkQAA and so on", "CORRUPT"],
      ["a cut value", () => whole().slice(0, -8), "TRUNCATED"],
      ["a value with something behind it", () => `${whole()}!`, "CORRUPT"],
      ["base64 that is not canonical", () => whole().replace(/=*$/, "\n"), "CORRUPT"],
      ["a frame without its content size", () => withoutContentSize(), "UNSUPPORTED"],
      ["a frame without a checksum", () => toTextCarrier(writeRawBlocks(Buffer.from(json))), "UNSUPPORTED"],
      ["a frame with a wrong checksum", () => damaged(), "CHECKSUM_MISMATCH"],
      [
        "a frame that claims more than is allowed",
        () => toTextCarrier(zstd.compress("x".repeat(40_000_000))),
        "SIZE_LIMIT",
      ],
      [
        "a frame of bytes that are no text",
        () => toTextCarrier(zstd.compress(Uint8Array.of(0xff, 0xfe, 0xff))),
        "NOT_TEXT",
      ],
      ["a frame with an unknown dictionary", () => withDictionary(), "DICTIONARY_UNKNOWN"],
      ["what is left of a raw frame", () => "(\uFFFD/\uFFFDabc", "UNSUPPORTED"],
    ])("gives %s back as it is, with an event", async (_, make, code) => {
      const text = make();
      expect(await redis.eval("return { ARGV[1], { ARGV[1], 'x' } }", ["k"], [text])).toEqual([
        text,
        [text, "x"],
      ]);
      const storedSize = Buffer.byteLength(text);
      const event = {
        type: "undecoded",
        command: "EVAL",
        key: "k",
        storedSize,
        code,
        error: expect.objectContaining({ code }),
      };
      expect(rig.events()).toEqual([event, event]);
    });

    function withoutContentSize(): string {
      const frame = zstd.compress(json);
      // A window descriptor in the place of the content size: the shortest frame of the kind has a block of its own.
      const header = Uint8Array.of(...frame.subarray(0, 4), 0x04, 0x38);
      return toTextCarrier(Uint8Array.of(...header, 0x19, 0, 0, 0x61, 0x62, 0x63, 1, 2, 3, 4));
    }

    function damaged(): string {
      const frame = zstd.compress(json);
      frame[frame.length - 1]! ^= 1;
      return toTextCarrier(frame);
    }

    function withDictionary(): string {
      // One byte of dictionary id after the descriptor (RFC 8878 §3.1.1.1).
      const frame = zstd.compress("abc");
      expect(frame[4]! & 3).toBe(0);
      return toTextCarrier(Uint8Array.of(...frame.subarray(0, 4), frame[4]! | 1, 77, ...frame.subarray(5)));
    }

    test("gives stored values as they are with scripts: as-is", async () => {
      const asIs = rig.client(kind, { zstd, scripts: "as-is" });
      const stock = rig.client("stock");
      for (const script of [GET, "return { redis.call('GET', KEYS[1]) }"]) {
        expect(await asIs.eval(script, ["rows"], [])).toEqual(await stock.eval(script, ["rows"], []));
      }
      expect(await asIs.get("rows")).toEqual(rows);
    });

    test("fails, and gives no frame, where there is no codec", async () => {
      const broken = rig.client(kind, { zstd: () => Promise.reject(new Error("no codec")) });
      expect(zstashCode(await rejection(broken.eval(GET, ["rows"], [])))).toBe("WASM_UNAVAILABLE");
    });

    test("bounds a reply, but not by what is no value", async () => {
      const bounded = rig.client(kind, { zstd, maxSize: 4_000_000, maxReplySize: 6_000_000 });
      const zeros = toTextCarrier(zstd.compress("0".repeat(3_000_000)));
      const three = "return { ARGV[1], ARGV[1], ARGV[1] }";
      expect(zstashCode(await rejection(bounded.eval(three, [], [zeros])))).toBe("SIZE_LIMIT");
      const cut = zeros.slice(0, -4);
      expect(await bounded.eval(three, [], [cut])).toEqual([cut, cut, cut]);
    });

    test("keeps its place behind a write that waits", async () => {
      const cold = rig.client(kind);
      const [, seen] = await Promise.all([cold.set("k", rows), cold.eval(GET, ["k"], [])]);
      expect(seen).toEqual(rows);
    });
  });

  test("a client for text gets what is left of a raw frame, and is told", async () => {
    await rig.client("raw", { zstd }).set("rows", rows);
    const text = rig.client("text", { zstd });
    rig.events();
    expect(await text.eval(GET, ["rows"], [])).toBe(new TextDecoder().decode(zstd.compress(json)));
    expect(rig.events()).toMatchObject([
      { type: "undecoded", command: "EVAL", key: "rows", code: "UNSUPPORTED" },
    ]);
  });

  test("a script that looks into a compressed value sees the frame; one on keys that stay uncompressed does not", async () => {
    const name = "return cjson.decode(redis.call('GET', KEYS[1]))[1].name";
    const redis = rig.client("raw", { zstd, policy: ({ key }) => (key.startsWith("script:") ? false : {}) });
    await redis.mset({ rows, "script:rows": rows });
    expect(await redis.eval(name, ["script:rows"], [])).toBe("name 0");
    await expect(redis.eval(name, ["rows"], [])).rejects.toThrow(/invalid|Expected/);
    const guarded = rig.client("raw", {
      zstd,
      guard: true,
      policy: ({ key }) => (key.startsWith("script:") ? false : {}),
    });
    expect(await guarded.eval(name, ["script:rows"], [])).toBe("name 0");
    expect(zstashCode(await rejection(guarded.eval(name, ["rows"], [])))).toBe("COMMAND_REFUSED");
  });
});
