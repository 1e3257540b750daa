import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadModule as loadDecoderModule } from "../../../src/adapters/decoder/inline.ts";
import { loadModule as loadFull } from "../../../src/adapters/full/inline.ts";
import { planDecode } from "../../../src/codec/decoder.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { OneShot } from "../../../src/engine/one-shot.ts";
import { loadZstd, readDictionary, readFrameHeader, ZstashError } from "../../../src/index.ts";
import type { CompressStreamOptions } from "../../../src/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import { byteByByte, concat, outcome, skippable, splitAtRandom, through } from "../../support/streams.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

const vector = (path: string): URL => new URL(`../../vectors/${path}`, import.meta.url);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(vector(path)));
const first = readDictionary(read("dictionaries/sessions-1001.dict"));
const second = readDictionary(read("dictionaries/sessions-1002.dict"));
const impostor = readDictionary(read("dictionaries/other-1001.dict"));
const options = { dictionaries: [first, second], memoryLimit: 32 << 20 };
const zstd = await loadZstd(options);
const decoder = await loadDecoder({ dictionaries: [first, second] });
const plain = await loadZstd({ memoryLimit: 32 << 20 });
const session = (id: number): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      session: (id * 7919).toString(16),
      user: { id, name: "ada", roles: ["editor", "owner"], country: "NO" },
      cart: [{ sku: `SKU-${id}`, quantity: 2, price: { currency: "EUR", amount: 12.5 } }],
      createdAt: "2026-11-24T10:00:00Z",
    }),
  );
const value = session(1);

const codeOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as ZstashError).code;
  }
};

describe("one-shot", () => {
  test.each([-7, 1, 3, 9, 19])("level %i: smaller, names its dictionary, comes back", (level) => {
    const frame = zstd.compress(value, { level, dictionary: first });
    expect(readFrameHeader(frame)).toMatchObject({
      dictionaryId: 1001,
      contentSize: value.length,
      checksum: true,
    });
    expect(frame.length).toBeLessThan(zstd.compress(value, { level }).length * 0.75);
    expectBytes(zstd.decompress(frame), value);
    expectBytes(decoder.decompress(frame), value);
  });

  test("the same bytes from a cached dictionary, whatever came between", () => {
    const frame = zstd.compress(value, { dictionary: first });
    const other = zstd.compress(value, { dictionary: second });
    const none = zstd.compress(value);
    for (let round = 0; round < 40; round++) {
      expectBytes(zstd.compress(value, { dictionary: first }), frame);
      zstd.compress(value, { dictionary: round % 2 === 0 ? second : first, level: (round % 19) + 1 });
      expectBytes(zstd.compress(value, { dictionary: second }), other);
      expectBytes(zstd.compress(value), none);
      expectBytes(zstd.decompress(concat([frame, none, other])), concat([value, value, value]));
    }
    expect(readFrameHeader(none).dictionaryId).toBe(0);
  });

  test("linear memory is flat over 10,000 cycles of every level and dictionary", () => {
    const cycle = (round: number): void => {
      const dictionary = [first, second, undefined][round % 3];
      const level = (round % 20) - 5 || 1;
      const frame = zstd.compress(value, { level, ...(dictionary && { dictionary }) });
      expectBytes(zstd.decompress(frame), value);
      expect(codeOf(() => zstd.decompress(frame.subarray(0, frame.length - 1)))).toBe("TRUNCATED");
    };
    for (let round = 0; round < 200; round++) cycle(round);
    const { memory } = zstd.stats();
    for (let round = 0; round < 10_000; round++) cycle(round);
    // The allocator may still find a better place for one digest; it must not lose a byte a round.
    expect(zstd.stats().memory).toBeLessThanOrEqual(memory + (1 << 20));
  });
});

