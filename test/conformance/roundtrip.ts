/** What is compressed comes back, at every level and around every size that matters. */
import type { Case, Context } from "./case.ts";
import { canDo, decodersOf, equal, fail } from "./case.ts";
import { jsonBytes, kinds, mixedBytes, randomBytes, withOffset } from "./data.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Around every width of a content size field, around a block, and what one-byte errors break first. */
const sizes = [
  0,
  1,
  2,
  3,
  63,
  64,
  65,
  127,
  128,
  129,
  255,
  256,
  257,
  KiB,
  64 * KiB - 1,
  64 * KiB,
  64 * KiB + 1,
  64 * KiB + 255,
  64 * KiB + 256,
  128 * KiB - 1,
  128 * KiB,
  128 * KiB + 1,
  MiB,
];

/** 85 MB of context at level 19: few sizes, so that a case stays under a second. */
const levels = Array.from({ length: 27 }, (_, at) => at - 7);

function comesBack(context: Context, data: Uint8Array, frame: Uint8Array, about: string): void {
  for (const [name, decoder] of decodersOf(context)) {
    equal(decoder.decompress(frame), data, `${name}, ${about}`);
  }
}

const bySize: Case[] = kinds.flatMap(([kind, make]) =>
  sizes.map((size) => ({
    name: `roundtrip: ${kind}, ${size} bytes`,
    run(context) {
      const data = make(size + 1, size);
      const frame = context.zstd.compress(data);
      comesBack(context, data, frame, `${size} bytes`);
      equal(context.readFrameHeader(frame).contentSize, size, "the declared content size");
    },
  })),
);

const byLevel: Case[] = kinds.flatMap(([kind, make]) =>
  [0, 1, 129, 5000, 70_001].map((size) => ({
    name: `roundtrip: ${kind}, ${size} bytes at levels -7…19`,
    needs: ["levels"],
    run(context) {
      const data = make(size + 2, size);
      for (const level of levels) {
        const frame = context.zstd.compress(data, { level });
        comesBack(context, data, frame, `level ${level}`);
      }
    },
  })),
);

const options: Case[] = [
  {
    name: "roundtrip: with a checksum and without",
    needs: ["checksum"],
    run(context) {
      for (const size of [0, 1, 200, 70_000]) {
        const data = jsonBytes(size, size);
        const lengths = [true, false, undefined].map((checksum) => {
          const frame = context.zstd.compress(data, checksum === undefined ? {} : { checksum });
          equal(context.readFrameHeader(frame).checksum, checksum ?? true, "the checksum flag");
          comesBack(context, data, frame, `checksum ${checksum}`);
          return frame.length;
        });
        equal(lengths.join(), `${lengths[0]},${lengths[0]! - 4},${lengths[0]}`, "the lengths of the frames");
      }
    },
  },
  {
    name: "roundtrip: without a checksum where it is said",
    run(context) {
      const data = jsonBytes(8, 3000);
      const frame = context.zstd.compress(data, { checksum: false });
      equal(context.readFrameHeader(frame).checksum, false, "the checksum flag");
      comesBack(context, data, frame, "checksum false");
    },
  },
  {
    name: "roundtrip: undefined options are the defaults",
    run(context) {
      const { zstd } = context;
      const data = jsonBytes(9, 3000);
      const frame = zstd.compress(data);
      equal(zstd.compress(data, undefined), frame, "compress(data, undefined)");
      equal(zstd.compress(data, {}), frame, "compress(data, {})");
      equal(zstd.compress(data, { level: 1 }), frame, "level 1");
      if (canDo(context, "checksum")) equal(zstd.compress(data, { checksum: true }), frame, "checksum true");
      for (const [name, decoder] of decodersOf(context)) {
        equal(decoder.decompress(frame, undefined), data, `${name}, decompress(frame, undefined)`);
        equal(decoder.decompress(frame, {}), data, `${name}, decompress(frame, {})`);
      }
    },
  },
  {
    name: "roundtrip: levels 20…22",
    needs: ["levels"],
    run(context) {
      const data = jsonBytes(10, 20_000);
      for (const level of [20, 21, 22]) {
        comesBack(context, data, context.zstd.compress(data, { level }), `level ${level}`);
      }
    },
  },
  {
    name: "roundtrip: a level does not stick to the next call",
    needs: ["levels"],
    run({ zstd }) {
      const data = mixedBytes(11, 20_000);
      const fast = zstd.compress(data);
      for (const level of [19, -7, 9, 22]) {
        zstd.compress(data, { level, checksum: false });
        equal(zstd.compress(data), fast, `after level ${level}`);
      }
    },
  },
  {
    name: "roundtrip: advanced parameters, and they do not stick",
    needs: ["levels"],
    run(context) {
      const { zstd } = context;
      const data = jsonBytes(12, 60_000);
      const before = zstd.compress(data, { level: 3 });
      for (const parameters of [
        { windowLog: 10 },
        { windowLog: 17, hashLog: 6, chainLog: 6, searchLog: 1, minMatch: 3, targetLength: 0, strategy: 1 },
        { strategy: 9, searchLog: 4, targetLength: 32 },
        { minMatch: 7 },
        {},
      ]) {
        const frame = zstd.compress(data, { level: 3, parameters });
        comesBack(context, data, frame, JSON.stringify(parameters));
        equal(zstd.compress(data, { level: 3 }), before, `after ${JSON.stringify(parameters)}`);
      }
      const small = context.readFrameHeader(zstd.compress(data, { parameters: { windowLog: 10 } }));
      equal(small.windowSize, 1024, "the window of windowLog 10");
    },
  },
];

