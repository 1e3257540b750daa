import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import type { PolicyContext } from "../../../src/value/policy.ts";
import { decodeValue, encodeValue, type EncodeValueOptions } from "../../../src/value/value.ts";
import { createRandom, seededRandom } from "../../support/random.ts";

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

const json = JSON.stringify(
  Array.from({ length: 200 }, (_, id) => ({ id, name: `user ${id}`, active: id % 3 === 0 })),
);

/** What was stored, and the events on the way. */
function encode(text: string, options: EncodeValueOptions = {}): { stored: string; events: ZstashEvent[] } {
  const events: ZstashEvent[] = [];
  const stored = encodeValue(zstd, text, { ...options, onEvent: (event) => events.push(event) });
  return { stored, events };
}

/** The string with U+FFFD for lone surrogates, as UTF-8 has it. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error instanceof ZstashError ? error.code : error;
  }
  return "no error";
}

describe("encodeValue", () => {
  test("compresses what is worth it into a frame with content size and checksum", () => {
    const { stored, events } = encode(json, { key: "users" });
    expect(stored.startsWith("zs1:KLUv/")).toBe(true);
    expect(stored.length).toBeLessThan(json.length / 4);
    expect(Buffer.from(stored.slice(4), "base64")).toEqual(Buffer.from(zstd.compress(json, { level: 1 })));
    expect(decodeValue(zstd, stored)).toBe(json);
    expect(events).toEqual([
      {
        type: "compressed",
        command: "SET",
        key: "users",
        size: json.length,
        storedSize: stored.length,
        level: 1,
        kind: "text",
        ms: expect.any(Number) as number,
        written: true,
      },
    ]);
  });

  test("counts bytes of UTF-8, not characters", () => {
    const text = "é".repeat(512);
    expect(encode(text).events[0]).toMatchObject({ type: "compressed", size: 1024 });
    expect(encode(text.slice(1)).events).toEqual([
      { type: "skipped", command: "SET", key: "", size: 1022, reason: "small" },
    ]);
    expect(encode("a".repeat(1024)).events[0]).toMatchObject({ type: "compressed" });
    expect(encode("a".repeat(1023)).events[0]).toMatchObject({ type: "skipped", reason: "small" });
  });

  test("judges savings by what lies in Redis", () => {
    // 40 % of the characters are free: the frame is smaller than the text, its base64 is not by much.
    const random = createRandom(41);
    const text = Array.from({ length: 8000 }, () => String.fromCharCode(33 + random.below(60))).join("");
    const frame = zstd.compress(text);
    const share = toTextCarrier(frame).length / text.length;
    expect(frame.length).toBeLessThan(text.length * 0.8);
    expect(share).toBeGreaterThan(0.9);
    expect(encode(text)).toEqual({
      stored: text,
      events: [{ type: "skipped", command: "SET", key: "", size: 8000, reason: "savings" }],
    });
    const repeated = json.slice(0, 3000);
    const achieved = 1 - encode(repeated).stored.length / repeated.length;
    expect(encode(repeated, { policy: { minSavings: achieved - 0.001 } }).events[0]!.type).toBe("compressed");
    expect(encode(repeated, { policy: { minSavings: achieved + 0.001 } }).events[0]!.type).toBe("skipped");
  });

  test("never stores more than the value, whatever the policy", () => {
    const random = seededRandom(42);
    for (let round = 0; round < 300; round++) {
      const length = random.below(40);
      const text = Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join("");
      const { stored } = encode(text, { policy: { minSize: 0, minSavings: 0 } });
      expect(Buffer.byteLength(stored)).toBeLessThanOrEqual(Buffer.byteLength(text));
    }
  });

  test("leaves alone what is compressed already", () => {
    const jpeg = `/9j/4AAQSkZJRgABAQEASABI${"A".repeat(4000)}`;
    expect(encode(jpeg)).toEqual({
      stored: jpeg,
      events: [{ type: "skipped", command: "SET", key: "", size: jpeg.length, reason: "already-compressed" }],
    });
  });

  test("asks a policy function, with the size and kind", () => {
    const asked: PolicyContext[] = [];
    const policy = (context: PolicyContext): false | { level: number } => {
      asked.push(context);
      return context.key === "no" ? false : { level: 5 };
    };
    expect(encode(json, { key: "no", policy })).toMatchObject({
      stored: json,
      events: [{ type: "skipped", reason: "policy" }],
    });
    expect(encode(json, { key: "yes", policy }).events[0]).toMatchObject({ type: "compressed", level: 5 });
    expect(asked).toEqual([
      { command: "SET", key: "no", size: json.length, kind: "text", ttl: undefined, carrier: "text" },
      { command: "SET", key: "yes", size: json.length, kind: "text", ttl: undefined, carrier: "text" },
    ]);
  });

  test.each<[string, () => never]>([
    [
      "throws",
      () => {
        throw new Error("policy failed");
      },
    ],
    ["returns nothing", () => undefined as never],
    ["returns a promise", () => Promise.resolve(false) as never],
    ["returns a wrong level", () => ({ level: 99 }) as never],
    ["returns a name that is no option", () => ({ levl: 9 }) as never],
  ])("is loud once where the policy function %s, and then stores as it is", (_, policy) => {
    const told: ZstashEvent[] = [];
    const onEvent = (event: ZstashEvent): void => void told.push(event);
    expect(() => encodeValue(zstd, json, { key: "k", policy, onEvent })).toThrow(TypeError);
    expect(told).toEqual([
      { type: "policy-failed", command: "SET", key: "k", error: expect.any(Error) as unknown },
    ]);
    const { stored, events } = encode(json, { policy });
    expect(stored).toBe(json);
    expect(events).toEqual([
      { type: "policy-failed", command: "SET", key: "", error: expect.any(Error) as unknown },
      {
        type: "uncompressed",
        command: "SET",
        key: "",
        size: json.length,
        error: expect.any(Error) as unknown,
      },
    ]);
  });

  test("stores as it is what readers would refuse", () => {
    expect(encode(json, { maxSize: json.length - 1 })).toMatchObject({
      stored: json,
      events: [{ type: "skipped", reason: "large" }],
    });
    const { stored } = encode(json, { maxSize: json.length });
    expect(decodeValue(zstd, stored, { maxSize: json.length })).toBe(json);
  });

  test("stores as it is where the codec throws or makes no frame", () => {
    const failures: Zstd["compress"][] = [
      () => {
        throw new ZstashError("OUT_OF_MEMORY", "Cannot compress: no memory");
      },
      () => new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
      () => new Uint8Array([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]),
      () => new Uint8Array(0),
      () => undefined as unknown as Uint8Array<ArrayBuffer>,
    ];
    for (const compress of failures) {
      const events: ZstashEvent[] = [];
      const broken = { ...zstd, compress };
      const options = { onEvent: (event: ZstashEvent) => events.push(event) };
      expect(encodeValue(broken, json, options)).toBe(json);
      expect(events.map(({ type }) => type)).toEqual(["uncompressed"]);
      const reserved = "zs1:KLUv/";
      const stored = encodeValue(broken, reserved, options);
      expect(decodeValue(zstd, stored)).toBe(reserved);
    }
  });

  test("a listener that throws or rejects breaks nothing", async () => {
    const throwing = (): never => {
      throw new Error("listener failed");
    };
    const rejecting = async (): Promise<never> => throwing();
    for (const onEvent of [throwing, rejecting]) {
      const stored = encodeValue(zstd, json, { onEvent });
      expect(decodeValue(zstd, stored, { onEvent })).toBe(json);
      expect(encodeValue(zstd, "small", { onEvent })).toBe("small");
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe("every string comes back", () => {
  const BOM = "\uFEFF";
  const frame = (text: string): string => encodeValue(zstd, text, { policy: { minSize: 0 } });

  /** The SDK reads with the platform's decoder, which drops one byte order mark. */
  const throughRedis = (stored: string): string => new TextDecoder().decode(new TextEncoder().encode(stored));

  test.each([0, 1024, Infinity])("from minSize %s on", (minSize) => {
    const own = frame("a".repeat(2000));
    const strings = [
      "",
      " ",
      "0",
      "-0",
      "1e3",
      "true",
      "null",
      '"quoted"',
      "{}",
      "zs1:",
      "zs1:KLUv",
      "zs1:KLUv/",
      "zs1:KLUv/garbage",
      own,
      `${own} `,
      own.slice(0, -1),
      frame(own),
      `x${own}`,
      toTextCarrier(zstd.compress("")),
      BOM,
      BOM + BOM,
      `${BOM}a`,
      BOM + own,
      BOM + BOM + own,
      `${BOM}zs1:KLUv/`,
      BOM + json,
      "\uFFFD",
      "(\uFFFD/\uFFFD",
      "(\uFFFD/\uFFFDrest",
      `${BOM}(\uFFFD/\uFFFD`,
      "(\uFFFD/",
      "\0",
      "\0\uFFFF",
      "😀".repeat(600),
      json,
    ];
    for (const text of strings) {
      const stored = encodeValue(zstd, text, { policy: { minSize } });
      expect(decodeValue(zstd, throughRedis(stored)), JSON.stringify(text).slice(0, 60)).toBe(text);
    }
  });

  test("whatever random parts it is made of", () => {
    const random = seededRandom(43);
    const parts = [
      "zs1:",
      "KLUv/",
      "zs1:KLUv/",
      BOM,
      "(",
      "\uFFFD",
      "/",
      "\uD83D",
      "\uDE00",
      "=",
      "A",
      "{",
      "1",
      frame(json),
      json.slice(0, 900),
    ];
    for (let round = 0; round < 2000; round++) {
      const text = Array.from({ length: random.below(7) }, () => random.pick(parts)).join("");
      const policy = random.pick([{}, { minSize: 0 }, { minSize: 0, minSavings: 0 }, { minSize: 1e9 }]);
      const stored = encodeValue(zstd, text, { policy });
      // UTF-8 has no lone surrogates: those are U+FFFD with any client.
      expect(decodeValue(zstd, throughRedis(stored))).toBe(wellFormed(text));
    }
  });

  test("lone surrogates that turn into a frame's remains are escaped", () => {
    for (const text of ["(\uD800/\uFFFD", "(\uFFFD/\uDC00x", "(\uDFFF/\uDBFF", "(\uD83D/\uD83D\uD83D"]) {
      const { stored, events } = encode(text);
      expect(events.map(({ type }) => type)).toEqual(["escaped"]);
      expect(decodeValue(zstd, throughRedis(stored))).toBe(wellFormed(text));
    }
  });
});

