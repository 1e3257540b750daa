/** A test runner's fake timers, which replace the platform's after the codec has loaded, stop no stream. */
import { afterEach, expect, test, vi } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { chunksOf, concat, sourceOf, through } from "../../support/streams.ts";

const zstd = await loadZstd();
const data = new TextEncoder().encode("what there is to compress, again and again; ".repeat(70_000));

afterEach(() => void vi.useRealTimers());

test("streams, frames and ranges go on under fake timers", async () => {
  vi.useFakeTimers({
    toFake: [
      "setTimeout",
      "setInterval",
      "setImmediate",
      "clearTimeout",
      "clearInterval",
      "clearImmediate",
      "Date",
    ],
  });
  const frame = await through(zstd.compressStream(), [data]);
  expectBytes(await through(zstd.decompressStream(), [frame]), data);
  const file = await through(zstd.compressStream({ frameSize: 2_500_000, seekTable: true }), [data]);
  const source = {
    size: file.length,
    read: (start: number, end: number) => Promise.resolve(file.subarray(start, end)),
  };
  expectBytes(concat(await chunksOf(zstd.decompressRange(source, 0))), data);
  const frames = await chunksOf(
    sourceOf([data]).pipeThrough(zstd.compressFrames({ maxFrameSize: 64, level: 9 })),
  );
  expectBytes(zstd.decompress(concat(frames)), data);
  // Streams that wait for memory, too.
  const small = await loadZstd({ memoryLimit: 4 << 20 });
  const many = await Promise.all(Array.from({ length: 12 }, () => through(small.compressStream(), [data])));
  for (const one of many) expectBytes(small.decompress(one), data);
  expect(vi.getTimerCount()).toBe(0);
});
