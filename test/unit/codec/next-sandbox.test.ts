// What the edge functions of Next.js do not bear: its sandbox has a setImmediate that only throws, and its bundler looks for
// calls that compile code.
import { afterEach, expect, test, vi } from "vitest";
import { read, tracked } from "../../support/repository.ts";
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

test("no code that an edge function may bundle names WebAssembly.compile or instantiate", () => {
  const sources = tracked().filter((path) => /^src\/.*\.ts$/.test(path));
  expect(sources.length).toBeGreaterThan(100);
  // These unpack the inlined module, where no condition says that the module can be imported.
  const allowed = ["src/adapters/inflate.ts", "src/adapters/node.ts"];
  const found = sources.filter((path) =>
    /(?<!globalThis\.)WebAssembly\.(compile|instantiate)/.test(read(path)),
  );
  expect(found).toEqual(allowed);
  // The development server makes a syntax error of an `await` in the argument.
  for (const path of allowed) expect(read(path)).not.toMatch(/WebAssembly\.compile\([^;]*await/);
});
