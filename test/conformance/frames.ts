/** Frames of other encoders, and frames after each other, decode like our own. */
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
import { concat, fromBase64, jsonBytes, mixedBytes, randomBytes, utf8 } from "./data.ts";

/** What the zstd CLI (1.5.4) made of `lines()` and of a short text, without the content size in the header. */
const foreign = {
  level3Checksum:
    "KLUv/QRIzAsAFtYvFbBpOYctZCBBEhUik0wypcRFl0IGATEAJgAmALPN3rVrTMzq+DrNZONqme0WIvKqXyXTs7G02IkANITAgSBhYAFB4RAQAgeCgwKDA0MT3swmugbX2CqyxspqX1otdXSKPSnECWUoUoaQIXSx2O+00cjzKB6iDo1Dl6HGUJVM9Vy/9bBeXVG76J4e0aZfjsnpOBQOR2oT3wQt02Inq4oq/lW/3Nf3kteKXqJ76EX66BP03x/5Hr9+Z3qYVkNEQwGA1qhRkM/7d5CjJEkHEjhBgMqZr////xtx9aVJhTMCKLLAhgBaJaCAwK2yQG0gixSYBQIlQ6NgbE40/CKBWgPmwDXObH7JOP0hz8N7G2c2v2Sc/pDn4b2NM5tfMk5/hhj7uQSntJc+xeaAjNcZ2rKmAM78WDJN6QaEKYxxERPaP2iQBzyVEr5Y5O5CDDo+xnh1fxQwbefUr72lnoR0zut3pZtAt+bCxgbegZZONRwG85uMCkYCUBVMAAAIfQEA/P85EAJNAAAIMAEA3BMdCAFPvYP+",
  level1:
    "KLUv/QBI3AsA5tUvFbBpOYctZCBBEhUik0wypcRFl0IGATEAJgAmANvsXbvGxKyOr9NMNq6W2W4hIq/6VTI9G0uLnQhAQwgcCBIGFhAUDgEhcCA4KDA4MATezCa6BtfYKrLGympfWi11dIo9KcQJZShShpAhdLHY77TRyPNoAtShcegy1Biqkqme67ce1qsrahfd0yPa9MsxOR2HwuFIbeKboE0E8pFVRRX/ql/u63vJa0Uv0T30In30Cfrvj3yPX78zPUyrIaIhDwWA1qhxkM/7d2CjJE4HEjhBAAmar////xtx9aUp/teJbkMLSkABeZRZqoEIehRfXY5Awam/LKD1DcPGHmiIk5PFYY0VsgAZF1mIjAsMAMeBBpLzAhPIecgAbj1gATMusJANUmAAOw40kJzbHAckvRbzLc9o8KVjZ0epmQ/zse4iPu9rx5DvAJX2uFh6PjEfXTfHp9W+DRiqBdKq28H6XI4tUjWTBkN/s1y+A5Myjc+o/R0IsSM3JGBUAUwAAAh9AQD8/zkQAk0AAAgwAQDcEx0IAQ==",
  level19Checksum:
    "KLUv/QRorAsA9h9BFbBpOYctZCBBEhWSpEwyyeRDZ4IDAUAAOAA4AGRz6KFpynOErZJrx4gGZ/lKqb1I89Abcuavuydrx41bLLZ6XS9ZPByvl3IDaAiBA0HCwAKCwiEgBA4EBwUGB4abiGHMonwbwuqDpI3uMDi1fO1bk9Y0lrdGeNFxdmm7kltG5wREYCNbJSYSo8yfRDxkrbNFxZOIDqVTRqi1YWNGEW/QTL1Lt/xqaaT2kB370fq+iNsSkmSOsIRXlU8tUvNSSCaeYciMd3YeRZkGkWMG4/1hfG6p6l+XvG6xWHvEKj6eXi1R1T1EF3INSVOeoNarLFWS6fEqoo5a6VMrXHR+iGhMQ8+QqROAwqghJN3y/TfAoxRaAyIIjCDAPHj///87W/alaTFuMd5D2FYgwxuBCNsbkBjvIWw/kODtQYTtBxI8b0Bh3kXw9iDC9nmuBe3HHTIuK3MQ20klRRRJpJQiixRSRA1zM/RuIxggAAVKUmIsgZy2KlQAAAABAP3/jf65BgJFAAAAAQDdEx0AAU+9g/4=",
  short: "KLUv/QBYkQAAdG8gYmUgb3Igbm90IHRvIGJl",
  emptyChecksum: "KLUv/SQAAQAAmenYUQ==",
} as const;

const short = utf8("to be or not to be");

function lines(): Uint8Array {
  let text = "";
  for (let at = 0; text.length < 300_000; at++) text += `{"line":${at % 97},"square":${(at % 97) ** 2}}\n`;
  return utf8(text).subarray(0, 300_000);
}

