/** What `zstash inspect` finds in bytes, and how it says and draws it at every width. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { describeValue, firstLine, isDamaged } from "../../../src/cli/inspect/describe.ts";
import { readFacts } from "../../../src/cli/inspect/facts.ts";
import type { Facts, FrameFacts } from "../../../src/cli/inspect/facts.ts";
import { drawPicture } from "../../../src/cli/inspect/picture.ts";
import type { Source } from "../../../src/cli/inspect/source.ts";
import { FrameWalker } from "../../../src/cli/inspect/walker.ts";
import { widthOf } from "../../../src/cli/text.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { walkFrame } from "../../../src/format/frame.ts";
import { writeRawBlocks } from "../../../src/format/raw-blocks.ts";
import { readDictionary } from "../../../src/format/dictionary.ts";
import { SeekTableWriter } from "../../../src/format/seek-table-writer.ts";
import { createVersionFrame } from "../../../src/format/version-frame.ts";
import { streamOf } from "../../../src/store/content.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { newer, NEWER, sessionOf } from "../../support/dictionaries.ts";

const zstd = await loadZstd();
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const json = utf8(JSON.stringify(Array.from({ length: 3000 }, (_, id) => sessionOf(id))));
const frame = zstd.compress(json);

/** Bytes as a source whose ends alone are held if there are more of them than `held`. */
function sourceOf(bytes: Uint8Array, held = Infinity, facts: Partial<Source> = {}): Source {
  const isWhole = bytes.length <= held;
  return {
    kind: "key",
    name: "a:key",
    size: bytes.length,
    head: isWhole ? bytes : bytes.subarray(0, held),
    tail: isWhole ? new Uint8Array(0) : bytes.slice(-held),
    read: (start, end) => Promise.resolve(bytes.slice(start, end)),
    stream: () => Promise.resolve(streamOf(bytes)),
    ...facts,
  };
}

const none = (): Promise<string> => Promise.resolve("not looked for");
const inspect = (source: Source, whole = false): Promise<Facts> =>
  readFacts(source, { whole, findDictionary: none });
const framesOf = async (source: Source, whole = false): Promise<FrameFacts> =>
  (await inspect(source, whole)) as FrameFacts;

/** A seekable file as the store writes it. */
function seekable(content: Uint8Array, size: number, more: readonly Uint8Array[] = []): Uint8Array {
  const table = new SeekTableWriter();
  const parts: Uint8Array[] = [];
  const add = (part: Uint8Array, contentSize: number): void => {
    table.add(part.length, contentSize);
    parts.push(part);
  };
  for (let at = 0; at < content.length; at += size) {
    const piece = content.subarray(at, at + size);
    add(zstd.compress(piece), piece.length);
  }
  for (const part of more) add(part, 0);
  add(createVersionFrame(), 0);
  return Buffer.concat([...parts, table.toBytes()]);
}

const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

describe("the walk", () => {
  test("finds what walkFrame finds, however the bytes are cut", () => {
    const random = new Uint8Array(randomBytes(300_000));
    const file = Buffer.concat([
      frame,
      skippable,
      zstd.compress(random),
      writeRawBlocks(utf8("x")),
      zstd.compress(new Uint8Array(500_000)),
    ]);
    const expected = [];
    for (let at = 0; at < file.length;) {
      const { start, end } = walkFrame(file, at, 0);
      expected.push({ start, end });
      at = end;
    }
    for (const step of [1, 2, 3, 7, 1000, 131_072, file.length]) {
      const walker = new FrameWalker();
      for (let at = 0; at < file.length; at += step) walker.push(file.subarray(at, at + step));
      walker.finish();
      expect(walker.fault).toBeUndefined();
      expect(walker.parts.map(({ start, end }) => ({ start, end }))).toEqual(expected);
      expect(walker.contentSize).toBe(json.length + random.length + 1 + 500_000);
      expect(walker.blockCounts.raw).toBeGreaterThanOrEqual(4);
      expect(walker.blockCounts.RLE).toBeGreaterThanOrEqual(1);
      expect(walker.withoutChecksum).toBe(1);
    }
  });

  test("says where a file is cut, at every byte", () => {
    const small = zstd.compress("a text that is short");
    for (let end = 1; end < small.length; end++) {
      const walker = new FrameWalker();
      walker.push(small.subarray(0, end));
      walker.finish();
      expect(walker.fault, `${end}`).toMatchObject({ code: "TRUNCATED", offset: end });
    }
  });

  test("says which bytes are no frame", () => {
    const walker = new FrameWalker();
    walker.push(Buffer.concat([frame, utf8("and more")]));
    expect(walker.fault).toMatchObject({
      message: `bytes that are no frame follow the last one, at byte ${frame.length}`,
    });
  });
});

