/** Raw content as `prefix`: whole values, streams, and the files of `zstd --patch-from` and of `zstd -D` with a plain file. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadDecoder } from "../../../src/decode.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import { loadZstd, readDictionary, readFrameHeader, type ZstashError } from "../../../src/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { sessionRecords } from "../../conformance/records.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom } from "../../support/random.ts";
import { byteByByte, concat, outcome, skippable, splitAtRandom, through } from "../../support/streams.ts";
import { codeOf } from "../../support/rejection.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zstash-prefix-"));
afterAll(() => rmSync(folder, { recursive: true }));

const options = { memoryLimit: 256 << 20 };
const zstd = await loadZstd(options);
const decoder = await loadDecoder(options);
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
/** An old version of so many bytes, incompressible, and a new one: pieces of it in another order, with new ones between. */
function versions(size: number, seed: number): readonly [old: Uint8Array, next: Uint8Array] {
  const random = createRandom(seed);
  const old = random.bytes(size);
  const parts = Array.from({ length: 20 }, () => {
    const at = random.below(Math.max(1, size - size / 10));
    return [old.subarray(at, at + size / 10), random.bytes(20)];
  });
  return [old, concat(parts.flat())];
}

describe("whole values", () => {
  test.each([
    [0, 1],
    [1, 1],
    [100, 1],
    [3000, -7],
    [3000, 1],
    [200_000, 3],
    [200_000, 19],
    [3_000_000, 1],
    [3_000_000, 5],
    [20_000_000, 1],
  ])("a prefix of %i bytes, level %i", (size, level) => {
    const [prefix, next] = size < 100 ? [new Uint8Array(size), utf8("short")] : versions(size, 71);
    const frame = zstd.compress(next, { prefix, level });
    expect(readFrameHeader(frame)).toMatchObject({ dictionaryId: 0, contentSize: next.length });
    const maxSize = next.length;
    for (const one of [zstd, decoder]) {
      expectBytes(one.decompress(frame, { prefix, maxSize }), next);
      expectBytes(one.decompress(frame, { prefix, into: new Uint8Array(maxSize) }), next);
    }
    // The first 10 % of each piece are found at the latest.
    if (size >= 3000) expect(frame.length).toBeLessThan(next.length * 0.2);
    // The next call has no prefix.
    const plain = zstd.compress(next, { level });
    expectBytes(zstd.decompress(plain, { maxSize }), next);
    if (size >= 3000) expect(plain.length).toBeGreaterThan(frame.length * 2);
  });

  test("text, many frames, skippable ones, and frames with a dictionary in one input", async () => {
    const prefix = utf8(sessionRecords(20).join(""));
    const trained = await trainDictionary(sessionRecords(100), { maxSize: 2000 });
    const dictionary = readDictionary(trained.dictionary);
    const own = await loadZstd({ dictionaries: [dictionary] });
    const ownDecoder = await loadDecoder({ dictionaries: [dictionary] });
    const texts = sessionRecords(60, 5);
    const frames = texts.map((text, index) =>
      own.compress(text, index % 3 === 0 ? { prefix } : index % 3 === 1 ? { dictionary } : {}),
    );
    const input = concat(
      frames.flatMap((frame, index) => (index % 9 === 0 ? [skippable(utf8("x")), frame] : [frame])),
    );
    const random = createRandom(72);
    for (const one of [own, ownDecoder]) {
      expect(one.decompressText(input, { prefix })).toBe(texts.join(""));
      for (const chunks of [[input], byteByByte(input), splitAtRandom(input, random, 500)]) {
        const back = await through(one.decompressStream({ prefix }), chunks);
        expectBytes(back, utf8(texts.join("")));
      }
    }
  });

  test("another prefix, or none, is never a wrong value", () => {
    const [prefix, next] = versions(5000, 73);
    const frame = zstd.compress(next, { prefix });
    for (const wrong of [undefined, new Uint8Array(0), prefix.subarray(0, -1), versions(5000, 74)[0]]) {
      for (const one of [zstd, decoder]) {
        const code = codeOf(() => one.decompress(frame, wrong === undefined ? {} : { prefix: wrong }));
        expect(["CORRUPT", "CHECKSUM_MISMATCH"]).toContain(code);
      }
    }
    expectBytes(zstd.decompress(frame, { prefix }), next);
  });

  test("one that has a dictionary's magic number is raw content all the same", async () => {
    const { dictionary: prefix } = await trainDictionary(sessionRecords(100), { maxSize: 2000 });
    for (const bytes of [prefix, prefix.subarray(0, 9)]) {
      const frame = zstd.compress(sessionRecords(1)[0]!, { prefix: bytes });
      expect(readFrameHeader(frame).dictionaryId).toBe(0);
      expect(decoder.decompressText(frame, { prefix: bytes })).toBe(sessionRecords(1)[0]);
    }
  });

  test("linear memory is flat over many prefixes", () => {
    const [prefix, next] = versions(300_000, 75);
    const cycle = (round: number): void => {
      const frame = zstd.compress(next, { prefix, level: (round % 5) + 1 });
      expect(zstd.decompress(frame, { prefix }).length).toBe(next.length);
      codeOf(() => zstd.decompress(frame));
      codeOf(() => zstd.decompress(frame.subarray(0, 1000), { prefix }));
    };
    for (let round = 0; round < 20; round++) cycle(round);
    const { memory } = zstd.stats();
    for (let round = 0; round < 100; round++) cycle(round);
    expect(zstd.stats().memory).toBeLessThanOrEqual(memory + (1 << 20));
  });
});

