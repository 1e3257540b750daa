/** Large texts are coded with pauses: the same frames' contents as at once, and a loop that turns. */
import { beforeAll, describe, expect, test } from "vitest";
import { compressLargeText, decompressLargeText } from "../../../src/codec/large-text.ts";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import { ZstashError } from "../../../src/errors.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { utf8Length } from "../../../src/text.ts";
import { turnsDuring } from "../../support/event-loop.ts";
import { seededRandom } from "../../support/random.ts";

const long = process.env["ZSTASH_LONG"] === "1";
/** Characters that are encoded at a time. */
const SLICE = 128 << 10;
/** From here on texts are decoded through a stream. */
const MIB = 1 << 20;
const maxSize = 64 << 20;

let zstd: Zstd;
let peer: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
  peer = await loadZstd({ engine: bokuweb });
});

const compress = (text: string, level = 1, codec: Zstd = zstd): Promise<Uint8Array> =>
  compressLargeText(codec, text, level);

/** What a text is once it has been UTF-8: lone surrogates are U+FFFD. */
const wellFormed = (text: string): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));

/** Texts of many shapes whose pairs of surrogates lie on the borders of slices. */
const texts: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["one character", "a"],
  ["one pair", "\u{1F600}"],
  ["a byte order mark", "\uFEFF"],
  ["a byte order mark and more", `\uFEFF${"a".repeat(3 * SLICE)}`],
  [
    "byte order marks at the borders",
    `${"a".repeat(SLICE)}\uFEFF${"a".repeat(SLICE - 1)}\uFEFF\uFEFF${"b".repeat(2 * MIB)}`,
  ],
  ["one slice", "a".repeat(SLICE)],
  ["one slice and one", "a".repeat(SLICE + 1)],
  ...[-2, -1, 0, 1].map(
    (shift) =>
      [
        `pairs at border ${shift}`,
        `${"a".repeat(SLICE + shift)}\u{1F600}${"b".repeat(SLICE - 2)}\u{10FFFF}${"c".repeat(2 * MIB)}`,
      ] as const,
  ),
  ["pairs alone", "\u{1F600}".repeat(SLICE * 5)],
  ["pairs alone, shifted", `x${"\u{1F600}".repeat(SLICE * 5)}`],
  ["three bytes each", "\u20AC".repeat(SLICE * 6 + 1)],
  ["two bytes each", `a${"é".repeat(SLICE * 9)}`],
  [
    "lone high surrogates at the borders",
    `${"a".repeat(SLICE - 1)}\uD800${"b".repeat(SLICE - 1)}\uD83D${"c".repeat(2 * MIB)}`,
  ],
  [
    "lone low surrogates at the borders",
    `${"a".repeat(SLICE)}\uDC00${"b".repeat(SLICE - 1)}\uDE00${"c".repeat(2 * MIB)}`,
  ],
  ["high surrogates alone", "\uD83D".repeat(SLICE * 2 + 1)],
  ["a high surrogate at the end", `${"a".repeat(SLICE * 2 - 1)}\uD83D`],
  ["zeros", "\0".repeat(2 * MIB + 1)],
  ["replacement characters", "\uFFFD".repeat(2 * MIB)],
];

describe.each([
  ["zstash's engine", () => zstd],
  ["an engine without streams", () => peer],
] as const)("with %s", (_, codec) => {
  test.each(texts)("%s comes back as at once", async (_name, text) => {
    const once = zstd.compress(text);
    const frame = await compress(text, 1, codec());
    expect(readFrameHeader(frame).contentSize).toBe(utf8Length(text));
    const expected = wellFormed(text);
    expect(zstd.decompressText(once, { maxSize }) === expected).toBe(true);
    expect(zstd.decompressText(frame, { maxSize }) === expected).toBe(true);
    expect((await decompressLargeText(codec(), frame, { maxSize })) === expected).toBe(true);
    expect((await decompressLargeText(codec(), once, { maxSize })) === expected).toBe(true);
  });
});

test("random texts of random sizes and levels come back as at once, in frames that one-shot decoders read", async () => {
  const random = seededRandom(71);
  const alphabet = [...'abc{}:,"0123 ', "é", "\u20AC", "\u{1F600}", "\uD800", "\uDC00", "\uFEFF", "\0"];
  for (let round = 0; round < (long ? 100 : 12); round++) {
    const phrase = Array.from({ length: 1 + random.below(3000) }, () => random.pick(alphabet)).join("");
    const size = random.below(6 * MIB);
    const text = phrase.repeat(Math.ceil(size / phrase.length)).slice(0, size);
    const level = random.pick([-5, 1, 3, 6]);
    const frame = await compress(text, level);
    const expected = wellFormed(text);
    expect(zstd.decompressText(frame, { maxSize }) === expected).toBe(true);
    expect((await decompressLargeText(zstd, frame, { maxSize })) === expected).toBe(true);
    expect(
      (await decompressLargeText(peer, zstd.compress(text, { level, checksum: false }), { maxSize })) ===
        expected,
    ).toBe(true);
  }
});

