/** Where the compiled module is at hand, as in Workers, the codec is there at the first call. */
import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";

vi.mock("#wasm/full", () => {
  const bytes = readFileSync(new URL("../../../dist/zstash.wasm", import.meta.url));
  const module = new WebAssembly.Module(bytes);
  return { moduleAtHand: module, loadModule: () => Promise.resolve(module) };
});

const { CodecLoader } = await import("../../../src/value/codec-loader.ts");
const { loadZstd } = await import("../../../src/codec/zstd.ts");

it("the default codec is there without waiting, and is the one that loadZstd gives", async () => {
  const { loaded } = new CodecLoader();
  expect(loaded?.decompressText(loaded.compress("at once"))).toBe("at once");
  expect(new CodecLoader().loaded).toBe(loaded);
  expect(await loadZstd()).toBe(loaded);
  expect(await new CodecLoader().load()).toBe(loaded);
});

it("a codec of the caller's is loaded as he says", async () => {
  const own = await loadZstd({ memoryLimit: 32 << 20 });
  const loader = new CodecLoader(() => Promise.resolve(own));
  expect(loader.loaded).toBeUndefined();
  expect(await loader.load()).toBe(own);
  expect(loader.loaded).toBe(own);
});