describe("streams", () => {
  test.each([
    [3000, undefined],
    [300_000, undefined],
    [6_000_000, 12_000_400],
  ])("a prefix of %i bytes, content size %s", async (size, contentSize) => {
    const [prefix, next] = versions(size, 76);
    const changed = prefix.slice();
    const stream = zstd.compressStream({ prefix: changed, contentSize });
    // Copied at the call.
    changed.fill(0);
    const stored = await through(stream, splitAtRandom(next, createRandom(77), 200_000));
    expect(stored.length).toBeLessThan(next.length * 0.2);
    // No larger than prefix and content together, or what is assumed of it.
    expect(readFrameHeader(stored).windowSize).toBeLessThanOrEqual(
      Math.max(2 ** 17, 2 * (size + (contentSize ?? size))),
    );
    const maxWindowLog = 27;
    for (const one of [zstd, decoder]) {
      expectBytes(one.decompress(stored, { prefix, maxSize: next.length }), next);
      expectBytes(await through(one.decompressStream({ prefix, maxWindowLog }), [stored]), next);
      const { error } = await outcome(one.decompressStream({ maxWindowLog }), [stored]);
      expect(["CORRUPT", "CHECKSUM_MISMATCH"]).toContain((error as ZstashError).code);
    }
    // The next stream of the same instance has none.
    expectBytes(await through(zstd.decompressStream(), [await through(zstd.compressStream(), [next])]), next);
    expect(zstd.stats().live).toBe(0);
  });

  test("many at once, with prefixes of their own, cancelled ones among them", async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, number) => {
        const [prefix, next] = versions(20_000, 100 + number);
        const stream = zstd.compressStream({ prefix, level: (number % 6) + 1 });
        if (number % 5 === 0) {
          const writer = stream.writable.getWriter();
          writer.write(next).catch(() => undefined);
          const reader = stream.readable.getReader();
          await reader.read();
          await reader.cancel("enough");
          return;
        }
        const stored = await through(stream, [next]);
        expectBytes(await through(decoder.decompressStream({ prefix }), [stored]), next);
      }),
    );
    expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("a prefix counts as memory of the stream", async () => {
    const small = await loadZstd({ memoryLimit: 16 << 20 });
    const { error } = await outcome(small.compressStream({ prefix: new Uint8Array(20 << 20) }), [utf8("x")]);
    expect((error as ZstashError).code).toBe("OUT_OF_MEMORY");
    const frame = small.compress("text");
    const reading = small.decompressStream({ prefix: new Uint8Array(20 << 20) });
    expect(((await outcome(reading, [frame])).error as ZstashError).code).toBe("OUT_OF_MEMORY");
  });
});