describe("streams", () => {
  const layouts: readonly CompressStreamOptions[] = [
    {},
    { flush: 100 },
    { contentSize: 20 * value.length },
    { frameSize: 500, seekTable: true },
    { level: 9, flush: "none" },
  ];
  test.each(layouts)("%o", async (layout) => {
    const random = seededRandom(51);
    const data = concat(Array.from({ length: 20 }, () => value));
    for (const dictionary of [first, second]) {
      const stream = zstd.compressStream({ ...layout, dictionary });
      const stored = await through(stream, splitAtRandom(data, random, 300));
      expect(readFrameHeader(stored).dictionaryId).toBe(dictionary.id);
      expectBytes(zstd.decompress(stored), data);
      for (const instance of [zstd, decoder]) {
        expectBytes(await through(instance.decompressStream(), byteByByte(stored)), data);
      }
    }
    // The next stream of the same instance does not inherit the dictionary.
    expect(readFrameHeader(await through(zstd.compressStream(), [data])).dictionaryId).toBe(0);
    expect(zstd.stats().live).toBe(0);
  });

  test("frames of both and of none, and skippable ones, mixed in one input", async () => {
    const random = seededRandom(52);
    const parts: Uint8Array[] = [];
    const contents: Uint8Array[] = [];
    for (let frame = 0; frame < 60; frame++) {
      const dictionary = random.pick([first, second, undefined]);
      contents.push(session(frame));
      parts.push(zstd.compress(session(frame), dictionary === undefined ? {} : { dictionary }));
      if (frame % 7 === 0) parts.push(skippable(random.bytes(20)));
    }
    const input = concat(parts);
    for (const instance of [zstd, decoder]) {
      expectBytes(instance.decompress(input), concat(contents));
      for (const most of [1, 20, 1000]) {
        const chunks = splitAtRandom(input, random, most);
        expectBytes(await through(instance.decompressStream(), chunks), concat(contents));
      }
    }
  });

  test("many streams of many levels and dictionaries at once", async () => {
    await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const dictionary = number % 2 === 0 ? first : second;
        const stream = zstd.compressStream({ dictionary, level: (number % 9) + 1, flush: 50 });
        const back = stream.readable.pipeThrough(decoder.decompressStream());
        const writer = stream.writable.getWriter();
        const read = new Response(back).arrayBuffer();
        await writer.write(session(number));
        await writer.close();
        expectBytes(new Uint8Array(await read), session(number));
      }),
    );
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });
});

