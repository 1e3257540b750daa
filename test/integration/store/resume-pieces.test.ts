/** A read in pieces goes on within a piece when replies break, asks for no more than its piece size, and never mixes two writings. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import type { Fetch, Store, StoreOptions } from "../../../src/store/index.ts";
import { createRandom } from "../../support/random.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { hookFetch } from "../../support/store/hook.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";

const zstd = await loadZstd();
const random = createRandom(29);
/** Bytes of a reply after which the path breaks it. */
const CUT = 300_000;
const SIZE = 6_000_000;
const [START, END] = [1_234_567, 2_234_567];
const content = Buffer.from(random.bytes(SIZE));
const other = Buffer.from(random.bytes(SIZE));
/** Both begin and end alike, so that only what lies between tells. */
content.copy(other, 0, 0, 400_000);
content.copy(other, SIZE - 1000, SIZE - 1000);

type Kind = readonly [
  name: string,
  store: (rig: InProcess, key: string, bytes: Uint8Array) => Promise<unknown>,
];
const kinds: readonly Kind[] = [
  ["one frame", (rig, key, bytes) => rig.store().put(key, bytes)],
  ["seekable", (rig, key, bytes) => rig.store().put(key, bytes, { layout: { frameSize: 65_536 } })],
  ["plain", (rig, key, bytes) => rig.command("SET", key, bytes)],
  [
    "seekable without a version",
    async (rig, key, bytes) => {
      const frames = zstd.compressStream({ frameSize: 65_536, seekTable: true });
      const content = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
      return rig.command("SET", key, await collect(content.pipeThrough(frames as never)));
    },
  ],
];
const reads: readonly (readonly [name: string, (store: Store) => Promise<Uint8Array>, number, number])[] = [
  ["get", async (store) => collect((await store.get("v"))!), 0, SIZE],
  ["getBytes", async (store) => (await store.getBytes("v"))!, 0, SIZE],
  ["getRange", async (store) => collect((await store.getRange("v", START, END))!), START, END],
];

/** A path that ends every reply after some bytes. */
function cutting(send: Fetch, meanwhile?: () => Promise<unknown>): { fetch: Fetch; received: () => number } {
  let received = 0;
  let replaced = false;
  const { fetch } = hookFetch(send, async ({ send: forward }) => {
    const response = await forward();
    const bytes = new Uint8Array(await response.arrayBuffer());
    received += Math.min(CUT, bytes.length);
    if (bytes.length <= CUT) return new Response(bytes, response);
    if (meanwhile !== undefined && !replaced) {
      replaced = true;
      await meanwhile();
    }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.subarray(0, CUT));
      },
      pull(controller) {
        controller.error(new TypeError("terminated"));
      },
    });
    return new Response(body, response);
  });
  return { fetch, received: () => received };
}

