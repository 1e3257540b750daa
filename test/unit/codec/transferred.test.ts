/** Bytes whose buffer is transferred are refused by name, and never become a shorter value. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { readDictionary } from "../../../src/format/dictionary.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import type { ByteTransform } from "../../../src/streams.ts";
import { createRandom } from "../../support/random.ts";
import { concat } from "../../support/streams.ts";

const zstd = await loadZstd();
const content = createRandom(41)
  .bytes(3 << 20)
  .map((byte) => byte & 31);
const transfer = (bytes: Uint8Array): void =>
  void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });

/** Writes bytes, transfers their buffer after so many turns of the event loop, and gives what was read or the error. */
async function written(stream: ByteTransform, bytes: Uint8Array, turns: number): Promise<Uint8Array | Error> {
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for await (const part of stream.readable as unknown as AsyncIterable<Uint8Array>) parts.push(part);
  })();
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => undefined);
  const writing = writer.write(bytes).then(() => writer.close());
  for (let turn = 0; turn < turns; turn++) await new Promise((resume) => setImmediate(resume));
  transfer(bytes);
  try {
    await Promise.all([writing, reading]);
    return concat(parts);
  } catch (error) {
    // Both sides have the same error.
    expect(await reading.catch((reason: unknown) => reason)).toBe(error);
    return error as Error;
  }
}

describe.each([
  ["compressStream", () => zstd.compressStream({ level: 3 })],
  ["with its size", () => zstd.compressStream({ contentSize: content.length })],
  ["in frames", () => zstd.compressStream({ frameSize: 100_000, seekTable: true })],
  ["in large frames", () => zstd.compressStream({ level: 19, frameSize: 2 << 20 })],
  ["in one frame larger than the chunk", () => zstd.compressStream({ frameSize: 16 << 20 })],
  ["compressFrames", () => zstd.compressFrames({ maxFrameSize: 100_000, seekTable: true })],
])("%s", (_, create) => {
  test.each([0, 1, 2, 5])("a chunk that is transferred after %i turns is no shorter value", async (turns) => {
    const result = await written(create(), content.slice(), turns);
    if (result instanceof Error) {
      expect(result).toBeInstanceOf(TypeError);
      expect(result.message).toBe("A chunk must not be transferred or resized while it is written");
    } else expect(zstd.decompress(result, { maxSize: 4 << 20 })).toHaveLength(content.length);
    expect(zstd.stats().live).toBe(0);
  });
});

test("some of these are transferred in time", async () => {
  const result = await written(zstd.compressStream({ level: 9 }), content.slice(), 2);
  expect(result).toBeInstanceOf(TypeError);
});

test("a chunk that has been transferred before it is written, and one of no bytes", async () => {
  for (const create of [
    () => zstd.compressStream(),
    () => zstd.compressFrames({ maxFrameSize: 1000 }),
    () => zstd.decompressStream(),
  ]) {
    const writer = create().writable.getWriter();
    writer.closed.catch(() => undefined);
    await writer.write(new Uint8Array(0));
    const bytes = content.slice(0, 100);
    transfer(bytes);
    await expect(writer.write(bytes)).rejects.toThrow(/must not be transferred or resized/);
  }
});

test("decompressStream: of this codec and of zstash/decode", async () => {
  const decoder = await loadDecoder();
  await decoder.decompressStream().readable.cancel();
  for (const from of [zstd, decoder]) {
    for (const turns of [1, 2, 3]) {
      const frame = zstd.compress(content.slice());
      const result = await written(from.decompressStream(), frame.slice(), turns);
      if (result instanceof Error) expect(result.message).toMatch(/must not be transferred or resized/);
      else expect(result).toHaveLength(content.length);
    }
  }
});

test("calls with bytes name them", async () => {
  const gone = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
    const copy = new Uint8Array(bytes);
    transfer(copy);
    return copy;
  };
  const frame = zstd.compress("abc");
  const file = readFileSync(new URL("../../vectors/dictionaries/sessions-1001.dict", import.meta.url));
  const message = (name: string): RegExp =>
    new RegExp(`^"${name}" must not have a buffer that was transferred or shrunk$`);
  const calls: [string, () => unknown][] = [
    ["data", () => zstd.compress(gone(content))],
    ["data", () => zstd.decompress(gone(frame))],
    ["data", () => zstd.decompressText(gone(frame))],
    ["data", () => readFrameHeader(gone(frame))],
    ["into", () => zstd.decompress(frame, { into: gone(content) })],
    ["bytes", () => readDictionary(gone(file))],
  ];
  for (const [name, call] of calls) {
    expect(call).toThrow(message(name));
    expect(call).toThrow(TypeError);
  }
  expect(zstd.decompress(zstd.compress(new Uint8Array(0)))).toHaveLength(0);

  const dictionary = readDictionary(file);
  transfer(dictionary.bytes);
  expect(() => zstd.compress("abc", { dictionary })).toThrow(message("dictionary.bytes"));
  const source = { size: 100, read: async (start: number, end: number) => gone(content.slice(start, end)) };
  const reading = zstd.decompressRange(source, 0).getReader().read();
  await expect(reading).rejects.toThrow(/^"source.read" must not return bytes whose buffer was transferred/);
});