describe("decodeValue", () => {
  test("gives foreign text back", () => {
    for (const text of ["", "zs1:", "zs1:abc", json, "\uFFFD", "zs2:KLUv/"])
      expect(decodeValue(zstd, text)).toBe(text);
  });

  test("names the key of what it cannot decode, and never the value", () => {
    const stored = encodeValue(zstd, json);
    const events: ZstashEvent[] = [];
    const flipped = stored.slice(0, 60) + (stored[60] === "A" ? "B" : "A") + stored.slice(61);
    try {
      decodeValue(zstd, flipped, { key: "users:1", onEvent: (event) => events.push(event) });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ZstashError);
      const { key, message, cause } = error as ZstashError;
      expect(key).toBe("users:1");
      expect(message).toContain('"users:1"');
      expect(message).not.toContain("user 1");
      expect(cause).toBeInstanceOf(ZstashError);
      expect(events).toEqual([
        { type: "decode-failed", command: "GET", key: "users:1", code: (error as ZstashError).code, error },
      ]);
    }
    expect(decodeValue(zstd, stored)).toBe(json);
  });

  test("every damaged character is an error with a code, never another value", () => {
    const text = "the quick brown fox ".repeat(60);
    const stored = encodeValue(zstd, text);
    const random = seededRandom(44);
    // Of the tenth character two bits belong to the magic: without them it is no value of ours.
    for (let at = "zs1:KLUv/".length + 1; at < stored.length; at++) {
      const damaged = stored.slice(0, at) + random.pick([..."AZaz09+/=é"]) + stored.slice(at + 1);
      if (damaged === stored) continue;
      const code = codeOf(() => expect(decodeValue(zstd, damaged)).toBe(text));
      expect(
        [
          "CORRUPT",
          "CHECKSUM_MISMATCH",
          "TRUNCATED",
          "SIZE_LIMIT",
          "NOT_ZSTD",
          "DICTIONARY_UNKNOWN",
          "DICTIONARY_INVALID",
        ],
        `at ${at}`,
      ).toContain(code);
    }
    for (let end = "zs1:KLUv/".length; end < stored.length; end++) {
      expect(["CORRUPT", "TRUNCATED"]).toContain(codeOf(() => decodeValue(zstd, stored.slice(0, end))));
    }
    expect(codeOf(() => decodeValue(zstd, `${stored}AAAA`))).toBe("CORRUPT");
    expect(decodeValue(zstd, stored)).toBe(text);
  });

  test("has a code for each way to fail", () => {
    const stored = encodeValue(zstd, json);
    expect(codeOf(() => decodeValue(zstd, stored, { maxSize: 10 }))).toBe("SIZE_LIMIT");
    expect(codeOf(() => decodeValue(zstd, "(\uFFFD/\uFFFDabc"))).toBe("UNSUPPORTED");
    expect(codeOf(() => decodeValue(zstd, toTextCarrier(zstd.compress(new Uint8Array([0xff, 0xfe])))))).toBe(
      "NOT_TEXT",
    );
    const decompressText = (): never => {
      throw new RangeError("inner fault");
    };
    expect(codeOf(() => decodeValue({ decompressText }, stored))).toBe("INTERNAL");
  });
});