describe.skipIf(!redisAvailable())("pieces", () => {
  const redis = useRedis();
  let rig: InProcess;
  /** Without scripts: DIGEST proves pieces of what has no version. Ranges alone are read there: it is slow. */
  let embedded: InProcess;
  beforeAll(async () => {
    rig = await startInProcess({ redis: redis().url });
    embedded = await startInProcess({ maxRequestSize: 1e8, maxResponseSize: 1e8 });
  });
  afterAll(async () => {
    await rig.close();
    await embedded.close();
  });

  const options: readonly Partial<StoreOptions>[] = [
    {},
    { pieceSize: 524_288, concurrency: 1 },
    { pieceSize: 2 << 20 },
  ];
  test.each(kinds)(
    "of a value that is %s, where every reply ends after 300,000 bytes",
    async (_, put) => {
      for (const server of [rig, embedded]) {
        await put(server, "v", content);
        for (const given of options) {
          for (const [name, read, start, end] of reads) {
            if (server === embedded && name !== "getRange") continue;
            const { fetch, received } = cutting(server.fetch);
            const store = server.store({ fetch, retry: { retries: 5, backoff: () => 0 }, ...given });
            const got = await read(store);
            const what = `${name}, ${JSON.stringify(given)}, ${server === rig ? "scripts" : "DIGEST"}`;
            expect(Buffer.from(got).equals(content.subarray(start, end)), what).toBe(true);
            // What is asked for again after breaks stays a share of it; base64 takes a third more.
            expect(received(), what).toBeLessThan(((SIZE * 2 - start) * (server === rig ? 3 : 4)) / 3);
          }
        }
      }
    },
    120_000,
  );

  test.each(kinds)(
    "of a value that is %s and is replaced at the first break",
    async (_, put) => {
      for (const server of [rig, embedded]) {
        await put(server, "other", other);
        await put(server, "v", content);
        const [first, second] = [await server.bytes("v"), await server.bytes("other")];
        for (const given of options) {
          for (const [name, read, start, end] of reads) {
            if (server === embedded && name !== "getRange") continue;
            await server.command("SET", "v", first!);
            const { fetch } = cutting(server.fetch, () => server.command("SET", "v", second!));
            const store = server.store({ fetch, retry: { retries: 5, backoff: () => 0 }, ...given });
            const got = await read(store).catch((error: unknown) => error);
            const what = `${name}, ${JSON.stringify(given)}`;
            if (got instanceof ZstashError) {
              expect(got.code, what).toMatch(/^(VALUE_CHANGED|CORRUPT|CHECKSUM_MISMATCH)$/);
              continue;
            }
            const whole = Buffer.from(got as Uint8Array);
            const isOne = [content, other].some((bytes) => whole.equals(bytes.subarray(start, end)));
            expect(isOne, what).toBe(true);
          }
        }
      }
    },
    120_000,
  );

  test("requests grow back once replies come whole", async () => {
    await kinds[1]![1](rig, "v", content);
    let most = 0;
    let breaking = true;
    const { fetch } = hookFetch(rig.fetch, async ({ send }) => {
      const bytes = await (await send()).arrayBuffer();
      most = Math.max(most, bytes.byteLength);
      if (breaking && bytes.byteLength > 70_000) throw new TypeError("fetch failed");
      return new Response(bytes);
    });
    const store = rig.store({ fetch, retry: { retries: 5, backoff: () => 0 } });
    await collect((await store.getRange("v", START, END))!);
    breaking = false;
    most = 0;
    await collect((await store.getRange("v", 0, 500_000))!);
    expect(most).toBeLessThan(300_000);
    for (let read = 0; read < 2; read++) await collect((await store.getRange("v", 0))!);
    expect(most).toBeGreaterThan(900_000);
  });

  test("are repeated as often as the settings say, and not without retries", async () => {
    await kinds[0]![1](rig, "v", content);
    for (const retries of [0, 2]) {
      let requests = 0;
      const { fetch } = hookFetch(rig.fetch, async ({ send }) => {
        const bytes = await (await send()).arrayBuffer();
        if (bytes.byteLength < 10_000) return new Response(bytes);
        requests += 1;
        throw new TypeError("fetch failed");
      });
      const retry = retries === 0 ? (false as const) : { retries, backoff: () => 0 };
      const store = rig.store({ fetch, retry, pieceSize: 1 << 20, concurrency: 1 });
      await expect(store.getBytes("v")).rejects.toMatchObject({ code: "REDIS", key: "v" });
      expect(requests).toBe(1 + retries);
    }
  });

  describe.each([false, true])("without scripts: %s", (noScripts) => {
    let plain: InProcess;
    beforeAll(async () => {
      plain = await startInProcess({ redis: redis().url, noScripts });
    });
    afterAll(() => plain.close());

    test.each([1000, 16_384, 100_000])("ask for no more than %i bytes of a value", async (pieceSize) => {
      const bytes = content.subarray(0, 400_000);
      for (const [name, put] of kinds) {
        // Without scripts and DIGEST nothing proves what has no version.
        if (noScripts && (name === "plain" || name === "seekable without a version")) continue;
        await put(plain, "v", bytes);
        // The longest table is larger than the least piece.
        if (name === "seekable") await plain.store().put("v", bytes, { layout: { frameSize: 1000 } });
        let most = 0;
        const { fetch } = hookFetch(plain.fetch, async ({ send }) => {
          const response = await send();
          const body = await response.arrayBuffer();
          most = Math.max(most, body.byteLength);
          return new Response(body, response);
        });
        const store = plain.store({ fetch, pieceSize });
        const whole = Buffer.from(await collect((await store.get("v"))!));
        const part = Buffer.from(await collect((await store.getRange("v", 50_000, 350_000))!));
        expect(whole.equals(bytes), name).toBe(true);
        expect(part.equals(bytes.subarray(50_000, 350_000)), name).toBe(true);
        await store.stat("v");
        // Base64 takes a third more; length, time to live, version and hashes come besides.
        expect(most, name).toBeLessThan(pieceSize * (noScripts ? 4 / 3 : 1) + 600);
      }
    });
  });
});
