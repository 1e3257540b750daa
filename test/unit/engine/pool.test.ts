import { afterEach, describe, expect, test, vi } from "vitest";
import { InstancePool } from "../../../src/engine/pool.ts";
import type { Poolable } from "../../../src/engine/pool.ts";
import { loadZstd, ZstashError } from "../../../src/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import { concat, outcome, sourceOf, through } from "../../support/streams.ts";

/** Takes what it is told to, as linear memory does: it never shrinks. */
class Instance implements Poolable {
  memorySize = 1;
  use(size: number): void {
    this.memorySize = Math.max(this.memorySize, size);
  }
}

const poolOf = (limit: number): InstancePool<Instance> => new InstancePool(() => new Instance(), limit);
const microtasks = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

afterEach(() => {
  vi.useRealTimers();
});

describe("InstancePool", () => {
  test("lets in what fits, and hands out what came back", async () => {
    const pool = poolOf(100);
    const first = await pool.acquire(40);
    const second = await pool.acquire(60);
    expect(second).not.toBe(first);
    first.use(20);
    expect(pool.stats()).toEqual({ live: 2, idle: 0, waiters: 0, memory: 21 });
    pool.release(first, true);
    expect(await pool.acquire(40)).toBe(first);
  });

  test("releasing twice, or what is not of the pool, does nothing", async () => {
    const pool = poolOf(100);
    const instance = await pool.acquire(10);
    pool.release(instance, true);
    pool.release(instance, true);
    pool.release(new Instance(), true);
    expect(pool.stats()).toMatchObject({ live: 0, idle: 1 });
  });

  test("an unusable instance, and one past a quarter of the limit, is dropped", async () => {
    const pool = poolOf(100);
    const [first, second, third] = [await pool.acquire(25), await pool.acquire(25), await pool.acquire(26)];
    first.use(25);
    pool.release(first, false);
    third.use(26);
    pool.release(third, true);
    expect(pool.stats().idle).toBe(0);
    second.use(25);
    pool.release(second, true);
    expect(pool.stats()).toEqual({ live: 0, idle: 1, waiters: 0, memory: 25 });
  });

  test("first come, first served: a small request does not overtake a large one", async () => {
    const pool = poolOf(100);
    const order: string[] = [];
    const holder = await pool.acquire(50);
    const other = await pool.acquire(40);
    const large = pool.acquire(60).then((instance) => (order.push("large"), instance));
    const small = pool.acquire(1).then((instance) => (order.push("small"), instance));
    const smaller = pool.acquire(1).then((instance) => (order.push("smaller"), instance));
    await microtasks();
    expect(order).toEqual([]);
    expect(pool.stats().waiters).toBe(3);
    pool.release(other, true);
    await microtasks();
    expect(order).toEqual([]);
    pool.release(holder, true);
    await Promise.all([large, small, smaller]);
    expect(order).toEqual(["large", "small", "smaller"]);
  });

  test("one stream is let in whatever it takes, and others wait for it", async () => {
    const pool = poolOf(100);
    const huge = await pool.acquire(1000);
    let granted = false;
    const next = pool.acquire(1).then(() => (granted = true));
    await microtasks();
    expect(granted).toBe(false);
    huge.use(1000);
    pool.release(huge, true);
    await next;
    expect(pool.stats()).toEqual({ live: 1, idle: 0, waiters: 0, memory: 1 });
  });

  test("TIMEOUT after 30 s frees the place in the queue for those behind", async () => {
    vi.useFakeTimers();
    const pool = poolOf(100);
    const holder = await pool.acquire(90);
    const large = pool.acquire(50).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10_000);
    const small = pool.acquire(10);
    await vi.advanceTimersByTimeAsync(19_999);
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 2 });
    await vi.advanceTimersByTimeAsync(1);
    const error = await large;
    expect(error).toBeInstanceOf(ZstashError);
    expect(error).toMatchObject({ code: "TIMEOUT" });
    await small;
    expect(pool.stats()).toMatchObject({ live: 2, waiters: 0 });
    pool.release(holder, true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("an aborted waiter leaves the queue at once, with its timer", async () => {
    vi.useFakeTimers();
    const pool = poolOf(100);
    const holder = await pool.acquire(90);
    const controller = new AbortController();
    const large = pool.acquire(50, controller.signal).catch((error: unknown) => error);
    const small = pool.acquire(10);
    const last = pool.acquire(20);
    await microtasks();
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 3 });
    controller.abort("gone");
    expect(await large).toBe("gone");
    await small;
    expect(pool.stats()).toMatchObject({ live: 2, waiters: 1 });
    pool.release(holder, true);
    await last;
    expect(vi.getTimerCount()).toBe(0);
    // Aborting what was granted long ago takes nothing away.
    const late = new AbortController();
    await pool.acquire(1, late.signal);
    late.abort();
    expect(pool.stats()).toMatchObject({ live: 3, waiters: 0 });
  });

  test("a waiter whose instance cannot be made is told, and the next is served", async () => {
    let broken = false;
    const pool = new InstancePool(() => {
      if (broken) throw new RangeError("no memory");
      return new Instance();
    }, 100);
    const holder = await pool.acquire(100);
    broken = true;
    const waiters = [pool.acquire(10), pool.acquire(10)].map((waiter) =>
      waiter.catch((error: unknown) => error),
    );
    holder.use(100);
    pool.release(holder, true);
    for (const error of await Promise.all(waiters)) expect(error).toBeInstanceOf(RangeError);
    expect(pool.stats()).toEqual({ live: 0, idle: 0, waiters: 0, memory: 0 });
  });

  test("random use: memory stays within the limit, the queue within its order, and nobody starves", async () => {
    const random = seededRandom(41);
    for (let round = 0; round < 200; round++) {
      const limit = random.logUniform(20, 1000);
      const pool = poolOf(limit);
      const live: { instance: Instance; estimate: number }[] = [];
      const granted: number[] = [];
      let asked = 0;
      for (let step = 0; step < 100; step++) {
        if (random.below(2) === 0) {
          const estimate = random.logUniform(1, limit);
          const number = asked++;
          void pool.acquire(estimate).then((instance) => {
            granted.push(number);
            live.push({ instance, estimate });
          });
        } else if (live.length > 0) {
          const [{ instance }] = live.splice(random.below(live.length), 1) as [(typeof live)[0]];
          pool.release(instance, random.below(10) > 0);
        }
        await microtasks();
        for (const { instance, estimate } of live) instance.use(estimate);
        expect(pool.stats().memory).toBeLessThanOrEqual(limit);
      }
      while (live.length > 0) {
        pool.release(live.pop()!.instance, true);
        await microtasks();
      }
      expect(granted).toEqual(Array.from({ length: asked }, (_, index) => index));
      expect(pool.stats()).toMatchObject({ live: 0, waiters: 0 });
    }
  });
});

