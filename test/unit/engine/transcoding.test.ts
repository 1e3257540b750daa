// UTF-16 to UTF-8 and back in WebAssembly against TextEncoder and TextDecoder: every code unit, every pair of bytes, every
// length around the widths of vectors.
import { Buffer, isUtf8 } from "node:buffer";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModule } from "../../../src/adapters/full/inline.ts";
import { instantiate, type ZstashExports } from "../../../src/engine/exports.ts";
import { LinearMemory } from "../../../src/engine/memory.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { shapes, textOf } from "../../support/text-shapes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Bytes that the kernel may write past its output. */
const OVERSHOOT = 32;

let exports: Required<ZstashExports>;
let memory: LinearMemory;

beforeAll(async () => {
  exports = instantiate(await loadModule()) as Required<ZstashExports>;
  memory = new LinearMemory(exports);
});

/** Room for the kernel's input and output, and a byte that it has no reason to write. */
const [INPUT, OUTPUT, UNTOUCHED] = [1 << 20, 2 << 20, 0xa5] as const;
const areas: { from: number; to: number } = { from: 0, to: 0 };

/** Calls the kernel and gives the end of its output; what lies behind its room has to stay as it was. */
function kernel(input: Uint8Array, room: number, call: (to: number, from: number) => number): number {
  if (areas.from === 0) {
    [areas.from, areas.to] = [memory.allocate(INPUT).address, memory.allocate(OUTPUT).address];
  }
  const { from, to } = areas;
  const bytes = memory.bytes();
  bytes.set(input, from);
  const behind = to + room + OVERSHOOT;
  bytes.fill(UNTOUCHED, behind, behind + 16);
  const end = call(to, from) >>> 0;
  for (let at = behind; at < behind + 16; at++)
    if (bytes[at] !== UNTOUCHED) expect.fail(`${at - to} of ${room}`);
  return end;
}

/** What the kernel makes of code units. */
function encode(text: string): Uint8Array {
  const units = Buffer.from(text, "utf16le");
  const end = kernel(units, text.length * 3, (to, from) =>
    exports.zstash_utf16_to_utf8(to, from, text.length),
  );
  return memory.bytes().slice(areas.to, end);
}

/** What the kernel makes of bytes: undefined where they are not UTF-8. */
function decode(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  const end = kernel(bytes, length * 2, (to, from) => exports.zstash_utf8_to_utf16(to, from, length));
  if (end === 0) return undefined;
  if (end === areas.to) return Buffer.from(bytes).toString("latin1");
  return Buffer.from(memory.bytes().buffer).toString("utf16le", areas.to, end);
}

function expectedText(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? decoder.decode(bytes) : undefined;
}

/** Compares without a call of `expect` for each of a hundred thousand. */
function expectSameText(bytes: Uint8Array): void {
  const [actual, expected] = [decode(bytes), expectedText(bytes)];
  if (actual !== expected) expect(actual, `of ${bytes}`).toBe(expected);
}

describe("the kernel encodes as TextEncoder does", () => {
  test("all 65,536 code units, among characters of each width", () => {
    for (const neighbour of ["", "a", "é", "語", "\ud83d\ude00", "\ud800"]) {
      for (let start = 0; start < 0x10000; start += 0x1000) {
        let text = "";
        for (let unit = start; unit < start + 0x1000; unit++) {
          text += `${neighbour}${String.fromCharCode(unit)}${neighbour}`;
        }
        expectBytes(encode(text), encoder.encode(text));
      }
    }
  });

  test("every length to 100, each shape", () => {
    for (const shape of shapes) {
      for (let length = 0; length <= 100; length++) {
        const text = textOf(shape, length);
        expectBytes(encode(text), encoder.encode(text));
      }
    }
  });

  test("surrogates, whole and lone, at each place of a vector", () => {
    for (const around of ["a", "é", "語"]) {
      for (const inserted of [
        "\ud83d\ude00",
        "\ud83d",
        "\ude00",
        "\ude00\ud83d",
        "\ud83d\ud83d\ude00",
        "\ud83d\ude00\ude00",
      ]) {
        for (let at = 0; at <= 34; at++) {
          const text = around.repeat(at) + inserted + around.repeat(34 - at);
          expectBytes(encode(text), encoder.encode(text));
        }
      }
    }
  });
});

describe("the kernel decodes as TextDecoder does", () => {
  test("every length to 200, each shape, each cut", () => {
    for (const shape of shapes) {
      const whole = encoder.encode(textOf(shape, 200));
      for (let length = 0; length <= 200; length++) {
        const bytes = whole.subarray(0, length);
        expectSameText(bytes);
      }
    }
  });

  test("all code points", () => {
    for (let start = 0; start <= 0x10ffff; start += 0x4000) {
      if (start >= 0xd800 && start < 0xe000) continue;
      const points = Array.from({ length: 0x4000 }, (_, index) => start + index);
      const text = String.fromCodePoint(...points.filter((point) => point < 0xd800 || point > 0xdfff));
      expect(decode(encoder.encode(text))).toBe(text);
    }
  });

  test("every pair of bytes alone, and before one and two continuations: the same verdict", () => {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        for (const rest of [[], [0x80], [0xbf, 0x80]]) {
          expectSameText(Uint8Array.of(first, second, ...rest));
        }
      }
    }
  });

  test("one wrong byte at each place of 150: the same verdict", () => {
    for (const shape of shapes) {
      const whole = encoder.encode(textOf(shape, 150)).subarray(0, 150);
      for (let at = 0; at < whole.length; at++) {
        for (const wrong of [0x41, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf8, 0xff]) {
          const bytes = whole.slice();
          bytes[at] = wrong;
          expectSameText(bytes);
        }
      }
    }
  });
});
