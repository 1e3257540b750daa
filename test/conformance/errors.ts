import type { Block } from "./build-frame.ts";
import {
  frame,
  littleEndian,
  MAGIC,
  rawFrame,
  rleBlocks,
  skippable,
  SMALLEST_WINDOW,
} from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, throws } from "./case.ts";
import { concat, flipBit, jsonBytes, mixedBytes, randomBytes, utf8 } from "./data.ts";
import type { ZstashErrorCode } from "../../src/index.ts";

const after = utf8("the next call works");

/** Larger than any content here: made once, for a new one at every call costs more than the call. */
const room = new Uint8Array(1 << 19);

/** Runs what must fail on every decoder, and after each a call that must not. */
function fails(
  context: Context,
  codes: ZstashErrorCode | readonly ZstashErrorCode[],
  about: string,
  data: Uint8Array,
): void {
  for (const [name, decoder] of decodersOf(context)) {
    throws(context, codes, `${name}, ${about}`, () => decoder.decompress(data));
    equal(decoder.decompress(rawFrame(after)), after, `${name}, after ${about}`);
    throws(context, codes, `${name}, ${about}, text`, () => decoder.decompressText(data));
    equal(decoder.decompressText(rawFrame(after)), "the next call works", `${name}, after ${about}, text`);
    throws(context, codes, `${name}, ${about}, into`, () => decoder.decompress(data, { into: room }));
  }
}

/** Frames whose every prefix is tried. None of them is longer than a few hundred bytes. */
function short(context: Context): readonly (readonly [string, Uint8Array])[] {
  const content = jsonBytes(1, 600);
  const parts: Block[] = [
    { raw: content.subarray(0, 50) },
    { rle: 1, size: 300 },
    { raw: new Uint8Array(0) },
  ];
  return [
    ["JSON", context.zstd.compress(content)],
    ["JSON, level 9", context.zstd.compress(content, { level: 9 })],
    ["noise", context.zstd.compress(randomBytes(2, 150))],
    ["nothing", context.zstd.compress("")],
    ["zeros", context.zstd.compress(new Uint8Array(5000))],
    ["mixed", context.zstd.compress(mixedBytes(3, 400))],
    ["blocks", frame({ contentSize: 350 }, parts)],
    ["blocks, not declared", frame({ windowDescriptor: SMALLEST_WINDOW }, parts)],
    [
      "wide header",
      frame({ contentSize: 5, contentSizeBytes: 8, dictionaryIdBytes: 4 }, { raw: utf8("hello") }),
    ],
    ["skippable", skippable(content.subarray(0, 100))],
    ["long zeros", context.zstd.compress(new Uint8Array(8000), { checksum: false })],
  ];
}

const truncated: Case[] = [
  {
    name: "errors: a frame cut at every byte is TRUNCATED",
    run(context) {
      for (const [kind, data] of short(context)) {
        for (let end = 0; end < data.length; end++) {
          fails(context, "TRUNCATED", `${kind} cut at ${end} of ${data.length}`, data.subarray(0, end));
        }
      }
    },
  },
  {
    name: "errors: several frames cut at every byte are TRUNCATED, or whole frames",
    run(context) {
      const contents = [jsonBytes(4, 100), new Uint8Array(0), jsonBytes(5, 90)];
      const frames = contents.map((content) => context.zstd.compress(content));
      const data = concat(frames[0]!, skippable(randomBytes(6, 20)), frames[1]!, frames[2]!);
      const start = frames[0]!.length + 28;
      const whole = [frames[0]!.length, start, start + frames[1]!.length, data.length];
      for (let end = 1; end <= data.length; end++) {
        const cut = data.subarray(0, end);
        if (!whole.includes(end)) {
          fails(context, "TRUNCATED", `cut at ${end} of ${data.length}`, cut);
          continue;
        }
        const expected = end === data.length ? concat(contents) : contents[0]!;
        for (const [name, decoder] of decodersOf(context))
          equal(decoder.decompress(cut), expected, `${name}, ${end}`);
      }
    },
  },
  {
    name: "errors: large frames cut at seeded places are TRUNCATED",
    run(context) {
      const data = context.zstd.compress(mixedBytes(7, 400_000));
      for (let cut = 1; cut < 60; cut++) {
        fails(
          context,
          "TRUNCATED",
          `cut at ${cut}/60`,
          data.subarray(0, Math.floor((data.length * cut) / 60)),
        );
        fails(context, "TRUNCATED", `without the last ${cut}`, data.subarray(0, data.length - cut));
      }
    },
  },
  {
    name: "errors: no bytes at all are TRUNCATED",
    run: (context) => fails(context, "TRUNCATED", "no bytes", new Uint8Array(0)),
  },
  {
    name: "errors: a skippable frame that claims 4 GiB is TRUNCATED",
    run(context) {
      const claim = concat(littleEndian(0x184d2a53, 4), littleEndian(0xffffffff, 4), randomBytes(1, 100));
      fails(context, "TRUNCATED", "alone", claim);
      fails(context, "TRUNCATED", "behind a frame", concat(rawFrame(after), claim));
    },
  },
  {
    name: "errors: the frame and the offset of what is truncated",
    run(context) {
      const first = context.zstd.compress(after);
      const data = concat(first, first).subarray(0, 2 * first.length - 3);
      for (const [name, decoder] of decodersOf(context)) {
        const error = throws(context, "TRUNCATED", name, () => decoder.decompress(data));
        equal(error.frame, 1, `${name}, the frame`);
        const { offset = 0 } = error;
        equal(offset >= first.length && offset <= data.length, true, `${name}, the offset, ${offset}`);
      }
    },
  },
];