const memory: Case[] = [
  {
    name: "roundtrip: into an array of exactly the size",
    run(context) {
      for (const size of [0, 1, 5000, 200_000]) {
        const data = mixedBytes(size, size);
        const frame = context.zstd.compress(data);
        for (const [name, decoder] of decodersOf(context)) {
          const into = new Uint8Array(size);
          const filled = decoder.decompress(frame, { into });
          equal(filled, data, name);
          equal(filled.buffer, into.buffer, `${name}, the buffer`);
          equal(into, data, `${name}, the array`);
        }
      }
    },
  },
  {
    name: "roundtrip: into a larger array, at an offset: the rest stays as it was",
    run(context) {
      const data = jsonBytes(13, 5000);
      const frame = context.zstd.compress(data);
      for (const [name, decoder] of decodersOf(context)) {
        const host = new Uint8Array(6000).fill(0x5a);
        const filled = decoder.decompress(frame, { into: host.subarray(100, 5900) });
        equal(filled, data, name);
        equal(filled.buffer, host.buffer, `${name}, the buffer`);
        equal(filled.byteOffset, 100, `${name}, the offset`);
        equal(host.subarray(0, 100), new Uint8Array(100).fill(0x5a), `${name}, before it`);
        equal(host.subarray(5100), new Uint8Array(900).fill(0x5a), `${name}, behind it`);
      }
    },
  },
  {
    name: "roundtrip: input that is a view at any offset",
    run(context) {
      const data = jsonBytes(14, 3000);
      const frame = context.zstd.compress(data);
      for (let offset = 0; offset < 17; offset++) {
        equal(context.zstd.compress(withOffset(data, offset)), frame, `compress at ${offset}`);
        comesBack(context, data, withOffset(frame, offset), `offset ${offset}`);
      }
    },
  },
  {
    name: "roundtrip: input is left as it was",
    run(context) {
      const data = mixedBytes(15, 150_000);
      const copy = data.slice();
      const frame = context.zstd.compress(data);
      equal(data, copy, "the input of compress");
      const frameCopy = frame.slice();
      for (const [name, decoder] of decodersOf(context)) {
        decoder.decompress(frame);
        decoder.decompress(frame, { into: new Uint8Array(150_000) });
        equal(frame, frameCopy, `${name}, the input of decompress`);
      }
    },
  },
  {
    name: "roundtrip: results are the caller's own: later calls do not change them",
    run(context) {
      const { zstd } = context;
      const contents = [1, 2, 3, 4].map((seed) => mixedBytes(seed, 3000 * seed));
      const frames = contents.map((content) => zstd.compress(content));
      const frameCopies = frames.map((frame) => frame.slice());
      const results = decodersOf(context).flatMap(([, decoder]) =>
        frames.map((frame) => decoder.decompress(frame)),
      );
      // Grows the memory, and writes over whatever lies in it.
      const large = randomBytes(5, 1 << 20);
      comesBack(context, large, zstd.compress(large), "1 MiB");
      for (const [at, frame] of frames.entries()) equal(frame, frameCopies[at], `frame ${at}`);
      for (const [at, result] of results.entries()) equal(result, contents[at % 4], `result ${at}`);
      for (const result of results) result.fill(0xee);
      for (const [at, frame] of frames.entries())
        comesBack(context, contents[at]!, frame, `frame ${at} again`);
    },
  },
  {
    name: "roundtrip: results do not pin more memory than they need",
    run(context) {
      const frame = context.zstd.compress(jsonBytes(16, 1000));
      const all = [frame, ...decodersOf(context).map(([, decoder]) => decoder.decompress(frame))];
      for (const bytes of all) {
        if (bytes.buffer.byteLength > bytes.length + 1024) {
          fail(`${bytes.length} bytes hold a buffer of ${bytes.buffer.byteLength}`);
        }
      }
    },
  },
  {
    name: "roundtrip: small after large and large after small",
    run(context) {
      for (const size of [1 << 20, 1, 300_000, 0, 70_000, 2]) {
        const data = jsonBytes(size, size);
        comesBack(context, data, context.zstd.compress(data), `${size} bytes`);
      }
    },
  },
  {
    name: "roundtrip: repetition compresses",
    run({ zstd }) {
      const length = zstd.compress(new Uint8Array(1 << 20)).length;
      if (length > 200) fail(`1 MiB of zeros became ${length} bytes`);
      const noise = zstd.compress(randomBytes(17, 1 << 17)).length;
      if (noise > (1 << 17) + 30) fail(`128 KiB of noise became ${noise} bytes`);
    },
  },
];

export const roundtrip: readonly Case[] = [...bySize, ...byLevel, ...options, ...memory];
