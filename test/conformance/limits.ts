/** Sizes and windows are limited before anything is allocated, and the next call works. */
import type { Block } from "./build-frame.ts";
import { frame, rawFrame, rleBlocks, skippable, SMALLEST_WINDOW } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, throws } from "./case.ts";
import { concat, jsonBytes, mixedBytes, randomBytes, utf8 } from "./data.ts";

const DEFAULT_MAX_SIZE = 32 << 20;

/** log2 of the largest window that a Window_Descriptor can say is 41; a decoder of 32 bits stops at 30. */
const descriptorOf = (windowLog: number): number => (windowLog - 10) << 3;

const after = utf8("the next call works");

/** The same instance goes on working, whatever happened before. */
function stillWorks(context: Context): void {
  const data = context.zstd.compress(after);
  for (const [name, decoder] of decodersOf(context))
    equal(decoder.decompress(data), after, `${name}, afterwards`);
}

/** Frames of 1000 bytes of content, each with its size known in another way. */
function thousands(context: Context): readonly (readonly [string, Uint8Array])[] {
  const content = jsonBytes(1, 1000);
  return [
    ["compressed", context.zstd.compress(content)],
    ["raw", rawFrame(content)],
    ["RLE", frame({ contentSize: 1000 }, { rle: 65, size: 1000 })],
    ["not declared", frame({ windowDescriptor: SMALLEST_WINDOW }, { raw: content })],
    ["not declared, RLE", frame({ windowDescriptor: SMALLEST_WINDOW }, { rle: 65, size: 1000 })],
    ["two frames", concat(rawFrame(content.subarray(0, 400)), context.zstd.compress(content.subarray(400)))],
    ["ten frames", concat(Array.from({ length: 10 }, () => rawFrame(content.subarray(0, 100))))],
    ["with skippable frames", concat(skippable(randomBytes(1, 5000)), rawFrame(content), skippable(content))],
  ];
}

/** What claims more than it holds. Which of the two is seen first is the decoder's choice; neither may allocate. */
const LIE = ["SIZE_LIMIT", "CORRUPT"] as const;

function refusesLie(context: Context, about: string, data: Uint8Array): void {
  for (const [name, decoder] of decodersOf(context)) {
    throws(context, LIE, `${name}, ${about}`, () => decoder.decompress(data));
    throws(context, LIE, `${name}, ${about}, text`, () => decoder.decompressText(data));
    throws(context, LIE, `${name}, ${about}, into`, () =>
      decoder.decompress(data, { into: new Uint8Array(100) }),
    );
    // No limit makes it true.
    const maxSize = Number.MAX_SAFE_INTEGER;
    throws(context, "CORRUPT", `${name}, ${about}, no limit`, () => decoder.decompress(data, { maxSize }));
  }
  stillWorks(context);
}

