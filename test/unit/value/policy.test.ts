import { describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { completePolicy } from "../../../src/value/policy.ts";
import { looksCompressed } from "../../../src/value/sniff.ts";
import { isShorterThan, utf8Length } from "../../../src/text.ts";
import { seededRandom } from "../../support/random.ts";

describe("a policy", () => {
  test("has defaults, by kind", () => {
    expect(completePolicy({}, "text")).toEqual({ minSavings: 0.1, level: 1, lists: false });
    expect(completePolicy({}, "json")).toEqual({ minSavings: 0.1, level: 1, lists: false });
    expect(completePolicy({}, "protobuf").level).toBe(3);
    expect(completePolicy({}, "binary").level).toBe(3);
    expect(completePolicy({ minSize: 0, minSavings: 0, level: -7 }, "binary")).toEqual({
      minSize: 0,
      minSavings: 0,
      level: -7,
      lists: false,
    });
    expect(completePolicy({ lists: true }, "text").lists).toBe(true);
    expect(completePolicy({ lists: "read-only" }, "text").lists).toBe("read-only");
    expect(completePolicy({ minSize: Infinity }, "text").minSize).toBe(Infinity);
  });

  test.each([
    [null, TypeError, /"policy".*got null/],
    ["fast", TypeError, /"policy".*got string/],
    [Promise.resolve(false), TypeError, /"policy".*promise/],
    [{ minSize: "1" }, TypeError, /"minSize".*got string/],
    [{ minSize: -1 }, RangeError, /"minSize".*got -1/],
    [{ minSize: NaN }, RangeError, /"minSize".*got NaN/],
    [{ minSavings: 1.5 }, RangeError, /"minSavings".*got 1.5/],
    [{ minSavings: -0.1 }, RangeError, /"minSavings"/],
    [{ minSavings: null }, TypeError, /"minSavings".*got null/],
    [{ level: 23 }, RangeError, /"level".*got 23/],
    [{ level: 1.5 }, RangeError, /"level".*got 1.5/],
    [{ level: "1" }, TypeError, /"level".*got string/],
    [{ levl: 1 }, TypeError, /"policy\.levl" is not an option: did you mean "level"\?/],
    [{ minsize: 1 }, TypeError, /"policy\.minsize".*"minSize"/],
    [{ level: 1, window: 5 }, TypeError, /"policy\.window".*minSize, minSavings, level, dictionary/],
    [{ dictionary: 0 }, RangeError, /"dictionary".*got 0/],
    [{ dictionary: "1" }, TypeError, /"dictionary".*got string/],
    [{ dictionary: true }, TypeError, /"dictionary".*got boolean/],
    [{ lists: "on" }, TypeError, /"lists" must be a boolean or "read-only", got string/],
    [{ lists: 1 }, TypeError, /"lists".*got number/],
  ])("refuses %o", (policy, type, message) => {
    const run = (): unknown => completePolicy(policy as object, "text");
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

describe("the length in UTF-8", () => {
  const samples = [
    "",
    "a",
    "é",
    "\u07ff",
    "\u0800",
    "\uFFFD",
    "\uFEFF",
    "😀",
    "\ud800",
    "\udc00",
    "\ud800\ud800",
    "\udc00\ud800",
    "a\ud83d",
    "\ud83d\ude00\ude00",
  ];

  test("equals the encoder's", () => {
    const random = seededRandom(31);
    const texts = [...samples, ...samples.flatMap((a) => samples.map((b) => a + b))];
    for (let round = 0; round < 500; round++) {
      texts.push(
        String.fromCharCode(...Array.from({ length: random.below(40) }, () => random.below(0x10000))),
      );
    }
    // Around the ends of the parts in which a long text is counted.
    for (const fill of ["a", "é", "\uFFFD"]) {
      for (const cut of [8190, 8191, 8192, 8193, 16383, 16384]) {
        for (const sample of samples) texts.push(fill.repeat(cut) + sample + fill.repeat(9000));
      }
    }
    texts.push("\ud800".repeat(20_000), "😀".repeat(20_000), `a${"😀".repeat(20_000)}`);
    for (const text of texts) {
      const size = new TextEncoder().encode(text).length;
      const name = JSON.stringify(text.slice(0, 50));
      expect(utf8Length(text), name).toBe(size);
      for (const limit of [0, 1, size - 1, size, size + 1, text.length, text.length * 3]) {
        expect(isShorterThan(text, limit), `${name} < ${limit}`).toBe(size < limit);
      }
    }
  });
});

describe("what is compressed already", () => {
  const files: Record<string, number[]> = {
    JPEG: [0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1],
    PNG: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49],
    GIF: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0],
    WebP: [0x52, 0x49, 0x46, 0x46, 0x24, 1, 0, 0, 0x57, 0x45, 0x42, 0x50, 0x56],
    gzip: [...gzipSync("some text, compressed")],
    zstd: [0x28, 0xb5, 0x2f, 0xfd, 0x24, 5, 0x29, 0, 0, 0x61, 0x62, 0x63, 0x64],
    ZIP: [0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 0],
    XZ: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46, 2],
    "7-Zip": [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4, 1, 2, 3, 4, 5],
    bzip2: [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xfb, 0x9c, 1],
    LZ4: [4, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x10, 0, 0, 0, 0x61, 0x62],
    WOFF2: [0x77, 0x4f, 0x46, 0x32, 0, 1, 0, 0, 0, 0, 0x10, 0, 0],
    Ogg: [0x4f, 0x67, 0x67, 0x53, 0, 2, 0, 0, 0, 0, 0, 0, 0],
    MP3: [0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0x0f, 0x76, 0x54, 0x58, 0x58],
    ...Object.fromEntries(
      ["avif", "heic", "isom", "mp42"].map((brand) => [
        `ISO media of brand ${brand}`,
        [0, 0, 0, 0x1c, ...Buffer.from(`ftyp${brand}`), 0],
      ]),
    ),
  };

  test.each(Object.entries(files))("%s, in base64, in a data: URL, and as a character a byte", (_, bytes) => {
    const base64 = Buffer.from(bytes).toString("base64");
    expect(looksCompressed(base64)).toBe(true);
    expect(looksCompressed(base64.replaceAll("+", "-").replaceAll("/", "_"))).toBe(true);
    expect(looksCompressed(`data:application/octet-stream;charset=utf-8;base64,${base64}`)).toBe(true);
    expect(looksCompressed(Buffer.from(bytes).toString("latin1"))).toBe(true);
  });

  test.each([
    "",
    '{"a":1}',
    "GIF89a is a picture format, and this is prose",
    "ID3 tags are described here",
    "BZh",
    "/9j/ is how JPEG starts in base64",
    "RIFF....WAVEfmt",
    "data:text/plain,H4sIAAAAAAAAAAAAA",
    "data:",
    "PKs are players",
    "\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00",
    "\x00\x00\x00\x18ftyp",
    "RIFF\x24\x01\x00\x00WAVEfmt ",
    "constructor\x00",
    "SUQzBAAAA=",
    Buffer.from("some text in base64, which compresses").toString("base64"),
    Buffer.from("RIFF0000WAVEfmt ").toString("base64"),
    "éééééééééééééééé",
  ])("not %j", (text) => expect(looksCompressed(text)).toBe(false));
});
