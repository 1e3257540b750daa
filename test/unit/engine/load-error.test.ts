import { afterEach, describe, expect, it, vi } from "vitest";
import { loadZstd, ZstashError } from "../../../src/index.ts";

/** A module of nobody: the smallest there is. */
const foreignModule = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

async function failure(load: () => Promise<unknown>): Promise<ZstashError> {
  const error: unknown = await load().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ZstashError);
  return error as ZstashError;
}

/** A load of its own, not the shared one. */
const loadAnew = (): Promise<unknown> => loadZstd({ memoryLimit: 32 << 20 });

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("a load that fails says what to do, and a later one works", () => {
  const cases: readonly (readonly [string, () => void, () => Promise<unknown>, RegExp])[] = [
    [
      "no DecompressionStream",
      () => vi.stubGlobal("DecompressionStream", undefined),
      loadAnew,
      /no DecompressionStream.*loadZstd\(\{ module \}\).*Node 20\.0.*Bun 1\.2/s,
    ],
    [
      "compiling is forbidden, as by a content security policy or in workerd",
      () =>
        vi
          .spyOn(WebAssembly, "compile")
          .mockRejectedValue(
            new WebAssembly.CompileError(
              "WebAssembly.compile(): Wasm code generation disallowed by embedder",
            ),
          ),
      loadAnew,
      /wasm-unsafe-eval.*workerd.*edge-light/s,
    ],
    ["no WebAssembly", () => vi.stubGlobal("WebAssembly", undefined), loadAnew, /has no WebAssembly/],
    [
      "no SIMD, as in old browsers, which call the module damaged",
      () => {
        vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
        vi.spyOn(WebAssembly, "compile").mockRejectedValue(
          new WebAssembly.CompileError("invalid opcode 0xfd"),
        );
      },
      loadAnew,
      /no SIMD.*Chrome 103, Firefox 113 and Safari 16\.4/s,
    ],
    [
      "a module of another library",
      () => {},
      () => loadZstd({ module: foreignModule }),
      /another library's.*zstash\/zstash\.wasm/s,
    ],
    ["damaged bytes", () => {}, () => loadZstd({ module: new Uint8Array(100) }), /bytes are damaged/],
  ];

  it.each(cases)("%s", async (_, arrange, load, remedy) => {
    arrange();
    const error = await failure(load);
    expect(error.code).toBe("WASM_UNAVAILABLE");
    expect(error.message).toMatch(remedy);
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    const zstd = await loadZstd({ memoryLimit: 32 << 20 });
    expect(zstd.decompressText(zstd.compress("again"))).toBe("again");
  });

  it("the shared load, too, can be tried again", async () => {
    vi.resetModules();
    const fresh = await import("../../../src/index.ts");
    vi.stubGlobal("DecompressionStream", undefined);
    await expect(fresh.loadZstd()).rejects.toMatchObject({ code: "WASM_UNAVAILABLE" });
    vi.unstubAllGlobals();
    const zstd = await fresh.loadZstd();
    expect(zstd.decompressText(zstd.compress("again"))).toBe("again");
    expect(await fresh.loadZstd()).toBe(zstd);
  });

  it("a runtime with SIMD is not told that it has none", async () => {
    expect((await failure(() => loadZstd({ module: new Uint8Array(100) }))).message).not.toContain("SIMD");
  });

  it("misuse stays a TypeError", async () => {
    await expect(loadZstd({ module: 5 as never })).rejects.toThrow(TypeError);
  });
});