const bounds: Case[] = [
  {
    name: "limits: maxSize exactly, and one below",
    run(context) {
      for (const [kind, data] of thousands(context)) {
        for (const [name, decoder] of decodersOf(context)) {
          const about = `${name}, ${kind}`;
          equal(decoder.decompress(data, { maxSize: 1000 }).length, 1000, `${about}, exactly`);
          equal(decoder.decompress(data, { maxSize: 1001 }).length, 1000, `${about}, one above`);
          equal(decoder.decompressText(data, { maxSize: 1000 }), textOf(decoder.decompress(data)), about);
          for (const maxSize of [999, 500, 1, 0]) {
            throws(context, "SIZE_LIMIT", `${about}, ${maxSize}`, () =>
              decoder.decompress(data, { maxSize }),
            );
            throws(context, "SIZE_LIMIT", `${about}, ${maxSize}, text`, () =>
              decoder.decompressText(data, { maxSize }),
            );
          }
          equal(decoder.decompress(data).length, 1000, `${about}, afterwards`);
        }
      }
    },
  },
  {
    name: "limits: maxSize exactly, and one below, where frames have many blocks",
    run(context) {
      const content = mixedBytes(2, 300_001);
      for (const level of [1, 3]) {
        const data = context.zstd.compress(content, { level });
        for (const [name, decoder] of decodersOf(context)) {
          equal(decoder.decompress(data, { maxSize: content.length }), content, `${name}, level ${level}`);
          const maxSize = content.length - 1;
          throws(context, "SIZE_LIMIT", `${name}, level ${level}`, () =>
            decoder.decompress(data, { maxSize }),
          );
        }
      }
    },
  },
  {
    name: "limits: maxSize 0 lets through what is empty",
    run(context) {
      const empty = [
        context.zstd.compress(""),
        rawFrame(new Uint8Array(0)),
        frame({ windowDescriptor: SMALLEST_WINDOW }, { raw: new Uint8Array(0) }),
        skippable(randomBytes(1, 1000)),
      ];
      for (const data of [...empty, concat(...empty)]) {
        for (const [name, decoder] of decodersOf(context)) {
          equal(decoder.decompress(data, { maxSize: 0 }).length, 0, name);
          equal(decoder.decompressText(data, { maxSize: 0 }), "", `${name}, text`);
          equal(decoder.decompress(data, { into: new Uint8Array(0) }).length, 0, `${name}, into`);
        }
      }
    },
  },
  {
    name: "limits: the default is 32 MiB",
    run(context) {
      const whole = rleBlocks(DEFAULT_MAX_SIZE >> 17);
      const exactly = frame({ contentSize: DEFAULT_MAX_SIZE }, whole);
      const oneMore: Block[] = [...whole, { rle: 0, size: 1 }];
      const above = [
        frame({ contentSize: DEFAULT_MAX_SIZE + 1 }, ...oneMore),
        frame({ windowDescriptor: descriptorOf(20) }, ...oneMore),
        concat(exactly, rawFrame(Uint8Array.of(0))),
      ];
      for (const [name, decoder] of decodersOf(context)) {
        equal(decoder.decompress(exactly).length, DEFAULT_MAX_SIZE, `${name}, exactly`);
        for (const [at, data] of above.entries()) {
          throws(context, "SIZE_LIMIT", `${name}, one byte more, ${at}`, () => decoder.decompress(data));
        }
      }
      stillWorks(context);
    },
  },
  {
    name: "limits: `into` too small",
    run(context) {
      for (const [kind, data] of thousands(context)) {
        for (const [name, decoder] of decodersOf(context)) {
          for (const size of [999, 1, 0]) {
            const host = new Uint8Array(2000).fill(0x5a);
            const into = host.subarray(500, 500 + size);
            throws(context, "SIZE_LIMIT", `${name}, ${kind}, ${size}`, () =>
              decoder.decompress(data, { into }),
            );
            equal(host.subarray(0, 500), new Uint8Array(500).fill(0x5a), `${name}, ${kind}, before into`);
            equal(
              host.subarray(500 + size),
              new Uint8Array(1500 - size).fill(0x5a),
              `${name}, ${kind}, behind into`,
            );
          }
        }
      }
    },
  },
  {
    name: "limits: the smaller of maxSize and the room in `into`",
    run(context) {
      const data = context.zstd.compress(jsonBytes(1, 1000));
      for (const [name, decoder] of decodersOf(context)) {
        const run = (maxSize: number, room: number) => (): Uint8Array =>
          decoder.decompress(data, { maxSize, into: new Uint8Array(room) });
        equal(run(1000, 1000)().length, 1000, name);
        throws(context, "SIZE_LIMIT", `${name}, maxSize below`, run(999, 2000));
        throws(context, "SIZE_LIMIT", `${name}, room below`, run(2000, 999));
      }
    },
  },
];

