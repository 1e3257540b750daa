/** The RESP2 parser and writer: every kind of reply, split anywhere, and every limit. */
import { describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { writeCommand } from "../../../src/rest/resp-writer.ts";
import { readShort } from "../../../src/rest/read-reply.ts";
import { readResp, RespParser } from "../../../src/rest/resp.ts";
import type { RespLimits, RespValue } from "../../../src/rest/resp.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const bulk = (bytes: Uint8Array): RespValue => ({ kind: "bulk", bytes });
const integer = (value: number | bigint): RespValue => ({ kind: "integer", value });

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

/** A message of every kind of reply, and what it reads as. */
const CASES: readonly (readonly [name: string, wire: Uint8Array, value: RespValue])[] = [
  ["status", utf8("+OK\r\n"), { kind: "status", text: "OK" }],
  ["empty status", utf8("+\r\n"), { kind: "status", text: "" }],
  ["status with BOM and é", utf8("+\uFEFFé\r\n"), { kind: "status", text: "\uFEFFé" }],
  ["error", utf8("-ERR no\r\n"), { kind: "error", text: "ERR no" }],
  ["zero", utf8(":0\r\n"), integer(0)],
  ["minus zero", utf8(":-0\r\n"), integer(0)],
  ["signed", utf8(":+7\r\n"), integer(7)],
  ["2^53 - 1", utf8(":9007199254740991\r\n"), integer(9007199254740991)],
  ["2^53 + 1", utf8(":9007199254740993\r\n"), integer(9007199254740993n)],
  ["int64 max", utf8(":9223372036854775807\r\n"), integer(2n ** 63n - 1n)],
  ["int64 min", utf8(":-9223372036854775808\r\n"), integer(-(2n ** 63n))],
  ["null bulk", utf8("$-1\r\n"), { kind: "bulk", bytes: null }],
  ["empty bulk", utf8("$0\r\n\r\n"), bulk(new Uint8Array(0))],
  ["all bytes", join(utf8("$256\r\n"), ALL_BYTES, utf8("\r\n")), bulk(ALL_BYTES)],
  ["bulk of CRLF", utf8("$4\r\n\r\n\r\n\r\n"), bulk(utf8("\r\n\r\n"))],
  ["null array", utf8("*-1\r\n"), { kind: "array", items: null }],
  ["empty array", utf8("*0\r\n"), { kind: "array", items: [] }],
  [
    "nested arrays",
    utf8("*4\r\n*2\r\n:1\r\n*0\r\n$1\r\na\r\n*1\r\n*1\r\n$-1\r\n-ERR x\r\n"),
    {
      kind: "array",
      items: [
        { kind: "array", items: [integer(1), { kind: "array", items: [] }] },
        bulk(utf8("a")),
        { kind: "array", items: [{ kind: "array", items: [{ kind: "bulk", bytes: null }] }] },
        { kind: "error", text: "ERR x" },
      ],
    },
  ],
];

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ZstashError) return error.code;
    throw error;
  }
  return "no error";
}

