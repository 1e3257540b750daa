/** Text comes back as it was, and what is no UTF-8 is an error. */
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, throws } from "./case.ts";
import { planesText, randomBytes, utf8 } from "./data.ts";

/** Everything that decodes text, with frames of `text` as string and as bytes. */
function textComesBack(context: Context, text: string, expected: string = text): void {
  const fromString = context.zstd.compress(text);
  equal(fromString, context.zstd.compress(utf8(text)), "the frame of a string and that of its UTF-8");
  for (const [name, decoder] of decodersOf(context)) {
    equal(decoder.decompressText(fromString), expected, `${name}, text of ${text.length} units`);
    equal(decoder.decompress(fromString), utf8(expected), `${name}, bytes of ${text.length} units`);
  }
}

export const text: readonly Case[] = [
  {
    name: "text: characters of all planes, 0…200 characters",
    run(context) {
      for (let characters = 0; characters <= 200; characters++) {
        textComesBack(context, planesText(characters, characters));
      }
    },
  },
  {
    name: "text: characters of all planes, 100,000 characters",
    run: (context) => textComesBack(context, planesText(3, 100_000)),
  },
  {
    name: "text: characters of one character, of each width of UTF-8",
    run(context) {
      for (const text of [
        "\0",
        "a",
        "\x7f",
        "\x80",
        "é",
        "߿",
        "ࠀ",
        "日",
        "\ud7ff",
        "",
        "\uffff",
        "😀",
        "\u{10ffff}",
      ]) {
        textComesBack(context, text);
        textComesBack(context, text.repeat(1000));
      }
    },
  },
  {
    name: "text: a lone surrogate becomes U+FFFD",
    run(context) {
      textComesBack(context, "\ud800", "\ufffd");
      textComesBack(context, "\udc00", "\ufffd");
      textComesBack(context, "a\ud800b\udfffc", "a\ufffdb\ufffdc");
      textComesBack(context, "\udc00\ud800", "\ufffd\ufffd");
      // Joined, because what bundlers make of it as one literal is refused by Deno's parser.
      textComesBack(context, ["\ud83d", "\ud83d\ude00"].join(""), "\ufffd😀");
      textComesBack(context, `${"x".repeat(4000)}\ud83d`, `${"x".repeat(4000)}\ufffd`);
      textComesBack(context, "\ud83d".repeat(5000), "\ufffd".repeat(5000));
    },
  },
  {
    name: "text: a byte order mark stays in the text",
    run(context) {
      textComesBack(context, "\ufeff");
      textComesBack(context, "\ufeff{}");
      textComesBack(context, "\ufeff\ufeffa\ufeff");
      const marked = context.zstd.compress(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61));
      for (const [name, decoder] of decodersOf(context)) {
        equal(decoder.decompressText(marked), "\ufeffa", name);
      }
    },
  },
  {
    name: "text: text where a string has the longest UTF-8 for its length",
    run(context) {
      for (const length of [1, 2, 21, 22, 1365, 1366, 21_845, 21_846, 43_691, 300_000]) {
        textComesBack(context, "日".repeat(length));
        textComesBack(context, `${"a".repeat(length)}日`);
      }
    },
  },
  {
    name: "text: what is not UTF-8 is NOT_TEXT, and still bytes",
    run(context) {
      const notText = [
        [0xff],
        [0x80],
        [0xc3],
        [0xc0, 0x80],
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xe6, 0x97],
        [0x61, 0xf0, 0x9f, 0x98],
      ].map((bytes) => Uint8Array.from(bytes));
      for (const bytes of [...notText, randomBytes(5, 1000)]) {
        const frame = context.zstd.compress(bytes);
        for (const [name, decoder] of decodersOf(context)) {
          throws(context, "NOT_TEXT", `${name}, ${bytes.length} bytes`, () => decoder.decompressText(frame));
          equal(decoder.decompress(frame), bytes, name);
          equal(decoder.decompressText(context.zstd.compress("after")), "after", name);
        }
      }
    },
  },
];