const hostile: Case[] = [
  {
    name: "limits: a header that claims 4 GB",
    run(context) {
      for (const contentSize of [
        2 ** 32 - 1,
        2 ** 32,
        2 ** 32 + 5,
        2 ** 40,
        Number.MAX_SAFE_INTEGER,
        2n ** 64n - 3n,
      ]) {
        const body: Block = { raw: utf8("hello") };
        refusesLie(context, `${contentSize}`, frame({ contentSize, contentSizeBytes: 8 }, body));
        const windowed = { contentSize, contentSizeBytes: 8, windowDescriptor: descriptorOf(20) } as const;
        refusesLie(context, `${contentSize}, with a window`, frame(windowed, body));
      }
    },
  },
  {
    name: "limits: 81 bytes that claim 1.9 GB",
    run(context) {
      const data = frame({ contentSize: 1.9e9 }, rleBlocks(18));
      equal(data.length, 81, "the length of the frame");
      refusesLie(context, "1.9 GB", data);
    },
  },
  {
    name: "limits: a claim of one byte more than the blocks can hold, and of one less than they do hold",
    run(context) {
      refusesLie(context, "more", frame({ contentSize: (2 << 17) + 1 }, rleBlocks(2)));
      refusesLie(context, "more, raw", frame({ contentSize: 6 }, { raw: utf8("hello") }));
      refusesLie(context, "less", frame({ contentSize: (2 << 17) - 1 }, rleBlocks(2)));
      refusesLie(context, "less, raw", frame({ contentSize: 4 }, { raw: utf8("hello") }));
      refusesLie(context, "nothing", frame({ contentSize: 0 }, { raw: utf8("hello") }));
    },
  },
  {
    name: "limits: RLE bombs that tell the truth",
    run(context) {
      const many = rleBlocks(16_000);
      const bombs = [
        frame({ contentSize: 16_000 * 2 ** 17 }, many),
        frame({ windowDescriptor: descriptorOf(17) }, many),
        concat(Array.from({ length: 300 }, () => frame({ contentSize: 1 << 17 }, rleBlocks(1)))),
        concat(skippable(after), frame({ windowDescriptor: descriptorOf(17) }, rleBlocks(257))),
      ];
      for (const [at, data] of bombs.entries()) {
        for (const [name, decoder] of decodersOf(context)) {
          throws(context, "SIZE_LIMIT", `${name}, bomb ${at}`, () => decoder.decompress(data));
          throws(context, "SIZE_LIMIT", `${name}, bomb ${at}, text`, () => decoder.decompressText(data));
          throws(context, "SIZE_LIMIT", `${name}, bomb ${at}, small`, () =>
            decoder.decompress(data, { maxSize: 1 << 20 }),
          );
        }
      }
      stillWorks(context);
    },
  },
  {
    name: "limits: a bomb behind good frames",
    run(context) {
      const good = context.zstd.compress(jsonBytes(3, 5000));
      const data = concat(good, good, frame({ windowDescriptor: descriptorOf(17) }, rleBlocks(1000)));
      for (const [name, decoder] of decodersOf(context)) {
        throws(context, "SIZE_LIMIT", name, () => decoder.decompress(data));
      }
      stillWorks(context);
    },
  },
  {
    name: "limits: a window up to 1 GiB costs nothing where the content is small",
    run(context) {
      for (const windowLog of [20, 23, 24, 27, 30]) {
        for (const fields of [{}, { contentSize: after.length }]) {
          const data = frame({ ...fields, windowDescriptor: descriptorOf(windowLog) }, { raw: after });
          for (const [name, decoder] of decodersOf(context)) {
            equal(decoder.decompress(data), after, `${name}, windowLog ${windowLog}`);
          }
        }
      }
    },
  },
  {
    name: "limits: a window beyond what 32 bits hold is decoded or refused, never wrong",
    run(context) {
      for (const windowDescriptor of [descriptorOf(30) + 1, descriptorOf(31), descriptorOf(32), 255]) {
        const data = frame({ windowDescriptor }, { raw: after });
        for (const [name, decoder] of decodersOf(context)) {
          const about = `${name}, descriptor ${windowDescriptor}`;
          const into = new Uint8Array(after.length);
          try {
            equal(decoder.decompress(data, { into }), after, about);
          } catch (error) {
            throws(context, "WINDOW_LIMIT", about, () => {
              throw error;
            });
          }
        }
      }
      stillWorks(context);
    },
  },
];

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

export const limits: readonly Case[] = [...bounds, ...hostile];
