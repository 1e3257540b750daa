/**
 * Streams whose reader or source has stopped keep their contexts; what is read whole and what is stored from memory
 * does not wait for them.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";

const STOPPED = 60;
const CALLS = 100;
/** Two windows of a frame at level 3. */
const text = Array.from({ length: 400_000 }, (_, id) => `${(id * 7919) % 1_000_003}`.padStart(11)).join("");
const bytes = new TextEncoder().encode(text);

let server: DevServer;
let zstd: Zstd;
let store: Store;
beforeAll(async () => {
  server = await createDevServer({ maxResponseSize: 64 << 20, maxRequestSize: 64 << 20 });
  const { url } = await server.listen();
  // A sixth of the usual time-out: what waits for a stopped stream fails soon.
  zstd = await loadZstd({ memoryLimit: 64 << 20, waitTimeout: 5000 });
  store = createStore({ url, token: server.token, zstd });
  await store.put("value", text, { level: 3 });
});
afterAll(() => server.close());

test("reads of whole values while readers have stopped", async () => {
  const streams = await Promise.all(Array.from({ length: STOPPED }, () => store.get("value")));
  const readers = streams.map((stream) => stream!.getReader());
  const first = readers.map((reader) => reader.read().catch(() => undefined));
  // Some have a context, and the others wait for theirs.
  await expect.poll(() => zstd.stats().waiters).toBeGreaterThan(0);
  const { live } = zstd.stats();
  expect(live).toBeGreaterThan(5);
  try {
    const one = await store.getBytes("value");
    expect(Buffer.compare(one!, bytes)).toBe(0);
    const all = await Promise.all(
      Array.from({ length: CALLS }, async (_, call) =>
        call % 2 === 0
          ? (await store.getBytes("value"))!.length === bytes.length
          : (await store.getText("value")) === text,
      ),
    );
    expect(all).not.toContain(false);
  } finally {
    await Promise.all(readers.map((reader) => reader.cancel().catch(() => undefined)));
    await Promise.all(first);
  }
  await expect.poll(() => zstd.stats().live).toBe(0);
}, 60_000);

test("puts from memory while sources have stopped", async () => {
  const stop = new AbortController();
  const puts = Array.from({ length: STOPPED }, (_, index) => {
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes.slice(0, 300_000)),
    });
    return store.put(`stopped:${index}`, source, { level: 3, signal: stop.signal }).catch(() => undefined);
  });
  await expect.poll(() => zstd.stats().waiters).toBeGreaterThan(0);
  expect(zstd.stats().live).toBeGreaterThan(5);
  try {
    const stored = [text, bytes, text, bytes].map((value, index) =>
      store.put(`whole:${index}`, value, { level: 3 }),
    );
    for (const { size } of (await Promise.all(stored)) as { size: number }[]) expect(size).toBe(bytes.length);
  } finally {
    stop.abort();
    await Promise.all(puts);
  }
}, 60_000);
