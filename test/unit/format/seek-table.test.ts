import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { parseSeekTable, seekTableSize } from "../../../src/format/seek-table.ts";
import { SeekTableWriter, writeSeekTable } from "../../../src/format/seek-table-writer.ts";
import type { SeekTable, SeekTableEntry } from "../../../src/format/seek-table.ts";
import { seededRandom } from "../../support/random.ts";

const SKIPPABLE = 0x184d2a5e;
const SEEKABLE = 0x8f92eab1;

interface TableParts {
  entries: readonly (readonly number[])[];
  descriptor?: number;
  skippable?: number;
  declared?: number;
  frames?: number;
  seekable?: number;
}

/** A table from its fields, any of which may lie; written here independently of the code under test. */
function assemble(parts: TableParts): Uint8Array {
  const {
    entries,
    descriptor = 0,
    skippable = SKIPPABLE,
    frames = entries.length,
    seekable = SEEKABLE,
  } = parts;
  const fields = entries.flat();
  const bytes = new Uint8Array(8 + fields.length * 4 + 9);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, skippable, true);
  view.setUint32(4, parts.declared ?? bytes.length - 8, true);
  fields.forEach((field, index) => view.setUint32(8 + index * 4, field, true));
  const footer = bytes.length - 9;
  view.setUint32(footer, frames, true);
  bytes[footer + 4] = descriptor;
  view.setUint32(footer + 5, seekable, true);
  return bytes;
}

/** The table at the end of a file whose frames are as long as it says. */
function fileOf(table: Uint8Array, framesSize: number): Uint8Array {
  const file = new Uint8Array(framesSize + table.length);
  file.set(table, framesSize);
  return file;
}