describe("bytes that are no text", () => {
  const encoder = new TextEncoder();
  const around = (middle: readonly number[], before: number, after: number): Uint8Array =>
    Uint8Array.of(...middle).length === 0
      ? new Uint8Array(0)
      : new Uint8Array([...new Uint8Array(before).fill(97), ...middle, ...new Uint8Array(after).fill(98)]);

  test.each<[string, readonly number[], number, number]>([
    ["in the middle", [0xff], MIB, 2 * MIB],
    ["at the start", [0x80], 0, 2 * MIB + 10],
    ["cut at the end", [0xe2, 0x82], 2 * MIB + 10, 0],
    ["cut at the end by one", [0xf0, 0x9f, 0x98], 2 * MIB + 10, 0],
    ["a surrogate", [0xed, 0xa0, 0x80], MIB, 2 * MIB],
    ["an overlong character", [0xc0, 0x80], 2 * MIB, 10],
  ])("%s are NOT_TEXT, as at once", async (_, middle, before, after) => {
    const frame = zstd.compress(around(middle, before, after));
    for (const codec of [zstd, peer]) {
      for (const decode of [
        () => decompressLargeText(codec, frame, { maxSize }),
        async () => codec.decompressText(frame, { maxSize }),
      ]) {
        await expect(decode()).rejects.toMatchObject({ name: "ZstashError", code: "NOT_TEXT" });
      }
    }
    expect(
      await decompressLargeText(zstd, zstd.compress(encoder.encode("a".repeat(2 * MIB))), { maxSize }),
    ).toHaveLength(2 * MIB);
  });
});

describe("a frame that does not decode fails as at once", () => {
  const codeOf = async (work: () => unknown): Promise<string> => {
    try {
      await work();
      return "none";
    } catch (error) {
      return error instanceof ZstashError ? error.code : String(error);
    }
  };

  test("whatever is damaged or missing", async () => {
    const random = seededRandom(72);
    const text = Array.from({ length: 300_000 }, (_, index) => `${(index * 7919) % 1009},`).join("");
    const frame = zstd.compress(text);
    for (let round = 0; round < (long ? 300 : 40); round++) {
      const damaged = frame.slice();
      const at = 4 + random.below(frame.length - 4);
      damaged[at]! ^= 1 << random.below(8);
      const cut = frame.slice(0, at);
      for (const bad of [damaged, cut]) {
        const code = await codeOf(() => decompressLargeText(zstd, bad, { maxSize }));
        expect(code).not.toBe("none");
        // The checksum may be found wrong before or after something else is.
        const once = await codeOf(() => zstd.decompressText(bad, { maxSize }));
        expect(once).not.toBe("none");
      }
      expect(await codeOf(() => decompressLargeText(zstd, cut, { maxSize }))).toBe("TRUNCATED");
    }
    expect(zstd.stats().live ?? 0).toBe(0);
  });

  test("above the size that is allowed", async () => {
    const frame = await compress("a".repeat(3 * MIB));
    expect(await codeOf(() => decompressLargeText(zstd, frame, { maxSize: 3 * MIB - 1 }))).toBe("SIZE_LIMIT");
    expect(await codeOf(() => decompressLargeText(zstd, frame, { maxSize: 3 * MIB }))).toBe("none");
  });

  test("with bytes behind it, or a second frame", async () => {
    const frame = await compress("a".repeat(2 * MIB));
    const twice = Uint8Array.of(...frame, ...frame);
    expect(await codeOf(() => decompressLargeText(zstd, Uint8Array.of(...frame, 1), { maxSize }))).toBe(
      await codeOf(() => zstd.decompressText(Uint8Array.of(...frame, 1), { maxSize })),
    );
    expect((await decompressLargeText(zstd, twice, { maxSize })).length).toBe(
      zstd.decompressText(twice, { maxSize }).length,
    );
  });
});

describe("the event loop turns", () => {
  const text = Array.from(
    { length: 120_000 },
    (_, id) => `{"id":${id},"name":"name ${(id * 7919) % 1009}","x":"${"é".repeat(20)}"},`,
  ).join("");

  test("while 10 MB are compressed and decompressed, and not while it is done at once", async () => {
    expect(utf8Length(text)).toBeGreaterThan(9e6);
    let frame = new Uint8Array(0);
    expect(
      await turnsDuring(async () => (frame = new Uint8Array(await compress(text)))),
    ).toBeGreaterThanOrEqual(5);
    expect(await turnsDuring(() => decompressLargeText(zstd, frame, { maxSize }))).toBeGreaterThanOrEqual(5);
    expect(await turnsDuring(async () => zstd.compress(text))).toBe(0);
  });

  test("while twenty are coded at a time", async () => {
    const part = text.slice(0, 600_000);
    const frames: Uint8Array[] = [];
    expect(
      await turnsDuring(async () => {
        frames.push(...(await Promise.all(Array.from({ length: 20 }, () => compress(part)))));
      }),
    ).toBeGreaterThanOrEqual(5);
    for (const frame of frames) expect(zstd.decompressText(frame, { maxSize }) === part).toBe(true);
  });
});

describe("a text that no string may hold", () => {
  /** 540 MB of one character: more than V8's 2^29 - 24. */
  const frameOf = (last: number): Uint8Array => {
    const content = new Uint8Array(540e6).fill(97);
    content[content.length - 1] = last;
    return zstd.compress(content);
  };

  test.runIf(long)("is SIZE_LIMIT at once and in turns, and NOT_TEXT only where it is none", async () => {
    const frame = frameOf(97);
    const options = { maxSize: 600e6 };
    expect(() => zstd.decompressText(frame, options)).toThrow(
      expect.objectContaining({ code: "SIZE_LIMIT" }),
    );
    await expect(decompressLargeText(zstd, frame, options)).rejects.toMatchObject({ code: "SIZE_LIMIT" });
    const broken = frameOf(0xff);
    expect(() => zstd.decompressText(broken, options)).toThrow(expect.objectContaining({ code: "NOT_TEXT" }));
  });
});
