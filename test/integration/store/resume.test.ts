/** A download whose reply breaks goes on where it was, wherever it breaks; it never mixes two writings of a value. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import type { Store } from "../../../src/store/index.ts";
import { cutAt } from "../../support/faults/fetch.ts";
import { startFaultProxy } from "../../support/faults/proxy.ts";
import { createRandom } from "../../support/random.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { hookFetch, refusal } from "../../support/store/hook.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const zstd = await loadZstd();
const random = createRandom(11);
/** Some of it repeats, so that frames have several kinds of blocks. */
const content = (size: number): Buffer =>
  Buffer.concat([random.bytes(size / 2), Buffer.alloc(size / 4, 65), random.bytes(size / 4)]);
const retry = { retries: 2, backoff: () => 0 };

/** Ways in which a value may lie in Redis; those of other writers have no version. */
const kinds: Readonly<Record<string, (rig: InProcess, key: string, bytes: Uint8Array) => Promise<unknown>>> =
  {
    "one frame": (rig, key, bytes) => rig.store().put(key, bytes),
    "frames with a seek table": (rig, key, bytes) =>
      rig.store().put(key, bytes, { layout: { frameSize: 300 } }),
    plain: (rig, key, bytes) => rig.command("SET", key, bytes),
    "base64 of a frame": (rig, key, bytes) =>
      rig.command("SET", key, `zs1:${Buffer.from(zstd.compress(bytes)).toString("base64")}`),
    "two frames of another writer": (rig, key, bytes) =>
      rig.command(
        "SET",
        key,
        Buffer.concat([zstd.compress(bytes.subarray(0, 500)), zstd.compress(bytes.subarray(500))]),
      ),
    "a frame without a checksum": (rig, key, bytes) =>
      rig.command("SET", key, zstd.compress(bytes, { checksum: false })),
  };

const whole = async (stream: Promise<ReadableStream<Uint8Array> | null>): Promise<Uint8Array> =>
  collect((await stream)!);
const reads: Readonly<Record<string, (store: Store) => Promise<Uint8Array>>> = {
  get: (store) => whole(store.get("v")),
  getBytes: async (store) => (await store.getBytes("v"))!,
  getRange: (store) => whole(store.getRange("v", 0)),
  getCompressed: async (store) => zstd.decompress(await whole(store.getCompressed("v"))),
};

