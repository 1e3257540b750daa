/** Streams give what one-shot calls give, however their input is cut. */
import { skippable } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail, misuse, throws } from "./case.ts";
import { concat, flipBit, jsonBytes, kinds, randomBytes, utf8 } from "./data.ts";
import { bytewise, pipe, splitAt, through } from "./pipe.ts";
import type { CompressStreamOptions, ZstashErrorCode } from "../../src/index.ts";

const nothing = new Uint8Array(0);
const small = jsonBytes(1, 90);

const layouts: readonly (readonly [string, CompressStreamOptions])[] = [
  ["ramp", {}],
  ["no flush", { flush: "none" }],
  ["flush 1000", { flush: 1000 }],
  ["target", { flush: "none", targetCBlockSize: 1340 }],
  ["frames", { frameSize: 5000 }],
  ["frames and seek table", { frameSize: 65_536, seekTable: true }],
  ["level 9, no checksum", { level: 9, checksum: false }],
];

const roundtrips: Case[] = layouts.flatMap(([layout, options]) =>
  kinds.map(([kind, make]) => ({
    name: `streams: ${layout}, ${kind}`,
    needs: ["streams"],
    async run(context) {
      for (const size of [0, 1, 1299, 1300, 1301, 140_000]) {
        const data = make(size + 1, size);
        const about = `${size} bytes`;
        const stored = await through(context.zstd.compressStream(options), splitAt(data, size, 40_000));
        for (const [name, decoder] of decodersOf(context)) {
          equal(decoder.decompress(stored), data, `${name}, one-shot, ${about}`);
          const back = await through(decoder.decompressStream(), splitAt(stored, size, 9000));
          equal(back, data, `${name}, stream, ${about}`);
        }
        if (options.frameSize !== undefined) continue;
        const pledged = context.zstd.compressStream({ ...options, contentSize: size });
        const declared = await through(pledged, [data]);
        equal(context.readFrameHeader(declared).contentSize, size, `the declared size, ${about}`);
        equal(context.zstd.decompress(declared), data, `pledged, ${about}`);
      }
    },
  })),
);

/** Frames with and without a size, a checksum and content, and skippable ones. */
async function smallFrames({
  zstd,
}: Context): Promise<readonly (readonly [string, Uint8Array, Uint8Array])[]> {
  const unsized = await through(zstd.compressStream({ flush: 20 }), [small]);
  const sized = zstd.compress(small);
  return [
    ["sized", sized, small],
    ["not declared", unsized, small],
    ["no checksum", zstd.compress(small, { checksum: false }), small],
    ["nothing", zstd.compress(nothing), nothing],
    ["skippable", skippable(small), nothing],
    ["several", concat(sized, skippable(nothing), unsized, skippable(small)), concat(small, small)],
  ];
}

/** Runs what must fail on every decoder's stream, and after it one that must not. */
async function fails(
  context: Context,
  code: ZstashErrorCode | readonly ZstashErrorCode[],
  about: string,
  input: readonly Uint8Array[],
): Promise<void> {
  for (const [name, decoder] of decodersOf(context)) {
    const { error, bytes } = await pipe(decoder.decompressStream(), input);
    const raise = (): void => {
      if (error !== undefined) throw error;
    };
    const { frame, offset } = throws(context, code, `${name}, ${about}, ${bytes.length} bytes out`, raise);
    if (frame === undefined || offset === undefined) fail(`${name}, ${about}: no frame, no offset`);
  }
}

const splits: Case[] = [
  {
    name: "streams: cut at every byte, and into bytes",
    needs: ["streams"],
    async run(context) {
      for (const [kind, data, expected] of await smallFrames(context)) {
        for (const [name, decoder] of decodersOf(context)) {
          for (let at = 0; at <= data.length; at++) {
            const parts = [data.subarray(0, at), nothing, data.subarray(at)];
            equal(await through(decoder.decompressStream(), parts), expected, `${name}, ${kind} at ${at}`);
          }
          equal(await through(decoder.decompressStream(), bytewise(data)), expected, `${name}, ${kind}`);
        }
      }
    },
  },
  {
    name: "streams: output before the last input",
    needs: ["streams"],
    async run({ zstd }) {
      const data = jsonBytes(2, 3000);
      const stored = zstd.compress(randomBytes(3, 140_000));
      const transforms = [
        ["compress", zstd.compressStream(), data],
        ["decompress", zstd.decompressStream(), stored],
      ] as const;
      for (const [name, { readable, writable }, input] of transforms) {
        const writer = writable.getWriter();
        const reader = readable.getReader();
        let first = 0;
        const read = reader.read().then(({ value }) => (first = value?.length ?? 0));
        // The last byte is never written: what comes out cannot have waited for it.
        const written = writer.write(input.subarray(0, input.length - 1)).catch(() => {});
        await read;
        if (first === 0) fail(`${name}: nothing came out`);
        await reader.cancel();
        await written;
      }
      equal(zstd.stats().live, 0, "live contexts");
    },
  },
];