describe("wrong dictionaries", () => {
  test("an id that is not registered is DICTIONARY_UNKNOWN and named, with frame and place", async () => {
    const none = plain.compress(value);
    const input = concat([none, skippable(value), zstd.compress(value, { dictionary: second })]);
    const place = {
      code: "DICTIONARY_UNKNOWN",
      dictionaryId: 1002,
      frame: 2,
      offset: none.length + 8 + value.length,
    };
    expect(() => plain.decompress(input)).toThrow(expect.objectContaining(place));
    expect(() => plain.decompress(input)).toThrow(/1002/);
    const { bytes, error } = await outcome(plain.decompressStream(), byteByByte(input));
    expect(error).toMatchObject(place);
    expectBytes(bytes, value);
  });

  test("another dictionary of the same id is never a wrong value", async () => {
    const wrong = await loadZstd({ dictionaries: [impostor] });
    for (let id = 0; id < 200; id++) {
      const frame = zstd.compress(session(id), { dictionary: first });
      expect(["CHECKSUM_MISMATCH", "CORRUPT"]).toContain(codeOf(() => wrong.decompress(frame)));
      const { error } = await outcome(wrong.decompressStream(), [frame]);
      expect(["CHECKSUM_MISMATCH", "CORRUPT"]).toContain((error as ZstashError).code);
    }
    expectBytes(wrong.decompress(wrong.compress(value, { dictionary: impostor })), value);
  });

  test("compressing with two dictionaries of one id in turns keeps them apart", async () => {
    const wrong = await loadZstd({ dictionaries: [impostor] });
    for (let round = 0; round < 20; round++) {
      expectBytes(zstd.decompress(zstd.compress(value, { dictionary: first })), value);
      expectBytes(wrong.decompress(zstd.compress(value, { dictionary: impostor })), value);
      const streamed = await through(zstd.compressStream({ dictionary: impostor }), [value]);
      expectBytes(wrong.decompress(streamed), value);
    }
  });

  test("corrupt tables are DICTIONARY_INVALID at first use, in every direction, and nothing else breaks", async () => {
    const bytes = first.bytes.slice();
    bytes.fill(0xff, 8, 80);
    const corrupt = readDictionary(bytes);
    const invalid = { code: "DICTIONARY_INVALID", dictionaryId: 1001 };
    const frame = zstd.compress(value, { dictionary: first });
    const broken = await loadZstd({ dictionaries: [corrupt], memoryLimit: 32 << 20 });
    for (let round = 0; round < 3; round++) {
      expect(() => broken.compress(value, { dictionary: corrupt })).toThrow(expect.objectContaining(invalid));
      expect(() => broken.decompress(frame)).toThrow(expect.objectContaining(invalid));
      expect((await outcome(broken.compressStream({ dictionary: corrupt }), [value])).error).toMatchObject(
        invalid,
      );
      expect((await outcome(broken.decompressStream(), [frame])).error).toMatchObject({
        ...invalid,
        frame: 0,
        offset: 0,
      });
      expect(broken.stats().live).toBe(0);
      expectBytes(broken.decompress(broken.compress(value)), value);
      expectBytes(
        await through(broken.compressStream(), [value]),
        await through(plain.compressStream(), [value]),
      );
    }
  });

  test("every bit flip of a frame with a dictionary is an error or harmless", () => {
    const frame = zstd.compress(value, { dictionary: first });
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = frame.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      let back: Uint8Array;
      try {
        back = zstd.decompress(flipped);
      } catch (error) {
        expect(error).toBeInstanceOf(ZstashError);
        continue;
      }
      expectBytes(back, value);
    }
  });

  const notDictionaries: readonly (readonly [string, Uint8Array])[] = [
    ["empty", new Uint8Array(0)],
    ["eight bytes", first.bytes.slice(0, 8)],
    ["raw content", value],
    ["id 0", concat([first.bytes.slice(0, 4), new Uint8Array(4), first.bytes.slice(8)])],
    ["too large", new Uint8Array((16 << 20) + 1)],
  ];
  test.each(notDictionaries)("%s is refused by readDictionary", (_name, bytes) => {
    expect(codeOf(() => readDictionary(bytes))).toBe("DICTIONARY_INVALID");
  });

  test("misuse", async () => {
    expect(() => readDictionary("text" as never)).toThrow(TypeError);
    await expect(loadZstd({ dictionaries: [first, first] })).rejects.toThrow(RangeError);
    await expect(loadZstd({ dictionaries: [first, impostor] })).rejects.toThrow(RangeError);
    await expect(loadZstd({ dictionaries: [first.bytes] as never })).rejects.toThrow(TypeError);
    await expect(loadZstd({ dictionaries: first as never })).rejects.toThrow(TypeError);
    expect(() => zstd.compress(value, { dictionary: first.bytes as never })).toThrow(TypeError);
  });

  test("a dictionary is a copy: the caller's bytes may be used again", () => {
    const bytes = first.bytes.slice();
    const mine = readDictionary(bytes);
    bytes.fill(0);
    expectBytes(zstd.compress(value, { dictionary: mine }), zstd.compress(value, { dictionary: first }));
  });
});

describe("dictionaries of other writers", () => {
  test.each(["golden/golden-dictionaries/http-dict-missing-symbols", "golden/dict-files/zero-weight-dict"])(
    "%s",
    async (path) => {
      const dictionary = readDictionary(read(path));
      const own = await loadZstd({ dictionaries: [dictionary] });
      const random = createRandom(7);
      for (const data of [
        value,
        random.bytes(3000),
        new Uint8Array(0),
        read("golden/golden-compression/http"),
      ]) {
        const frame = own.compress(data, { dictionary });
        expectBytes(own.decompress(frame), data);
        const stored = await through(own.compressStream({ dictionary, flush: 100 }), [data]);
        expectBytes(await through(own.decompressStream(), byteByByte(stored)), data);
      }
    },
  );

  test.runIf(zstdCliAvailable())("zstd -D reads ours", async () => {
    const file = vector("dictionaries/sessions-1001.dict").pathname;
    for (const level of [1, 9]) {
      expectBytes(zstdDecode(zstd.compress(value, { dictionary: first, level }), ["-D", file]), value);
      const stored = await through(zstd.compressStream({ dictionary: first, level, flush: 64 }), [value]);
      expectBytes(zstdDecode(stored, ["-D", file]), value);
    }
  });
});

