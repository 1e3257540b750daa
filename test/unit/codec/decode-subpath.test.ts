// zstash/decode: the decoder alone. What it decodes, test/conformance says; here is what is its own.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { dataSet, valueBytes } from "../../../bench/corpus.mjs";
import * as subpath from "../../../src/decode.ts";
import * as root from "../../../src/index.ts";
import { loadZstd } from "../../../src/index.ts";

const { loadDecoder, ZstashError } = subpath;
const wasm = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../../dist/${name}`, import.meta.url)));

/** What a module that is none makes of a load. */
async function loadError(module: unknown): Promise<unknown> {
  return loadDecoder({ module: module as WebAssembly.Module }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("zstash/decode", () => {
  test("exports what it says, and shares its classes with zstash", () => {
    expect(Object.keys(subpath)).toEqual(
      expect.arrayContaining(["ZstashError", "loadDecoder", "readDictionary", "readFrameHeader"]),
    );
    const ofRoot = new Map<string, unknown>(Object.entries(root));
    for (const [name, value] of Object.entries(subpath)) {
      if (name !== "loadDecoder") expect(value, name).toBe(ofRoot.get(name));
    }
    expect(subpath).not.toHaveProperty("loadZstd");
  });

  test("is one shared instance without options, another with", async () => {
    const [first, second] = await Promise.all([loadDecoder(), loadDecoder()]);
    expect(first).toBe(second);
    expect(await loadDecoder()).toBe(first);
    const own = await loadDecoder({ module: wasm("zstash-decoder.wasm") });
    expect(own).not.toBe(first);
    expect(await loadDecoder({ module: wasm("zstash-decoder.wasm") })).not.toBe(own);
  });

  test("cannot compress", async () => {
    const decoder = await loadDecoder();
    for (const method of ["compress", "compressStream", "compressFrames"])
      expect(decoder).not.toHaveProperty(method);
    for (const method of ["decompress", "decompressText"]) expect(decoder).toHaveProperty(method);
  });

  test("decodes every value of a data set, as bytes and as text", async () => {
    const [decoder, zstd] = await Promise.all([loadDecoder(), loadZstd()]);
    for (const value of dataSet("movie-pages").values.slice(0, 300)) {
      const bytes = valueBytes(value);
      const frame = zstd.compress(bytes, { level: 3 });
      expect(Buffer.compare(decoder.decompress(frame), bytes)).toBe(0);
      expect(decoder.decompressText(frame)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    }
  });

  test("takes its module as bytes, as a view, compiled, and as a Response", async () => {
    const bytes = wasm("zstash-decoder.wasm");
    const host = new Uint8Array(bytes.length + 100);
    host.set(bytes, 60);
    const frame = (await loadZstd()).compress("to be or not to be");
    for (const module of [
      bytes,
      new Uint8Array(bytes).buffer,
      host.subarray(60, 60 + bytes.length),
      await WebAssembly.compile(new Uint8Array(bytes)),
      new Response(new Uint8Array(bytes)),
      // It holds what the decoder needs.
      wasm("zstash.wasm"),
    ]) {
      const decoder = await loadDecoder({ module: module as WebAssembly.Module });
      expect(decoder.decompressText(frame)).toBe("to be or not to be");
    }
  });

  test("a module that is none is WASM_UNAVAILABLE, and the next load works", async () => {
    // \0asm, version 1, and nothing in it: a valid module of another library.
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const bytes = wasm("zstash-decoder.wasm");
    const broken = new Uint8Array(bytes);
    broken.fill(0xff, 1000, 1100);
    for (const [about, module] of [
      ["no bytes", new Uint8Array(0)],
      ["garbage", new TextEncoder().encode("not a module")],
      ["cut", bytes.subarray(0, 20_000)],
      ["broken", broken],
      ["another library", empty],
      ["another library, compiled", await WebAssembly.compile(empty)],
      ["a failed Response", new Response("not found", { status: 404 })],
    ] as const) {
      const error = await loadError(module);
      expect(error, about).toBeInstanceOf(ZstashError);
      expect((error as InstanceType<typeof ZstashError>).code, about).toBe("WASM_UNAVAILABLE");
      expect((error as Error).message, about).toMatch(/^Cannot /);
      const decoder = await loadDecoder({ module: bytes });
      expect(decoder.decompress((await loadZstd()).compress("after")), about).toHaveLength(5);
    }
  });

  test("its module under zstash decodes, and says that it cannot compress", async () => {
    const zstd = await loadZstd({ module: wasm("zstash-decoder.wasm") });
    const frame = (await loadZstd()).compress("to be or not to be");
    expect(zstd.decompressText(frame)).toBe("to be or not to be");
    expect(() => zstd.compress("x")).toThrow(
      expect.objectContaining({ name: "ZstashError", code: "UNSUPPORTED" }),
    );
    expect(zstd.decompressText(frame)).toBe("to be or not to be");
  });

  test("a module of a wrong type is a TypeError naming module", async () => {
    for (const module of [null, 5, "zstash-decoder.wasm", {}, []]) {
      const error = await loadError(module);
      expect(error, String(module)).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/\bmodule\b/);
    }
  });

  test("does not bring the compressor: neither its code nor its module", async () => {
    const entry = fileURLToPath(new URL("../../../src/decode.ts", import.meta.url));
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      external: ["#wasm/*"],
      logLevel: "silent",
    });
    const files = Object.keys(metafile.inputs);
    expect(files.some((file) => file.endsWith("decode.ts"))).toBe(true);
    expect(
      files.filter((file) => /compress-stream|frame-cutter|codec\/zstd\.ts|frames\.ts$/.test(file)),
    ).toEqual(files.filter((file) => /decompress-stream/.test(file)));
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path));
    expect(imports.filter((path) => path.startsWith("#wasm/"))).toEqual(["#wasm/decoder"]);
  });
});
