/** Leases where the only turns of the event loop are timers, as in the edge sandbox of Next.js: it has no setImmediate. */
import { afterAll, expect, test, vi } from "vitest";

vi.stubGlobal("setImmediate", undefined);
vi.resetModules();
const { Lease } = await import("../../../src/engine/lease.ts");
afterAll(() => vi.unstubAllGlobals());

const block = (ms: number): void => {
  for (const start = performance.now(); performance.now() - start < ms;);
};

test("a holder whose beat waits behind work of others keeps its instance", async () => {
  const lease = new Lease({ memorySize: 1 }, { estimate: 1, kind: "compression" }, true);
  const seen: boolean[] = [];
  // Twenty timers that are due at once hold the loop for 2.4 s; each looks, and again in the next turn, as waiters do.
  const looks = Array.from({ length: 20 }, async () => {
    for (let look = 0; look < 2; look++) {
      await new Promise((resume) => setTimeout(resume, 1));
      if (look === 0) block(120);
      seen.push(lease.abandoned);
    }
  });
  await Promise.all(looks);
  lease.end();
  expect(seen).toHaveLength(40);
  expect(seen).not.toContain(true);
});
