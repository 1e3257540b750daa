/** The frame header, in every width of its fields. */
import {
  frame,
  header,
  littleEndian,
  MAGIC,
  skippable,
  SMALLEST_WINDOW,
  windowSizeOf,
} from "./build-frame.ts";
import type { HeaderFields } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { equal, misuse, throws } from "./case.ts";
import { concat, jsonBytes, randomBytes, utf8, withOffset } from "./data.ts";

/** A content size for each width of its field: the smallest, one between, the largest. */
const contentSizes = {
  1: [0, 18, 255],
  2: [256, 300, 65_791],
  4: [0, 65_792, 0xffffffff],
  8: [0, 2 ** 32, Number.MAX_SAFE_INTEGER],
} as const;

const dictionaryIds = { 0: [0], 1: [0, 1, 255], 2: [1, 256, 65_535], 4: [1, 65_536, 0xffffffff] } as const;

type SizeBytes = keyof typeof contentSizes;
type IdBytes = keyof typeof dictionaryIds;

/** Every combination of the header's fields that RFC 8878 allows. */
function* allFields(): Generator<HeaderFields> {
  for (const dictionaryIdBytes of [0, 1, 2, 4] as IdBytes[]) {
    for (const dictionaryId of dictionaryIds[dictionaryIdBytes]) {
      for (const checksum of [false, true]) {
        const shared = { dictionaryIdBytes, dictionaryId, checksum };
        for (const contentSizeBytes of [1, 2, 4, 8] as SizeBytes[]) {
          for (const contentSize of contentSizes[contentSizeBytes]) {
            yield { ...shared, contentSize, contentSizeBytes };
            if (contentSizeBytes === 1) continue;
            yield { ...shared, contentSize, contentSizeBytes, windowDescriptor: 13 << 3 };
          }
        }
        yield { ...shared, windowDescriptor: SMALLEST_WINDOW };
      }
    }
  }
}

function reads(context: Context, data: Uint8Array, fields: HeaderFields, headerSize: number): void {
  const about = JSON.stringify(fields);
  const read = context.readFrameHeader(data);
  equal(read.type, "frame", `type of ${about}`);
  equal(read.contentSize, fields.contentSize, `contentSize of ${about}`);
  equal(read.dictionaryId, fields.dictionaryId ?? 0, `dictionaryId of ${about}`);
  equal(read.checksum, fields.checksum ?? false, `checksum of ${about}`);
  equal(read.headerSize, headerSize, `headerSize of ${about}`);
  const windowSize =
    fields.windowDescriptor === undefined ? fields.contentSize : windowSizeOf(fields.windowDescriptor);
  equal(read.windowSize, windowSize, `windowSize of ${about}`);
}

