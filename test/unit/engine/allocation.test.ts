// "No allocation beyond the limits", measured in two places where every large allocation has to pass:
// - linear memory: WebAssembly.instantiate and WebAssembly.Instance are watched while the modules load, which yields
//   each instance's memory; its byteLength is read before and after. It never shrinks, so nothing is missed, and every
//   test has instances of its own, so that nothing hides in what an earlier one grew;
// - the JavaScript heap: ArrayBuffer and the typed array constructors are replaced by proxies that note every length
//   asked for. This is exact where process.memoryUsage() is at the mercy of the garbage collector.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadDecoder } from "../../../src/decode.ts";
import type { Decoder } from "../../../src/decode.ts";
import { loadZstd, ZstashError } from "../../../src/index.ts";
import type { Zstd } from "../../../src/index.ts";
import { frame, rawFrame, rleBlocks, skippable } from "../../conformance/build-frame.ts";
import type { Block } from "../../conformance/build-frame.ts";
import { concat, jsonBytes, randomBytes } from "../../conformance/data.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const WINDOW_1_MIB = 10 << 3;

const wasm = (name: string): Buffer<ArrayBuffer> =>
  readFileSync(fileURLToPath(new URL(`../../../dist/${name}`, import.meta.url)));

let zstd: Zstd;
let decoder: Decoder;
const memories: WebAssembly.Memory[] = [];

/** The memories of whatever `load` instantiates. */
async function watched<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
  const { instantiate, Instance } = WebAssembly;
  const keep = (instance: WebAssembly.Instance): void => {
    for (const item of Object.values(instance.exports)) {
      if (item instanceof WebAssembly.Memory) memories.push(item);
    }
  };
  WebAssembly.instantiate = (async (...parameters: Parameters<typeof instantiate>) => {
    const result = (await instantiate(...parameters)) as
      WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource;
    keep("instance" in result ? result.instance : result);
    return result;
  }) as unknown as typeof instantiate;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, parameters) {
      const instance = Reflect.construct(target, parameters) as WebAssembly.Instance;
      keep(instance);
      return instance;
    },
  });
  try {
    return await load();
  } finally {
    WebAssembly.instantiate = instantiate;
    WebAssembly.Instance = Instance;
  }
}

const linear = (): number => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

const constructors = ["ArrayBuffer", "Uint8Array", "Uint32Array", "Int32Array", "Float64Array"] as const;

/** The largest length, in elements, that `run` asked any of the constructors for. */
function largestArray(run: () => void): number {
  let largest = 0;
  const originals = constructors.map((name) => [name, globalThis[name]] as const);
  for (const [name, original] of originals) {
    const proxy = new Proxy(original, {
      construct(target, parameters: unknown[]): object {
        if (typeof parameters[0] === "number") largest = Math.max(largest, parameters[0]);
        return Reflect.construct(target, parameters) as object;
      },
    });
    Object.assign(globalThis, { [name]: proxy });
  }
  try {
    run();
  } finally {
    Object.assign(globalThis, Object.fromEntries(originals));
  }
  return largest;
}

interface Cost {
  readonly code: string | undefined;
  /** Bytes of growth. */
  readonly linear: number;
  /** Elements. */
  readonly array: number;
}

function costOf(run: () => unknown): Cost {
  const before = linear();
  let code: string | undefined;
  const array = largestArray(() => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      ({ code } = error);
    }
  });
  return { code, linear: linear() - before, array };
}

let modules: readonly [full: WebAssembly.Module, decoder: WebAssembly.Module];
beforeAll(async () => {
  const compile = (name: string): Promise<WebAssembly.Module> => WebAssembly.compile(wasm(name));
  modules = await Promise.all([compile("zstash.wasm"), compile("zstash-decoder.wasm")]);
});

const small = jsonBytes(1, 1000);
const check = (): void => {
  const data = zstd.compress(small);
  for (const each of [zstd, decoder]) expect(Buffer.compare(each.decompress(data), small)).toBe(0);
};

beforeEach(async () => {
  memories.length = 0;
  zstd = await watched(() => loadZstd({ module: modules[0] }));
  decoder = await watched(() => loadDecoder({ module: modules[1] }));
  if (memories.length !== 2) throw new Error(`Cannot measure: need two memories, got ${memories.length}`);
  check();
});
// The instance goes on working, whatever it was given.
afterEach(check);

