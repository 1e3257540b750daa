/** The WebAssembly modules are built from their sources, the same bytes each time. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { build, compile } from "../../../wasm/compile.mjs";
import { applyPatches, patches } from "../../../wasm/patches.mjs";

const built = (name: string): Uint8Array => readFileSync(new URL(`../../../dist/${name}`, import.meta.url));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("wasm: patches", () => {
  it("a text that is not there stops the build and is named with its file", () => {
    const patch = { file: "common/mem.h", find: "no such text", replace: "", count: 1 };
    expect(() => applyPatches({ "common/mem.h": "int x;" }, [patch])).toThrow(
      /lib\/common\/mem\.h holds 0 and not 1 times this text:\nno such text/,
    );
  });

  it("a text that is there more often than expected stops the build", () => {
    const patch = { file: "a.h", find: "x", replace: "y", count: 1 };
    expect(() => applyPatches({ "a.h": "x x" }, [patch])).toThrow(/holds 2 and not 1/);
  });

  it("a missing file stops the build and is named", () => {
    expect(() => applyPatches({}, patches)).toThrow(/there is no file lib\/common\/mem\.h/);
  });

  it("sources already patched are refused, so no patch applies twice", () => {
    const patch = { file: "a.h", find: "size_t", replace: "U64", count: 1 };
    const once = applyPatches({ "a.h": "size_t" }, [patch]);
    expect(() => applyPatches(once, [patch])).toThrow(/holds 0 and not 1/);
  });
});

describe("wasm: artefacts", () => {
  it(
    "the decoder builds twice to the same bytes, which are those in dist/",
    { timeout: 240_000 },
    async () => {
      const [first, second] = [await compile("zstash-decoder.wasm"), await compile("zstash-decoder.wasm")];
      expect(sha256(second)).toBe(sha256(first));
      expect(sha256(built("zstash-decoder.wasm"))).toBe(sha256(first));
    },
  );

  it("the cache gives the same bytes as the build", async () => {
    expect(sha256(await build("zstash.wasm"))).toBe(sha256(built("zstash.wasm")));
  });

  it.each(["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"])(
    "%s imports nothing",
    async (name) => {
      const module = await WebAssembly.compile(new Uint8Array(built(name)));
      expect(WebAssembly.Module.imports(module)).toEqual([]);
    },
  );

  it("the full module is at most 110 KB gzip, the decoder 18 KB, the trainer 80 KB", () => {
    const sizes = Object.fromEntries(
      ["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"].map((name) => [
        name,
        gzipSync(built(name), { level: 9 }).length,
      ]),
    );
    console.log(`gzip bytes: ${JSON.stringify(sizes)}`);
    expect(sizes["zstash.wasm"]).toBeLessThanOrEqual(110_000);
    expect(sizes["zstash-decoder.wasm"]).toBeLessThanOrEqual(18_000);
    expect(sizes["zstash-trainer.wasm"]).toBeLessThanOrEqual(80_000);
  });
});