const badInput: Case[] = [
  {
    name: "streams: truncated at every byte is TRUNCATED at the end",
    needs: ["streams"],
    async run(context) {
      for (const [kind, data] of (await smallFrames(context)).slice(0, 5)) {
        for (let end = 0; end < data.length; end++) {
          await fails(context, "TRUNCATED", `${kind} cut at ${end}`, [data.subarray(0, end)]);
        }
      }
      equal(context.zstd.stats().live, 0, "live contexts");
    },
  },
  {
    name: "streams: garbage, at the start and behind a frame",
    needs: ["streams"],
    async run(context) {
      const frame = context.zstd.compress(small);
      for (const garbage of [utf8("x"), utf8('{"a":1}'), randomBytes(4, 300)]) {
        await fails(context, "NOT_ZSTD", "at the start", [garbage]);
        await fails(context, "NOT_ZSTD", "at the start, in bytes", bytewise(garbage));
        await fails(context, "CORRUPT", "behind", [frame, garbage]);
        await fails(context, "CORRUPT", "behind, in bytes", bytewise(concat(frame, garbage)));
      }
    },
  },
  {
    name: "streams: every bit flip is an error, or the content",
    needs: ["streams", "checksum"],
    async run(context) {
      const data = context.zstd.compress(small);
      for (const [name, decoder] of decodersOf(context)) {
        for (let bit = 0; bit < 8 * data.length; bit++) {
          const { bytes, error } = await pipe(decoder.decompressStream(), [flipBit(data, bit)]);
          if (error === undefined) equal(bytes, small, `${name}, bit ${bit}`);
          else if (!(error instanceof context.ZstashError)) fail(`${name}, bit ${bit}: ${String(error)}`);
        }
      }
      equal(context.zstd.stats().live, 0, "live contexts");
    },
  },
  {
    name: "streams: maxSize, by claim and in the middle",
    needs: ["streams"],
    async run(context) {
      const content = randomBytes(5, 20_000);
      const unsized = await through(context.zstd.compressStream(), [content]);
      for (const [name, decoder] of decodersOf(context)) {
        for (const frame of [context.zstd.compress(content), unsized]) {
          const { bytes, error } = await pipe(decoder.decompressStream({ maxSize: 19_999 }), [frame]);
          throws(context, "SIZE_LIMIT", name, () => {
            throw error;
          });
          equal(bytes.length <= 19_999, true, `${name}: no more than the limit`);
          equal(await through(decoder.decompressStream({ maxSize: 20_000 }), [frame]), content, name);
        }
      }
    },
  },
  {
    name: "streams: a window over the limit is WINDOW_LIMIT",
    needs: ["streams", "levels"],
    async run(context) {
      const parameters = { windowLog: 24, hashLog: 10, chainLog: 10 };
      const stored = await through(context.zstd.compressStream({ parameters }), [small]);
      await fails(context, "WINDOW_LIMIT", "2^24", [stored]);
      for (const [name, decoder] of decodersOf(context)) {
        equal(await through(decoder.decompressStream({ maxWindowLog: 24 }), [stored]), small, name);
      }
    },
  },
  {
    name: "streams: input that is not of contentSize bytes is a RangeError",
    needs: ["streams"],
    async run({ zstd }) {
      for (const size of [0, 89, 91, 5000]) {
        const { error } = await pipe(zstd.compressStream({ contentSize: size }), [small]);
        misuse("RangeError", "contentSize", `${size}`, () => {
          if (error !== undefined) throw error;
        });
      }
      equal(zstd.stats().live, 0, "live contexts");
    },
  },
];

const endings: Case[] = [
  {
    name: "streams: cancelled and aborted ones free their contexts",
    needs: ["streams"],
    async run({ zstd }) {
      const data = randomBytes(6, 4000);
      for (let round = 0; round < 50; round++) {
        const { readable, writable } = zstd.compressStream({ flush: 100 });
        const writer = writable.getWriter();
        const written = writer.write(data).catch(() => {});
        const reader = readable.getReader();
        await reader.read();
        if (round % 2 === 0) await reader.cancel("enough");
        else await writer.abort("stop");
        await written;
        await Promise.all([writer.closed.catch(() => {}), reader.closed.catch(() => {})]);
        equal(zstd.stats().live, 0, `live contexts after ${round}`);
      }
      equal(zstd.decompress(await through(zstd.compressStream(), [data])), data, "afterwards");
    },
  },
  {
    name: "streams: a hundred at once",
    needs: ["streams"],
    async run(context) {
      const all = Array.from({ length: 100 }, async (_, number) => {
        const data = jsonBytes(number, 2000 + number);
        const stored = await through(context.zstd.compressStream(), splitAt(data, number, 500));
        for (const [name, decoder] of decodersOf(context)) {
          const back = await through(decoder.decompressStream(), splitAt(stored, number, 100));
          equal(back, data, `${name}, ${number}`);
        }
      });
      await Promise.all(all);
      const { live, waiters } = context.zstd.stats();
      equal(live + waiters, 0, "live contexts and waiters");
    },
  },
  {
    name: "streams: a pipeline of both directions",
    needs: ["streams"],
    async run({ zstd }) {
      const data = jsonBytes(7, 300_000);
      const { readable, writable } = zstd.compressStream();
      const joined = { writable, readable: readable.pipeThrough(zstd.decompressStream()) };
      equal(await through(joined, splitAt(data, 8, 50_000)), data, "the content");
    },
  },
];

export const streams: readonly Case[] = [...roundtrips, ...splits, ...badInput, ...endings];