test("more dictionaries than are kept digested: linear memory is flat, in the decoder's build too", async () => {
  const many = Array.from({ length: 11 }, (_, number) => {
    const bytes = first.bytes.slice();
    new DataView(bytes.buffer).setUint32(4, 2000 + number, true);
    return readDictionary(bytes);
  });
  const byId = new Map(many.map((dictionary) => [dictionary.id, dictionary]));
  const frames = many.map((dictionary) => zstd.compress(value, { dictionary }));
  for (const load of [loadFull, loadDecoderModule]) {
    const oneShot = new OneShot(await load());
    const round = (number: number): void => {
      const plan = planDecode(frames[number % frames.length]!, 1 << 20, byId);
      expectBytes(oneShot.decompress(plan), value);
    };
    for (let number = 0; number < 50; number++) round(number);
    const { memory } = oneShot.exports;
    const memorySize = memory.buffer.byteLength;
    for (let number = 0; number < 3000; number++) round(number);
    expect(memory.buffer.byteLength).toBe(memorySize);
  }
});

describe("what a dictionary is", () => {
  const bytes = read("dictionaries/sessions-1001.dict");
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);

  test.each([
    ["a Uint8Array", bytes.slice()],
    // `slice` of a Buffer is a view of the same memory.
    ["a Buffer", Buffer.from(bytes)],
    ["a part of a larger buffer", Buffer.concat([Buffer.alloc(7), bytes]).subarray(7)],
    ["shared memory", shared],
  ])("%s is copied: what its owner writes into it later changes nothing", (_, source) => {
    const dictionary = readDictionary(source);
    source.fill(0x41);
    expect(dictionary.id).toBe(1001);
    expect(dictionary.bytes.constructor).toBe(Uint8Array);
    expectBytes(dictionary.bytes, bytes);
    const frame = plain.compress(value, { dictionary });
    expect(readFrameHeader(frame).dictionaryId).toBe(1001);
    expectBytes(decoder.decompress(frame), value);
  });

  test.each([
    ["an object of its shape", { id: 1001, bytes }],
    ["raw content with an id", { id: 77, bytes: value }],
    ["a copy of one", { ...first }],
    ["what inherits from one", Object.create(first) as object],
    ["bytes", bytes],
    ["null", null],
  ])("%s is no dictionary", async (_, value) => {
    const dictionary = value as typeof first;
    const expected = /must be what readDictionary returns/;
    expect(() => plain.compress("x", { dictionary })).toThrow(TypeError);
    expect(() => plain.compressStream({ dictionary })).toThrow(expected);
    expect(() => plain.compressFrames({ dictionary, maxFrameSize: 100 })).toThrow(expected);
    await expect(loadZstd({ dictionaries: [dictionary] })).rejects.toThrow(expected);
    await expect(loadDecoder({ dictionaries: [dictionary] })).rejects.toThrow(expected);
  });

  test("one of another copy of the module is one", async () => {
    const url = new URL("../../../src/format/dictionary.ts?another", import.meta.url).href;
    const other = (await import(/* @vite-ignore */ url)) as { readDictionary: typeof readDictionary };
    expect(other.readDictionary).not.toBe(readDictionary);
    const dictionary = other.readDictionary(bytes);
    expectBytes(decoder.decompress(plain.compress(value, { dictionary })), value);
    expect(() => Object.assign(dictionary, { id: 5 })).toThrow(TypeError);
  });
});