describe("the measures", () => {
  test("see a large honest decompression, in both places", () => {
    const data = frame({ contentSize: 20 * MiB }, rleBlocks(160));
    for (const each of [zstd, decoder]) {
      const cost = costOf(() => each.decompress(data, { into: new Uint8Array(20 * MiB) }));
      expect(cost.code).toBeUndefined();
      expect(cost.linear).toBeGreaterThan(15 * MiB);
      expect(cost.array).toBe(20 * MiB);
      expect(cost.linear).toBeLessThan(22 * MiB);
    }
  });
});

const hello: Block = { raw: new TextEncoder().encode("hello") };
const many = rleBlocks(16_000);

/** What claims, or is, more than the 1 MiB that it is given. */
const hostile: readonly (readonly [name: string, data: Uint8Array])[] = [
  ["a claim of 4 GB", frame({ contentSize: 2 ** 32 }, hello)],
  ["a claim of 4 GB with a window", frame({ contentSize: 2 ** 32, windowDescriptor: WINDOW_1_MIB }, hello)],
  ["a claim of 2^64 - 3", frame({ contentSize: 2n ** 64n - 3n }, hello)],
  ["81 bytes that claim 1.9 GB", frame({ contentSize: 1.9e9 }, rleBlocks(18))],
  ["a declared bomb of 2 GB", frame({ contentSize: 16_000 * 2 ** 17 }, many)],
  ["a bomb of 2 GB, not declared", frame({ windowDescriptor: WINDOW_1_MIB }, many)],
  ["a bomb of 2 GB that claims 5 bytes", frame({ contentSize: 5 }, many)],
  [
    "16,000 frames of 128 KiB",
    concat(Array.from({ length: 16_000 }, () => frame({ contentSize: 1 << 17 }, rleBlocks(1)))),
  ],
  ["a window of 3.75 TB", frame({ windowDescriptor: 255 }, hello)],
  ["a window of 1 GiB", frame({ windowDescriptor: 20 << 3 }, { reserved: new Uint8Array(5) })],
  ["a skippable frame of 4 GiB", Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff)],
  ["a bomb behind a good frame", concat(rawFrame(small), frame({ windowDescriptor: WINDOW_1_MIB }, many))],
  ["a bomb behind a skippable frame", concat(skippable(small), frame({ contentSize: 2 ** 31 }, many))],
  ["an RLE block of 2 MiB", frame({ windowDescriptor: WINDOW_1_MIB }, { rle: 0, size: (1 << 21) - 1 })],
];

describe("hostile frames", () => {
  test.each(hostile)("%s, at most 1 MiB allowed", (_name, data) => {
    for (const each of [zstd, decoder]) {
      const costs = [
        costOf(() => each.decompress(data, { maxSize: MiB })),
        costOf(() => each.decompressText(data, { maxSize: MiB })),
      ];
      for (const { code, linear, array } of costs) {
        expect(code).toMatch(/^(SIZE_LIMIT|CORRUPT|WINDOW_LIMIT|TRUNCATED)$/);
        // The input itself is copied in; nothing of the size of the claim may be.
        expect(linear).toBeLessThanOrEqual(data.length + 2 * MiB);
        expect(array).toBeLessThanOrEqual(Math.max(data.length, MiB));
      }
    }
  });

  test.each(hostile.slice(0, 8))("%s, by default: never more than 32 MiB", (name, data) => {
    // Where no size is declared the limit is the first to say no, and up to there it may be decoded.
    const room = name.includes("not declared") ? 32 * MiB : 0;
    for (const each of [zstd, decoder]) {
      const { code, linear, array } = costOf(() => each.decompress(data));
      expect(code).toMatch(/^(SIZE_LIMIT|CORRUPT)$/);
      expect(linear).toBeLessThanOrEqual(data.length + room + MiB);
      expect(array).toBeLessThanOrEqual(Math.max(data.length, room));
    }
  });

  test.each(hostile.slice(0, 4))("%s, with no limit at all: no more than the blocks hold", (_name, data) => {
    for (const each of [zstd, decoder]) {
      const { code, linear, array } = costOf(() =>
        each.decompress(data, { maxSize: Number.MAX_SAFE_INTEGER }),
      );
      expect(code).toBe("CORRUPT");
      expect(linear).toBeLessThanOrEqual(18 * 128 * KiB + MiB);
      expect(array).toBeLessThanOrEqual(18 * 128 * KiB);
    }
  });

  test("more than 32 bits can address, with no limit, is OUT_OF_MEMORY and costs nothing", () => {
    const data = frame({ windowDescriptor: WINDOW_1_MIB }, rleBlocks(40_000));
    for (const each of [zstd, decoder]) {
      const { code, linear } = costOf(() => each.decompress(data, { maxSize: Number.MAX_SAFE_INTEGER }));
      expect(code).toBe("OUT_OF_MEMORY");
      expect(linear).toBeLessThanOrEqual(data.length + 2 * MiB);
    }
  });
});

