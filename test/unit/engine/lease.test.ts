import { afterAll, describe, expect, test, vi } from "vitest";
import type { Claim } from "../../../src/engine/memory-shares.ts";
import { useRequests } from "../../support/requests.ts";

const requests = useRequests();
vi.resetModules();
const { InstancePool } = await import("../../../src/engine/pool.ts");
const { Lease } = await import("../../../src/engine/lease.ts");
const { Pace } = await import("../../../src/codec/pace.ts");
afterAll(() => requests.restore());

class Instance {
  memorySize = 1;
}

const claim = (estimate: number): Claim => ({ estimate, kind: "compression" });
const poolOf = (memoryLimit: number, waitTimeout = 30_000) =>
  new InstancePool(() => new Instance(), { memoryLimit, waitTimeout, beats: true });
const sleep = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));
const never = new Promise<never>(() => undefined);
const block = (ms: number): void => {
  for (const start = performance.now(); performance.now() - start < ms;);
};

describe("where requests end without a word", () => {
  test("an instance whose holder is gone is had again within 2 s, and the holder is told if it comes back", async () => {
    const pool = poolOf(160);
    const holders = [];
    for (let index = 0; index < 3; index++) {
      const request = requests.start(() => pool.acquire(claim(40)));
      holders.push({ request, lease: await request.result });
    }
    for (const { request } of holders) request.end();
    const start = performance.now();
    const lease = await pool.acquire(claim(40));
    expect(performance.now() - start).toBeLessThan(4000);
    expect(holders.map((holder) => holder.lease.instance)).toContain(lease.instance);
    expect(pool.stats().memory).toBe(3);
    for (const { lease: lost } of holders) {
      expect(lost.lost).toBe(true);
      pool.release(lost);
    }
    expect(lease.lost).toBe(false);
    expect(pool.stats()).toMatchObject({ live: 1, idle: 2 });
    pool.release(lease);
  });

  test("a holder that is only paused keeps its instance, also when the event loop was held", async () => {
    const pool = poolOf(160);
    const holder = await pool.acquire(claim(110));
    const waiting = pool.acquire(claim(100));
    let granted = false;
    void waiting.then(() => (granted = true));
    await sleep(1600);
    block(1600);
    await sleep(20);
    block(1200);
    await sleep(900);
    expect(granted).toBe(false);
    expect(holder.lost).toBe(false);
    pool.release(holder);
    pool.release(await waiting);
  });

  test("a holder whose beat is overdue keeps its instance, however often it is looked at within one turn", async () => {
    const lease = new Lease(new Instance(), claim(1), true);
    let abandoned = false;
    block(1100);
    for (const start = performance.now(); performance.now() - start < 700;) abandoned ||= lease.abandoned;
    expect(abandoned).toBe(false);
    await sleep(50);
    expect(lease.abandoned).toBe(false);
    lease.end();
  });

  test("a waiter that is gone is passed, and gets nothing", async () => {
    const pool = poolOf(160);
    const holder = await pool.acquire(claim(110));
    const gone = requests.start(() => pool.acquire(claim(100)));
    void gone.result.catch(() => undefined);
    await sleep(50);
    gone.end();
    const next = pool.acquire(claim(100));
    pool.release(holder);
    const start = performance.now();
    pool.release(await next);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(pool.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("requests that end with what they hold leave memory as it is", async () => {
    const pool = poolOf(1000);
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 100; index++) {
        const request = requests.start(() => pool.acquire(claim(1)));
        await request.result;
        request.end();
      }
      await sleep(1100);
      await pool.acquire(claim(1));
      await sleep(600);
    }
    expect(pool.stats().memory).toBeLessThanOrEqual(310);
  });

  test("streams go on beside requests that ended while they waited for their turn", async () => {
    const pace = new Pace();
    const work = async (turns: number): Promise<number> => {
      let done = 0;
      for (; done < turns; done++) await pace.spend(1 << 20);
      return done;
    };
    for (let round = 0; round < 20; round++) {
      const gone = Array.from({ length: 10 }, () => requests.start(() => work(1e9)));
      const others = Array.from({ length: 10 }, () => requests.start(() => work(20)));
      await sleep(2);
      for (const { end } of gone) end();
      const all = Promise.all(others.map(({ result }) => result));
      expect(await Promise.race([all, sleep(5000)])).toEqual(Array(10).fill(20));
      void Promise.race([never, ...gone.map(({ result }) => result)]);
    }
  });
});

test("a hundred streams share the turns: none is ever two rounds behind", async () => {
  const pace = new Pace();
  const done = Array<number>(100).fill(0);
  let running = true;
  const streams = done.map(async (_, index) => {
    while (running) {
      await pace.spend(index % 10 === 0 ? 1 << 20 : 100_000);
      done[index]! += 1;
    }
  });
  // A busy machine gives few turns in that time.
  for (const start = performance.now(); Math.min(...done) < 4 && performance.now() - start < 10_000;) {
    await sleep(100);
  }
  const most = Math.max(...done.filter((_, index) => index % 10 === 0));
  const least = Math.min(...done.filter((_, index) => index % 10 === 0));
  expect(least).toBeGreaterThan(2);
  expect(most - least).toBeLessThanOrEqual(2);
  running = false;
  await Promise.all(streams);
});