describe("the first line answers whether it is on", () => {
  const line = async (bytes: Uint8Array, facts: Partial<Source> = {}): Promise<string> => {
    const source = sourceOf(bytes, Infinity, facts);
    return firstLine(source, await inspect(source));
  };
  const text = utf8("abc ".repeat(1000));

  test.each([
    [
      "raw",
      frame,
      /^compressed by zstash \(raw carrier\), \d+\.\d KiB stored for \d+\.\d MiB \(\d+\.\d\d:1\)$/,
    ],
    ["text", utf8(toTextCarrier(frame)), /^compressed by zstash \(text carrier\), /],
    ["seekable", seekable(json, 10_000), /^compressed by zstash \(raw carrier\), /],
    [
      "raw blocks",
      writeRawBlocks(utf8("zs1:KLUv/Q")),
      /^compressed by zstash without its codec \(raw carrier\)/,
    ],
    [
      "no checksum",
      zstd.compress(text, { checksum: false }),
      /^compressed by another program \(raw carrier\)/,
    ],
    ["small", utf8("12"), /^not compressed, 2 B: below 1 KiB, where it pays only with a dictionary$/],
    ["empty", new Uint8Array(0), /^not compressed, 0 B: it is empty$/],
    ["gzip", Buffer.from([0x1f, 0x8b, 8, ...randomBytes(2000)]), /already compressed: gzip$/],
    [
      "base64 gzip",
      utf8(`H4sIAAAAAAAA${"x".repeat(2000)}`),
      /already compressed: gzip in base64, by another client$/,
    ],
    [
      "WebP",
      Buffer.from(`RIFF\0\0\0\0WEBP${"\0".repeat(2000)}`, "latin1"),
      /already compressed, by its first bytes$/,
    ],
    ["noise", randomBytes(5000), /it would become less than a tenth smaller$/],
    ["plain", text, /written by a client without zstash, or by one whose mode or policy leaves it as it is$/],
    ["skippable", Buffer.concat([skippable, frame]), /begins with a skippable frame/],
    ["near", utf8(`zs1:hello${" ".repeat(2000)}`), /begins as a value of zstash does, and is none/],
    [
      "destroyed",
      utf8(`(\ufffd/\ufffd${"x".repeat(50)}`),
      /^damaged: a client for text has read a raw frame/,
    ],
    ["cut", frame.subarray(0, -9), /^damaged: it ends inside frame 0, at byte \d+; compressed by/],
    ["bad base64", utf8(`${toTextCarrier(frame)}=`), /^damaged: what follows zs1: is not base64/],
    [
      "trailing",
      Buffer.concat([frame, utf8("tail")]),
      /^damaged: bytes that are no frame follow the last one/,
    ],
  ])("%s", async (_, bytes, expected) => expect(await line(bytes)).toMatch(expected));

  test("by the key", async () => {
    expect(await line(utf8("{}"), { name: "zstash:dicts" })).toContain("the manifest of the dictionaries");
    expect(await line(utf8("N6Qw"), { name: "zstash:dict:40000" })).toContain("it is a dictionary");
    expect(await line(frame, { kind: "file" })).toMatch(/^compressed \(a zstd file\), /);
  });

  test("a wrong checksum is damage, with the place where it is said", async () => {
    const wrong = frame.slice();
    wrong[wrong.length - 1]! ^= 1;
    const source = sourceOf(wrong);
    const facts = await inspect(source);
    expect(isDamaged(facts)).toBe(true);
    expect(describeValue(source, facts, { columns: 80, colours: false })).toMatch(
      /^damaged: [^]*checksum +present, WRONG: the value is not what was stored/,
    );
    expect(isDamaged(await inspect(sourceOf(frame)))).toBe(false);
  });
});

describe("large values", () => {
  const random = new Uint8Array(randomBytes(300_000));
  const file = seekable(random, 4096);

  test("by their ends alone: frames by the seek table, blocks of the first bytes, no verdict", async () => {
    const reads: number[] = [];
    const source = sourceOf(file, 2000);
    const counted = {
      ...source,
      read: (start: number, end: number) => (reads.push(end - start), source.read(start, end)),
    };
    expect(await framesOf(counted)).toMatchObject({
      frameCount: Math.ceil(random.length / 4096),
      frameCountIsExact: true,
      contentSize: random.length,
      walkedSize: 2000,
      verdict: { state: "unread" },
    });
    expect(reads.reduce((sum, size) => sum + size, 0)).toBeLessThan(2000);
  });

  test("read whole, in chunks, they are proven", async () => {
    expect(await framesOf(sourceOf(file, 2000), true)).toMatchObject({
      frameCount: Math.ceil(random.length / 4096),
      verdict: { state: "right", size: random.length },
      fault: undefined,
    });
    const wrong = new Uint8Array(file);
    wrong[200_000]! ^= 1;
    expect((await framesOf(sourceOf(wrong, 2000), true)).verdict.state).toMatch(/wrong|damaged/);
  });

  test("in the text carrier", async () => {
    const text = utf8(toTextCarrier(file));
    const expected = { form: "text", framesSize: file.length, frameCount: Math.ceil(random.length / 4096) };
    for (const held of [2000, 2004, 2008, Infinity])
      expect(await framesOf(sourceOf(text, held)), `${held}`).toMatchObject(expected);
    expect(await framesOf(sourceOf(text, 2000), true)).toMatchObject({
      ...expected,
      verdict: { state: "right" },
    });
  });

  test("one frame of which only the start is known", async () => {
    const one = zstd.compress(random);
    expect(await framesOf(sourceOf(one, 2000))).toMatchObject({
      frameCount: 1,
      frameCountIsExact: false,
      contentSize: random.length,
      verdict: { state: "unread" },
    });
  });
});