function failure(run: () => unknown): ZstashError {
  try {
    run();
  } catch (error) {
    if (error instanceof ZstashError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

function framesOf(table: SeekTable): SeekTableEntry[] {
  return Array.from({ length: table.frameCount }, (_, index) => {
    const { start, end, contentStart, contentEnd } = table.frame(index);
    return { compressedSize: end - start, decompressedSize: contentEnd - contentStart };
  });
}

describe("writeSeekTable", () => {
  test("writes the bytes of the specification", () => {
    const entries = [
      { compressedSize: 20, decompressedSize: 100 },
      { compressedSize: 0x01020304, decompressedSize: 0xffffffff },
    ];
    expect([...writeSeekTable(entries)]).toEqual(
      [
        [0x5e, 0x2a, 0x4d, 0x18, 25, 0, 0, 0],
        [20, 0, 0, 0, 100, 0, 0, 0],
        [4, 3, 2, 1, 255, 255, 255, 255],
        [2, 0, 0, 0, 0, 0xb1, 0xea, 0x92, 0x8f],
      ].flat(),
    );
  });

  test("of no frames is 17 bytes", () => {
    expect(writeSeekTable([])).toEqual(assemble({ entries: [] }));
  });

  test("can go on after toBytes, whose bytes are a copy", () => {
    const writer = new SeekTableWriter();
    writer.add(1, 2);
    const first = writer.toBytes();
    writer.add(3, 4);
    expect(first).toEqual(assemble({ entries: [[1, 2]] }));
    expect(writer.toBytes()).toEqual(
      assemble({
        entries: [
          [1, 2],
          [3, 4],
        ],
      }),
    );
  });

  test.each([-1, 1.5, 2 ** 32, NaN, Infinity])("refuses a size of %d", (size) => {
    expect(() => writeSeekTable([{ compressedSize: size, decompressedSize: 1 }])).toThrow(/"compressedSize"/);
    expect(() => writeSeekTable([{ compressedSize: 1, decompressedSize: size }])).toThrow(RangeError);
  });

  test("stops where no reader would follow: at 64 MiB", () => {
    const writer = new SeekTableWriter();
    const most = ((64 << 20) - 17) >> 3;
    for (let frame = 0; frame < most; frame++) writer.add(1, 1);
    expect(failure(() => writer.add(1, 1)).code).toBe("SIZE_LIMIT");
    expect(parseSeekTable(writer.toBytes())!.frameCount).toBe(most);
  });
});

describe("parseSeekTable", () => {
  test("reads what was written, and finds every byte", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 300; round++) {
      const entries = Array.from({ length: random.below(41) }, () => ({
        compressedSize: random.below(301),
        decompressedSize: random.below(4) === 0 ? 0 : random.below(51),
      }));
      const framesSize = entries.reduce((sum, entry) => sum + entry.compressedSize, 0);
      const file = fileOf(writeSeekTable(entries), framesSize);
      const table = parseSeekTable(file, file.length)!;
      expect(framesOf(table)).toEqual(entries);
      expect(table.compressedSize).toBe(framesSize);
      let offset = 0;
      entries.forEach(({ decompressedSize }, index) => {
        for (let each = 0; each < decompressedSize; each++) expect(table.find(offset++)).toBe(index);
      });
      expect(table.size).toBe(offset);
    }
  });

  test("reads entries of 12 bytes, and passes over unused descriptor bits", () => {
    const entries = [
      [10, 20, 0xdeadbeef],
      [30, 0, 1],
      [5, 6, 7],
    ];
    for (const descriptor of [0x80, 0x81, 0x82, 0x83]) {
      const table = parseSeekTable(fileOf(assemble({ entries, descriptor }), 45), 45 + 8 + 36 + 9)!;
      expect(framesOf(table)).toEqual(
        entries.map(([compressedSize, decompressedSize]) => ({ compressedSize, decompressedSize })),
      );
      expect(table.find(20)).toBe(2);
    }
  });

  test("is in the middle of nothing it does not own: views with an offset", () => {
    const table = assemble({ entries: [[1, 2]] });
    const wide = new Uint8Array(100).fill(0xee);
    wide.set(table, 31);
    expect(parseSeekTable(wide.subarray(31, 31 + table.length))!.size).toBe(2);
  });

  test("refuses offsets and indexes outside", () => {
    const table = parseSeekTable(assemble({ entries: [[1, 2]] }))!;
    for (const offset of [-1, 2, 0.5, NaN]) expect(() => table.find(offset)).toThrow(RangeError);
    for (const index of [-1, 1, 0.5, NaN]) expect(() => table.frame(index)).toThrow(RangeError);
    expect(() => parseSeekTable(assemble({ entries: [] }))!.find(0)).toThrow(RangeError);
  });

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["eight bytes that end in the magic", assemble({ entries: [] }).subarray(-8)],
    ["another last word", assemble({ entries: [[1, 2]], seekable: SEEKABLE + 1 })],
    ["zeros", new Uint8Array(100)],
  ])("%s is no table", (_, bytes) => {
    expect(parseSeekTable(bytes)).toBeUndefined();
    expect(seekTableSize(bytes)).toBeUndefined();
  });

  const entries = [
    [10, 100],
    [20, 200],
    [30, 300],
  ];
  const damaged: readonly (readonly [string, TableParts, string, number])[] = [
    ["reserved bit 2", { entries, descriptor: 0x04 }, "CORRUPT", 32 + 4],
    ["reserved bit 6", { entries, descriptor: 0x40 }, "CORRUPT", 32 + 4],
    ["three entries read as two with checksums", { entries, descriptor: 0x80, frames: 2 }, "CORRUPT", 8 + 12],
    ["a count of one more than fits the file", { entries, frames: 12 }, "CORRUPT", 32],
    ["a count of one more", { entries, frames: 4 }, "CORRUPT", -8],
    ["a count of one less", { entries, frames: 2 }, "CORRUPT", 8],
    ["a count of 2^32 - 1", { entries, frames: 0xffffffff }, "CORRUPT", 32],
    ["another skippable magic", { entries, skippable: SKIPPABLE - 1 }, "CORRUPT", 0],
    ["a declared size of one less", { entries, declared: 32 }, "CORRUPT", 4],
    ["a declared size of one more", { entries, declared: 34 }, "CORRUPT", 4],
    [
      "sums below the file",
      {
        entries: [
          [10, 1],
          [20, 1],
          [29, 1],
        ],
      },
      "CORRUPT",
      0,
    ],
    [
      "sums above the file",
      {
        entries: [
          [10, 1],
          [20, 1],
          [31, 1],
        ],
      },
      "CORRUPT",
      8 + 16,
    ],
    [
      "a first frame past the file",
      {
        entries: [
          [0xffffffff, 1],
          [20, 1],
          [31, 1],
        ],
      },
      "CORRUPT",
      8,
    ],
  ];
  test.each(damaged)("%s", (_, parts, code, offset) => {
    const file = fileOf(assemble(parts), 60);
    const error = failure(() => parseSeekTable(file, file.length));
    expect(error.code).toBe(code);
    expect(error.offset).toBe(60 + offset);
  });

  test("every flipped bit is seen, but for what nothing else in the file says", () => {
    for (const descriptor of [0, 0x80]) {
      const wide = descriptor === 0 ? entries : entries.map((entry) => [...entry, 0x12345678]);
      const entrySize = wide[0]!.length * 4;
      const file = fileOf(assemble({ entries: wide, descriptor }), 60);
      const footer = file.length - 9;
      for (let bit = 60 * 8; bit < file.length * 8; bit++) {
        const at = bit >> 3;
        const copy = file.slice();
        copy[at]! ^= 1 << (bit & 7);
        const inEntries = at >= 68 && at < footer;
        const trusted = inEntries ? (at - 68) % entrySize >= 4 : at === footer + 4 && (bit & 7) < 2;
        if (at > footer + 4) expect(parseSeekTable(copy, copy.length), `bit ${bit}`).toBeUndefined();
        else if (trusted) expect(parseSeekTable(copy, copy.length)!.frameCount, `bit ${bit}`).toBe(3);
        else expect(failure(() => parseSeekTable(copy, copy.length)).code, `bit ${bit}`).toBe("CORRUPT");
      }
    }
  });

  test("a file cut short or grown at any byte has no table, or a wrong one", () => {
    const file = fileOf(assemble({ entries }), 60);
    for (let length = 0; length < file.length; length++) {
      expect(parseSeekTable(file.subarray(0, length), length)).toBeUndefined();
    }
    for (let start = 1; start < 60; start++) {
      expect(failure(() => parseSeekTable(file.subarray(start), file.length - start)).code).toBe("CORRUPT");
    }
  });

  test("sums past 2^53 are corrupt", () => {
    const most = Array.from({ length: 2 ** 21 + 2 }, () => 0xffffffff);
    const content = assemble({ entries: most.map((size) => [0, size]) });
    expect(failure(() => parseSeekTable(content))).toMatchObject({ code: "CORRUPT", frame: 2 ** 21 });
    const compressed = assemble({ entries: most.map((size) => [size, 0]) });
    expect(failure(() => parseSeekTable(compressed))).toMatchObject({ code: "CORRUPT", frame: 2 ** 21 });
  });

  test("four million frames", () => {
    const writer = new SeekTableWriter();
    for (let frame = 0; frame < 4_000_000; frame++) writer.add(1300, 2000);
    const table = parseSeekTable(writer.toBytes(), writer.toBytes().length + 5_200_000_000)!;
    expect(table.size).toBe(8_000_000_000);
    expect(table.find(7_999_999_999)).toBe(3_999_999);
    expect(table.frame(3_000_000).start).toBe(3_900_000_000);
  });
});

