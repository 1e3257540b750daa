// zstd's own vectors (test/vectors/golden), as test/vectors/manifest.json lists them, and one file for each bug found
// (test/vectors/regressions), named for the code it must fail with. Where native zstd 1.5.7 is at hand its verdicts are
// asked for again.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadDecoder, readDictionary } from "../../../src/decode.ts";
import type { Decoder } from "../../../src/decode.ts";
import { loadZstd, readFrameHeader } from "../../../src/index.ts";
import type { Zstd, ZstashErrorCode } from "../../../src/index.ts";
import manifest from "../../vectors/manifest.json" with { type: "json" };
import { nativeAvailable, nativePath, useNative } from "../../support/native.ts";

interface Vector {
  readonly name: string;
  readonly sha256: string;
  readonly origin: string;
  readonly licence: string;
  /** Of the decompressed content; for a frame. */
  readonly contentSha256?: string;
  /** What decompressing it fails with, and zstd 1.5.7's own name for that. */
  readonly error?: ZstashErrorCode;
  readonly zstdError?: string;
  /** For a dictionary. */
  readonly dictionaryId?: number;
}

const vectors = manifest as readonly Vector[];
const folder = fileURLToPath(new URL("../../vectors/", import.meta.url));
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(folder + name));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const within = (directory: string): readonly Vector[] =>
  vectors.filter(({ name }) => name.startsWith(`${directory}/`));

const good = vectors.filter(({ contentSha256 }) => contentSha256 !== undefined);
/** Those the manifest tells of, and whatever else lies in regressions/. */
const bad: readonly Pick<Vector, "name" | "error" | "zstdError">[] = [
  ...vectors.filter(({ error }) => error !== undefined),
  ...readdirSync(`${folder}regressions`)
    .map((file) => ({ name: `regressions/${file}`, error: file.split(".")[0] as ZstashErrorCode }))
    .filter(({ name }) => !vectors.some((vector) => vector.name === name)),
];
const dictionaries = vectors.filter(({ dictionaryId }) => dictionaryId !== undefined);
const plain = within("golden/golden-compression");
const levels = Array.from({ length: 30 }, (_, at) => at - 7);

let decoders: readonly (readonly [string, Decoder])[];
let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
  decoders = [
    ["zstd", zstd],
    ["decoder", await loadDecoder()],
  ];
});

describe("the manifest", () => {
  test("lists every golden vector, each as it was", () => {
    const files = readdirSync(`${folder}golden`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "LICENSE")
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length));
    expect(files.sort()).toEqual(
      within("golden")
        .map(({ name }) => name)
        .sort(),
    );
    for (const { name, sha256: expected } of vectors) expect(sha256(read(name)), name).toBe(expected);
    for (const { origin, licence } of vectors)
      expect(Math.min(origin.length, licence.length)).toBeGreaterThan(3);
    for (const { name, error } of within("regressions")) expect(name).toContain(`/${error}.`);
    const listed = [good, vectors.filter(({ error }) => error), plain, dictionaries].map(
      (some) => some.length,
    );
    expect(listed).toEqual([4, expect.any(Number), 4, 2]);
    expect(listed.reduce((sum, count) => sum + count)).toBe(vectors.length);
  });
});

describe("frames that decode", () => {
  test.each(good)("$name", ({ name, contentSha256 }) => {
    for (const [about, decoder] of decoders)
      expect(sha256(decoder.decompress(read(name))), about).toBe(contentSha256);
  });
});

describe("frames that do not", () => {
  test.each(bad)("$name is $error", ({ name, error }) => {
    for (const [about, decoder] of decoders) {
      const failure = expect.objectContaining({ name: "ZstashError", code: error });
      expect(() => decoder.decompress(read(name)), about).toThrow(failure);
      expect(() => decoder.decompressText(read(name)), about).toThrow(failure);
      const first = good[0]!;
      expect(sha256(decoder.decompress(read(first.name))), about).toBe(first.contentSha256);
    }
  });
});

