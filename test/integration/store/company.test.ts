/** A process with many users at once: downloads that nobody reads on, copies, uploads over a narrow link. */
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { loadZstd } from "../../../src/index.ts";
import { createStore, type Fetch, type Store, type StoreOptions } from "../../../src/store/index.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { concat, sourceOf } from "../../support/streams.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const LIMIT = 64 << 20;

let server: DevServer;
let address: { url: string; token: string };
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded", maxRequestSize: LIMIT, maxResponseSize: LIMIT });
  const { url } = await server.listen();
  address = { url, token: server.token };
});
afterAll(() => server.close());

const store = (options: Partial<StoreOptions> = {}): Store => createStore({ ...address, ...options });
const lines = (count: number): string =>
  Array.from({ length: count }, (_, id) => `{"id":${id},"name":"user ${(id * 7919) % 10_007}"}`).join("\n");

/** Runs work that must not wait for what is paused: its bound is far above what it takes, far below a time-out. */
async function promptly<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  expect(performance.now() - start, what).toBeLessThan(15_000);
  return result;
}

test("sixty downloads whose readers stand still stop nobody", async () => {
  const redis = withCompression(new Redis({ ...address, enableTelemetry: false }));
  const zstd = await loadZstd();
  const downloads = store();
  const text = lines(60_000);
  await downloads.put("download", text.repeat(2), { level: 1 });
  await redis.set("document", text);
  const readers = [];
  for (let index = 0; index < 60; index++) {
    const reader = (await downloads.get("download"))!.getReader();
    const { value } = await promptly(`the first chunk of download ${index}`, () => reader.read());
    expect(value!.length).toBeGreaterThan(0);
    readers.push(reader);
  }
  expect(zstd.stats().live).toBeGreaterThanOrEqual(60);
  const small = new TextEncoder().encode(lines(30));
  for (let round = 0; round < 3; round++) {
    expect(await promptly("GET of a large text", () => redis.get("document"))).toBe(text);
    await promptly("SET of a large text", () => redis.set("other", text));
    expect(await promptly("getText", () => downloads.getText("download"))).toBe(text.repeat(2));
    await promptly("put of a small value", () => downloads.put("small", small));
    await promptly("put of a large value", () => downloads.put("large", text));
    const frames = sourceOf([small]).pipeThrough(zstd.compressStream());
    const back = new Response(frames.pipeThrough(zstd.decompressStream()));
    expectBytes(
      await promptly("a small stream", async () => new Uint8Array(await back.arrayBuffer())),
      small,
    );
    expectBytes(zstd.decompress(zstd.compress(small)), small);
  }
  // What was written while they stood still was compressed.
  expect((await downloads.stat("other"))!.form).not.toBe("plain");
  await Promise.all(readers.map((reader) => reader.cancel()));
  expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
});

test("beyond the limit a stream waits alone, and its TIMEOUT says what to set", async () => {
  const zstd = await loadZstd({ memoryLimit: 16 << 20, waitTimeout: 300 });
  const limited = store({ zstd });
  await store().put("download", lines(60_000).repeat(2));
  const readers = [];
  let refused: unknown;
  while (refused === undefined && readers.length < 60) {
    const reader = (await limited.get("download"))!.getReader();
    await reader.read().catch((error: unknown) => (refused = error));
    readers.push(reader);
  }
  expect(refused).toMatchObject({ code: "TIMEOUT" });
  expect(String(refused)).toContain('"memoryLimit" is 16777216');
  await Promise.all(readers.map((reader) => reader.cancel().catch(() => undefined)));
});

test.each([1, 15, 19, 22])("a copy from store to store at level %i, on an idle process", async (level) => {
  const [from, to] = [store(), store()];
  const text = lines(100_000);
  await from.put("source", text);
  await to.put("copy", (await from.get("source"))!, { level });
  expect(await to.getText("copy")).toBe(text);
});

test("40 copies at once all succeed", async () => {
  const [from, to] = [store(), store()];
  const text = lines(40_000);
  await from.put("source", text);
  const copy = async (index: number): Promise<void> => {
    await to.put(`copy-${index}`, (await from.get("source"))!);
  };
  await Promise.all(Array.from({ length: 40 }, (_, index) => copy(index)));
  for (const index of [0, 17, 39]) expect(await to.getText(`copy-${index}`)).toBe(text);
});

describe("a link that all uploads share", () => {
  /** Bytes a second of all requests together, taken in turns of 64 KiB. */
  const throttled = (rate: number): Fetch => {
    let free = performance.now();
    return async (input, init) => {
      const { body } = init;
      const size = typeof body === "string" ? body.length : (body as Uint8Array).length;
      for (let sent = 0; sent < size; sent += 65_536) {
        free = Math.max(free, performance.now()) + (Math.min(65_536, size - sent) / rate) * 1000;
        await new Promise((resolve) => setTimeout(resolve, free - performance.now()));
      }
      return fetch(input, init);
    };
  };

  test("100 puts at once all succeed", async () => {
    const size = long ? 20 << 20 : 2 << 20;
    const noise = seededRandom(7).bytes(2 << 20);
    const narrow = store({ fetch: throttled(20e6), timeout: 0 });
    // Two thirds of each chunk do not compress, and come again only outside of the window.
    const chunk = (index: number): Uint8Array => {
      const start = (index * 40_000) % (noise.length - 40_000);
      return concat([noise.subarray(start, start + 40_000), new Uint8Array(20_000)]);
    };
    const source = (): ReadableStream<Uint8Array> =>
      sourceOf(Array.from({ length: Math.ceil(size / 60_000) }, (_, index) => chunk(index)));
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => narrow.put(`upload-${index}`, source())),
    );
    expect(results.every((result) => result!.size >= size)).toBe(true);
    expect((await narrow.stat("upload-99"))!.form).toBe("frame");
  }, 600_000);
});
