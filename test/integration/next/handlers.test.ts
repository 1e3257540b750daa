/** The cache handlers of Next.js as Next.js calls them: what comes back is what was kept, tags hold for all servers, Redis may fail. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import {
  createCacheHandler,
  createUseCacheHandler,
  type CacheHandlerOptions,
  type PageCacheHandler,
  type UseCacheEntry,
  type UseCacheHandler,
} from "../../../src/next/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";

let server: DevServer;
let url: string;
let store: Store;
const token = "next";
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded", token });
  ({ url } = await server.listen());
  store = createStore({ url, token });
});
afterAll(() => server.close());
beforeEach(() => command("FLUSHALL"));

async function command(...words: (string | number)[]): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(words),
  });
  return ((await response.json()) as { result: unknown }).result;
}

const clock = (): number => performance.timeOrigin + performance.now();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const encoder = new TextEncoder();
const streamOf = (...chunks: Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
const read = async (entry: UseCacheEntry | undefined): Promise<Uint8Array> =>
  new Uint8Array(await new Response(entry!.value).arrayBuffer());

const entryOf = (given: Partial<UseCacheEntry> = {}): UseCacheEntry => ({
  value: streamOf(encoder.encode("text\n")),
  tags: [],
  stale: 300,
  timestamp: clock(),
  expire: 3600,
  revalidate: 900,
  ...given,
});

/** Fails a test that hears of an error which it does not expect. */
const failing = (error: unknown): void => {
  throw error;
};

describe("a handler of cacheHandlers", () => {
  const create = (options: CacheHandlerOptions = {}): UseCacheHandler =>
    createUseCacheHandler({ url, token, onError: failing, ...options });
  const put = (handler: UseCacheHandler, key: string, given?: Partial<UseCacheEntry>): Promise<void> =>
    handler.set(key, Promise.resolve(entryOf(given)));

  test("gives another server the entry with all its facts, and its value whole", async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) % 251);
    const entry = entryOf({ tags: ["größer", "a,b"], timestamp: clock() });
    const { value: _, ...facts } = entry;
    await put(create(), "key", { ...entry, value: streamOf(bytes.subarray(0, 10), bytes.subarray(10)) });
    const found = await create().get("key", []);
    expect(found).toMatchObject(facts);
    expect(await read(found)).toEqual(bytes);
    // Each reader has a stream of its own.
    expect(await read(await create().get("key", []))).toEqual(bytes);
    expect(await create().get("none", [])).toBeUndefined();
  });

  test("keeps an empty value, and lines in a value", async () => {
    const handler = create();
    for (const text of ["", "\n", "one\ntwo\n"]) {
      await put(handler, "key", { value: streamOf(encoder.encode(text)) });
      expect(new TextDecoder().decode(await read(await handler.get("key", [])))).toBe(text);
    }
  });

  test("lies compressed in Redis, and expires with its entry", async () => {
    const text = "compressible ".repeat(2000);
    await put(create({ ttl: 1000 }), "short", { value: streamOf(encoder.encode(text)), expire: 60 });
    await put(create({ ttl: 1000 }), "long", { value: streamOf(encoder.encode(text)), expire: 2 ** 32 });
    expect(await command("STRLEN", "next:short")).toBeLessThan(text.length / 20);
    expect(await command("TTL", "next:short")).toBeLessThanOrEqual(60);
    const ttl = await command("TTL", "next:long");
    expect(ttl).toBeGreaterThan(990);
    expect(ttl).toBeLessThanOrEqual(1000);
  });

  test("does not keep what expires at once, and lets its stream go", async () => {
    let cancelled = 0;
    const value = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled += 1) });
    await put(create(), "key", { value, expire: 0 });
    expect([cancelled, await command("DBSIZE")]).toEqual([1, 0]);
  });

  test("names a key with long arguments by its hash", async () => {
    const handler = create({ prefix: "site:" });
    const keys = ["a", "b"].map((end) => "argument ".repeat(1000) + end);
    for (const key of keys) await put(handler, key, { value: streamOf(encoder.encode(key)) });
    for (const key of keys) expect(await read(await handler.get(key, []))).toEqual(encoder.encode(key));
    expect(await command("KEYS", "*")).toEqual([
      expect.stringMatching(/^site:[0-9a-f]{64}$/),
      expect.stringMatching(/^site:[0-9a-f]{64}$/),
    ]);
  });

  test("expires what has a tag for all servers, and not what was made later", async () => {
    const [one, other] = [create(), create()];
    await put(one, "tagged", { tags: ["a", "b"] });
    await put(one, "other", { tags: ["c"] });
    await pause(5);
    await other.updateTags(["b", "none"]);
    expect(await one.get("tagged", [])).toBeUndefined();
    expect(await one.get("other", [])).toBeDefined();
    // Soft tags are those of the page that asks.
    expect(await other.get("other", ["b"])).toBeUndefined();
    await pause(5);
    await put(other, "tagged", { tags: ["a", "b"] });
    expect(await one.get("tagged", ["b"])).toBeDefined();
    await pause(5);
    // As Next.js 15 calls it.
    await other.expireTags("a", "c");
    expect(await one.get("tagged", [])).toBeUndefined();
    expect(await one.get("other", [])).toBeUndefined();
    expect(await one.getExpiration()).toBe(Infinity);
    expect(await command("TTL", "next:tags")).toBeGreaterThan(30 * 24 * 3600);
  });

  test("shows a stale entry once more, to be made anew, until it expires", async () => {
    const handler = create();
    await put(handler, "key", { tags: ["a"] });
    await pause(5);
    await handler.updateTags(["a"], { expire: 0.2 });
    const stale = await handler.get("key", []);
    if (stale !== undefined) expect(stale.revalidate).toBe(-1);
    await pause(250);
    expect(await handler.get("key", [])).toBeUndefined();
    await put(handler, "key", { tags: ["a"] });
    expect((await handler.get("key", []))?.revalidate).toBe(900);
    await pause(5);
    await handler.updateTags(["a"], {});
    expect((await handler.get("key", []))?.revalidate).toBe(-1);
  });

  test("waits for an entry that this server still makes", async () => {
    const handler = create();
    let give: ((entry: UseCacheEntry) => void) | undefined;
    const pending = new Promise<UseCacheEntry>((resolve) => (give = resolve));
    const writing = handler.set("key", pending);
    let found: UseCacheEntry | undefined;
    const reading = handler.get("key", []).then((entry) => (found = entry));
    await pause(50);
    expect(found).toBeUndefined();
    give!(entryOf({ value: streamOf(encoder.encode("late")) }));
    await Promise.all([writing, reading]);
    expect(await read(found)).toEqual(encoder.encode("late"));
  });

  test("keeps nothing of what fails to be made, which Next.js tells of, and leaves what was there", async () => {
    const handler = create();
    await put(handler, "key");
    const cause = new Error("render failed");
    let asked = 0;
    const value = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (asked++ === 0) controller.enqueue(new Uint8Array(1000));
        else controller.error(cause);
      },
    });
    await put(handler, "key", { value });
    await handler.set("key", Promise.reject(cause));
    expect(await read(await handler.get("key", []))).toEqual(encoder.encode("text\n"));
  });

  test("counts what is damaged as not there", async () => {
    const errors: unknown[] = [];
    const handler = create({ onError: (error) => errors.push(error) });
    await put(handler, "key", { value: streamOf(encoder.encode("text ".repeat(1000))) });
    await command("SETRANGE", "next:key", 30, "damage");
    expect(await handler.get("key", [])).toBeUndefined();
    await store.put("next:key", "no entry");
    expect(await handler.get("key", [])).toBeUndefined();
    await command("DEL", "next:key");
    await command("LPUSH", "next:key", "item");
    expect(await handler.get("key", [])).toBeUndefined();
    expect(errors).toHaveLength(3);
  });
});

