/** Values in many frames: few calls into WebAssembly for many frames, and what holds frame by frame holds for runs of them. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { decodeResponse } from "../../../src/browser/index.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { loadModule } from "../../../src/adapters/full/node.ts";
import type { DecompressionContext, EngineFactory } from "../../../src/index.ts";
import { loadZstd, readDictionary, segmentSize, ZstashError } from "../../../src/index.ts";
import { createEngine } from "../../../src/engine/wasm.ts";
import { newer, older, sessionOf } from "../../support/dictionaries.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom } from "../../support/random.ts";
import { byteByByte, concat, outcome, skippable, splitAtRandom, through } from "../../support/streams.ts";

const zstd = await loadZstd({ memoryLimit: 64 << 20 });
const first = readDictionary(newer);
const second = readDictionary(older);
const dictionaries = new Map([first, second].map((dictionary) => [dictionary.id, dictionary]));
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const session = (id: number): Uint8Array => encode(JSON.stringify(sessionOf(id)));
const sum = (parts: readonly Uint8Array[]): number => parts.reduce((size, { length }) => size + length, 0);

/** Frames of sessions of 250 to 450 bytes. */
const contents = Array.from({ length: 40 }, (_, id) => session(id));
const frames = contents.map((content) => zstd.compress(content));

/** The error of an attempt. */
function errorOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What tells one error of decoding from another. */
function factsOf(error: unknown): unknown {
  if (!(error instanceof ZstashError)) return error;
  const { code, frame, offset, dictionaryId } = error;
  return { code, frame, offset, dictionaryId };
}

/** Chunks of which none holds a whole frame. */
function inHalves(parts: readonly Uint8Array[]): Uint8Array[] {
  const halves = parts.flatMap((part) => [part.subarray(0, part.length / 2), part.subarray(part.length / 2)]);
  return [halves[0]!, ...parts.map((_, part) => concat(halves.slice(2 * part + 1, 2 * part + 3)))];
}

/** Counts the calls of exports by name, of all instances that start from now on. */
function countCalls(): Map<string, number> {
  const calls = new Map<string, number>();
  const { Instance } = WebAssembly;
  vi.spyOn(WebAssembly, "Instance").mockImplementation(function (module, imports) {
    const counted = Object.entries(new Instance(module, imports).exports).map(([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const work = value as (...args: unknown[]) => unknown;
      const call = (...args: unknown[]): unknown => {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        return work(...args);
      };
      return [name, call];
    });
    return { exports: Object.fromEntries(counted) } as WebAssembly.Instance;
  });
  return calls;
}

afterEach(() => vi.restoreAllMocks());

describe("calls into WebAssembly", () => {
  const decodes = (calls: ReadonlyMap<string, number>): number =>
    (calls.get("ZSTD_decompressDCtx") ?? 0) + (calls.get("ZSTD_decompressStream") ?? 0);
  const empty = zstd.compress(new Uint8Array(0));
  const many = new Uint8Array(30 << 20);
  const count = Math.floor(many.length / empty.length);
  for (let frame = 0; frame < count; frame++) many.set(empty, frame * empty.length);
  const empties = many.subarray(0, count * empty.length);

  test("30 MB of empty frames take one at once, and one for 64 KiB as a stream", async () => {
    for (const load of [loadZstd, loadDecoder]) {
      const calls = countCalls();
      const decoder = await load({ memoryLimit: 64 << 20 });
      expectBytes(decoder.decompress(empties), new Uint8Array(0));
      expect(decodes(calls)).toBe(1);
      calls.clear();
      expectBytes(await through(decoder.decompressStream(), [empties]), new Uint8Array(0));
      expect(decodes(calls)).toBeLessThanOrEqual(Math.ceil(empties.length / (65536 - empty.length)));
      vi.restoreAllMocks();
    }
  });

  test("a value whose frames fit a network packet each takes one for 128 KiB of content or 64 KiB of input", async () => {
    const content = concat(Array.from({ length: 2000 }, (_, id) => session(id)));
    const layout = { maxFrameSize: segmentSize({ mtu: 1500 }), seekTable: true };
    const value = await through(zstd.compressFrames(layout), [content]);
    const calls = countCalls();
    const counted = await loadZstd({ memoryLimit: 64 << 20 });
    expectBytes(counted.decompress(value), content);
    expect(decodes(calls)).toBe(1);
    calls.clear();
    const chunks = Array.from({ length: Math.ceil(value.length / 65536) }, (_, chunk) =>
      value.subarray(chunk * 65536, (chunk + 1) * 65536),
    );
    expectBytes(await through(counted.decompressStream(), chunks), content);
    // A frame that lies in two chunks takes some more.
    const most = content.length / (128 << 10) + 8 * chunks.length;
    expect(decodes(calls)).toBeLessThan(most);
    expect(most).toBeLessThan(frames.length);
  });

  test("a page's decoder copies no 64 KiB for each frame", async () => {
    const input = empties.subarray(0, 20_000 * empty.length);
    let copied = 0;
    const { set } = Uint8Array.prototype;
    vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, source, at) {
      copied += source.length;
      set.call(this, source, at);
    });
    const response = await decodeResponse(new Response(input));
    expect((await response.arrayBuffer()).byteLength).toBe(0);
    expect(copied).toBeGreaterThanOrEqual(input.length);
    expect(copied).toBeLessThan(20_000 * 2048);
  });
});

