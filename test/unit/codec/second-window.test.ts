/** The window of a later frame does not decide whether a value can be read: streams refuse what one call decodes. */
import { expect, test } from "vitest";
import { decompressLargeText } from "../../../src/codec/large-text.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { chunksOf, concat, through } from "../../support/streams.ts";

const zstd = await loadZstd();
const text = new TextEncoder().encode("what there is to say, again and again; ".repeat(100_000));
const first = zstd.compress(text);
const second = await through(zstd.compressStream({ parameters: { windowLog: 25 } }), [text]);
const joined = concat([first, second]);
const whole = concat([text, text]);

test("the frames are what they are to be", () => {
  expect(readFrameHeader(first).windowSize).toBeLessThanOrEqual(8 << 20);
  expect(readFrameHeader(second).windowSize).toBe(32 << 20);
  expectBytes(zstd.decompress(joined), whole);
});

test("a range of an entry of the table that holds both", async () => {
  const table = writeSeekTable([{ compressedSize: joined.length, decompressedSize: whole.length }]);
  const file = concat([joined, table]);
  const source = {
    size: file.length,
    read: (start: number, end: number) => Promise.resolve(file.subarray(start, end)),
  };
  expectBytes(concat(await chunksOf(zstd.decompressRange(source, 0))), whole);
});

test("a large text of both", async () => {
  const read = await decompressLargeText(zstd, joined, { maxSize: 1e8 });
  expect(read === new TextDecoder().decode(whole)).toBe(true);
});