describe("a handler of cacheHandler", () => {
  const create = (options: CacheHandlerOptions = {}): PageCacheHandler =>
    new (createCacheHandler({ url, token, prefix: "next:1:", onError: failing, ...options }))();
  const page = {
    kind: "APP_PAGE",
    html: "<p>größer</p>".repeat(500),
    rscData: Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at)),
    segmentData: new Map([["/_tree", Buffer.from("tree")]]),
    headers: { "x-next-cache-tags": "a,_N_T_/page" },
    postponed: undefined,
    status: 200,
  };

  test("gives another server the page, its bytes and maps too", async () => {
    await create().set("/page", page, { cacheControl: { revalidate: 60, expire: 3600 } });
    const found = await create().get("/page");
    expect(found?.value).toEqual(page);
    expect(Buffer.isBuffer((found!.value as typeof page).rscData)).toBe(true);
    expect(found?.cacheControl).toEqual({ revalidate: 60, expire: 3600 });
    expect(await command("STRLEN", "next:1:/page")).toBeLessThan(page.html.length / 4);
    expect(await create({ prefix: "next:2:" }).get("/page")).toBeNull();
    await create().set("/gone", null);
    expect((await create().get("/gone"))?.value).toBeNull();
  });

  test("expires what has a tag, in whichever of the places where Next.js says it", async () => {
    const [one, other] = [create(), create()];
    await one.set("/page", page);
    await one.set("fetch", { revalidate: 60 });
    await pause(5);
    await other.revalidateTag("a");
    expect(await one.get("/page")).toBeNull();
    expect(await one.get("fetch", { tags: ["b"], softTags: ["c"] })).not.toBeNull();
    await other.revalidateTag(["b", "c"]);
    expect(await one.get("fetch", { tags: ["b"] })).toBeNull();
    expect(await one.get("fetch", { softTags: ["c"] })).toBeNull();
    expect(await one.get("fetch", {})).not.toBeNull();
  });

  test("makes a stale entry as old as its lifetime, and one that lives for ever too old to be shown", async () => {
    const handler = create();
    const cacheControl = { revalidate: 60, expire: 3600 };
    await handler.set("/page", page, { cacheControl });
    await handler.set("/forever", page, { cacheControl: { revalidate: false } });
    await pause(5);
    await handler.revalidateTag("a", { expire: 1000 });
    const { lastModified } = (await handler.get("/page"))!;
    const age = (clock() - lastModified) / 1000;
    expect(age).toBeGreaterThan(60);
    expect(age).toBeLessThan(3600);
    expect((await handler.get("/forever"))!.lastModified).toBe(-1);
  });
});