export const headers: readonly Case[] = [
  {
    name: "header: every combination of fields, and TRUNCATED at every byte of each",
    run(context) {
      for (const fields of allFields()) {
        const data = header(fields);
        reads(context, data, fields, data.length);
        reads(context, concat(data, randomBytes(1, 20)), fields, data.length);
        for (let end = 0; end < data.length; end++) {
          const about = `${JSON.stringify(fields)} cut at ${end}`;
          throws(context, "TRUNCATED", about, () => context.readFrameHeader(data.subarray(0, end)));
        }
      }
    },
  },
  {
    name: "header: every window descriptor",
    run(context) {
      for (let windowDescriptor = 0; windowDescriptor < 256; windowDescriptor++) {
        reads(context, header({ windowDescriptor }), { windowDescriptor }, 6);
      }
    },
  },
  {
    name: "header: content sizes past 2^53 are no less than 2^53",
    run(context) {
      for (const contentSize of [2n ** 53n, 2n ** 63n, 2n ** 64n - 3n, 2n ** 64n - 1n]) {
        const { contentSize: read } = context.readFrameHeader(header({ contentSize, contentSizeBytes: 8 }));
        equal(typeof read === "number" && read >= 2 ** 53, true, `${contentSize}, read as ${read}`);
      }
    },
  },
  {
    name: "header: the unused bit is ignored, the reserved bit is CORRUPT",
    run(context) {
      const fields = { contentSize: 300, checksum: true };
      const unused = header({ ...fields, unusedBit: true });
      reads(context, unused, fields, unused.length);
      const reserved = header({ ...fields, reservedBit: true });
      throws(context, "CORRUPT", "the reserved bit", () => context.readFrameHeader(reserved));
    },
  },
  {
    name: "header: skippable frames",
    run(context) {
      for (let variant = 0; variant < 16; variant++) {
        const data = skippable(randomBytes(variant, variant), variant);
        for (const input of [data, data.subarray(0, 8), concat(data, data)]) {
          const read = context.readFrameHeader(input);
          equal(read.type, "skippable", `type of variant ${variant}`);
          equal(read.contentSize, variant, `contentSize of variant ${variant}`);
          equal(read.headerSize, 8, `headerSize of variant ${variant}`);
          equal(read.windowSize, 0, `windowSize of variant ${variant}`);
          equal(read.dictionaryId, 0, `dictionaryId of variant ${variant}`);
          equal(read.checksum, false, `checksum of variant ${variant}`);
        }
        for (let end = 0; end < 8; end++) {
          const about = `variant ${variant} cut at ${end}`;
          throws(context, "TRUNCATED", about, () => context.readFrameHeader(data.subarray(0, end)));
        }
      }
      const claim = concat(littleEndian(0x184d2a50, 4), littleEndian(0xffffffff, 4));
      equal(context.readFrameHeader(claim).contentSize, 0xffffffff, "a claim of 4 GiB");
    },
  },
  {
    name: "header: what is no frame is NOT_ZSTD",
    run(context) {
      const magics = [0xfd2fb527, 0xfd2fb529, 0xfd2fb51e, 0x28b52ffd, 0x184d2a4f, 0x184d2a60, 0x184d2204, 0];
      for (const magic of magics) {
        const data = concat(littleEndian(magic, 4), new Uint8Array(20));
        throws(context, "NOT_ZSTD", magic.toString(16), () => context.readFrameHeader(data));
      }
      for (const text of ["{", '{"a":1}', "KLUv/QBYkQAA", "zs1:KLUv/QBYkQAA", "\ufeff"]) {
        throws(context, "NOT_ZSTD", text, () => context.readFrameHeader(utf8(text)));
      }
      for (let bit = 0; bit < 32; bit++) {
        const data = header({ contentSize: 5 });
        data[bit >> 3]! ^= 1 << (bit & 7);
        throws(context, "NOT_ZSTD", `magic with bit ${bit} turned`, () => context.readFrameHeader(data));
      }
    },
  },
  {
    name: "header: a view at any offset, and what we compress ourselves",
    run(context) {
      for (const size of [0, 1, 255, 256, 65_791, 65_792, 200_000]) {
        const data = context.zstd.compress(jsonBytes(size, size));
        for (const offset of [0, 1, 7]) {
          const read = context.readFrameHeader(withOffset(data, offset));
          equal(read.contentSize, size, `contentSize of ${size} bytes at ${offset}`);
          equal(read.dictionaryId, 0, `dictionaryId of ${size} bytes`);
        }
      }
    },
  },
  {
    name: "header: wrong argument types are a TypeError naming data",
    run(context) {
      const read = context.readFrameHeader as (data: unknown) => unknown;
      const text = "KLUv/QBYkQAAdG8gYmUgb3Igbm90IHRvIGJl";
      for (const data of [
        undefined,
        null,
        text,
        5,
        {},
        [40, 181, 47, 253],
        MAGIC.buffer,
        new Uint16Array(9),
      ]) {
        const error = misuse("TypeError", "data", String(data), () => read(data));
        equal(error.message.includes(text), false, "the message holds the value");
      }
    },
  },
  {
    name: "header: only the header is read",
    run(context) {
      const fields = { contentSize: 5 };
      const data = frame(fields, { reserved: randomBytes(1, 5) });
      reads(context, data, fields, 6);
    },
  },
];