describe("seekTableSize", () => {
  const footer = (frames: number, descriptor: number): Uint8Array =>
    assemble({ entries: [], frames, descriptor }).subarray(-9);

  test("needs the footer alone", () => {
    expect(seekTableSize(footer(1000, 0), 100_000)).toBe(8 + 8000 + 9);
    expect(seekTableSize(footer(1000, 0x80), 100_000)).toBe(8 + 12000 + 9);
  });

  test("a table over 64 MiB is SIZE_LIMIT before anything is read of it", () => {
    expect(seekTableSize(footer((64 << 17) - 3, 0), 2 ** 40)).toBe((64 << 20) - 7);
    expect(failure(() => seekTableSize(footer((64 << 17) - 2, 0), 2 ** 40))).toMatchObject({
      code: "SIZE_LIMIT",
      offset: 2 ** 40 - 9,
    });
    expect(failure(() => seekTableSize(footer(0xffffffff, 0x80), 2 ** 50)).code).toBe("SIZE_LIMIT");
  });

  test("parsing a part of the table is misuse", () => {
    expect(() => parseSeekTable(footer(1000, 0), 100_000)).toThrow(RangeError);
    expect(() => parseSeekTable(assemble({ entries: [] }), 16)).toThrow(RangeError);
    expect(() => parseSeekTable(assemble({ entries: [] }), NaN)).toThrow(RangeError);
  });
});