describe("wrong arguments", () => {
  test.each<[string, () => unknown, typeof TypeError | typeof RangeError]>([
    ["zstd", () => encodeValue(null as never, ""), TypeError],
    ["zstd", () => encodeValue({} as never, ""), TypeError],
    ["value", () => encodeValue(zstd, 5 as never), TypeError],
    ["value", () => encodeValue(zstd, new Uint16Array(2) as never), TypeError],
    ["carrier", () => encodeValue(zstd, "", { carrier: "bytes" as never }), RangeError],
    ["as", () => decodeValue(zstd, "", { as: "raw" as never }), RangeError],
    ["zstd.decompress", () => decodeValue({ decompressText: () => "" }, "", { as: "bytes" }), TypeError],
    ["options", () => encodeValue(zstd, "", 5 as never), TypeError],
    ["key", () => encodeValue(zstd, "", { key: 5 as never }), TypeError],
    ["policy", () => encodeValue(zstd, "", { policy: "fast" as never }), TypeError],
    ["level", () => encodeValue(zstd, "", { policy: { level: 30 } }), RangeError],
    ["maxSize", () => encodeValue(zstd, "", { maxSize: -1 }), RangeError],
    ["onEvent", () => encodeValue(zstd, "", { onEvent: "log" as never }), TypeError],
    ["zstd", () => decodeValue({} as never, ""), TypeError],
    ["stored", () => decodeValue(zstd, null as never), TypeError],
    ["options", () => decodeValue(zstd, "", null as never), TypeError],
    ["key", () => decodeValue(zstd, "", { key: 5 as never }), TypeError],
    ["maxSize", () => decodeValue(zstd, "", { maxSize: 1.5 }), RangeError],
    ["maxSize", () => decodeValue(zstd, "", { maxSize: "1" as never }), TypeError],
    ["onEvent", () => decodeValue(zstd, "", { onEvent: {} as never }), TypeError],
  ])("%s", (name, run, type) => {
    expect(run).toThrow(type);
    expect(run).toThrow(`"${name}"`);
  });
});