test("a dictionary is looked for by its id; with it the checksum is proven, without it that is said", async () => {
  const dictionary = readDictionary(newer);
  const source = sourceOf(zstd.compress(JSON.stringify(sessionOf(1)), { dictionary }));
  const found = await readFacts(source, { whole: false, findDictionary: () => Promise.resolve(dictionary) });
  expect(found).toMatchObject({ dictionary: { id: NEWER, size: newer.length }, verdict: { state: "right" } });
  const lost = await readFacts(source, {
    whole: false,
    findDictionary: () => Promise.resolve("NOT in Redis"),
  });
  expect(lost).toMatchObject({ dictionary: { missing: "NOT in Redis" }, verdict: { state: "unknown" } });
  expect(describeValue(source, lost, { columns: 80, colours: false })).toContain(`${NEWER}: NOT in Redis`);
});

describe("on terminals", () => {
  const random = new Uint8Array(randomBytes(200_000));
  const cases: readonly (readonly [string, Source])[] = [
    ["a frame", sourceOf(frame)],
    ["a seekable file", sourceOf(seekable(json, 20_000, [skippable]))],
    ["text", sourceOf(utf8(toTextCarrier(frame)))],
    ["a small frame", sourceOf(zstd.compress("x"))],
    ["a large frame", sourceOf(zstd.compress(random), 5000)],
    ["many frames", sourceOf(seekable(random, 500))],
    ["a cut one", sourceOf(frame.subarray(0, frame.length >> 1))],
    ["an uncompressed one", sourceOf(utf8("abc ".repeat(1000)))],
    [
      "a long name",
      sourceOf(frame, Infinity, { name: "日本:\u202e:" + "key ".repeat(60), ttl: 90_000, memory: 5000 }),
    ],
  ];

  test.each(cases)("%s fits every width, and names all signs of its picture", async (_, source) => {
    const facts = await inspect(source);
    for (const columns of [undefined, 30, 40, 60, 80, 120, 200]) {
      const text = describeValue(source, facts, { columns, colours: false });
      for (const line of text.split("\n")) {
        // A word that is longer than the line stands alone.
        if (/\S \S/.test(line.trim()))
          expect(widthOf(line), line).toBeLessThanOrEqual(Math.max(34, columns ?? 80));
      }
      expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
      if (facts.form === "uncompressed") continue;
      const picture = drawPicture(facts, columns ?? 80);
      const bars = picture.filter((line) => /^ {2}[█▓░=hcvts·]+$/.test(line));
      expect(bars.length).toBeGreaterThan(0);
      const legend = picture.slice(-4).join(" ");
      for (const sign of new Set(bars.join("").trim().replaceAll(" ", "").replaceAll(/[█▓]/g, "")))
        expect(legend, sign).toContain(`${sign} `);
    }
  });

  test("the picture is true to scale", async () => {
    const parts = [40_000, 10_000, 30_000];
    const file = Buffer.concat(parts.map((size) => writeRawBlocks(random.subarray(0, size))));
    const facts = await framesOf(sourceOf(file));
    const [, bar] = drawPicture(facts, 84);
    expect(bar!.trim()).toBe("█".repeat(40) + "▓".repeat(10) + "█".repeat(30));
  });

  test("header, checksum, version frame and seek table are seen, however small they are", async () => {
    const single = drawPicture(await framesOf(sourceOf(frame)), 80)[1]!.trim();
    expect(single).toMatch(/^h.*c$/);
    const several = drawPicture(
      await framesOf(sourceOf(seekable(json, 100_000, [skippable]))),
      80,
    )[1]!.trim();
    expect(several).toMatch(/^█.*[█▓]svt$/);
  });

  test("colours are the first line's alone, and only where they are wanted", async () => {
    const source = sourceOf(frame);
    const facts = await inspect(source);
    const text = describeValue(source, facts, { columns: 80, colours: true });
    expect(text.startsWith("\x1b[32mcompressed")).toBe(true);
    const [first, ...rest] = text.split("\x1b[39m\n");
    expect(first!.split("\x1b").length).toBe(2);
    expect(rest.join("")).not.toContain("\x1b");
    expect(describeValue(source, facts, { columns: 80, colours: false })).not.toContain("\x1b");
  });
});
