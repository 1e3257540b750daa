import { describe, expect, test } from "vitest";
import type { Lease, Poolable } from "../../../src/engine/lease.ts";
import type { Claim } from "../../../src/engine/memory-shares.ts";
import { InstancePool } from "../../../src/engine/pool.ts";
import { loadZstd, type ZstashError } from "../../../src/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import { chunksOf, concat, sourceOf, through } from "../../support/streams.ts";

/** Takes what it is told to, as linear memory does: it never shrinks. */
class Instance implements Poolable {
  memorySize = 1;
  use(size: number): void {
    this.memorySize = Math.max(this.memorySize, size);
  }
}

const compression = (estimate: number): Claim => ({ estimate, kind: "compression" });
const decompression = (estimate: number): Claim => ({ estimate, kind: "decompression" });
const job = (estimate: number): Claim => ({ estimate, kind: "job" });

/** Of a limit of 160 the reserve is 40: streams share 120, the first of a direction may take 140. */
const poolOf = (limit: number, waitTimeout = 30_000, create = () => new Instance()): InstancePool<Instance> =>
  new InstancePool(create, { memoryLimit: limit, waitTimeout, beats: false });
const microtasks = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("InstancePool", () => {
  test("lets in what fits, and hands out what came back", async () => {
    const pool = poolOf(160);
    const first = await pool.acquire(compression(40));
    const second = await pool.acquire(compression(60));
    expect(second.instance).not.toBe(first.instance);
    first.instance.use(20);
    expect(pool.stats()).toEqual({ live: 2, idle: 0, waiters: 0, memory: 21 });
    pool.release(first);
    expect((await pool.acquire(compression(40))).instance).toBe(first.instance);
  });

  test("releasing twice does nothing", async () => {
    const pool = poolOf(160);
    const lease = await pool.acquire(compression(10));
    pool.release(lease);
    pool.release(lease);
    expect(pool.stats()).toMatchObject({ live: 0, idle: 1 });
  });

  test("an unusable instance, and one past a quarter of the limit, is dropped", async () => {
    const pool = poolOf(160);
    const leases = [];
    for (let index = 0; index < 3; index++) leases.push(await pool.acquire(compression(40)));
    const [first, second, third] = leases as [Lease<Instance>, Lease<Instance>, Lease<Instance>];
    first.usable = false;
    pool.release(first);
    third.instance.use(41);
    pool.release(third);
    expect(pool.stats().idle).toBe(0);
    second.instance.use(40);
    pool.release(second);
    expect(pool.stats()).toEqual({ live: 0, idle: 1, waiters: 0, memory: 40 });
  });

  test("first come, first served; what is small passes what does not fit yet", async () => {
    const pool = poolOf(160);
    const order: string[] = [];
    const holder = await pool.acquire(compression(100));
    const wait = (name: string, claim: Claim): Promise<Lease<Instance>> =>
      pool.acquire(claim).then((lease) => (order.push(name), lease));
    const large = wait("large", compression(60));
    const small = wait("small", compression(15));
    const second = wait("second", compression(15));
    const third = wait("third", compression(15));
    await small;
    // The second finds 5 left of the share of all, and is more than a quarter of the reserve.
    await microtasks();
    expect(order).toEqual(["small"]);
    pool.release(await small);
    pool.release(await second);
    pool.release(await third);
    expect(order).toEqual(["small", "second", "third"]);
    pool.release(holder);
    pool.release(await large);
    expect(pool.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("what is small does not pass for ever: after 5 s the large one is next", async () => {
    const pool = poolOf(160);
    const holder = await pool.acquire(compression(100));
    const large = pool.acquire(compression(60));
    const passing: Promise<unknown>[] = [];
    let passed = 0;
    const stop = performance.now() + 5300;
    while (performance.now() < stop) {
      const lease = pool.acquire(compression(10)).then((granted) => {
        passed += 1;
        pool.release(granted);
      });
      passing.push(lease);
      await new Promise((resume) => setTimeout(resume, 20));
    }
    expect(passed).toBeGreaterThan(50);
    expect(pool.stats().waiters).toBeGreaterThan(1);
    pool.release(holder);
    pool.release(await large);
    await Promise.all(passing);
    expect(pool.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("what can never fit fails at once, and says which limit it needs", async () => {
    for (const [limit, estimate] of [
      [1 << 20, 2_154_577],
      [64 << 20, 72_867_921],
      [64 << 20, 94_633_167],
      [100, 88],
    ] as const) {
      const error = (await caught(poolOf(limit).acquire(compression(estimate)))) as ZstashError;
      expect(error).toMatchObject({ code: "OUT_OF_MEMORY" });
      const needed = Number(/"memoryLimit" is \d+: set it to (\d+)/.exec(error.message)?.[1]);
      await poolOf(needed).acquire(compression(estimate));
      expect(await caught(poolOf(needed - 2).acquire(decompression(estimate)))).toMatchObject({
        code: "OUT_OF_MEMORY",
      });
    }
  });

  test("TIMEOUT after waitTimeout names memoryLimit, and frees the place in the queue", async () => {
    const pool = poolOf(160, 200);
    const holder = await pool.acquire(compression(110));
    const start = performance.now();
    const error = (await caught(pool.acquire(compression(50)))) as ZstashError;
    expect(error).toMatchObject({ code: "TIMEOUT" });
    expect(error.message).toContain('"memoryLimit" is 160');
    expect(performance.now() - start).toBeGreaterThan(190);
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 0 });
    pool.release(holder);
    await pool.acquire(compression(50));
  });

  test("TIMEOUT names the share that is waited for, and a limit with which nobody would have waited", async () => {
    const MIB = 1 << 20;
    for (const [held, wanted] of [
      [[compression(90), decompression(20)], compression(40)],
      [[decompression(40), decompression(10)], decompression(30)],
      [[job(20), compression(100)], job(90)],
    ] as const) {
      const scaled = ({ estimate, kind }: Claim): Claim => ({ estimate: estimate * MIB, kind });
      const hold = async (pool: InstancePool<Instance>): Promise<void> => {
        for (const claim of held) await pool.acquire(scaled(claim));
      };
      const pool = poolOf(128 * MIB, 50);
      await hold(pool);
      const { message } = (await caught(pool.acquire(scaled(wanted)))) as ZstashError;
      expect(message).toContain(`${wanted.estimate * MIB} bytes of the ${wanted.kind} share`);
      const limit = Number(/: (\d+) would do$/.exec(message)?.[1]);
      expect(limit).toBeLessThan(512 * MIB);
      const larger = poolOf(limit, 50);
      await hold(larger);
      await larger.acquire(scaled(wanted));
    }
  });

  test("an aborted waiter leaves the queue at once, and those behind are served", async () => {
    const pool = poolOf(160);
    await pool.acquire(compression(80));
    const controller = new AbortController();
    const first = caught(pool.acquire(compression(60), controller.signal));
    const second = pool.acquire(compression(60));
    await microtasks();
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 2 });
    controller.abort("gone");
    expect(await first).toBe("gone");
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 1 });
    void caught(second);
    // Aborting what was granted long ago takes nothing away.
    const late = new AbortController();
    await pool.acquire(compression(1), late.signal);
    late.abort();
    expect(pool.stats()).toMatchObject({ live: 2, waiters: 1 });
  });

  test("where the platform has no memory, a waiter waits for a stream that ends, and alone is told", async () => {
    let room = 1;
    const create = (): Instance => {
      if (room-- <= 0) throw new RangeError("WebAssembly.Memory(): could not allocate memory");
      return new Instance();
    };
    const pool = poolOf(160, 30_000, create);
    const holder = await pool.acquire(compression(10));
    const waiters = Array.from({ length: 7 }, async () => pool.release(await pool.acquire(compression(10))));
    await microtasks();
    expect(pool.stats()).toMatchObject({ live: 1, waiters: 7 });
    pool.release(holder);
    await Promise.all(waiters);
    const none = poolOf(160, 30_000, create);
    expect(await caught(none.acquire(compression(10)))).toMatchObject({ code: "OUT_OF_MEMORY" });
  });

  test("jobs never wait for streams", async () => {
    const pool = poolOf(160);
    await pool.acquire(compression(119));
    const jobs = [await pool.acquire(job(40)), await pool.acquire(job(1))];
    const waiting = pool.acquire(job(40));
    await microtasks();
    expect(pool.stats()).toMatchObject({ live: 3, waiters: 1 });
    for (const one of jobs) pool.release(one);
    pool.release(await waiting);
    // One runs whatever it takes.
    await pool.acquire(job(1_000_000));
  });

  test("beside any number of paused streams a small one of each direction runs", async () => {
    const pool = poolOf(160);
    for (let index = 0; index < 6; index++) await pool.acquire(decompression(10));
    for (let index = 0; index < 6; index++) await pool.acquire(compression(10));
    const paused = pool.acquire(decompression(11));
    for (let round = 0; round < 3; round++) {
      const small = [await pool.acquire(decompression(10)), await pool.acquire(compression(10))];
      for (const lease of small) pool.release(lease);
    }
    void caught(paused);
    expect(pool.stats()).toMatchObject({ live: 12, waiters: 1 });
  });

  test("random copies: whatever decompressions hold, the next compression is to be had", async () => {
    const random = seededRandom(43);
    for (let round = 0; round < 200; round++) {
      const limit = random.logUniform(200, 2000);
      const pool = poolOf(limit);
      const most = Math.floor((limit - Math.min(limit / 4, 16 << 20)) / 2);
      let done = 0;
      const copy = async (): Promise<void> => {
        const source = await pool.acquire(decompression(random.logUniform(1, most)));
        for (let turn = random.below(20); turn > 0; turn--) await Promise.resolve();
        const target = await pool.acquire(compression(random.logUniform(1, most)));
        pool.release(target);
        pool.release(source);
        done += 1;
      };
      await Promise.all(Array.from({ length: 50 }, copy));
      expect(done).toBe(50);
      expect(pool.stats()).toMatchObject({ live: 0, waiters: 0 });
    }
  });

  test("random use: memory stays within the limit, and nobody starves", async () => {
    const random = seededRandom(41);
    for (let round = 0; round < 200; round++) {
      const limit = random.logUniform(20, 1000);
      const pool = poolOf(limit);
      const live: Lease<Instance>[] = [];
      let asked = 0;
      let granted = 0;
      for (let step = 0; step < 100; step++) {
        if (random.below(2) === 0) {
          const make = random.pick([compression, decompression]);
          asked += 1;
          void pool.acquire(make(random.logUniform(1, Math.floor(limit * 0.7)))).then((lease) => {
            granted += 1;
            live.push(lease);
          });
        } else if (live.length > 0) {
          const [lease] = live.splice(random.below(live.length), 1) as [Lease<Instance>];
          lease.usable = random.below(10) > 0;
          pool.release(lease);
        }
        await microtasks();
        for (const { instance, claim } of live) instance.use(claim.estimate);
        expect(pool.stats().memory).toBeLessThanOrEqual(limit);
      }
      while (granted < asked || live.length > 0) {
        if (live.length > 0) pool.release(live.pop()!);
        else await new Promise((resume) => setTimeout(resume, 1));
        await microtasks();
      }
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
    // On a busy machine the last of them waits for longer than the default.
    const zstd = await loadZstd({ memoryLimit: limit, waitTimeout: 110_000 });
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

  test("1,000 pipelines decompress → compress on the memory of four contexts all complete", async () => {
    const zstd = await loadZstd({ memoryLimit: 9 << 20, waitTimeout: 110_000 });
    // Four blocks of output: more than the queues between the two streams take, so that one has to wait for the other.
    const content = concat([data, new Uint8Array(400_000)]);
    const frame = zstd.compress(content);
    const copies = Array.from({ length: 1000 }, async () => {
      const copy = sourceOf([frame]).pipeThrough(zstd.decompressStream()).pipeThrough(zstd.compressStream());
      expectBytes(zstd.decompress(concat(await chunksOf(copy))), content);
    });
    const peak = await peakDuring(zstd, () => Promise.all(copies));
    expect(peak.live).toBeGreaterThan(1);
    expect(peak.waiters).toBeGreaterThan(500);
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("a stream that waits for a context ends at once when it is cancelled", async () => {
    const zstd = await loadZstd({ memoryLimit: 4 << 20 });
    const holder = zstd.compressStream();
    const holding = holder.writable.getWriter();
    await holding.write(data.subarray(0, 10));
    const other = zstd.decompressStream();
    const reading = other.writable.getWriter();
    await reading.write(zstd.compress(data).subarray(0, 100));
    for (const stream of [zstd.compressStream(), zstd.decompressStream()]) {
      const writer = stream.writable.getWriter();
      const written = writer.write(zstd.compress(data)).catch((error: unknown) => error);
      await microtasks();
      expect(zstd.stats()).toMatchObject({ live: 2, waiters: 1 });
      const reader = stream.readable.getReader();
      const read = reader.read().catch((error: unknown) => error);
      await writer.abort("stop");
      expect(await read).toBe("stop");
      expect(zstd.stats()).toMatchObject({ live: 2, waiters: 0 });
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
    expect(zstd.stats()).toMatchObject({ live: 2, waiters: 0 });
    await Promise.allSettled([
      holding.abort(),
      holder.readable.cancel(),
      reading.abort(),
      other.readable.cancel(),
    ]);
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
    const zstd = await loadZstd({ memoryLimit: 3 << 20, waitTimeout: 100 });
    const holder = zstd.compressStream();
    const holding = holder.writable.getWriter();
    await holding.write(data.subarray(0, 10));
    const { readable, writable } = zstd.compressStream();
    const writer = writable.getWriter();
    const [written, read] = await Promise.all([
      caught(writer.write(data)),
      caught(readable.getReader().read()),
    ]);
    expect(written).toMatchObject({ code: "TIMEOUT" });
    expect(read).toMatchObject({ code: "TIMEOUT" });
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

test.each([-1, 1.5, 2 ** 31, "64"])("a waitTimeout of %s is refused", async (waitTimeout) => {
  await expect(loadZstd({ waitTimeout: waitTimeout as number })).rejects.toThrow(/waitTimeout/);
});