describe("what is wrong", () => {
  test("torn at each byte: all whole frames, and the error of the same bytes one by one", async () => {
    const [one, two, three] = contents.map((content) => zstd.compress(content.subarray(0, 60)));
    const value = concat([one!, skippable(encode("seen")), two!, three!]);
    for (let end = 0; end < value.length; end++) {
      const torn = value.subarray(0, end);
      const whole = await outcome(zstd.decompressStream(), [torn]);
      const single = await outcome(zstd.decompressStream(), byteByByte(torn));
      expect(factsOf(whole.error), `torn at ${end}`).toEqual(factsOf(single.error));
      expectBytes(whole.bytes, single.bytes);
    }
  });

  test.each([0, 20, 39])("frame %i of 40 is damaged, at any byte", async (damaged) => {
    const before = frames.slice(0, damaged);
    const expected = concat(contents.slice(0, damaged));
    for (let at = 0; at < frames[damaged]!.length; at++) {
      const frame = frames[damaged]!.slice();
      frame[at] = frame[at]! ^ 0x55;
      const parts = [...before, frame, ...frames.slice(damaged + 1)];
      const { bytes, error } = await outcome(zstd.decompressStream(), [concat(parts)]);
      expectBytes(bytes.subarray(0, expected.length), expected);
      expect(error, `byte ${at}`).toMatchObject({ frame: damaged });
      const stepwise = await outcome(zstd.decompressStream(), inHalves(parts));
      expect(factsOf(error), `byte ${at}`).toEqual(factsOf(stepwise.error));
      // A frame of another dictionary at the end: such values are decoded frame by frame.
      const oneByOne = concat([...parts, zstd.compress(contents[0]!, { dictionary: first })]);
      const atOnce = factsOf(errorOf(() => zstd.decompress(concat(parts), { dictionaries })));
      expect(atOnce, `byte ${at}`).toBeDefined();
      expect(factsOf(errorOf(() => zstd.decompress(oneByOne, { dictionaries })))).toEqual(atOnce);
    }
  });

  test("limits hold to the byte: what fits comes first, and the error names the frame that does not", async () => {
    for (const kept of [0, 1, 7, 39]) {
      const room = sum(contents.slice(0, kept));
      const offset = sum(frames.slice(0, kept));
      for (const maxSize of [room, room + 1, room + contents[kept]!.length - 1]) {
        const { bytes, error } = await outcome(zstd.decompressStream({ maxSize }), [concat(frames)]);
        expectBytes(bytes, concat(contents.slice(0, kept)));
        expect(error).toMatchObject({ code: "SIZE_LIMIT", frame: kept, offset });
        expect(errorOf(() => zstd.decompress(concat(frames), { maxSize }))).toMatchObject({
          code: "SIZE_LIMIT",
          frame: kept,
          offset,
        });
      }
    }
    const maxSize = sum(contents);
    expectBytes(await through(zstd.decompressStream({ maxSize }), [concat(frames)]), concat(contents));
    expectBytes(zstd.decompress(concat(frames), { maxSize }), concat(contents));
  });

  test("a window over the limit behind others is an error after them", async () => {
    const large = zstd.compress(new Uint8Array(1025));
    const value = concat([...frames.slice(0, 3), large, ...frames.slice(3)]);
    const { bytes, error } = await outcome(zstd.decompressStream({ maxWindowLog: 10 }), [value]);
    expectBytes(bytes, concat(contents.slice(0, 3)));
    expect(error).toMatchObject({ code: "WINDOW_LIMIT", frame: 3, offset: sum(frames.slice(0, 3)) });
  });

  test("a frame of an unknown dictionary behind others is an error after them", async () => {
    const foreign = zstd.compress(contents[0]!, { dictionary: second });
    const value = concat([...frames.slice(0, 3), foreign, ...frames.slice(3)]);
    const { bytes, error } = await outcome(zstd.decompressStream(), [value]);
    expectBytes(bytes, concat(contents.slice(0, 3)));
    expect(error).toMatchObject({ code: "DICTIONARY_UNKNOWN", frame: 3, dictionaryId: second.id });
    expect(errorOf(() => zstd.decompress(value))).toMatchObject({ code: "DICTIONARY_UNKNOWN", frame: 3 });
  });
});

