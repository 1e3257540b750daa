/** Other types, and strings under the key that are no whole value: a clear error each, and nothing is damaged. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import type { Layout } from "../../../src/store/index.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { makeValue } from "../../support/store/values.ts";

const KEY = "value";
const LARGE = makeValue({ name: "v", version: 2, shape: "noise", size: 70_000 });
const SIZES = { pieceSize: 16_384, concurrency: 3 };
const layouts: readonly Layout[] = ["ramp", { flushSize: 4000 }, { frameSize: 8192 }, { mtu: 1500 }];

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => expect.fail(`was to fail, gave ${String(value).slice(0, 60)}`),
    (error: unknown) => error,
  );

describe.each(redisAvailable() ? ["embedded", "redis-server"] : ["embedded"])("on %s", (backend) => {
  const redis = backend === "embedded" ? undefined : useRedis();
  let rig: InProcess;
  beforeAll(async () => {
    rig = await startInProcess(redis === undefined ? {} : { redis: redis().url });
  });
  afterAll(() => rig.close());
  beforeEach(async () => {
    await rig.command("FLUSHALL");
  });

  test("a list under the key", async () => {
    await rig.command("DEL", KEY);
    await rig.command("RPUSH", KEY, "a", "b");
    for (const store of [rig.store(), rig.store(SIZES)]) {
      const works = [
        () => store.get(KEY),
        () => store.getRange(KEY, 0, 5),
        () => store.stat(KEY),
        () => store.getCompressed(KEY),
        () => store.getBytes(KEY),
      ];
      for (const work of works) {
        const error = await errorOf(work());
        expect(error).toMatchObject({
          code: "REDIS",
          key: KEY,
          message: expect.stringContaining("WRONGTYPE") as unknown,
        });
      }
      expect(await store.put(KEY, LARGE, { ifAbsent: true })).toBeNull();
    }
    expect(await rig.number("LLEN", KEY)).toBe(2);
    expect(await rig.temporaries()).toEqual(new Map());
  });

  describe("strings that are no whole value", () => {
    /** Everything that reads, with one piece and with several. */
    const reads: readonly (readonly [string, (key: string) => Promise<Uint8Array | null>])[] = [
      ["getBytes", (key) => rig.store().getBytes(key)],
      ["get by pieces", async (key) => collect((await rig.store({ pieceSize: 4096 }).get(key))!)],
      ["getRange", async (key) => collect((await rig.store().getRange(key, 0))!)],
    ];
    const content = makeValue({ name: "v", version: 5, shape: "lines", size: 40_000 });
    async function frame(layout: Layout): Promise<Uint8Array> {
      await rig.store().put("whole", content, { layout });
      return (await rig.bytes("whole"))!;
    }

    test.each(layouts)("truncated, layout %j", async (layout) => {
      const whole = await frame(layout);
      const sizes = [
        5,
        9,
        20,
        100,
        whole.length >> 1,
        whole.length - 400,
        whole.length - 30,
        whole.length - 1,
      ];
      for (const size of sizes) {
        await rig.command("SET", "cut", whole.subarray(0, size));
        for (const [name, read] of reads) {
          const error = await errorOf(read("cut"));
          expect(error, `${name} at ${size} of ${whole.length}`).toMatchObject({
            code: "TRUNCATED",
            key: "cut",
          });
        }
        expect(await rig.store().stat("cut")).toMatchObject({ storedSize: size });
      }
    });

    test.each(layouts)("damaged, layout %j", async (layout) => {
      const whole = await frame(layout);
      const codes = new Set<string>();
      for (let at = 4; at < whole.length; at += Math.max(1, Math.floor(whole.length / 150))) {
        const damaged = whole.slice();
        damaged[at]! ^= 1 << (at % 8);
        await rig.command("SET", "damaged", damaged);
        for (const [name, read] of reads) {
          try {
            // A bit of a skippable frame or of a table may be of no consequence.
            expect(Buffer.compare((await read("damaged"))!, content), `${name}, byte ${at}`).toBe(0);
          } catch (error) {
            if (!(error instanceof ZstashError)) throw error;
            expect(error.key, `${name}, byte ${at}: ${error.message}`).toBe("damaged");
            codes.add(error.code);
          }
        }
      }
      for (const code of ["SIZE_LIMIT", "INTERNAL", "REDIS", "TIMEOUT"]) expect(codes).not.toContain(code);
      expect(codes).toContain("CHECKSUM_MISMATCH");
    });

    test("strings of others come back as they are", async () => {
      const strings = [
        "",
        "x",
        "plain text",
        "zs1:",
        "zs1:KLUv",
        "(\uFFFD/\uFFFD",
        '{"a":1}',
        "\u0000\u00ff",
      ];
      const others = [
        ...strings.map((text) => new TextEncoder().encode(text)),
        LARGE,
        new Uint8Array([0x28, 0xb5, 0x2f]),
      ];
      for (const bytes of others) {
        await rig.command("SET", "other", bytes.length === 0 ? "" : bytes);
        for (const [name, read] of reads) {
          expect(Buffer.from((await read("other"))!), name).toEqual(Buffer.from(bytes));
        }
        expect(await rig.store().stat("other")).toMatchObject({ size: bytes.length, form: "plain" });
      }
    });
  });
});