/** Every decoder makes `content` of `data`, without knowing its size and into an array of it. */
function decodes(context: Context, data: Uint8Array, content: Uint8Array, about: string): void {
  for (const [name, decoder] of decodersOf(context)) {
    equal(decoder.decompress(data), content, `${name}, ${about}`);
    const into = new Uint8Array(content.length);
    equal(decoder.decompress(data, { into }), content, `${name}, ${about}, into`);
  }
}

const several: Case[] = [2, 3, 100].map((count) => ({
  name: `frames: ${count} of them, one after the other`,
  run(context) {
    const contents = Array.from({ length: count }, (_, at) => mixedBytes(at, (at * 97) % 2000));
    const frames = contents.map((content) => context.zstd.compress(content));
    decodes(context, concat(frames), concat(contents), `${count} frames`);
  },
}));

const mixtures: Case[] = [
  {
    name: "frames: several of every make, as text",
    run(context) {
      const data = concat(
        context.zstd.compress('{"a":"日'),
        fromBase64(foreign.short),
        // A character may lie across two frames.
        rawFrame(Uint8Array.of(0xe6, 0x97)),
        rawFrame(Uint8Array.of(0xa5)),
        frame({ contentSize: 1000 }, { rle: 0x78, size: 1000 }),
      );
      const text = `{"a":"日to be or not to be日${"x".repeat(1000)}`;
      for (const [name, decoder] of decodersOf(context)) equal(decoder.decompressText(data), text, name);
    },
  },
  {
    name: "frames: large ones behind small ones",
    run(context) {
      const contents = [mixedBytes(1, 10), mixedBytes(2, 300_000), mixedBytes(3, 0), mixedBytes(4, 131_073)];
      const frames = contents.map((content) => context.zstd.compress(content));
      decodes(context, concat(frames), concat(contents), "frames of many sizes");
    },
  },
  {
    name: "frames: a skippable frame first, in the middle, last, everywhere",
    run(context) {
      const contents = [jsonBytes(1, 500), jsonBytes(2, 700)];
      const [a, b] = contents.map((content) => context.zstd.compress(content)) as [Uint8Array, Uint8Array];
      const content = concat(contents);
      const skip = skippable(randomBytes(3, 100));
      decodes(context, concat(skip, a, b), content, "first");
      decodes(context, concat(a, skip, b), content, "in the middle");
      decodes(context, concat(a, b, skip), content, "last");
      decodes(context, concat(skip, skip, a, skip, b, skip, skip), content, "everywhere");
    },
  },
  {
    name: "frames: skippable frames alone decode to nothing",
    run(context) {
      const nothing = new Uint8Array(0);
      decodes(context, skippable(nothing), nothing, "an empty one");
      decodes(context, skippable(randomBytes(1, 70_000)), nothing, "one of 70,000 bytes");
      decodes(context, concat(skippable(nothing), skippable(short)), nothing, "two");
      for (const [name, decoder] of decodersOf(context)) {
        equal(decoder.decompressText(skippable(short)), "", `${name}, text`);
      }
    },
  },
  {
    name: "frames: all sixteen skippable magic numbers, whatever they carry",
    run(context) {
      const skips = Array.from({ length: 16 }, (_, variant) =>
        skippable(concat(MAGIC, randomBytes(variant, variant)), variant),
      );
      for (const [variant, skip] of skips.entries()) {
        decodes(context, concat(skip, rawFrame(short)), short, `variant ${variant}`);
      }
      decodes(context, concat(...skips, rawFrame(short), ...skips), short, "all of them");
    },
  },
  {
    name: "frames: what looks like a skippable frame beside those magic numbers is none",
    run(context) {
      for (const magic of [0x184d2a4f, 0x184d2a60, 0x184d2b50]) {
        const data = concat(littleEndian(magic, 4), littleEndian(0, 4));
        for (const [name, decoder] of decodersOf(context)) {
          throws(context, "NOT_ZSTD", `${name}, ${magic.toString(16)}`, () => decoder.decompress(data));
        }
      }
    },
  },
];

const undeclared: Case[] = [
  {
    name: "frames: content size not declared, one block",
    run(context) {
      const data = fromBase64(foreign.short);
      equal(context.readFrameHeader(data).contentSize, undefined, "the declared content size");
      decodes(context, data, short, "one block");
      decodes(context, concat(data, data, data), concat(short, short, short), "three such frames");
    },
  },
  {
    name: "frames: content size not declared, several blocks",
    run(context) {
      const content = lines();
      for (const made of ["level1", "level3Checksum", "level19Checksum"] as const) {
        const data = fromBase64(foreign[made]);
        equal(context.readFrameHeader(data).contentSize, undefined, "the declared content size");
        decodes(context, data, content, made);
        decodes(
          context,
          concat(data, context.zstd.compress(content), data),
          concat(content, content, content),
          made,
        );
      }
    },
  },
  {
    name: "frames: content size not declared, blocks that fill the bound exactly",
    run(context) {
      const data = frame({ windowDescriptor: 7 << 3 }, rleBlocks(3));
      decodes(context, data, new Uint8Array(3 << 17), "three blocks of 128 KiB");
    },
  },
];