describe("readResp", () => {
  test.each(CASES)("reads %s", (_, wire, value) => {
    expect(readResp(wire)).toEqual(value);
  });

  test.each(CASES)("refuses %s cut at every byte", (_, wire) => {
    for (let end = 0; end < wire.length; end++) {
      expect(codeOf(() => readResp(wire.subarray(0, end)))).toBe("TRUNCATED");
    }
  });

  test("refuses bytes after the reply", () => {
    expect(codeOf(() => readResp(utf8("+OK\r\n+OK\r\n")))).toBe("REDIS");
    expect(codeOf(() => readResp(utf8("+OK\r\n+")))).toBe("TRUNCATED");
    expect(codeOf(() => readResp(utf8("+OK\r\n\r\n")))).toBe("REDIS");
  });

  test.each([
    ["HTML", "<html>"],
    ["HTTP", "HTTP/1.1 400 Bad Request\r\n"],
    ["JSON", '{"error":"x"}'],
    ["RESP3", "_\r\n"],
    ["LF alone", "+OK\n"],
    ["no digits", ":\r\n"],
    ["a float", ":1.5\r\n"],
    ["hexadecimal", "$0x1\r\n"],
    ["a space", "$ 1\r\na\r\n"],
    ["a length below -1", "$-2\r\n"],
    ["an array length below -1", "*-2\r\n"],
    ["65 bits", ":9223372036854775808\r\n"],
    ["65 bits below", ":-9223372036854775809\r\n"],
    ["a length that is too short", "$1\r\nab\r\n"],
    ["a bulk that ends in LF", "$1\r\na\n\n"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => readResp(utf8(text)))).toBe("REDIS");
  });

  test.each([
    ["a bulk of 4 GB", "$4294967296\r\n", {}],
    ["a bulk of 2^63 - 1", "$9007199254740991\r\n", {}],
    ["an array of 10^15", "*1000000000000000\r\n", {}],
    ["an array that cannot fit", "*26\r\n", { maxSize: 100 }],
    ["a bulk that cannot fit", "$100\r\n", { maxSize: 100 }],
    ["many small elements", `*9\r\n${"$4\r\nabcd\r\n".repeat(9)}`, { maxSize: 50 }],
    ["a number without end", `:${"1".repeat(64)}`, {}],
    ["a status without end", `+${"a".repeat(65_536)}`, {}],
    ["a status above its limit", `+${"a".repeat(100)}\r\n`, { maxLineLength: 50 }],
    ["arrays in arrays", "*1\r\n".repeat(65), {}],
    ["arrays in arrays in arrays", "*1\r\n*1\r\n*1\r\n:1\r\n", { maxDepth: 2 }],
  ] as [string, string, RespLimits][])("refuses %s by its size", (_, text, limits) => {
    expect(codeOf(() => readResp(utf8(text), limits))).toBe("SIZE_LIMIT");
  });

  test("takes what just fits", () => {
    const wire = utf8("*2\r\n$4\r\nabcd\r\n:1\r\n");
    expect(codeOf(() => readResp(wire, { maxSize: wire.length }))).toBe("no error");
    expect(codeOf(() => readResp(wire, { maxSize: wire.length - 1 }))).toBe("SIZE_LIMIT");
    expect(codeOf(() => readResp(utf8(`${"*1\r\n".repeat(64)}:1\r\n`)))).toBe("no error");
    expect(codeOf(() => readResp(utf8("+abc\r\n"), { maxLineLength: 6 }))).toBe("no error");
  });

  test("allocates nothing for a claimed length", () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 100 }, () => {
      const parser = new RespParser();
      parser.push(utf8("$536870912\r\nabc"));
      return parser;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 2 * 65_536);
    for (const parser of parsers) expect(codeOf(() => parser.end())).toBe("TRUNCATED");
  });
});

describe("readShort", () => {
  test("reads OK, bulk strings and their null as the parser does", () => {
    for (const [name, wire, value] of CASES) {
      const isShort = value.kind === "bulk" || name === "status";
      expect(readShort(wire), name).toEqual(isShort ? value : undefined);
    }
  });

  test("leaves to the parser whatever is cut, followed by more, or changed in a byte", () => {
    for (const [, wire] of CASES) {
      for (let at = 0; at < wire.length; at++) {
        expect(readShort(wire.subarray(0, at))).toBeUndefined();
        for (const byte of [0, 10, 13, 32, 43, 45, 47, 48, 49, 57, 58, 255]) {
          const changed = wire.with(at, byte);
          const short = readShort(changed);
          if (short !== undefined) expect(short).toEqual(readResp(changed));
        }
      }
      expect(readShort(join(wire, wire))).toBeUndefined();
    }
    expect(readShort(utf8("$12345678901\r\nx\r\n"))).toBeUndefined();
  });

  test("gives bytes of their own", () => {
    const wire = utf8("$2\r\nab\r\n");
    const value = readShort(Buffer.from(wire)) as { bytes: Uint8Array };
    expect(value.bytes.constructor).toBe(Uint8Array);
    expect(value.bytes.buffer.byteLength).toBe(2);
  });
});

