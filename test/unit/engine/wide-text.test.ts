// Text as UTF-16 through WebAssembly against TextEncoder and TextDecoder: surrogates at the ends of pieces, areas that grow,
// memory that grows in between, the longest text. Runs whatever the runtime's own coders are.
import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModule as loadDecoder } from "../../../src/adapters/decoder/inline.ts";
import { loadModule } from "../../../src/adapters/full/inline.ts";
import { unitAccess as ofDeno } from "../../../src/adapters/host/deno.ts";
import { planDecode } from "../../../src/codec/decoder.ts";
import { instantiate, type ZstashExports } from "../../../src/engine/exports.ts";
import { LinearMemory } from "../../../src/engine/memory.ts";
import { createOneShot, OneShot } from "../../../src/engine/one-shot.ts";
import { WideText, wideTextOf, type MakeWideText } from "../../../src/engine/wide-text.ts";
import type { UnitAccess } from "../../../src/text.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { shapes, textOf } from "../../support/text-shapes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Characters that are copied at a time, or taken for ASCII (COPIED_UNITS, ASCII_UNITS), and the longest text (LONGEST). */
const COPIED = 8192;
const ASCII = 64 << 10;
const LONGEST = 8 << 20;

const access: UnitAccess = {
  encodes: true,
  decodes: true,
  lossyBelow: 0,
  view: (memory) => Buffer.from(memory),
};
const make: MakeWideText = (own, memoryOfOwn) => wideTextOf(own, memoryOfOwn, access);
const none = new Map<number, never>();
const settings = { level: 1, checksum: true, dictionary: undefined, parameters: undefined };

let module: WebAssembly.Module;
let exports: Required<ZstashExports>;
let memory: LinearMemory;
let wideText: WideText;

beforeAll(async () => {
  module = await loadModule();
  exports = instantiate(module) as Required<ZstashExports>;
  memory = new LinearMemory(exports);
  wideText = new WideText(exports, memory, access);
});

/** Places a text as `compress` does, and gives its bytes. */
function place(
  text: string,
  through: WideText = wideText,
  at: LinearMemory = memory,
): Uint8Array | undefined {
  const area = through.place(text);
  if (area === undefined) return undefined;
  try {
    return at.bytes().slice(area.address, area.address + area.size);
  } finally {
    at.release(area);
  }
}

describe("a text in pieces", () => {
  test("pairs and lone surrogates at the ends of pieces", () => {
    for (const filler of ["語", "é"]) {
      for (const inserted of ["\ud83d\ude00", "\ud83d", "\ude00", "\ud83d\ud83d\ude00"]) {
        for (let before = COPIED - 3; before <= COPIED + 1; before++) {
          const text = `…${filler.repeat(before - 1)}${inserted}${filler.repeat(COPIED)}${inserted}`;
          expectBytes(place(text)!, encoder.encode(text));
        }
      }
    }
  });

  test("ASCII first, then characters of Latin-1, few and many: the area grows with its input", () => {
    for (const tail of ["é", "é".repeat(5 * COPIED), `${"a".repeat(3000)}é`.repeat(10)]) {
      for (const before of [0, 1, ASCII - 1, ASCII, ASCII + 1, 3 * ASCII]) {
        const text = "a".repeat(before) + tail + "z".repeat(2 * ASCII);
        expectBytes(place(text)!, encoder.encode(text));
      }
    }
  });

  test("short texts and those past the longest are left to the runtime", () => {
    expect(place("語".repeat(127))).toBeUndefined();
    expectBytes(place("語".repeat(128))!, encoder.encode("語".repeat(128)));
    expect(place("a".repeat(ASCII))).toBeUndefined();
    expectBytes(place("a".repeat(ASCII + 1))!, encoder.encode("a".repeat(ASCII + 1)));
    const longest = `${"a".repeat(LONGEST - 1)}語`;
    expect(place(longest)!.length).toBe(LONGEST + 2);
    expect(place(`${longest}a`)).toBeUndefined();
  });
});

test("memory that grew, or was detached, in between", async () => {
  const own = instantiate(module) as Required<ZstashExports>;
  const grown = new LinearMemory(own);
  const through = new WideText(own, grown, access);
  const text = "語é\ud83d\ude00 ".repeat(60);
  for (let round = 0; round < 4; round++) {
    expectBytes(place(text, through, grown)!, encoder.encode(text));
    const bytes = encoder.encode(text);
    const area = grown.keepBytes(bytes);
    expect(through.read(area)).toBe(text);
    grown.release(area);
    const before = own.memory.buffer;
    own.memory.grow(1);
    expect(before.byteLength).toBe(0);
  }
  // A text that has memory grow while it is placed.
  const large = "語".repeat(2_000_000);
  const size = grown.size;
  expectBytes(place(large, through, grown)!, encoder.encode(large));
  expect(grown.size).toBeGreaterThan(size);
});

