import { describe, expect, test } from "vitest";
import { openSource } from "../../../src/store/source.ts";
import { readAll, readText } from "../../../src/store/whole.ts";
import type { ByteStream } from "../../../src/streams.ts";

const MIB = 1 << 20;

/** Bytes in chunks of `size`, as a stream. */
function inChunks(bytes: Uint8Array, size: number): ByteStream {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += size)));
    },
  });
  return stream as unknown as ByteStream;
}

/** Texts in which every kind of character lies across slices and chunks. */
const texts = [
  "",
  "short",
  `\uFEFF${"a".repeat(3 * MIB)}`,
  `x${"\u{1F600}".repeat(MIB / 2)}`,
  `ab${"\u20AC".repeat(MIB)}\uFEFF`,
  `${"a".repeat((256 << 10) - 1)}\u{10FFFF}${"é".repeat(MIB)}`,
];

describe("a text as a whole", () => {
  test.each(texts.map((text, index) => [index, text] as const))("number %i", async (_, text) => {
    const bytes = new TextEncoder().encode(text);
    for (const size of [65_537, bytes.length + 1]) {
      expect((await readText(inChunks(bytes, size), Infinity)) === text).toBe(true);
    }
  });

  test.each([100, 3 * MIB])("bytes that are no text are NOT_TEXT, wherever they lie in %i", async (size) => {
    for (const at of [0, size - 1]) {
      const bytes = new Uint8Array(size).fill(97);
      bytes[at] = 0xc3;
      await expect(readText(inChunks(bytes, 65_536), Infinity)).rejects.toMatchObject({ code: "NOT_TEXT" });
    }
  });

  test("more than the limit is SIZE_LIMIT, as text and as bytes", async () => {
    const bytes = new Uint8Array(2 * MIB).fill(97);
    for (const read of [readText, readAll]) {
      await expect(read(inChunks(bytes, 65_536), 2 * MIB - 1)).rejects.toMatchObject({ code: "SIZE_LIMIT" });
    }
  });
});

describe("a text as a source", () => {
  test.each(
    [...texts, `${"a".repeat((256 << 10) - 1)}\uD83D${"b".repeat(MIB)}\uDE00`].map(
      (text, index) => [index, text] as const,
    ),
  )("number %i is measured and encoded as TextEncoder does it", async (_, text) => {
    const bytes = new TextEncoder().encode(text);
    const source = openSource(text);
    expect(source.size ?? (await source.measure?.())).toBe(bytes.length);
    const read = await readAll(source.stream as unknown as ByteStream);
    expect(Buffer.compare(read, bytes)).toBe(0);
  });
});
