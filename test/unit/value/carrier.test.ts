import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { writeRawBlocks } from "../../../src/format/raw-blocks.ts";
import {
  fromTextCarrier,
  isDestroyedFrame,
  isReserved,
  isTextCarrier,
  startsWithByteOrderMark,
  textCarrierSize,
  toTextCarrier,
} from "../../../src/value/carrier.ts";
import { seededRandom } from "../../support/random.ts";

const BOM = "\uFEFF";
const frameOf = (text: string): Uint8Array => writeRawBlocks(new TextEncoder().encode(text));

/** What a string is once it has been in Redis and was read by a client that drops a byte order mark. */
const asRead = (text: string): string => new TextDecoder().decode(new TextEncoder().encode(text));

describe("the text carrier", () => {
  test("is zs1: and the frame in base64", () => {
    const frame = frameOf("to be or not to be");
    const stored = toTextCarrier(frame);
    expect(stored).toBe(`zs1:${Buffer.from(frame).toString("base64")}`);
    expect(stored.length).toBe(textCarrierSize(frame.length));
    expect(isTextCarrier(stored)).toBe(true);
    expect(fromTextCarrier(stored)).toEqual(frame);
  });

  test("starts with the same nine characters for every frame", () => {
    const random = seededRandom(21);
    for (let round = 0; round < 200; round++) {
      const frame = writeRawBlocks(random.bytes(random.below(400)));
      expect(toTextCarrier(frame).startsWith("zs1:KLUv/")).toBe(true);
    }
  });

  const others = [
    "",
    "zs1:",
    "zs1:KLUv",
    "zs1:KLUx/",
    "ZS1:KLUv/",
    " zs1:KLUv/",
    "zs2:KLUv/",
    `${BOM}zs1:KLUv/`,
  ];
  test.each(others)("does not claim %j", (text) => expect(isTextCarrier(text)).toBe(false));

  test("claims a tenth character only where it ends the magic", () => {
    for (let code = 0; code < 0x180; code++) {
      const text = `zs1:KLUv/${String.fromCharCode(code)}AAA`;
      const bytes = /^[\w+/]$/.test(text.charAt(9)) ? Buffer.from(text.slice(4), "base64") : [];
      expect(isTextCarrier(text), JSON.stringify(text)).toBe(bytes[3] === 0xfd);
    }
    // Cut within its magic it may be one of ours.
    expect(isTextCarrier("zs1:KLUv/")).toBe(true);
  });

  test.each(["zs1:KLUv/", "zs1:KLUv/!!!", "zs1:KLUv/SA", "zs1:KLUv/é==", `zs1:KLUv/${"A".repeat(20_000)}`])(
    "refuses %.20j as CORRUPT",
    (text) => {
      const error = thrown(() => fromTextCarrier(text));
      expect(error).toBeInstanceOf(ZstashError);
      expect((error as ZstashError).code).toBe("CORRUPT");
      expect((error as ZstashError).message).not.toContain("KLUv");
    },
  );
});

describe("a raw frame read as text", () => {
  test("is recognised whatever follows the magic", () => {
    const random = seededRandom(22);
    for (let round = 0; round < 200; round++) {
      const frame = writeRawBlocks(random.bytes(random.below(50)));
      expect(isDestroyedFrame(new TextDecoder().decode(frame))).toBe(true);
    }
  });

  test.each(["", "(", "(\uFFFD", "(\uFFFD/", "(\uFFFD/x", "(x/\uFFFD", "[\uFFFD/\uFFFD", "(\uFFFD|\uFFFD"])(
    "is not seen in %j",
    (text) => expect(isDestroyedFrame(text)).toBe(false),
  );
});

describe("reserved strings", () => {
  const high = "\uD83D";
  const low = "\uDE00";
  const parts = [
    "",
    "(",
    "/",
    "\uFFFD",
    high,
    low,
    high + low,
    BOM,
    "zs1:",
    "KLUv/",
    "x",
    "zs1:KLUv/",
    "(\uFFFD/\uFFFD",
  ];

  test("are those that would be taken for a frame when read back, by this version or by one before it", () => {
    let reserved = 0;
    const strings = new Set<string>();
    for (const a of parts)
      for (const b of parts) for (const c of parts) for (const d of parts) strings.add(a + b + c + d);
    for (const a of ["\uFFFD", high, low, "x"])
      for (const b of ["\uFFFD", high, low, high + low, high + high, low + low]) {
        for (const before of ["", BOM, BOM + BOM]) strings.add(`${before}(${a}/${b}rest`);
      }
    for (const text of strings) {
      const read = asRead(text);
      // A reader whose client keeps the mark sees it too.
      const seen = [read, text];
      const expected = seen.some((one) => one.startsWith("zs1:KLUv/") || isDestroyedFrame(one));
      expect(isReserved(text), JSON.stringify(text)).toBe(expected);
      if (seen.some((one) => isTextCarrier(one) || isDestroyedFrame(one))) expect(expected).toBe(true);
      if (expected) reserved += 1;
    }
    expect(reserved).toBeGreaterThan(100);
    expect(reserved).toBeLessThan(strings.size / 2);
  });

  test("a mark alone is not reserved", () => {
    expect(isReserved(`${BOM}a,b\n`)).toBe(false);
    expect(startsWithByteOrderMark(`${BOM}a,b\n`)).toBe(true);
    expect(startsWithByteOrderMark("a")).toBe(false);
    expect(startsWithByteOrderMark("")).toBe(false);
  });
});

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