const notFrames: Case[] = [
  {
    name: "errors: trailing bytes are CORRUPT",
    run(context) {
      const data = context.zstd.compress(jsonBytes(8, 300));
      const tails = [
        [0],
        [10],
        [0, 0, 0, 0],
        [0x27, 0xb5, 0x2f, 0xfd],
        [...utf8('{"a":1}')],
        [...randomBytes(9, 500)],
      ];
      for (const tail of tails) {
        fails(context, "CORRUPT", `${tail.length} bytes`, concat(data, Uint8Array.from(tail)));
        fails(
          context,
          "CORRUPT",
          `${tail.length} bytes behind two`,
          concat(data, data, Uint8Array.from(tail)),
        );
        const skip = skippable(after);
        fails(
          context,
          "CORRUPT",
          `${tail.length} bytes behind a skippable`,
          concat(data, skip, Uint8Array.from(tail)),
        );
      }
      fails(context, ["CORRUPT", "TRUNCATED"], "a magic number", concat(data, MAGIC));
      fails(context, ["CORRUPT", "TRUNCATED"], "half a magic number", concat(data, MAGIC.subarray(0, 2)));
    },
  },
  {
    name: "errors: garbage is NOT_ZSTD",
    run(context) {
      const texts = [
        "null",
        "12345",
        '{"a":1}',
        "zs1:KLUv/QBYkQAA",
        "\ufeff{}",
        "\ufffd\ufffd",
        "x".repeat(5000),
      ];
      for (const text of texts) fails(context, "NOT_ZSTD", `text of ${text.length}`, utf8(text));
      for (let seed = 0; seed < 100; seed++) {
        const noise = randomBytes(seed, 4 + seed * 7);
        fails(context, "NOT_ZSTD", `noise ${seed}`, noise);
      }
      const magics = [
        [0x1f, 0x8b, 0x08, 0x00],
        [0x89, 0x50, 0x4e, 0x47],
        [0xff, 0xd8, 0xff, 0xe0],
        [0xfd, 0x2f, 0xb5, 0x28],
        [0x27, 0xb5, 0x2f, 0xfd],
        [0x04, 0x22, 0x4d, 0x18],
      ];
      for (const magic of magics)
        fails(context, "NOT_ZSTD", "magic", concat(Uint8Array.from(magic), randomBytes(1, 50)));
    },
  },
  {
    name: "errors: a few bytes of something else are NOT_ZSTD",
    run(context) {
      for (const bytes of [[0], [0x7b], [0x28, 0], [0x28, 0xb5, 0x2e], [0xff, 0xff, 0xff]]) {
        fails(context, "NOT_ZSTD", bytes.join(), Uint8Array.from(bytes));
      }
    },
  },
  {
    name: "errors: noise behind a magic number is never a value",
    run(context) {
      const codes = ["TRUNCATED", "CORRUPT", "SIZE_LIMIT", "WINDOW_LIMIT", "DICTIONARY_UNKNOWN"] as const;
      for (let seed = 0; seed < 400; seed++) {
        fails(
          context,
          [...codes, "CHECKSUM_MISMATCH"],
          `seed ${seed}`,
          concat(MAGIC, randomBytes(seed, 5 + seed)),
        );
      }
    },
  },
];

