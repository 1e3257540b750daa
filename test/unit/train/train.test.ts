import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { loadModule } from "../../../src/adapters/trainer/inline.ts";
import { loadZstd, readDictionary, readFrameHeader, type ZstashError } from "../../../src/index.ts";
import { dictionaryIdOf, xxh32 } from "../../../src/format/dictionary-id.ts";
import { describeDictionary, trainDictionary, type TrainOptions } from "../../../src/train/index.ts";
import { randomBytes } from "../../conformance/data.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { rejection } from "../../support/rejection.ts";
import { eventRecords, sessionRecords } from "../../conformance/records.ts";

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const sessions = sessionRecords(400);
const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  ((await rejection(promise)) as ZstashError).code;
const contentOf = (dictionary: Uint8Array): Uint8Array =>
  dictionary.subarray(dictionary.length - describeDictionary(dictionary).parts.content);

describe("what comes out", () => {
  test("the same samples and options give the same bytes, from every kind of source", async () => {
    const { dictionary, id } = await trainDictionary(sessions, { maxSize: 8192 });
    async function* generated(): AsyncGenerator<Uint8Array | string> {
      for (const [index, text] of sessions.entries()) yield index % 2 === 0 ? text : utf8(text);
    }
    for (const source of [sessions, new Set(sessions), sessions.map(utf8), generated()]) {
      const again = await trainDictionary(source, { maxSize: 8192 });
      expectBytes(again.dictionary, dictionary);
      expect(again.id).toBe(id);
    }
    expect(dictionary.length).toBeLessThanOrEqual(8192);
    // The same on every runtime and machine: conformance has a case of its own.
    expect(createHash("sha256").update(dictionary).digest("hex")).toMatchInlineSnapshot(
      `"dacb5627f8cc99ce3ca58d58b995d604140fcb8a195b71030c19956f745dbe56"`,
    );
  });

  test("raw content is that of the dictionary, and is measured as a prefix", async () => {
    const samples = sessionRecords(400);
    const whole = await trainDictionary(samples, { maxSize: 8192 });
    const { dictionary, id, report } = await trainDictionary(samples, { maxSize: 8192, raw: true });
    expect(id).toBe(0);
    expectBytes(dictionary, contentOf(whole.dictionary));
    const zstd = await loadZstd();
    const heldOut = { bytes: 0, stored: 0 };
    for (const text of sessionRecords(40, 99)) {
      const frame = zstd.compress(text, { prefix: dictionary });
      expect(readFrameHeader(frame).dictionaryId).toBe(0);
      expect(new TextDecoder().decode(zstd.decompress(frame, { prefix: dictionary }))).toBe(text);
      heldOut.bytes += text.length;
      heldOut.stored += frame.length;
    }
    // Without the tables it gains less than the dictionary, and what it does for others is what the report says.
    expect(report.gain).toBeGreaterThan(0.1);
    expect(report.gain).toBeLessThan(whole.report.gain);
    expect(report.with.bytes / report.bytes).toBeCloseTo(heldOut.stored / heldOut.bytes, 1);
    expect(await rejection(trainDictionary(samples, { raw: true, id: 7 }))).toBeInstanceOf(TypeError);
    expect(await rejection(trainDictionary(samples, { raw: 1 as unknown as boolean }))).toBeInstanceOf(
      TypeError,
    );
  });

  test.each<TrainOptions>([
    {},
    { maxSize: 1024 },
    { maxSize: 4096, level: 3 },
    { level: 19, minSamples: 1 },
    { level: -7, minSamples: 20 },
    { maxSize: 300_000, minSamples: 1 },
    { id: 7 },
    { id: 2 ** 31 - 1, minSamples: 255 },
  ])("%o: values come back, and are smaller", async (options) => {
    const { dictionary, id, report } = await trainDictionary(sessions, options);
    expect(dictionary.length).toBeLessThanOrEqual(options.maxSize ?? 65_536);
    const read = readDictionary(dictionary);
    expect(read.id).toBe(id);
    expect(id).toBe(options.id ?? dictionaryIdOf(dictionary));
    const zstd = await loadZstd({ dictionaries: [read] });
    const { level = 1 } = options;
    for (const text of sessionRecords(50, 99)) {
      const frame = zstd.compress(text, { dictionary: read, level });
      expect(readFrameHeader(frame).dictionaryId).toBe(id);
      expect(zstd.decompressText(frame)).toBe(text);
      expect(frame.length).toBeLessThan(zstd.compress(text, { level }).length);
    }
    expect(report.gain).toBeGreaterThan(0.1);
  });

  test("an id that is not given comes from the bytes, whatever id they had", async () => {
    const one = await trainDictionary(sessions, { maxSize: 4096 });
    const other = await trainDictionary(sessions, { maxSize: 4096, id: 5 });
    expect(one.id).toBeGreaterThanOrEqual(32_768);
    expect(one.id).toBeLessThan(2 ** 31);
    expect(dictionaryIdOf(other.dictionary)).toBe(one.id);
    expectBytes(other.dictionary.subarray(8), one.dictionary.subarray(8));
    expect((await trainDictionary(sessions, { maxSize: 4097 })).id).not.toBe(one.id);
  });

  // xxHash's own vectors.
  test.each([
    ["", 0x02cc5d05],
    ["abc", 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ])("XXH32 of %j", (text, hash) => expect(xxh32(utf8(text))).toBe(hash));
});

describe("minSamples", () => {
  /** The windows of 16 bytes of a dictionary's content, or of 8 where a piece has no 16, that too few samples have. */
  function rareWindows(content: Uint8Array, samples: readonly string[], minSamples: number): string[] {
    const different = [...new Set(samples)];
    const rare = new Set<string>();
    const known = new Map<string, number>();
    for (const piece of Buffer.from(content).toString("latin1").split("\0")) {
      const length = piece.length < 16 ? 8 : 16;
      for (let at = 0; at + length <= piece.length; at++) {
        const window = piece.slice(at, at + length);
        const count = known.get(window) ?? different.filter((sample) => sample.includes(window)).length;
        known.set(window, count);
        if (count < minSamples) rare.add(window);
      }
      if (piece.length > 0 && piece.length < 8) rare.add(piece);
    }
    return [...rare];
  }

  test.each([
    ["sessions", sessions, 3],
    ["events", eventRecords(1500), 3],
    ["sessions", sessions, 30],
  ] as const)("all pieces of a dictionary of %s occur in enough samples", async (_, samples, minSamples) => {
    // Repeats count once, wherever they stand.
    const repeated = [...samples, ...samples.slice(0, 50), ...samples];
    const { dictionary } = await trainDictionary(repeated, { maxSize: 6000, minSamples });
    expect(rareWindows(contentOf(dictionary), repeated, minSamples)).toEqual([]);
    expect(contentOf(dictionary).length).toBeGreaterThan(500);
  });

  test("the check above finds what is in one sample alone", async () => {
    const { dictionary } = await trainDictionary(sessions, { maxSize: 6000, minSamples: 1 });
    expect(rareWindows(contentOf(dictionary), sessions, 3).length).toBeGreaterThan(100);
  });

  test("e-mail addresses and tokens of one person stay out", async () => {
    const rare = sessions.flatMap((text) => {
      const { user, token } = JSON.parse(text) as { user: { email: string }; token: string };
      return [user.email, token];
    });
    const leaked = async (minSamples: number): Promise<number> => {
      const { dictionary } = await trainDictionary(sessions, { minSamples });
      const text = Buffer.from(dictionary).toString("latin1");
      return rare.filter((one) => text.includes(one)).length;
    };
    expect(await leaked(1)).toBeGreaterThan(100);
    expect(await leaked(2)).toBe(0);
    expect(await leaked(3)).toBe(0);
  });
});

describe("the report", () => {
  test("tells of every tenth different sample, which the dictionary has not seen", async () => {
    const samples = [...sessionRecords(200), ...sessionRecords(200), "", ""];
    const { dictionary, report } = await trainDictionary(samples, { level: 3 });
    expect(report).toMatchObject({ samples: 402, different: 200, count: 20 });
    const read = readDictionary(dictionary);
    const zstd = await loadZstd();
    const heldOut = samples.slice(0, 200).filter((_, index) => index % 10 === 9);
    const bytes = (options: object): number =>
      heldOut.reduce((sum, text) => sum + zstd.compress(text, { level: 3, ...options }).length, 0);
    expect(report.without.bytes).toBe(bytes({}));
    expect(report.with.bytes).toBe(bytes({ dictionary: read }));
    expect(report.bytes).toBe(heldOut.join("").length);
    expect(report.gain).toBeCloseTo(1 - bytes({ dictionary: read }) / bytes({}), 10);
    expect(report.without.compressTime).toBeGreaterThan(0);
    expect(report.with.decompressTime).toBeGreaterThan(0);
  });

  test("by classes of size, which add up", async () => {
    const samples = Array.from({ length: 300 }, (_, index) => {
      const kind = Math.floor(index / 10) % 4;
      return sessionRecords(1, index)[0]!
        .repeat([1, 4, 14, 60][kind]!)
        .slice(kind === 0 ? 250 : 0);
    });
    const { report } = await trainDictionary(samples);
    expect(report.classes.map(({ from }) => from)).toEqual([0, 1024, 4096, 16_384]);
    const sum = (of: (one: (typeof report.classes)[number]) => number): number =>
      report.classes.reduce((total, one) => total + of(one), 0);
    expect(sum(({ count }) => count)).toBe(report.count);
    expect(sum(({ bytes }) => bytes)).toBe(report.bytes);
    expect(sum((one) => one.with.bytes)).toBe(report.with.bytes);
    for (const { from, to, count, bytes } of report.classes) {
      expect(bytes / count).toBeGreaterThanOrEqual(from);
      expect(bytes / count).toBeLessThan(to);
    }
  });

  test("random samples gain nothing", async () => {
    const samples = Array.from({ length: 100 }, (_, index) => randomBytes(index, 500));
    const { report } = await trainDictionary(samples, { minSamples: 1 });
    expect(Math.abs(report.gain)).toBeLessThan(0.02);
  });
});

describe("bad input", () => {
  const unsuitable: readonly (readonly [string, readonly (Uint8Array | string)[]])[] = [
    ["none", []],
    ["nine", sessions.slice(0, 9)],
    ["identical ones", Array.from({ length: 500 }, () => sessions[0]!)],
    ["empty ones", Array.from({ length: 500 }, () => "")],
    ["short ones", Array.from({ length: 500 }, (_, index) => `${index}`)],
    ["random ones", Array.from({ length: 200 }, (_, index) => randomBytes(index, 300))],
  ];
  test.each(unsuitable)("%s are SAMPLES_UNSUITABLE", async (_, samples) => {
    expect(await codeOf(trainDictionary(samples))).toBe("SAMPLES_UNSUITABLE");
  });

  test("ten different ones will do", async () => {
    const { report } = await trainDictionary([...sessions.slice(0, 10), ...sessions.slice(0, 10)]);
    expect(report).toMatchObject({ samples: 20, different: 10, count: 1 });
  });

  test("more than 64 MiB or 1,048,576 samples are SIZE_LIMIT, before more is read", async () => {
    let taken = 0;
    function* endless(sample: Uint8Array | string): Generator<Uint8Array | string> {
      for (;;) {
        taken += 1;
        yield sample;
      }
    }
    // Of a larger one the first 128 KiB count.
    for (const [sample, count] of [
      [new Uint8Array(1 << 20), 512],
      ["x".repeat(200_000), 512],
      ["", 1_048_576],
    ] as const) {
      taken = 0;
      expect(await codeOf(trainDictionary(endless(sample)))).toBe("SIZE_LIMIT");
      expect(taken).toBe(count + 1);
    }
  });

  test("a source is closed when the training fails, and its own error passes", async () => {
    let closed = 0;
    async function* source(last: unknown): AsyncGenerator<string> {
      try {
        yield* sessions;
        if (last instanceof Error) throw last;
        yield last as string;
      } finally {
        closed += 1;
      }
    }
    expect(await rejection(trainDictionary(source(5)))).toBeInstanceOf(TypeError);
    const error = new Error("the database is gone");
    expect(await rejection(trainDictionary(source(error)))).toBe(error);
    const controller = new AbortController();
    controller.abort(error);
    expect(await rejection(trainDictionary(source(""), { signal: controller.signal }))).toBe(error);
    expect(closed).toBe(3);
  });

  test("an abort ends it between two steps, because the event loop has its turns meanwhile", async () => {
    const module = await loadModule();
    const controller = new AbortController();
    const reason = new Error("stop");
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (turns === 6) controller.abort(reason);
      else setImmediate(count);
    };
    const training = trainDictionary(
      (async function* () {
        yield* sessions;
        setImmediate(count);
      })(),
      { signal: controller.signal, module },
    );
    expect(await rejection(training)).toBe(reason);
  });

  const misuse: readonly (readonly [string, unknown, unknown, typeof TypeError | typeof RangeError])[] = [
    ["text", "text", {}, TypeError],
    ["bytes", new Uint8Array(5), {}, TypeError],
    ["undefined", undefined, {}, TypeError],
    ["numbers", [1, 2], {}, TypeError],
    ["maxSize", sessions, { maxSize: 1023 }, RangeError],
    ["maxSize", sessions, { maxSize: (16 << 20) + 1 }, RangeError],
    ["id", sessions, { id: 0 }, RangeError],
    ["id", sessions, { id: 2 ** 31 }, RangeError],
    ["level", sessions, { level: 23 }, RangeError],
    ["minSamples", sessions, { minSamples: 0 }, RangeError],
    ["minSamples", sessions, { minSamples: 256 }, RangeError],
    ["minSamples", sessions, { minSamples: "3" }, TypeError],
    ["signal", sessions, { signal: {} }, TypeError],
    ["module", sessions, { module: 5 }, TypeError],
    ["an unknown name", sessions, { maxsize: 5000 }, TypeError],
  ];
  test.each(misuse)("misuse: %s", async (_, samples, options, kind) => {
    expect(await rejection(trainDictionary(samples as string[], options as TrainOptions))).toBeInstanceOf(
      kind,
    );
  });

  test("a transferred sample is a TypeError", async () => {
    const gone = utf8(sessions[0]!);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(await rejection(trainDictionary([...sessions, gone]))).toBeInstanceOf(TypeError);
  });

  test("another module is WASM_UNAVAILABLE", async () => {
    const { readFileSync } = await import("node:fs");
    const of = (name: string): Buffer => readFileSync(new URL(`../../../dist/${name}`, import.meta.url));
    for (const module of [of("zstash-decoder.wasm"), of("zstash.wasm"), utf8("no module")]) {
      expect(await codeOf(trainDictionary(sessions, { module }))).toBe("WASM_UNAVAILABLE");
    }
    const { dictionary } = await trainDictionary(sessions, { module: of("zstash-trainer.wasm") });
    expectBytes(dictionary, (await trainDictionary(sessions)).dictionary);
  });
});