describe("through compress and decompressText", () => {
  test("frames and texts equal those of an engine without it", () => {
    const [quick, plain] = [createOneShot(module, make), createOneShot(module)];
    const texts = [
      ...shapes.flatMap((shape) => [127, 128, 1000, 22_000, 70_000].map((length) => textOf(shape, length))),
      "a".repeat(50_000),
      `${"é".repeat(300)}\ufeff`.repeat(40),
      `\ufeff${"語".repeat(300)}`,
      "\ud800".repeat(500),
      "",
    ];
    for (const text of texts) {
      const frame = quick.compress(text, settings);
      expectBytes(frame, plain.compress(text, settings));
      const plan = planDecode(frame, 1 << 20, none);
      const decoded = quick.decompressText(plan);
      expect(decoded).toBe(plain.decompressText(planDecode(frame, 1 << 20, none)));
      expect(decoded).toBe(decoder.decode(encoder.encode(text)));
    }
  });

  test("what is not UTF-8 is NOT_TEXT, and the engine goes on", () => {
    const quick = createOneShot(module, make);
    const bytes = encoder.encode("語".repeat(5000));
    bytes[7001] = 0xff;
    const frame = quick.compress(bytes, settings);
    const refused = expect.objectContaining({ code: "NOT_TEXT" });
    expect(() => quick.decompressText(planDecode(frame, 1 << 20, none))).toThrow(refused);
    expectBytes(quick.decompress(planDecode(frame, 1 << 20, none)), bytes);
  });

  test("linear memory is flat", () => {
    const oneShot = new OneShot(module, make);
    const texts = [textOf([3], 60_000), "a".repeat(20_000) + "é".repeat(60_000), textOf([1, 2, 3, 4], 3000)];
    const round = (): void => {
      for (const text of texts) {
        const plan = planDecode(oneShot.compress(text, settings), 1 << 20, none);
        oneShot.decompressText(plan);
      }
    };
    for (let number = 0; number < 20; number++) round();
    const { memory: own } = oneShot.exports;
    const size = own.buffer.byteLength;
    for (let number = 0; number < 500; number++) round();
    expect(own.buffer.byteLength).toBe(size);
  });

  test("the lossy decoder answers as the fatal one does: bytes that are no UTF-8, U+FFFD itself, byte order marks", () => {
    const samples = [[], [0xef, 0xbb, 0xbf, 0x61], [0xef, 0xbf, 0xbd], [0x61, 0xef, 0xbf, 0xbd, 0xc3, 0xa9]];
    const invalid = [
      [0x80],
      [0xc3],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x9f],
    ];
    for (const bytes of invalid) samples.push(bytes, [...encoder.encode("語é"), ...bytes, 0x61]);
    for (const text of shapes) samples.push([...encoder.encode(textOf(text, 300))]);
    const ofNode = { ...access, encodes: false, decodes: false, lossyBelow: 1000 };
    for (const lossy of [ofNode, ofDeno!]) {
      const quick = createOneShot(module, (own, its) => wideTextOf(own, its, lossy));
      const reader = wideTextOf(exports, memory, lossy)!;
      let read = 0;
      for (const sample of samples) {
        const bytes = Uint8Array.from(sample);
        const plan = planDecode(quick.compress(bytes, settings), 1 << 20, none);
        const area = memory.keepBytes(bytes);
        if (reader.read(area) !== undefined) read += 1;
        memory.release(area);
        let expected: string | undefined;
        try {
          expected = decoder.decode(bytes);
        } catch {}
        if (expected === undefined) {
          expect(() => quick.decompressText(plan)).toThrow(expect.objectContaining({ code: "NOT_TEXT" }));
        } else expect(quick.decompressText(plan)).toBe(expected);
      }
      expect(read).toBeGreaterThan(2);
    }
  });

  test("the lossy decoder sees memory that has grown, and stops at its bound", () => {
    const own = instantiate(module) as Required<ZstashExports>;
    const its = new LinearMemory(own);
    const reader = wideTextOf(own, its, { ...access, encodes: false, decodes: false, lossyBelow: 1000 })!;
    const area = its.keepBytes(encoder.encode("é".repeat(400)));
    expect(reader.read(area)).toBe("é".repeat(400));
    const { buffer } = own.memory;
    its.allocate(8 << 20);
    expect(own.memory.buffer).not.toBe(buffer);
    expect(reader.read(area)).toBe("é".repeat(400));
    expect(reader.read(its.keepBytes(new Uint8Array(1000)))).toBeUndefined();
  });

  test("a module that cannot transcode, and a runtime that need not", async () => {
    const lone = instantiate(await loadDecoder());
    expect(wideTextOf(lone, new LinearMemory(lone), access)).toBeUndefined();
    expect(wideTextOf(exports, memory, undefined)).toBeUndefined();
    expect(wideTextOf(exports, memory, { ...access, encodes: false, decodes: false })).toBeUndefined();
    const encodesOnly = wideTextOf(exports, memory, { ...access, decodes: false })!;
    const area = memory.keepBytes(encoder.encode("語".repeat(200)));
    expect(encodesOnly.read(area)).toBeUndefined();
    expect(wideText.read(area)).toBe("語".repeat(200));
    memory.release(area);
    const decodesOnly = wideTextOf(exports, memory, { ...access, encodes: false })!;
    expect(decodesOnly.place("語".repeat(200))).toBeUndefined();
  });
});
