/** Ranges end with their last byte, and give back what they hold; what is remembered of values is bounded. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { Fetch } from "../../../src/store/index.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";

let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());

const text = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${(i * 7919) % 10_007}\n`).join("");
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Serves GET with the first bytes of a value; the rest never comes. */
function resting(bytes: Uint8Array, until: number): { readonly fetch: Fetch; cancelled: boolean } {
  const served = {
    cancelled: false,
    fetch: ((input: string, init: RequestInit) => {
      const command = JSON.parse(init.body as string) as string[];
      if (command[0] !== "GET") return rig.fetch(input, init);
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(`$${bytes.length}\r\n`));
          controller.enqueue(bytes.subarray(0, until));
        },
        cancel: () => void (served.cancelled = true),
      });
      return Promise.resolve(new Response(body, { headers: { "content-type": "application/resp2" } }));
    }) as Fetch,
  };
  return served;
}

test("a range that has come does not wait for what follows, and closes the response", async () => {
  await rig.store().put("v", text);
  const stored = (await rig.bytes("v"))!;
  const zstd = await loadZstd();
  for (const until of [1400, 4000, 20_000]) {
    const served = resting(stored, until);
    const store = rig.store({ zstd, fetch: served.fetch, timeout: 5000 });
    const reader = (await store.getRange("v", 0, 100))!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(text.slice(0, 100));
    expect((await reader.read()).done).toBe(true);
    await pause(50);
    expect(served.cancelled).toBe(true);
    expect(zstd.stats().live).toBe(0);
  }
});

test("cancel of a range that waits closes the response and gives back the context", async () => {
  await rig.store().put("v", text);
  const stored = (await rig.bytes("v"))!;
  const zstd = await loadZstd();
  for (const method of ["get", "getRange"] as const) {
    const served = resting(stored, stored.length >> 1);
    const store = rig.store({ zstd, fetch: served.fetch, timeout: 20_000 });
    const reader = (method === "get" ? await store.get("v") : await store.getRange("v", 0, 5e6))!.getReader();
    let resting_ = false;
    while (!resting_) {
      const read = reader.read().then(() => undefined);
      resting_ = (await Promise.race([read, pause(200).then(() => "rests")])) === "rests";
    }
    await reader.cancel("enough");
    await pause(100);
    expect([method, served.cancelled, zstd.stats().live]).toEqual([method, true, 0]);
  }
});

test("what is remembered of many values is bounded: those used last stay", async () => {
  await rig.store().put("k0", "x".repeat(200), { layout: { frameSize: 100 } });
  let requests = 0;
  const fetch: Fetch = (input, init) => {
    requests += 1;
    return rig.fetch(input, { ...init, body: (init.body as string).replace(/"user:\d+"/g, '"k0"') });
  };
  const store = rig.store({ fetch });
  const cost = async (key: number): Promise<number> => {
    const before = requests;
    await (await store.getRange(`user:${key}`, 0, 10))!.cancel();
    return requests - before;
  };
  await cost(0);
  expect([await cost(1), await cost(1), await cost(0)]).toEqual([2, 1, 1]);
  for (let key = 2; key < 12_000; key++) {
    await cost(key);
    if (key % 1000 === 0) await cost(0);
  }
  expect([await cost(11_999), await cost(0), await cost(1)]).toEqual([1, 1, 2]);
}, 120_000);

test.each(["", "abc"])(
  "whatever the layout, ranges at and past the end of %j are the same",
  async (value) => {
    const store = rig.store();
    const layouts = {
      ramp: "ramp",
      flush: { flushSize: 1000 },
      frames: { frameSize: 1000 },
      mtu: { mtu: 1500 },
    } as const;
    for (const [key, layout] of Object.entries(layouts)) await store.put(key, value, { layout });
    const result = async (key: string, start: number, end?: number): Promise<string> => {
      try {
        return await new Response(await store.getRange(key, start, end)).text();
      } catch (error) {
        return String(error);
      }
    };
    const { length } = value;
    for (const start of [0, length, length + 1, length + 3]) {
      for (const end of [undefined, start, start + 2]) {
        for (const key of Object.keys(layouts)) {
          const expected =
            start > length
              ? `RangeError: "start" must not lie past the content of ${length} bytes, got ${start}`
              : value.slice(start, end);
          expect([key, start, end, await result(key, start, end)]).toEqual([key, start, end, expected]);
        }
      }
    }
  },
);