describe("any frames in any chunks", () => {
  /** Frames of all kinds: with and without a dictionary, a size, content; skippable ones; larger than a block. */
  async function mixed(seed: number): Promise<{ value: Uint8Array; content: Uint8Array }> {
    const random = seededRandom(seed);
    const value: Uint8Array[] = [];
    const content: Uint8Array[] = [];
    for (let left = 60; left > 0; left--) {
      const id = random.below(1000);
      const plain = random.below(8) === 0 ? concat(contents).slice(id) : session(id);
      const dictionary = random.pick([undefined, undefined, first, second]);
      const kind = random.below(7);
      if (kind === 0) value.push(skippable(random.bytes(random.below(40))));
      else if (kind === 1) value.push(zstd.compress(new Uint8Array(0)));
      else if (kind === 2) {
        value.push(await through(zstd.compressStream(dictionary && { dictionary }), [plain]));
        content.push(plain);
      } else if (kind === 3 && random.below(4) === 0) {
        const large = concat(Array.from({ length: 20 }, () => concat(contents)));
        value.push(zstd.compress(large));
        content.push(large);
      } else {
        value.push(
          zstd.compress(plain, { ...(dictionary && { dictionary }), checksum: random.below(2) === 0 }),
        );
        content.push(plain);
      }
    }
    return { value: concat(value), content: concat(content) };
  }

  test.each(Array.from({ length: 12 }, (_, seed) => seed))("seed %i", async (seed) => {
    const { value, content } = await mixed(seed);
    const random = seededRandom(seed);
    expectBytes(zstd.decompress(value, { dictionaries }), content);
    for (const most of [1, 50, 1390, 20_000, value.length]) {
      const chunks = splitAtRandom(value, random, most);
      expectBytes(await through(zstd.decompressStream({ dictionaries }), chunks), content);
    }
  });

  test("many streams at once, and whole values between them", async () => {
    const values = await Promise.all(Array.from({ length: 30 }, (_, seed) => mixed(100 + seed)));
    const random = seededRandom(4);
    const decoded = values.map(({ value }) =>
      through(zstd.decompressStream({ dictionaries }), splitAtRandom(value, random, 3000)),
    );
    for (const { value, content } of values) expectBytes(zstd.decompress(value, { dictionaries }), content);
    for (const [index, bytes] of (await Promise.all(decoded)).entries()) {
      expectBytes(bytes, values[index]!.content);
    }
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("all frames of one dictionary, which is another for the next value", async () => {
    for (const dictionary of [first, second, undefined, first]) {
      const value = concat(
        contents.map((content) => zstd.compress(content, dictionary === undefined ? {} : { dictionary })),
      );
      expectBytes(zstd.decompress(value, { dictionaries }), concat(contents));
      expectBytes(await through(zstd.decompressStream({ dictionaries }), [value]), concat(contents));
    }
  });

  test("a prefix holds for each frame", async () => {
    const prefix = concat(contents);
    const value = concat(contents.map((content) => zstd.compress(content, { prefix })));
    expect(value.length).toBeLessThan(sum(frames) / 2);
    expectBytes(zstd.decompress(value, { prefix }), prefix);
    expectBytes(await through(zstd.decompressStream({ prefix }), [value]), prefix);
  });

  test("an engine that decodes step by step alone gives the same", async () => {
    const stepwise = (context: DecompressionContext): DecompressionContext => ({
      step: (input) => context.step(input),
      begin: (dictionary) => context.begin(dictionary),
      release: () => context.release(),
    });
    const engine: EngineFactory = async (settings) => {
      const own = await createEngine(loadModule)(settings);
      return {
        ...own,
        openDecompression: async (...args) => stepwise(await own.openDecompression(...args)),
      };
    };
    const other = await loadZstd({ engine, memoryLimit: 64 << 20 });
    const { value, content } = await mixed(7);
    expectBytes(await through(other.decompressStream({ dictionaries }), [value]), content);
  });
});
