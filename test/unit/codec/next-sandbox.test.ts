// The edge sandbox of Next.js has a setImmediate that only throws, as it has of every API of Node's that it does not offer.
import { afterEach, expect, test, vi } from "vitest";
import type * as Timers from "../../../src/timers.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("work in turns goes on where setImmediate throws, and does not try it again", async () => {
  const stub = vi.fn<() => never>(() => {
    throw new Error("A Node.js API is used (setImmediate) which is not supported in the Edge Runtime.");
  });
  vi.stubGlobal("setImmediate", stub);
  vi.resetModules();
  const { macrotask } = (await import("../../../src/timers.ts")) as typeof Timers;
  await macrotask();
  await macrotask();
  expect(stub).toHaveBeenCalledTimes(1);
});
