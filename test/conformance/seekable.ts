/** A range of a seekable file is a slice of its content, and reads no more than it needs. */
import { skippable } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail } from "./case.ts";
import { concat, jsonBytes, kinds, randomBytes, randomOf } from "./data.ts";
import { splitAt, through } from "./pipe.ts";
import { bytesOf, counted, seekableFile, tableOf } from "./range-source.ts";
import type { RangeOptions, SeekTable } from "../../src/index.ts";

type Range = readonly [start: number, end?: number];

/** The ends, the boundaries of frames, past the end, and some at random. */
function rangesOf(size: number, frameSize: number): readonly Range[] {
  const random = randomOf(size);
  const drawn = Array.from({ length: 6 }, (): Range => {
    const start = random() % (size + 1);
    return [start, start + (random() % (size - start + 50))];
  });
  const all: readonly Range[] = [
    [0],
    [0, 0],
    [0, 1],
    [size],
    [size, size],
    [Math.max(0, size - 1)],
    [Math.max(0, size - 1), size + 1000],
    [frameSize - 1, frameSize + 1],
    [frameSize, 2 * frameSize],
    [frameSize + 1, 3 * frameSize - 1],
    ...drawn,
  ];
  return all.filter(([start]) => start <= size);
}

/** A seekable file and what it was made of. */
interface Sliced {
  readonly file: Uint8Array;
  readonly data: Uint8Array;
  readonly frameSize: number;
}

async function isSlice(
  context: Context,
  { file, data, frameSize }: Sliced,
  about: string,
  options?: RangeOptions,
): Promise<void> {
  for (const [name, decoder] of decodersOf(context)) {
    for (const [start, end] of rangesOf(data.length, frameSize)) {
      const bytes = await bytesOf(decoder, counted(file), start, end, options);
      equal(bytes, data.subarray(start, end), `${name}, ${about}, [${start}, ${end ?? "the end"})`);
    }
  }
}

async function tableIn({ readSeekTable }: Context, file: Uint8Array): Promise<SeekTable> {
  return (await readSeekTable(counted(file))) ?? fail("there is no table");
}

const slices: Case[] = kinds.map(([kind, make]) => ({
  name: `seekable: a range is a slice, ${kind}`,
  needs: ["streams"],
  async run(context) {
    for (const [size, frameSize] of [
      [0, 1000],
      [1, 1000],
      [999, 1000],
      [1000, 1000],
      [1001, 1000],
      [30_000, 1000],
      [30_000, 29_999],
      [50, 1],
    ] as const) {
      const data = make(size + 7, size);
      const transform = context.zstd.compressStream({ frameSize, seekTable: true });
      const file = await through(transform, splitAt(data, size, 7000));
      const about = `${size} bytes in frames of ${frameSize}`;
      await isSlice(context, { file, data, frameSize }, about);
      const seekTable = await tableIn(context, file);
      equal(seekTable.size, size, `${about}, the size that the table gives`);
      await isSlice(context, { file, data, frameSize }, `${about}, cached`, { seekTable, readSize: 3000 });
    }
    equal(context.zstd.stats().live, 0, "live contexts");
  },
}));

const content = randomBytes(21, 200_000);

