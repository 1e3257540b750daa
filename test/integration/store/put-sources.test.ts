/** What a program does with a source while it is stored, and sources that rest for good. */
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import type { Layout, ValueSource } from "../../../src/store/index.ts";
import { seededRandom } from "../../support/random.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";

let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());

const SIZE = 3_000_000;
const layouts: readonly Layout[] = ["ramp", { flushSize: 1000 }, { frameSize: 65_536 }, { mtu: 1500 }];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const stored = async (): Promise<Buffer> => Buffer.from((await rig.store().getBytes("k"))!);

describe.each(layouts)("bytes that change while they are stored as %j", (layout) => {
  test.each([0, 5])("are stored as they were, %i ms later", async (ms) => {
    const original = seededRandom(ms).bytes(SIZE);
    const acts: readonly ((bytes: Uint8Array) => void)[] = [
      (bytes) => bytes.fill(2),
      (bytes) => void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] }),
    ];
    for (const act of acts) {
      const bytes = original.slice();
      const put = rig.store().put("k", bytes, { layout });
      if (ms > 0) await pause(ms);
      act(bytes);
      const result = await put;
      expect(result!.size).toBe(SIZE);
      expect((await rig.store().stat("k"))!.size).toBe(SIZE);
      expect((await stored()).equals(original)).toBe(true);
    }
  });
});

test("a buffer that shrinks is stored as it was", async () => {
  const buffer = new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer)(SIZE, {
    maxByteLength: SIZE,
  });
  if (!("resize" in buffer)) return;
  new Uint8Array(buffer).set(seededRandom(3).bytes(SIZE));
  const original = Buffer.from(buffer.slice(0));
  const put = rig.store().put("k", new Uint8Array(buffer));
  (buffer as unknown as { resize(size: number): void }).resize(10);
  expect((await put)!.size).toBe(SIZE);
  expect((await stored()).equals(original)).toBe(true);
});

test("a generator may give the same buffer again and again", async () => {
  const buffer = new Uint8Array(50_000);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let round = 0; round < 60; round++) {
      await pause(0);
      yield buffer.fill(round);
    }
  }
  await rig.store().put("k", source());
  const bytes = await stored();
  for (let round = 0; round < 60; round++) expect(bytes[round * 50_000 + 25_000]).toBe(round);
});

test("a Blob of another size than it says is an error, and the old value stays", async () => {
  await rig.store().put("k", "old");
  for (const [size, gives] of [
    [10, 9],
    [10, 11],
    [5_000_000, 4_999_999],
  ] as const) {
    for (const layout of layouts) {
      const blob = new Blob([new Uint8Array(gives)]);
      Object.defineProperty(blob, "size", { value: size });
      await expect(rig.store().put("k", blob, { layout })).rejects.toThrow(`said ${size} bytes, got`);
      expect(await rig.store().getText("k")).toBe("old");
    }
  }
});

describe("a put that is aborted while its source rests", () => {
  const resting: readonly (readonly [string, () => ValueSource])[] = [
    ["a stream", () => new ReadableStream<Uint8Array>({})],
    ["a stream of Node", () => new Readable({ read() {} })],
    [
      "a generator",
      async function* rest(): AsyncGenerator<Uint8Array> {
        await new Promise(() => {});
        yield new Uint8Array(1);
      },
    ],
  ];
  const loaders = [
    ["at hand", () => loadZstd()],
    ["loading", () => pause(60).then(() => loadZstd())],
    ["never there", () => new Promise<never>(() => {})],
    ["missing", () => Promise.reject(new Error("no WebAssembly"))],
  ] as const;
  test.each(
    resting.flatMap(([name, make]) => loaders.map(([state, zstd]) => [name, state, make, zstd] as const)),
  )(
    "%s, the codec %s",
    async (_, _state, make, zstd) => {
      const controller = new AbortController();
      const put = rig.store({ zstd }).put("k", make(), { signal: controller.signal });
      const reason = new Error("by intent");
      setTimeout(() => controller.abort(reason), 20);
      await expect(put).rejects.toBe(reason);
    },
    10_000,
  );
  test("a read settles too while the codec loads", async () => {
    await rig.store().put("k", "text", { layout: { frameSize: 2 } });
    const store = rig.store({ zstd: () => new Promise<never>(() => {}) });
    const signal = (): AbortSignal => AbortSignal.timeout(30);
    await expect(store.get("k", { signal: signal() })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(store.getRange("k", 0, 1, { signal: signal() })).rejects.toMatchObject({
      name: "TimeoutError",
    });
  }, 10_000);
});

describe("a codec without streams", () => {
  test("writes what the same store reads", async () => {
    const zstd = await loadZstd({ engine: bokuweb });
    const events: string[] = [];
    const store = rig.store({ zstd, onEvent: ({ type }) => type !== "request" && events.push(type) });
    for (const layout of layouts) {
      const bytes = seededRandom(9).bytes(5000);
      await store.put("k", bytes, { layout });
      expect(events.splice(0)).toEqual(["uncompressed"]);
      expect(Buffer.from((await store.getBytes("k"))!).equals(bytes)).toBe(true);
      expect((await store.stat("k"))!.form).toBe("plain");
    }
  });
});

test("without a codec one-byte chunks and other views are stored as their bytes", async () => {
  const store = rig.store({ zstd: () => Promise.reject(new Error("no WebAssembly")) });
  async function* single(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 300; at++) yield Uint8Array.of(at);
  }
  expect(await store.put("k", single())).toEqual({
    size: 300,
    storedSize: 300,
    frameCount: 0,
    largestFrame: 0,
  });
  await store.put(
    "k",
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint16Array([258, 259]) as unknown as Uint8Array);
        controller.close();
      },
    }),
  );
  expect([...(await store.getBytes("k"))!]).toEqual([2, 1, 3, 1]);
});
