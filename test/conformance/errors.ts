/** What is no frame, or more than frames: which error it is, with which details. */
import { frame, MAGIC, rawFrame, rleBlocks, skippable, SMALLEST_WINDOW } from "./build-frame.ts";
import type { Case } from "./case.ts";
import { decodersOf, equal, throws } from "./case.ts";
import { concat, flipBit, jsonBytes, mixedBytes, randomBytes, utf8 } from "./data.ts";
import { after, fails } from "./failing.ts";

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

export const errors: readonly Case[] = [...notFrames, ...corrupt];
