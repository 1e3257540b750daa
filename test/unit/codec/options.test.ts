/** Options of the codec's public functions: a name that none of them knows is refused, the way the function fails. */
import { describe, expect, test } from "vitest";
import { loadDecoder } from "../../../src/decode.ts";
import { loadZstd, readSeekTable, segmentSize } from "../../../src/index.ts";

const zstd = await loadZstd();
const decoder = await loadDecoder();
const frame = zstd.compress("content");
const file = { size: frame.length, read: async (start: number, end: number) => frame.subarray(start, end) };

/** What is thrown, at once, as a rejection or in the stream. */
async function failure(
  work: () => unknown,
): Promise<{ error: unknown; how: "thrown" | "rejected" | "streamed" }> {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    return { error, how: "thrown" };
  }
  try {
    result = await result;
  } catch (error) {
    return { error, how: "rejected" };
  }
  if (result instanceof ReadableStream) {
    try {
      await result.getReader().read();
    } catch (error) {
      return { error, how: "streamed" };
    }
  }
  return { error: undefined, how: "thrown" };
}

type Options = Readonly<Record<string, unknown>>;
/** Each public function that takes options, how it fails, and options that it takes. */
const functions: Readonly<
  Record<string, [call: (options: never) => unknown, how: "thrown" | "rejected" | "streamed", valid: Options]>
> = {
  loadZstd: [(options) => loadZstd(options), "rejected", { memoryLimit: 1 << 20, dictionaries: [] }],
  loadDecoder: [(options) => loadDecoder(options), "rejected", { dictionaries: [] }],
  compress: [(options) => zstd.compress("x", options), "thrown", { level: 3, checksum: false }],
  "compress's parameters": [
    (parameters) => zstd.compress("x", { parameters }),
    "thrown",
    { windowLog: 17, hashLog: 12, strategy: 2 },
  ],
  compressStream: [
    (options) => zstd.compressStream(options),
    "thrown",
    { level: 3, frameSize: 1000, seekTable: true, flush: "none" },
  ],
  compressFrames: [
    (options) => zstd.compressFrames(options),
    "thrown",
    { maxFrameSize: 100, seekTable: true },
  ],
  decompress: [
    (options) => zstd.decompress(frame, options),
    "thrown",
    { maxSize: 100, into: new Uint8Array(100) },
  ],
  decompressText: [(options) => zstd.decompressText(frame, options), "thrown", { maxSize: 100 }],
  decompressStream: [
    (options) => zstd.decompressStream(options),
    "thrown",
    { maxSize: 100, maxWindowLog: 20 },
  ],
  decompressRange: [
    (options) => zstd.decompressRange(file, 0, 1, options),
    "thrown",
    { readSize: 100, maxFrameSize: 1000, signal: new AbortController().signal },
  ],
  "the decoder's decompress": [(options) => decoder.decompress(frame, options), "thrown", { maxSize: 100 }],
  "the decoder's decompressText": [
    (options) => decoder.decompressText(frame, options),
    "thrown",
    { maxSize: 100 },
  ],
  "the decoder's decompressStream": [
    (options) => decoder.decompressStream(options),
    "thrown",
    { maxSize: 100, maxWindowLog: 20 },
  ],
  "the decoder's decompressRange": [
    (options) => decoder.decompressRange(file, 0, 1, options),
    "thrown",
    { readSize: 100 },
  ],
  readSeekTable: [
    (options) => readSeekTable(file, options),
    "rejected",
    { signal: new AbortController().signal },
  ],
  segmentSize: [(options) => segmentSize(options), "thrown", { mtu: 1500, tls: false, http: 1 }],
};

describe.each(Object.entries(functions))("%s", (_, [call, expected, valid]) => {
  test("takes its options, undefined ones too", async () => {
    const undefinedToo = Object.fromEntries(Object.keys(valid).map((name) => [name, undefined]));
    expect((await failure(() => call(valid as never))).error).toBeUndefined();
    // A required option is missing then, and no name is wrong.
    const { error } = await failure(() => call(undefinedToo as never));
    expect(String(error)).not.toContain("is not an option");
  });

  test.each(["levl", "ttl", "x"])("refuses %s", async (name) => {
    const { error, how } = await failure(() => call({ ...valid, [name]: undefined } as never));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(new RegExp(`^"(parameters\\.)?${name}" is not an option: `));
    expect(how).toBe(expected);
  });

  test("says which name may have been meant", async () => {
    for (const name of Object.keys(valid)) {
      const misspelt = `${name.slice(0, 2)}${name.slice(3)}`;
      const { error } = await failure(() => call({ ...valid, [misspelt]: 1 } as never));
      expect(String(error)).toContain(`did you mean "`);
    }
  });

  test.each([[null], ["level"], [7]])("refuses %s in place of an object", async (options) => {
    const { error, how } = await failure(() => call(options as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(how).toBe(expected);
  });
});

test("decompressText has no place to decode into", () => {
  const options = { into: new Uint8Array(100) };
  expect(() => zstd.decompressText(frame, options as object)).toThrow('"into" is not an option');
});
