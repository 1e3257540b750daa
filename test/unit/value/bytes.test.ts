/** encodeValue and decodeValue with bytes, in both carriers, and keyv's compression. */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { decodeValue, encodeValue, keyvCompression, ZstashError } from "../../../src/upstash/index.ts";
import { isRawCarrier, isTextCarrier, toTextCarrier } from "../../../src/value/carrier.ts";
import { seededRandom } from "../../support/random.ts";

const json = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `name ${id}` })));
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const carriers = ["text", "raw"] as const;

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return error instanceof ZstashError ? error.code : String(error);
  }
  return undefined;
};

/** What a client over TCP gives for what was stored: a view of a larger buffer. */
function asRead(stored: string | Uint8Array): Buffer {
  const bytes = Buffer.from(stored as string);
  const slab = Buffer.alloc(bytes.length + 16, 0xaa);
  bytes.copy(slab, 8);
  return slab.subarray(8, 8 + bytes.length);
}

describe.each(carriers)("in the %s carrier", (carrier) => {
  test("strings and the same text as bytes are stored alike, compressed and uncompressed", () => {
    for (const text of [json, "small", "", "zs1:KLUv/", "\uFEFFmark", "(\uFFFD/\uFFFD"]) {
      const stored = encodeValue(zstd, text, { carrier });
      expect(typeof stored === "string").toBe(carrier === "text");
      expect(encodeValue(zstd, utf8(text), { carrier })).toEqual(stored);
      expect(encodeValue(zstd, asRead(text), { carrier })).toEqual(stored);
      for (const read of [stored, asRead(stored), new Uint8Array(asRead(stored))]) {
        expect(decodeValue(zstd, read)).toBe(text);
        expect(decodeValue(zstd, read, { as: "bytes" })).toEqual(utf8(text));
      }
    }
    const frame = encodeValue(zstd, json, { carrier });
    expect(typeof frame === "string" ? isTextCarrier(frame) : isRawCarrier(frame)).toBe(true);
    expect(frame.length).toBeLessThan(json.length / 2);
  });

  test("any bytes come back, whatever they look like", () => {
    const random = seededRandom(81);
    const frame = zstd.compress(json);
    const parts = [
      frame,
      frame.subarray(0, 4),
      frame.subarray(0, 30),
      utf8(toTextCarrier(frame)),
      ...["zs1:KLUv/", "zs1:KLUv/Q", "\uFEFF", "(\uFFFD/\uFFFD", json, "x".repeat(1100), ""].map(utf8),
      Uint8Array.of(0xff),
      Uint8Array.of(0, 1, 2, 0x80),
      Uint8Array.from({ length: 3000 }, (_, at) => 128 + (at % 40)),
    ];
    for (let round = 0; round < 400; round++) {
      const pieces = Array.from({ length: random.below(4) + 1 }, () => random.pick(parts));
      const bytes = new Uint8Array(Buffer.concat(pieces));
      const minSize = random.pick([0, 1024]);
      const stored = encodeValue(zstd, bytes, { carrier, policy: { minSize } });
      const read = random.pick([stored, asRead(stored)]);
      expect(decodeValue(zstd, read, { as: "bytes" })).toEqual(bytes);
    }
  });

  test("bytes that are no text are NOT_TEXT where a string is asked for, with the key", () => {
    for (const bytes of [
      Uint8Array.of(0xff, 0xfe),
      Uint8Array.from({ length: 3000 }, (_, at) => 128 + (at % 40)),
    ]) {
      const stored = encodeValue(zstd, bytes, { carrier });
      const events: ZstashEvent[] = [];
      const onEvent = (event: ZstashEvent): unknown => events.push(event);
      expect(codeOf(() => decodeValue(zstd, stored, { key: "picture", onEvent }))).toBe("NOT_TEXT");
      expect(events).toMatchObject([{ type: "decode-failed", key: "picture", code: "NOT_TEXT" }]);
    }
  });

  test("a codec that fails stores the value uncompressed, or in raw blocks where it must be a frame", () => {
    const failing = {
      compress: () => {
        throw new Error("no memory");
      },
    } as unknown as Zstd;
    for (const bytes of [utf8(json), Uint8Array.of(0xff, ...utf8(json)), zstd.compress(json)]) {
      const events: ZstashEvent[] = [];
      const onEvent = (event: ZstashEvent): unknown => events.push(event);
      const stored = encodeValue(failing, bytes, { carrier, onEvent });
      expect(decodeValue(zstd, stored, { as: "bytes" })).toEqual(new Uint8Array(bytes));
      expect(events).toMatchObject([{ type: "uncompressed", size: bytes.length, error: expect.any(Error) }]);
    }
  });
});

test("a policy function is asked about bytes that are no text, as binary", () => {
  const binary = Uint8Array.from({ length: 3000 }, (_, at) => 128 + (at % 40));
  const asked: unknown[] = [];
  const policy = (context: object): false => (asked.push(context), false);
  expect(encodeValue(zstd, binary, { key: "k", carrier: "raw", policy })).toEqual(binary);
  expect(asked).toEqual([
    { command: "SET", key: "k", size: 3000, kind: "binary", ttl: undefined, carrier: "raw" },
  ]);
});

test("events tell what becomes of bytes", () => {
  const tell = (bytes: Uint8Array, options: object = {}): unknown => {
    const events: ZstashEvent[] = [];
    encodeValue(zstd, bytes, { carrier: "raw", onEvent: (event) => events.push(event), ...options });
    return events.map((event) => ("reason" in event ? event.reason : event.type));
  };
  const binary = Uint8Array.from({ length: 3000 }, (_, at) => 128 + (at % 40));
  const noise = seededRandom(82).bytes(3000);
  expect(tell(binary)).toEqual(["compressed"]);
  expect(tell(binary.subarray(0, 100))).toEqual(["small"]);
  expect(tell(binary, { maxSize: 2999 })).toEqual(["large"]);
  expect(tell(noise)).toEqual(["savings"]);
  expect(tell(noise, { carrier: "text" })).toEqual(["escaped"]);
});

test("bytes are copied: a client may use its buffer again", () => {
  const read = Buffer.from("small");
  const bytes = decodeValue(zstd, read, { as: "bytes" });
  read.fill(0);
  expect(bytes).toEqual(utf8("small"));
});

test("the bound on a value holds for bytes too", () => {
  for (const carrier of carriers) {
    const stored = encodeValue(zstd, json, { carrier });
    expect(codeOf(() => decodeValue(zstd, stored, { as: "bytes", maxSize: 100 }))).toBe("SIZE_LIMIT");
  }
});

describe("keyv's compression", () => {
  test("stores what encodeValue stores, and reads what was stored before", () => {
    const { compress, decompress } = keyvCompression(zstd, { policy: { minSize: 100 } });
    const text = JSON.stringify({ value: "x".repeat(200) });
    expect(compress(text)).toBe(encodeValue(zstd, text, { policy: { minSize: 100 } }));
    expect(decompress(compress(text))).toBe(text);
    expect(decompress(text)).toBe(text);
    expect(() => compress({ a: 1 } as never)).toThrow(/keyv 5/);
  });

  test("checks its options at once, and asks no policy then", () => {
    expect(() => keyvCompression({} as never)).toThrow(TypeError);
    expect(() => keyvCompression(zstd, { policy: { level: 30 } })).toThrow(RangeError);
    expect(() => keyvCompression(zstd, { maxSize: -1 })).toThrow(RangeError);
    let asked = 0;
    keyvCompression(zstd, { policy: () => (asked++, {}) });
    expect(asked).toBe(0);
  });
});