describe("requests of the handlers", () => {
  test("are none of the page's own to Next.js, which replaces fetch", async () => {
    const seen: unknown[] = [];
    const look = (input: string, init: RequestInit): Promise<Response> => {
      seen.push((init as { next?: unknown }).next);
      return fetch(input, init);
    };
    const options = { url, token, onError: failing, fetch: look };
    const handler = createUseCacheHandler(options);
    await handler.set("key", Promise.resolve(entryOf({ tags: ["a"] })));
    await handler.updateTags(["b"]);
    await handler.get("key", []);
    const pages = new (createCacheHandler(options))();
    await pages.set("/page", {});
    await pages.get("/page", { tags: ["a"] });
    await pages.revalidateTag("a");
    expect(seen.length).toBeGreaterThanOrEqual(8);
    expect(new Set(seen.map((one) => JSON.stringify(one)))).toEqual(new Set(['{"internal":true}']));
  });
});

describe("without Redis", () => {
  const gone = { url: "http://127.0.0.1:9", token, retry: false } as const;

  test("nothing is there, nothing is kept, and a tag that cannot be revalidated is an error", async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    const pages = new (createCacheHandler({ ...gone, onError }))();
    const results = createUseCacheHandler({ ...gone, onError });
    expect(await pages.get("/page")).toBeNull();
    await pages.set("/page", {});
    expect(await results.get("key", [])).toBeUndefined();
    await results.set("key", Promise.resolve(entryOf()));
    // Each handler has tried once, and then pauses.
    expect(errors).toHaveLength(2);
    await expect(pages.revalidateTag("a")).rejects.toMatchObject({ code: "REDIS" });
    await expect(results.updateTags(["a"])).rejects.toMatchObject({ code: "REDIS" });
  });

  test("wrong options are told at once", () => {
    expect(() => createUseCacheHandler({ url, token, ttl: 0 })).toThrow(/ttl/);
    expect(() => createCacheHandler({ url: "redis://x", token })).toThrow(/TCP address/);
    expect(() => createCacheHandler({ url, token, perfix: "x" } as object)).toThrow(/did you mean "prefix"/);
  });
});

describe("a Redis that accepts and never answers", () => {
  test("is waited for once, and not by every entry of a page", async () => {
    const { createServer } = await import("node:net");
    let connections = 0;
    const silent = createServer((socket) => {
      connections += 1;
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    const options = { url: `http://127.0.0.1:${port}`, token, timeout: 300, retry: false, onError } as const;
    const pages: PageCacheHandler = new (createCacheHandler(options))();
    const functions = createUseCacheHandler(options);
    try {
      expect(await pages.get("first")).toBeNull();
      expect(await functions.get("first", [])).toBeUndefined();
      expect(errors).toHaveLength(2);
      const before = connections;
      for (let entry = 0; entry < 20; entry++) {
        expect(await pages.get(`page:${entry}`)).toBeNull();
        expect(await functions.get(`function:${entry}`, [])).toBeUndefined();
        await pages.set(`page:${entry}`, null);
        const entryOfFunction = entryOf();
        await functions.set(`function:${entry}`, Promise.resolve(entryOfFunction));
        expect(entryOfFunction.value.locked).toBe(false);
      }
      expect([connections, errors.length]).toEqual([before, 2]);
      // A tag is an error of the caller's, whatever was heard before.
      await expect(pages.revalidateTag("tag")).rejects.toMatchObject({ code: "TIMEOUT" });
      await pause(1100);
      expect(await pages.get("later")).toBeNull();
      expect(errors).toHaveLength(3);
    } finally {
      silent.close();
    }
  });
});