describe.skipIf(!redisAvailable())("a reply that breaks", () => {
  const redis = useRedis();
  let rig: InProcess;
  beforeAll(async () => {
    rig = await startInProcess({ redis: redis().url });
  });
  afterAll(() => rig.close());

  /** A store whose reply number `broken` is cut after `at` bytes; `meanwhile` runs before the next request. */
  function cutting(
    at: number,
    how: "reset" | "end",
    {
      command = "GET",
      number: cutNumber = 0,
      meanwhile,
    }: {
      readonly command?: string;
      readonly number?: number;
      readonly meanwhile?: () => Promise<unknown>;
    } = {},
    options: object = {},
  ): { readonly store: Store; readonly cut: () => boolean; readonly size: () => number } {
    let state: "whole" | "cut" | "after" = "whole";
    let size = 0;
    const { fetch } = hookFetch(rig.fetch, async ({ name, number, init, send }) => {
      if (name === command && number === cutNumber && state === "whole") {
        state = "cut";
        return cutAt(at, how).respond(async () => {
          const response = await send();
          const bytes = await response.arrayBuffer();
          size = bytes.byteLength;
          return new Response(bytes, response);
        }, init);
      }
      if (state === "cut") {
        state = "after";
        await meanwhile?.();
      }
      return undefined;
    });
    return {
      store: rig.store({ fetch, retry, ...options }),
      cut: () => state !== "whole",
      size: () => size,
    };
  }

  test.each(Object.entries(kinds))(
    "%s: at every byte of the reply",
    async (kind, store) => {
      const bytes = content(900);
      await store(rig, "v", bytes);
      let points = 0;
      for (const [name, read] of Object.entries(reads)) {
        for (const how of ["reset", "end"] as const) {
          const step = (name === "get" && how === "end") || long ? 1 : 31;
          for (let [at, size] = [0, 1]; at < size; at += step) {
            const faulty = cutting(at, how);
            const got = Buffer.from(await read(faulty.store));
            if (!got.equals(bytes)) expect.fail(`${name}, ${how} at ${at}: ${got.length} bytes`);
            // A range of a seekable value takes other requests.
            if (!faulty.cut()) break;
            size = faulty.size();
            points += 1;
          }
        }
      }
      expect(points).toBeGreaterThan(300);
      console.info(`${kind}: ${points} points, every download whole`);
      expect(rig.zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
    },
    120_000,
  );

  test.each(Object.entries(kinds))(
    "%s: replaced by one of the same size",
    async (kind, store) => {
      const [a, b] = [content(2000), content(2000)];
      // Their sizes are equal, and what stands at both ends.
      b.copy(a, 0, 0, 400);
      b.copy(a, 1990, 1990);
      await store(rig, "b", b);
      await store(rig, "v", a);
      const [first, second] = [await rig.bytes("v"), await rig.bytes("b")];
      const counts = { changed: 0, damaged: 0, whole: 0 };
      for (const [name, read] of Object.entries(reads)) {
        for (let [at, size] = [0, 1]; at < size; at += 29) {
          await rig.command("SET", "v", first!);
          const faulty = cutting(at, "reset", { meanwhile: () => rig.command("SET", "v", second!) });
          try {
            const got = Buffer.from(await read(faulty.store));
            if (!got.equals(a) && !got.equals(b)) expect.fail(`${name}, at ${at}: a mixture`);
            counts.whole += 1;
          } catch (error) {
            const code = error instanceof ZstashError ? error.code : String(error);
            if (code === "VALUE_CHANGED") counts.changed += 1;
            // A frame proves itself, and nothing of what was wrong was handed on.
            else if (
              /^(CORRUPT|CHECKSUM_MISMATCH|TRUNCATED|NOT_ZSTD)$/.test(code) &&
              name !== "getCompressed"
            )
              counts.damaged += 1;
            else throw error;
          }
          if (!faulty.cut()) break;
          size = faulty.size();
        }
      }
      expect(counts.changed + counts.damaged).toBeGreaterThan(10);
      console.info(`${kind}: ${JSON.stringify(counts)}, 0 mixed`);
    },
    120_000,
  );

  test.each([1000, 300])("in pieces of %i bytes: at every byte of every reply", async (pieceSize) => {
    const bytes = content(2000);
    let points = 0;
    for (const kind of ["one frame", "plain", "frames with a seek table"]) {
      await kinds[kind]!(rig, "v", bytes);
      for (let [number, cut] = [0, true]; cut; number++) {
        for (let [at, size] = [0, 1]; at < size; at += long ? 1 : 17) {
          const faulty = cutting(at, "reset", { command: "EVAL_RO", number }, { pieceSize, concurrency: 2 });
          expect(Buffer.from(await reads["get"]!(faulty.store)).equals(bytes)).toBe(true);
          cut = faulty.cut();
          if (!cut) break;
          size = faulty.size();
          points += 1;
        }
      }
    }
    expect(points).toBeGreaterThan(100);
    console.info(`pieces of ${pieceSize}: ${points} points, every download whole`);
  });

  test("a large value is not read again from its start", async () => {
    const bytes = content(4_000_000);
    for (const kind of ["one frame", "plain", "two frames of another writer"]) {
      await kinds[kind]!(rig, "v", bytes);
      const stored = (await rig.bytes("v"))!.length;
      let received = 0;
      let first = true;
      const { fetch } = hookFetch(rig.fetch, async ({ name, init, send }) => {
        const response = await send();
        const body = await response.arrayBuffer();
        const again = new Response(body, response);
        if (name === "GET" && first) {
          first = false;
          const at = Math.floor(stored * 0.9);
          received += at;
          return cutAt(at, "reset").respond(() => Promise.resolve(again), init);
        }
        received += body.byteLength;
        return again;
      });
      expect(Buffer.from(await reads["get"]!(rig.store({ fetch, retry }))).equals(bytes)).toBe(true);
      expect(received).toBeLessThan(stored * 1.01);
    }
  });

  test("it is bounded by the settings for retries, and refused where nothing proves the rest", async () => {
    const bytes = content(2000);
    await kinds["one frame"]!(rig, "v", bytes);
    await expect(reads["get"]!(cutting(500, "reset", {}, { retry: false }).store)).rejects.toMatchObject({
      code: "REDIS",
      key: "v",
      effect: "unknown",
    });
    // Everything after the break fails.
    let requests = 0;
    const { fetch } = hookFetch(rig.fetch, ({ init, send }) => {
      requests += 1;
      return requests === 1 ? cutAt(500, "end").respond(send, init) : refusal("down", 503);
    });
    await expect(reads["get"]!(rig.store({ fetch, retry }))).rejects.toMatchObject({
      code: "REDIS",
      status: 503,
    });
    expect(requests).toBe(1 + 1 + retry.retries);
    // Without scripts an uncompressed value cannot be proven: the break is the error.
    await kinds["plain"]!(rig, "v", bytes);
    let broken = false;
    const noScripts = hookFetch(rig.fetch, ({ name, init, send }) => {
      if (name === "EVAL_RO") return refusal("ERR unknown command 'EVAL_RO'");
      if (name !== "GET" || broken) return undefined;
      broken = true;
      return cutAt(500, "end").respond(send, init);
    });
    const store = rig.store({ fetch: noScripts.fetch, retry });
    await expect(reads["get"]!(store)).rejects.toMatchObject({ code: "TRUNCATED", key: "v" });
  });

  test("over real connections, which are reset and ended in the middle of a reply", async () => {
    const bytes = content(2000);
    const { port, close } = await rig.listen();
    const proxy = await startFaultProxy(port);
    const store = rig.store({ url: proxy.url, fetch: globalThis.fetch, retry });
    let points = 0;
    try {
      for (const kind of ["one frame", "plain", "frames with a seek table"]) {
        await kinds[kind]!(rig, "v", bytes);
        for (const how of ["reset", "end"] as const) {
          for (let at = 1; at < 2000; at += long ? 1 : 97) {
            proxy.arm({ side: "reply", at, how });
            expect(Buffer.from(await reads["get"]!(store)).equals(bytes), `${kind}, ${how} at ${at}`).toBe(
              true,
            );
            if (!proxy.cut) break;
            points += 1;
          }
        }
      }
    } finally {
      await proxy.close();
      await close();
    }
    console.info(`over connections: ${points} points, every download whole`);
    expect(points).toBeGreaterThan(50);
  }, 60_000);
});