describe("misuse", () => {
  test("what is no bytes, two of a kind, and frames that are to be read alone", async () => {
    const prefix = utf8("prefix");
    const { dictionary } = await trainDictionary(sessionRecords(100), { maxSize: 2000 });
    const both = { prefix, dictionary: readDictionary(dictionary) };
    expect(() => zstd.compress("x", both)).toThrow(/"prefix" and "dictionary" exclude/);
    expect(() => zstd.compressStream({ prefix, frameSize: 100 })).toThrow(/"frameSize" and "prefix" exclude/);
    expect(() => zstd.compressFrames({ prefix, maxFrameSize: 100 } as never)).toThrow(TypeError);
    expect(() => zstd.compress("x", { prefix: "text" as never })).toThrow(TypeError);
    const frame = zstd.compress("x");
    for (const call of [
      () => zstd.decompress(frame, { prefix: "text" as never }),
      () => zstd.decompressText(frame, { prefix: [] as never }),
      () => zstd.decompressStream({ prefix: 5 as never }),
    ]) {
      expect(call).toThrow(TypeError);
    }
  });

  test("an engine without prefixes says so", async () => {
    const peer = await loadZstd({ engine: bokuweb });
    const prefix = utf8("prefix");
    expect(codeOf(() => peer.compress("x", { prefix }))).toBe("UNSUPPORTED");
    expect(codeOf(() => peer.decompress(zstd.compress("x"), { prefix }))).toBe("UNSUPPORTED");
  });
});

describe.runIf(zstdCliAvailable())("the zstd program", () => {
  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const run = (...args: string[]): Uint8Array =>
    new Uint8Array(execFileSync("zstd", ["-q", "-f", "-c", ...args], { maxBuffer: 1 << 28 }));

  test.each([
    [5000, []],
    [500_000, []],
    [500_000, ["-19"]],
    [12_000_000, []],
  ] as const)("--patch-from of %i bytes %j, both ways", async (size, more) => {
    const [old, next] = versions(size, 78);
    const [oldFile, nextFile] = [file("old", old), file("next", next)];
    const patch = run(`--patch-from=${oldFile}`, ...more, nextFile);
    expect(patch.length).toBeLessThan(next.length * 0.2);
    const maxSize = next.length;
    for (const one of [zstd, decoder]) {
      expectBytes(one.decompress(patch, { prefix: old, maxSize }), next);
      const stream = one.decompressStream({ prefix: old, maxWindowLog: 27 });
      expectBytes(await through(stream, splitAtRandom(patch, createRandom(79), 5000)), next);
    }
    for (const ours of [
      zstd.compress(next, { prefix: old, level: 3 }),
      await through(zstd.compressStream({ prefix: old, level: 3 }), [next]),
    ]) {
      // All pieces are found. (The program's patch is smaller still: 0.03 %.)
      expect(ours.length).toBeLessThan(next.length * 0.01 + 600);
      expectBytes(run("-d", `--patch-from=${oldFile}`, file("ours.zst", ours)), next);
    }
  });

  test("-D with a plain file, both ways", () => {
    const prefix = utf8(sessionRecords(30).join("\n"));
    const plain = file("plain", prefix);
    for (const text of sessionRecords(20, 6)) {
      expectBytes(zstdDecode(zstd.compress(text, { prefix }), ["-D", plain]), utf8(text));
      const theirs = run("-D", plain, file("text", utf8(text)));
      expect(decoder.decompressText(theirs, { prefix })).toBe(text);
    }
  });
});
