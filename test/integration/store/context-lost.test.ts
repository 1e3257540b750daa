/** A download whose decoder's context was given to another while its reader rested reads on, and gives what is left. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createRandom } from "../../support/random.ts";
import { redisAvailable, startRedis, type RedisServer } from "../../support/redis.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";

// Holders show that they live by intervals, which a host may hold back; one-shot timers go on.
let silent = false;
const { setInterval } = globalThis;
globalThis.setInterval = ((work: () => void, ms: number) =>
  setInterval(() => {
    if (!silent) work();
  }, ms)) as typeof setInterval;
vi.resetModules();
vi.doMock("../../../src/adapters/host/node.ts", async (original) => ({
  ...(await original<object>()),
  REQUESTS_END_SILENTLY: true,
}));
const { loadZstd } = await import("../../../src/codec/zstd.ts");
const { createStore } = await import("../../../src/store/index.ts");
globalThis.setInterval = setInterval;

const sleep = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));
const bytes = createRandom(3).bytes(3_000_000);

let redis: RedisServer | undefined;
let rig: InProcess;
beforeAll(async () => {
  redis = redisAvailable() ? await startRedis() : undefined;
  rig = await startInProcess(redis === undefined ? {} : { redis: redis.url });
});
afterAll(async () => {
  await rig.close();
  await redis?.stop();
});

test.each([
  ["one streamed reply", {}, "ramp", undefined],
  ["one streamed reply of frames", {}, { frameSize: 400_000 }, undefined],
  ["pieces", { pieceSize: 500_000 }, "ramp", undefined],
  ["pieces of frames", { pieceSize: 500_000 }, { frameSize: 400_000 }, undefined],
  ["a reply that is replaced by another of the same size", {}, "ramp", /^(VALUE_CHANGED|CHECKSUM_MISMATCH)$/],
  ["one streamed reply, without repeats", { retry: false }, "ramp", /^CONTEXT_LOST$/],
] as const)(
  "%s",
  async (_, options, layout, code) => {
    const zstd = await loadZstd({ memoryLimit: 4 << 20 });
    const put = { ...options, url: "http://127.0.0.1:9", token: "store-token", zstd, fetch: rig.fetch };
    await createStore(put).put("v", bytes, { layout, level: 1 });
    const store = createStore(put);
    const reader = (await store.get("v"))!.getReader();
    const chunks: Uint8Array[] = [];
    for (let held = 0; held < 700_000;) {
      const { value } = await reader.read();
      chunks.push(value!);
      held += value!.length;
    }
    // Its context is had by others meanwhile.
    silent = true;
    const others = [];
    for (let other = 0; other < 3; other++) {
      others.push((await store.get("v"))!.getReader());
      await others.at(-1)!.read();
    }
    if (code?.test("VALUE_CHANGED") === true) {
      const other = Buffer.from(bytes);
      other.reverse();
      await createStore(put).put("v", other, { level: 1 });
    }
    silent = false;
    for (const other of others) await other.cancel();
    const rest = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
    })();
    if (code !== undefined)
      await expect(rest).rejects.toMatchObject({ code: expect.stringMatching(code) as string, key: "v" });
    else {
      await rest;
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    }
    await sleep(50);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  },
  60_000,
);