describe("content that was hard to compress", () => {
  test.each(plain)("$name at levels -7…22", ({ name }) => {
    const content = read(name);
    // Level 22 takes a second a file: the largest levels for the smaller half.
    for (const level of levels.filter((level) => level <= 15 || content.length < 2000)) {
      const frame = zstd.compress(content, { level });
      for (const [about, decoder] of decoders) {
        expect(same(decoder.decompress(frame), content), `${about}, level ${level}`).toBe(true);
      }
    }
  });

  test("the block splitter and long matches at level 19", () => {
    for (const { name } of plain) {
      const content = read(name);
      expect(same(zstd.decompress(zstd.compress(content, { level: 19 })), content), name).toBe(true);
    }
  });
});

/** Native zstd with a dictionary, in a process of its own: what the long-lived oracle is not asked for. */
function withDictionary(
  operation: "Compress" | "Decompress",
  data: Uint8Array,
  dictionary: Uint8Array,
): Uint8Array {
  const script = `const zlib = require("node:zlib");
    const { data, dictionary } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const bytes = (text) => Buffer.from(text, "base64");
    process.stdout.write(zlib.zstd${operation}Sync(bytes(data), { dictionary: bytes(dictionary), chunkSize: 1 << 20 }).toString("base64"));`;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const input = JSON.stringify({ data: base64(data), dictionary: base64(dictionary) });
  const output = execFileSync(nativePath()!, ["-e", script], { input, env: {} });
  return new Uint8Array(Buffer.from(output.toString(), "base64"));
}

describe("dictionaries", () => {
  const contents = [...plain.map(({ name }) => read(name).subarray(0, 20_000)), new Uint8Array(0)];

  test.each(dictionaries)("$name compresses and decompresses", async ({ name, dictionaryId }) => {
    const dictionary = readDictionary(read(name));
    expect(dictionary.id).toBe(dictionaryId);
    const registered = await loadZstd({ dictionaries: [dictionary] });
    const decoder = await loadDecoder({ dictionaries: [dictionary] });
    for (const content of contents) {
      for (const level of [-7, 1, 3, 7, 13, 19]) {
        const frame = registered.compress(content, { level, dictionary });
        expect(readFrameHeader(frame).dictionaryId).toBe(dictionaryId);
        expect(same(registered.decompress(frame), content), `zstd, level ${level}`).toBe(true);
        expect(same(decoder.decompress(frame), content), `decoder, level ${level}`).toBe(true);
        expect(() => zstd.decompress(frame)).toThrow(
          expect.objectContaining({ code: "DICTIONARY_UNKNOWN", dictionaryId }),
        );
      }
    }
  });

  test.runIf(nativeAvailable()).each(dictionaries)(
    "$name, across to native zstd and back",
    async ({ name }) => {
      const bytes = read(name);
      const dictionary = readDictionary(bytes);
      const registered = await loadZstd({ dictionaries: [dictionary] });
      for (const content of contents) {
        const ours = registered.compress(content, { dictionary });
        expect(same(withDictionary("Decompress", ours, bytes), content)).toBe(true);
        expect(same(registered.decompress(withDictionary("Compress", content, bytes)), content)).toBe(true);
      }
    },
  );
});

describe.runIf(nativeAvailable())("native zstd 1.5.7 agrees", () => {
  const native = useNative();

  test.each(good)("$name", async ({ name, contentSha256 }) => {
    const verdict = await native().decompress(read(name));
    expect(verdict.ok && sha256(verdict.bytes)).toBe(contentSha256);
  });

  test.each(bad)("$name is an error there too", async ({ name, zstdError }) => {
    expect(await native().decompress(read(name), { frames: "first" })).toMatchObject({
      ok: false,
      code: zstdError ?? expect.any(String),
    });
  });

  test.each(plain)("$name: equal bytes at levels -7…15", async ({ name }) => {
    const content = read(name);
    // Node's zlib takes level -1 for "not set".
    for (const level of levels.filter((level) => level <= 15 && level !== -1)) {
      expect(
        same(zstd.compress(content, { level }), await native().compress(content, level)),
        `${level}`,
      ).toBe(true);
    }
  });
});