describe("memory over time", () => {
  test("10,000 calls that work, fail and are refused do not grow linear memory", () => {
    const data = zstd.compress(randomBytes(2, 5000));
    const bad = data.slice();
    bad[2000]! ^= 1;
    const round = (): void => {
      for (const each of [zstd, decoder]) {
        each.decompress(data);
        for (const input of [
          bad,
          data.subarray(0, 1000),
          concat(data, data.subarray(0, 7)),
          hostile[4]![1],
        ]) {
          expect(() => each.decompress(input)).toThrow(ZstashError);
          expect(() => each.decompressText(input)).toThrow(ZstashError);
        }
        expect(() => each.decompressText(data)).toThrow(ZstashError);
        expect(() => each.decompress(data, { into: new Uint8Array(10) })).toThrow(ZstashError);
        expect(() => each.decompress(data, { maxSize: -1 })).toThrow(RangeError);
      }
      zstd.compress(small, { level: 3 });
      zstd.compress("text");
    };
    for (let count = 0; count < 20; count++) round();
    const settled = linear();
    for (let count = 0; count < 400; count++) round();
    expect(linear()).toBe(settled);
  });

  test("what is too large for the areas that are kept is freed after every call, good or bad", () => {
    const content = jsonBytes(4, 300_000);
    const data = zstd.compress(content);
    const unsaid = frame({ windowDescriptor: WINDOW_1_MIB }, { raw: content.subarray(0, 100_000) });
    const bad = data.slice();
    bad[data.length >> 1]! ^= 255;
    const text = `${"x".repeat(70_000)}${"日".repeat(70_000)}`;
    const round = (): void => {
      zstd.compress(content);
      zstd.compress(text);
      for (const each of [zstd, decoder]) {
        each.decompress(data);
        each.decompress(unsaid);
        expect(() => each.decompress(bad)).toThrow(ZstashError);
        expect(() => each.decompressText(bad)).toThrow(ZstashError);
        expect(() => each.decompress(data, { maxSize: 299_999 })).toThrow(ZstashError);
      }
    };
    for (let count = 0; count < 3; count++) round();
    const settled = linear();
    for (let count = 0; count < 60; count++) round();
    expect(linear()).toBe(settled);
  });

  test("an instance that grew large is given up after the call", () => {
    const data = frame({ windowDescriptor: WINDOW_1_MIB }, rleBlocks(800));
    const before = zstd.stats().memory;
    expect(zstd.decompress(data, { maxSize: 100 * MiB })).toHaveLength(100 * MiB);
    check();
    expect(zstd.stats().memory).toBeLessThanOrEqual(before + MiB);
    const cost = costOf(() => zstd.decompress(data, { maxSize: 99 * MiB }));
    expect(cost.code).toBe("SIZE_LIMIT");
    check();
    expect(zstd.stats().memory).toBeLessThanOrEqual(before + MiB);
  });

  test("a compression needs no more than its input, its bound and its context", () => {
    const data = jsonBytes(3, 8 * MiB);
    zstd.compress(small);
    const { linear } = costOf(() => zstd.compress(data));
    expect(linear).toBeLessThanOrEqual(2 * (8 * MiB + 64 * KiB) + 4 * MiB);
  });
});