const reading: Case[] = [
  {
    name: "seekable: a range of one-shot frames",
    async run(context) {
      const data = jsonBytes(22, 20_000);
      const { file } = seekableFile(context.zstd, data, 1500);
      await isSlice(context, { file, data, frameSize: 1500 }, "one-shot frames");
    },
  },
  {
    name: "seekable: a range of bounded frames",
    async run(context) {
      const data = jsonBytes(23, 20_000);
      const transform = context.zstd.compressFrames({ maxFrameSize: 300, seekTable: true });
      const file = await through(transform, [data]);
      await isSlice(context, { file, data, frameSize: 300 }, "bounded frames");
    },
  },
  {
    name: "seekable: reads the table once, and of the frames those alone that are needed",
    async run(context) {
      const { file, frames, entries } = seekableFile(context.zstd, content, 10_000);
      const starts = entries.map((_, index) =>
        entries.slice(0, index).reduce((sum, [size]) => sum + size, 0),
      );
      for (const [name, decoder] of decodersOf(context)) {
        const seekTable = await tableIn(context, file);
        for (const [start, end, first, last] of [
          [0, 1, 0, 0],
          [9999, 10_000, 0, 0],
          [10_000, 10_001, 1, 1],
          [9999, 10_001, 0, 1],
          [123_456, 156_789, 12, 15],
          [199_999, 200_000, 19, 19],
        ] as const) {
          const from = starts[first]!;
          const to = starts[last]! + entries[last]![0];
          const about = `${name}, [${start}, ${end})`;
          const cached = counted(file);
          const bytes = await bytesOf(decoder, cached, start, end, { seekTable });
          equal(bytes, content.subarray(start, end), about);
          equal(JSON.stringify(cached.reads), JSON.stringify([[from, to]]), `${about}, cached`);
          const cold = counted(file);
          await bytesOf(decoder, cold, start, end);
          const [table, ...others] = cold.reads;
          equal(table?.[1], file.length, `${about}, the end of the first read`);
          if (table![0] > frames.length) fail(`${about}: the first read holds half a table`);
          equal(JSON.stringify(others), JSON.stringify([[from, to]]), about);
        }
      }
    },
  },
  {
    name: "seekable: a small file is read once",
    async run(context) {
      const data = jsonBytes(30, 5000);
      const { file } = seekableFile(context.zstd, data, 400);
      for (const [name, decoder] of decodersOf(context)) {
        const source = counted(file);
        equal(await bytesOf(decoder, source, 300, 4500), data.subarray(300, 4500), name);
        equal(JSON.stringify(source.reads), JSON.stringify([[0, file.length]]), `${name}, the reads`);
      }
    },
  },
  {
    name: "seekable: an empty range reads nothing, and no range reads before it is read",
    async run(context) {
      const { file } = seekableFile(context.zstd, content, 10_000);
      for (const [name, decoder] of decodersOf(context)) {
        const source = counted(file);
        equal((await bytesOf(decoder, source, 5000, 5000)).length, 0, `${name}, an empty range`);
        const left = decoder.decompressRange(source, 0);
        await new Promise((resume) => setTimeout(resume, 1));
        equal(source.reads.length, 0, `${name}, reads`);
        await left.cancel();
        equal(source.reads.length, 0, `${name}, reads after cancel`);
      }
    },
  },
  {
    name: "seekable: reads of readSize at most, no byte twice, one ahead",
    async run(context) {
      const { file, frames } = seekableFile(context.zstd, content, 5000);
      const seekTable = await tableIn(context, file);
      for (const [name, decoder] of decodersOf(context)) {
        for (const readSize of [1, 6000, 17_000, 1 << 20]) {
          const source = counted(file);
          const about = `${name}, reads of ${readSize}`;
          equal(await bytesOf(decoder, source, 0, undefined, { seekTable, readSize }), content, about);
          let at = 0;
          for (const [start, end] of source.reads) {
            equal(start, at, `${about}: where a read begins`);
            if (end - start > Math.max(readSize, 5100)) fail(`${about}: one of ${end - start}`);
            at = end;
          }
          equal(at, frames.length, `${about}: the bytes read`);
        }
        const stopped = counted(file);
        const reader = decoder
          .decompressRange(stopped, 0, undefined, { seekTable, readSize: 6000 })
          .getReader();
        await reader.read();
        await reader.cancel();
        await new Promise((resume) => setTimeout(resume, 1));
        if (stopped.reads.length > 2) fail(`${name}: ${stopped.reads.length} reads for one chunk`);
      }
    },
  },
  {
    name: "seekable: a table longer than the first read takes a second",
    async run(context) {
      const data = randomBytes(24, 2000);
      const { file, frames } = seekableFile(context.zstd, data, 1);
      const source = counted(file);
      const table = await context.readSeekTable(source);
      equal(table?.frameCount, 2000, "frames");
      equal(source.reads.length, 2, "reads");
      equal(source.reads[1]![0], frames.length, "where the second begins");
      equal(source.reads[1]![1], source.reads[0]![0], "where it ends");
      for (const [name, decoder] of decodersOf(context)) {
        equal(await bytesOf(decoder, counted(file), 990, 1010), data.subarray(990, 1010), name);
      }
    },
  },
  {
    name: "seekable: skippable and empty frames, and checksums in the table",
    async run(context) {
      const data = jsonBytes(25, 3000);
      const { zstd } = context;
      const parts = [
        [skippable(randomBytes(26, 40)), 0],
        [zstd.compress(data.subarray(0, 1000)), 1000],
        [zstd.compress(new Uint8Array(0)), 0],
        [skippable(new Uint8Array(0), 15), 0],
        [zstd.compress(data.subarray(1000)), 2000],
        [skippable(randomBytes(27, 9000)), 0],
      ] as const;
      const frames = parts.map(([frame]) => frame);
      const entries = parts.map(([frame, size]) => [frame.length, size] as const);
      for (const checksums of [false, true]) {
        const file = concat(frames, tableOf(entries, checksums));
        await isSlice(context, { file, data, frameSize: 1000 }, `checksums: ${checksums}`);
      }
    },
  },
  {
    name: "seekable: the table says where each frame lies",
    async run(context) {
      const data = jsonBytes(28, 12_345);
      const { file, frames } = seekableFile(context.zstd, data, 1000);
      const table = await tableIn(context, file);
      equal(table.frameCount, 13, "frames");
      equal(table.size, data.length, "bytes of content");
      equal(table.compressedSize, frames.length, "bytes of frames");
      for (let index = 0; index < table.frameCount; index++) {
        const { start, end, contentStart, contentEnd } = table.frame(index);
        const part = context.zstd.decompress(file.subarray(start, end));
        equal(part, data.subarray(contentStart, contentEnd), `frame ${index}`);
        equal(table.find(contentStart), index, `the first byte of frame ${index}`);
        equal(table.find(contentEnd - 1), index, `the last byte of frame ${index}`);
      }
    },
  },
  {
    name: "seekable: without a table a range is decoded from the start",
    needs: ["streams"],
    async run(context) {
      const data = jsonBytes(29, 20_000);
      const { zstd } = context;
      const sources: readonly (readonly [string, Uint8Array])[] = [
        ["one frame", zstd.compress(data)],
        ["several", seekableFile(zstd, data, 1500).frames],
        ["not declared", await through(zstd.compressStream({ flush: 3000 }), [data])],
        ["skippable", concat(skippable(data), zstd.compress(data), skippable(data))],
      ];
      for (const [about, file] of sources) {
        equal(await context.readSeekTable(counted(file)), undefined, `${about}: the table`);
        await isSlice(context, { file, data, frameSize: 1500 }, about);
        await isSlice(context, { file, data, frameSize: 1500 }, `${about}, small reads`, { readSize: 700 });
      }
      const [, [, long]] = sources as readonly [unknown, readonly [string, Uint8Array]];
      for (const [name, decoder] of decodersOf(context)) {
        const source = counted(long);
        await bytesOf(decoder, source, 0, 10, { readSize: 100 });
        const furthest = Math.max(...source.reads.slice(1).map(([, end]) => end));
        if (furthest * 2 > long.length) fail(`${name}: read up to byte ${furthest} of ${long.length}`);
      }
      equal(zstd.stats().live, 0, "live contexts");
    },
  },
];

export const seekable: readonly Case[] = [...slices, ...reading];