describe("RespParser", () => {
  const wire = join(...CASES.map(([, bytes]) => bytes));
  const values = CASES.map(([, , value]) => value);

  test("gives the same replies however the input is split in two", () => {
    for (let at = 0; at <= wire.length; at++) {
      const parser = new RespParser();
      const replies = [...parser.push(wire.subarray(0, at)), ...parser.push(wire.subarray(at))];
      parser.end();
      expect(replies).toEqual(values);
    }
  });

  test("gives the same replies in chunks of every small size, empty ones among them", () => {
    for (let size = 1; size <= 40; size++) {
      const parser = new RespParser();
      const replies: RespValue[] = [];
      for (let at = 0; at < wire.length; at += size) {
        // The chunk is overwritten afterwards: replies own their bytes.
        const chunk = wire.slice(at, at + size);
        replies.push(...parser.push(chunk), ...parser.push(new Uint8Array(0)));
        chunk.fill(0x58);
      }
      parser.end();
      expect(replies).toEqual(values);
    }
  });

  test("gives a reply with its last byte and is idle between replies", () => {
    const parser = new RespParser();
    expect(parser.idle).toBe(true);
    expect(parser.push(utf8("$1\r\na\r"))).toEqual([]);
    expect(parser.idle).toBe(false);
    expect(parser.push(utf8("\n"))).toEqual([bulk(utf8("a"))]);
    expect(parser.idle).toBe(true);
  });

  test("counts the limit for each reply anew", () => {
    const parser = new RespParser({ maxSize: 10 });
    for (let count = 0; count < 100; count++) expect(parser.push(utf8("$4\r\nabcd\r\n"))).toHaveLength(1);
  });

  test("reads a large bulk string in small chunks without quadratic copying", () => {
    const size = 16 * 1024 * 1024;
    const body = new Uint8Array(size).map((_, index) => index * 31);
    const parser = new RespParser();
    parser.push(utf8(`$${size}\r\n`));
    for (let at = 0; at < size; at += 1460) parser.push(body.subarray(at, at + 1460));
    const [reply] = parser.push(utf8("\r\n"));
    expect(reply?.kind === "bulk" && reply.bytes !== null && Buffer.compare(reply.bytes, body)).toBe(0);
  });

  test("stays failed, with the offset of the fault", () => {
    const parser = new RespParser();
    parser.push(utf8("+OK\r\n:1"));
    let first: unknown;
    try {
      parser.push(utf8("x\r\n"));
    } catch (error) {
      first = error;
    }
    expect(first).toMatchObject({ code: "REDIS", offset: 7 });
    expect(() => parser.push(utf8("+OK\r\n"))).toThrow(first as ZstashError);
    expect(() => parser.end()).toThrow(first as ZstashError);
  });

  test("survives garbage: every outcome is replies or a ZstashError", () => {
    let seed = 12_345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const codes = new Set<string>();
    for (let round = 0; round < 5_000; round++) {
      const mutated = wire.slice();
      for (let flips = 1 + random(4); flips > 0; flips--) mutated[random(mutated.length)] = random(256);
      const parser = new RespParser();
      const code = codeOf(() => {
        for (let at = 0; at < mutated.length; at += 50) parser.push(mutated.subarray(at, at + 50));
        parser.end();
      });
      codes.add(code);
    }
    expect([...codes].sort()).toEqual(["REDIS", "SIZE_LIMIT", "TRUNCATED", "no error"]);
  });
});

describe("writeCommand", () => {
  test("writes an array of bulk strings", () => {
    expect(writeCommand(["SET", utf8("k"), ALL_BYTES])).toEqual(
      join(utf8("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$256\r\n"), ALL_BYTES, utf8("\r\n")),
    );
    expect(writeCommand([])).toEqual(utf8("*0\r\n"));
  });

  test("is read back by the parser, empty and non-ASCII arguments included", () => {
    const args = ["", "é", "a\r\nb"];
    expect(readResp(writeCommand(args))).toEqual({
      kind: "array",
      items: args.map((arg) => bulk(utf8(arg))),
    });
  });
});