const corrupt: Case[] = [
  {
    name: "errors: what the format reserves is CORRUPT",
    run(context) {
      const hello = utf8("hello");
      const window = { windowDescriptor: SMALLEST_WINDOW };
      fails(context, "CORRUPT", "reserved bit", frame({ contentSize: 5, reservedBit: true }, { raw: hello }));
      fails(context, "CORRUPT", "block type 3", frame({ contentSize: 5 }, { reserved: hello }));
      fails(context, "CORRUPT", "block type 3, second", frame(window, { raw: hello }, { reserved: hello }));
      fails(context, "CORRUPT", "block type 3, empty", frame(window, { reserved: new Uint8Array(0) }));
    },
  },
  {
    name: "errors: blocks over 128 KiB are CORRUPT",
    run(context) {
      const large = 8 << 3;
      for (const size of [(1 << 17) + 1, (1 << 21) - 1]) {
        const body = randomBytes(1, size);
        for (const block of [{ raw: body }, { rle: 0, size }, { compressed: body }]) {
          fails(context, ["CORRUPT", "SIZE_LIMIT"], `${size}`, frame({ windowDescriptor: large }, block));
          for (const [name, decoder] of decodersOf(context)) {
            const run = (): unknown => decoder.decompress(frame({ contentSize: size }, block));
            throws(context, "CORRUPT", `${name}, ${size} declared`, run);
          }
        }
      }
    },
  },
  {
    name: "errors: compressed blocks of noise, and of nothing, are CORRUPT",
    run(context) {
      for (let size = 0; size < 120; size++) {
        const data = frame(
          { windowDescriptor: 7 << 3, contentSize: 9000 },
          { compressed: randomBytes(size, size) },
        );
        fails(context, "CORRUPT", `${size} bytes`, data);
      }
    },
  },
  {
    name: "errors: a wrong checksum is CHECKSUM_MISMATCH",
    needs: ["checksum"],
    run(context) {
      for (const size of [0, 1, 500, 8000]) {
        const data = context.zstd.compress(jsonBytes(size, size));
        for (let bit = 8 * (data.length - 4); bit < 8 * data.length; bit++) {
          fails(context, "CHECKSUM_MISMATCH", `${size} bytes, bit ${bit}`, flipBit(data, bit));
        }
      }
    },
  },
  {
    name: "errors: raw content that changed is CHECKSUM_MISMATCH",
    needs: ["checksum"],
    run(context) {
      const content = randomBytes(11, 200);
      const data = context.zstd.compress(content);
      // Noise lies in the frame as it is, behind header (7) and block header (3).
      equal(data.length, 200 + 7 - 1 + 3 + 4, "the length of a raw frame");
      for (let bit = 8 * 9; bit < 8 * (data.length - 4); bit++) {
        fails(context, "CHECKSUM_MISMATCH", `bit ${bit}`, flipBit(data, bit));
      }
    },
  },
  {
    name: "errors: the second of two frames is the corrupt one",
    run(context) {
      const good = rawFrame(after);
      const bad = frame({ contentSize: 5 }, { reserved: utf8("hello") });
      for (const [name, decoder] of decodersOf(context)) {
        const error = throws(context, "CORRUPT", name, () => decoder.decompress(concat(good, bad, good)));
        equal(error.frame, 1, `${name}, the frame`);
      }
      fails(context, "CORRUPT", "two frames", concat(good, bad, good));
    },
  },
  {
    name: "errors: 10,000 failures, and the instance still works",
    run(context) {
      const data = context.zstd.compress(mixedBytes(12, 2000));
      for (const [name, decoder] of decodersOf(context)) {
        for (let count = 0; count < 10_000; count++) {
          const cut = data.subarray(0, count % data.length);
          throws(context, "TRUNCATED", `${name}, ${count}`, () => decoder.decompress(cut));
        }
        equal(decoder.decompress(data), mixedBytes(12, 2000), name);
      }
    },
  },
  {
    name: "errors: a bomb within its limit that fails at its very end",
    run(context) {
      const data = frame({ windowDescriptor: 7 << 3 }, rleBlocks(60), { compressed: randomBytes(1, 30) });
      for (const [name, decoder] of decodersOf(context)) {
        throws(context, "CORRUPT", name, () => decoder.decompress(data));
        equal(decoder.decompress(rawFrame(after)), after, name);
      }
    },
  },
];

export const errors: readonly Case[] = [...truncated, ...notFrames, ...corrupt];
