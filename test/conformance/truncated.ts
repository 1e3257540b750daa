/** Every prefix of a frame is TRUNCATED, never a short result. */
import type { Block } from "./build-frame.ts";
import { frame, littleEndian, rawFrame, skippable, SMALLEST_WINDOW } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, throws } from "./case.ts";
import { concat, jsonBytes, mixedBytes, randomBytes, utf8 } from "./data.ts";
import { after, fails } from "./failing.ts";

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

export const truncated: readonly Case[] = [
  {
    name: "truncated: a frame cut at every byte is TRUNCATED",
    run(context) {
      for (const [kind, data] of short(context)) {
        for (let end = 0; end < data.length; end++) {
          fails(context, "TRUNCATED", `${kind} cut at ${end} of ${data.length}`, data.subarray(0, end));
        }
      }
    },
  },
  {
    name: "truncated: several frames cut at every byte are TRUNCATED, or whole frames",
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
    name: "truncated: large frames cut at seeded places are TRUNCATED",
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
    name: "truncated: no bytes at all are TRUNCATED",
    run: (context) => fails(context, "TRUNCATED", "no bytes", new Uint8Array(0)),
  },
  {
    name: "truncated: a skippable frame that claims 4 GiB is TRUNCATED",
    run(context) {
      const claim = concat(littleEndian(0x184d2a53, 4), littleEndian(0xffffffff, 4), randomBytes(1, 100));
      fails(context, "TRUNCATED", "alone", claim);
      fails(context, "TRUNCATED", "behind a frame", concat(rawFrame(after), claim));
    },
  },
  {
    name: "truncated: the frame and the offset of what is truncated",
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
