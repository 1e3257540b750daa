/** How often waiters of the pool look by themselves, where they are also told when it is their turn. */
import { expect, test } from "vitest";
import type { Poolable } from "../../../src/engine/lease.ts";
import { InstancePool } from "../../../src/engine/pool.ts";

/** Counts how often somebody asks what is taken, which every look does. */
class Watched implements Poolable {
  looks = 0;
  get memorySize(): number {
    this.looks += 1;
    return 1;
  }
}

const claim = { estimate: 100, kind: "compression" } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("10,000 waiters look no more often together than 1,000", async () => {
  const pool = new InstancePool(() => new Watched(), {
    memoryLimit: 160,
    waitTimeout: 60_000,
    beats: false,
  });
  const held = await pool.acquire(claim);
  const leaving = new AbortController();
  const waiters = Array.from({ length: 10_000 }, () =>
    pool.acquire(claim, leaving.signal).catch(() => undefined),
  );
  // Their first pauses are short.
  await pause(5000);
  held.instance.looks = 0;
  await pause(4000);
  // One of 250 ms each would be 160,000 looks; a slow machine has fewer, never more.
  expect(held.instance.looks).toBeLessThan(50_000);
  leaving.abort();
  await Promise.all(waiters);
  // They are still told at once.
  const next = pool.acquire(claim);
  pool.release(held);
  expect((await next).instance).toBe(held.instance);
});

test("a waiter of a long queue still leaves at its time", async () => {
  const pool = new InstancePool(() => new Watched(), { memoryLimit: 160, waitTimeout: 700, beats: false });
  const held = await pool.acquire(claim);
  const codes = await Promise.all(
    Array.from({ length: 10_000 }, () => pool.acquire(claim).catch((error: { code: string }) => error.code)),
  );
  expect(new Set(codes)).toEqual(new Set(["TIMEOUT"]));
  pool.release(held);
});