const blocks: Case[] = [
  {
    name: "frames: empty ones of every make",
    run(context) {
      const nothing = new Uint8Array(0);
      const raw: Block = { raw: nothing };
      const made = [
        fromBase64(foreign.emptyChecksum),
        context.zstd.compress(nothing),
        context.zstd.compress(""),
        frame({ contentSize: 0 }, raw),
        frame({ contentSize: 0, contentSizeBytes: 4 }, raw),
        frame({ contentSize: 0, contentSizeBytes: 8 }, raw, raw, raw),
        frame({ windowDescriptor: SMALLEST_WINDOW }, raw),
        frame({ windowDescriptor: SMALLEST_WINDOW, contentSize: 0, contentSizeBytes: 4 }, raw, raw),
        frame({ contentSize: 0 }, { rle: 1, size: 0 }),
      ];
      for (const [at, data] of made.entries()) decodes(context, data, nothing, `frame ${at}`);
      decodes(context, concat(...made), nothing, "all of them");
      decodes(context, concat(...made, rawFrame(short), ...made), short, "around one that is not");
    },
  },
  {
    name: "frames: raw and RLE blocks, empty ones between",
    run(context) {
      const parts: Block[] = [
        { raw: short },
        { raw: new Uint8Array(0) },
        { rle: 0x2a, size: 1000 },
        { raw: randomBytes(1, 5) },
        { rle: 7, size: 1 },
        { raw: new Uint8Array(0) },
      ];
      const content = concat(short, new Uint8Array(1000).fill(0x2a), randomBytes(1, 5), Uint8Array.of(7));
      decodes(context, frame({ contentSize: content.length }, parts), content, "declared");
      decodes(context, frame({ windowDescriptor: SMALLEST_WINDOW }, parts), content, "not declared");
    },
  },
  {
    name: "frames: blocks of exactly 128 KiB",
    run(context) {
      const noise = randomBytes(2, 1 << 17);
      const content = concat(noise, new Uint8Array(1 << 17), Uint8Array.of(9));
      const parts: Block[] = [{ raw: noise }, ...rleBlocks(1), { raw: Uint8Array.of(9) }];
      decodes(context, frame({ contentSize: content.length }, parts), content, "declared");
      decodes(context, frame({ windowDescriptor: 7 << 3 }, parts), content, "not declared");
    },
  },
  {
    name: "frames: 70,000 blocks of one byte",
    run(context) {
      const content = randomBytes(3, 70_000);
      const parts = Array.from(content, (byte): Block => ({ raw: Uint8Array.of(byte) }));
      decodes(context, frame({ windowDescriptor: 7 << 3 }, parts), content, "not declared");
    },
  },
  {
    name: "frames: a content size in a wider field than it needs, the unused bit set",
    run(context) {
      for (const contentSizeBytes of [1, 4, 8] as const) {
        const fields = { contentSize: short.length, contentSizeBytes };
        decodes(context, frame(fields, { raw: short }), short, `${contentSizeBytes} bytes`);
        const unused = { ...fields, unusedBit: true };
        decodes(context, frame(unused, { raw: short }), short, `${contentSizeBytes} bytes, unused bit`);
      }
    },
  },
];

const dictionaryIds: Case[] = [
  {
    name: "frames: the id of a dictionary that is not registered is DICTIONARY_UNKNOWN",
    run(context) {
      for (const [dictionaryId, dictionaryIdBytes] of [
        [1, 1],
        [255, 1],
        [255, 2],
        [65_535, 2],
        [1, 4],
        [0x12345678, 4],
        [0xffffffff, 4],
      ] as const) {
        const data = frame({ contentSize: short.length, dictionaryId, dictionaryIdBytes }, { raw: short });
        equal(context.readFrameHeader(data).dictionaryId, dictionaryId, "the id in the header");
        for (const [name, decoder] of decodersOf(context)) {
          for (const input of [data, concat(rawFrame(short), data)]) {
            const about = `${name}, id ${dictionaryId}`;
            const error = throws(context, "DICTIONARY_UNKNOWN", about, () => decoder.decompress(input));
            equal(error.dictionaryId, dictionaryId, `${about}, in the error`);
            throws(context, "DICTIONARY_UNKNOWN", about, () => decoder.decompressText(input));
          }
          equal(decoder.decompress(rawFrame(short)), short, `${name}, afterwards`);
        }
      }
    },
  },
  {
    name: "frames: id 0 in a field of any width means none",
    run(context) {
      for (const dictionaryIdBytes of [1, 2, 4] as const) {
        const data = frame({ contentSize: short.length, dictionaryIdBytes }, { raw: short });
        decodes(context, data, short, `${dictionaryIdBytes} bytes`);
      }
    },
  },
];

export const frames: readonly Case[] = [...several, ...mixtures, ...undeclared, ...blocks, ...dictionaryIds];