describe("streams over the pool", () => {
  const data = concat([createRandom(1).bytes(1500), new Uint8Array(1500)]);
  /** Samples the memory of streams, which is all but that of the one-shot instance, while something runs. */
  const peakDuring = async (
    zstd: Awaited<ReturnType<typeof loadZstd>>,
    work: () => Promise<unknown>,
  ): Promise<{ memory: number; live: number; waiters: number }> => {
    const oneShot = zstd.stats().memory;
    const peak = { memory: 0, live: 0, waiters: 0 };
    let running = true;
    const sample = (): void => {
      const { memory, live, waiters } = zstd.stats();
      peak.memory = Math.max(peak.memory, memory - oneShot);
      peak.live = Math.max(peak.live, live);
      peak.waiters = Math.max(peak.waiters, waiters);
      if (running) setImmediate(sample);
    };
    sample();
    await work();
    running = false;
    return peak;
  };

  test("10,000 concurrent streams complete inside the budget", async () => {
    const limit = 16 << 20;
    const zstd = await loadZstd({ memoryLimit: limit });
    const frame = zstd.compress(data);
    const peak = await peakDuring(zstd, () =>
      Promise.all(
        Array.from({ length: 10_000 }, async (_, number) => {
          if (number % 2 === 0) {
            const stored = await through(zstd.compressStream(), [
              data.subarray(0, 1400),
              data.subarray(1400),
            ]);
            expect(stored.length).toBeLessThan(1600);
          } else {
            const parts = [frame.subarray(0, 700), frame.subarray(700)];
            expectBytes(await through(zstd.decompressStream(), parts), data);
          }
        }),
      ),
    );
    expect(peak.memory).toBeLessThanOrEqual(limit);
    expect(peak.live).toBeGreaterThan(4);
    expect(peak.waiters).toBeGreaterThan(5000);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("streams of both directions, many windows and levels stay inside the budget", async () => {
    const limit = 24 << 20;
    const zstd = await loadZstd({ memoryLimit: limit });
    const random = seededRandom(43);
    const large = concat([random.bytes(300_000), new Uint8Array(2_000_000)]);
    const frames: Uint8Array[] = [];
    for (const windowLog of [10, 17, 20, 22, 23]) {
      const parameters = { windowLog, hashLog: 12, chainLog: 12 };
      frames.push(await through(zstd.compressStream({ parameters, flush: "none" }), [large]));
    }
    const peak = await peakDuring(zstd, () =>
      Promise.all(
        Array.from({ length: 120 }, async () => {
          if (random.below(2) === 0) {
            const level = random.pick([-7, 1, 3, 5]);
            await through(zstd.compressStream({ level }), [large]);
          } else {
            const [first, second] = [random.pick(frames), random.pick(frames)];
            const back = await through(zstd.decompressStream(), [first, second]);
            expect(back.length).toBe(2 * large.length);
          }
        }),
      ),
    );
    expect(peak.memory).toBeLessThanOrEqual(limit);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("1,000 pipelines decompress → compress on a budget of four contexts: none hangs", async () => {
    // The fake clock alone decides when a waiter gives up.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const zstd = await loadZstd({ memoryLimit: 9 << 20 });
    // Four blocks of output: more than the queues between the two streams take, so that one has to wait for the other.
    const content = concat([data, new Uint8Array(400_000)]);
    const frame = zstd.compress(content);
    const ended = { completed: 0, timedOut: 0 };
    let left = 1000;
    const runs = Array.from({ length: 1000 }, async () => {
      const pipeline = sourceOf([frame])
        .pipeThrough(zstd.decompressStream())
        .pipeThrough(zstd.compressStream());
      const parts: Uint8Array[] = [];
      try {
        const reader = pipeline.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          parts.push(value);
        }
        expectBytes(zstd.decompress(concat(parts)), content);
        ended.completed += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: "TIMEOUT" });
        ended.timedOut += 1;
      }
      left -= 1;
    });
    let live = 0;
    for (let second = 0; left > 0 && second < 300; second++) {
      for (let turn = 0; turn < 20; turn++) {
        live = Math.max(live, zstd.stats().live);
        await new Promise((resume) => setImmediate(resume));
      }
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(left).toBe(0);
    await Promise.all(runs);
    expect(ended.completed + ended.timedOut).toBe(1000);
    expect(live).toBeGreaterThan(1);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
    vi.useRealTimers();
    expectBytes(await through(zstd.decompressStream(), [frame]), content);
  });

  test("a stream that waits for a context ends at once when it is cancelled", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const zstd = await loadZstd({ memoryLimit: 1 << 20 });
    const holder = zstd.compressStream();
    const holding = holder.writable.getWriter();
    await holding.write(data.subarray(0, 10));
    for (const stream of [zstd.compressStream(), zstd.decompressStream()]) {
      const writer = stream.writable.getWriter();
      const written = writer.write(zstd.compress(data)).catch((error: unknown) => error);
      await microtasks();
      expect(zstd.stats()).toMatchObject({ live: 1, waiters: 1 });
      const reader = stream.readable.getReader();
      const read = reader.read().catch((error: unknown) => error);
      await writer.abort("stop");
      expect(await read).toBe("stop");
      expect(zstd.stats()).toMatchObject({ live: 1, waiters: 0 });
      await written;
    }
    const third = zstd.compressStream();
    const written = third.writable
      .getWriter()
      .write(data)
      .catch((error: unknown) => error);
    await microtasks();
    await third.readable.cancel("no more");
    expect(await written).toBe("no more");
    expect(zstd.stats()).toMatchObject({ live: 1, waiters: 0 });
    expect(vi.getTimerCount()).toBe(0);
    await Promise.allSettled([holding.abort(), holder.readable.cancel()]);
    expect(zstd.stats()).toMatchObject({ live: 0 });
  });

  test("cancelled in any microtask between asking and using: the context goes back", async () => {
    for (const direction of ["compressStream", "decompressStream"] as const) {
      const zstd = await loadZstd({ memoryLimit: 32 << 20 });
      const input = direction === "compressStream" ? data : zstd.compress(data);
      for (let turns = 0; turns < 40; turns++) {
        const { readable, writable } = zstd[direction]();
        const written = writable
          .getWriter()
          .write(input)
          .catch(() => {});
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        await readable.cancel("now");
        await written;
        expect(zstd.stats(), `${direction} after ${turns}`).toMatchObject({ live: 0, waiters: 0 });
      }
    }
  });

  test("TIMEOUT reaches both ends of the stream", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const zstd = await loadZstd({ memoryLimit: 1 << 20 });
    const holder = zstd.compressStream();
    const holding = holder.writable.getWriter();
    await holding.write(data.subarray(0, 10));
    const waiting = outcome(zstd.compressStream(), [data]);
    for (let turn = 0; turn < 5; turn++) await new Promise((resume) => setImmediate(resume));
    await vi.advanceTimersByTimeAsync(30_000);
    expect((await waiting).error).toMatchObject({ code: "TIMEOUT" });
    await Promise.allSettled([holding.abort(), holder.readable.cancel()]);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });
});

test.each([0, 1, (1 << 20) - 1, 2 ** 32 + 1, 1.5, "64"])(
  "a memoryLimit of %s is refused",
  async (memoryLimit) => {
    await expect(loadZstd({ memoryLimit: memoryLimit as number })).rejects.toThrow(/memoryLimit/);
  },
);
