import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadZstd, readDictionary } from "../../../src/index.ts";
import { describeDictionary, trainDictionary } from "../../../src/train/index.ts";
import { seededRandom } from "../../support/random.ts";
import { codeOf } from "../../support/rejection.ts";
import { sessionRecords } from "../../conformance/records.ts";

const read = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../vectors/${path}`, import.meta.url)));

describe("describeDictionary", () => {
  test.each([
    ["dictionaries/sessions-1001.dict", 1001, /"roles":\["editor/],
    ["dictionaries/sessions-1002.dict", 1002, /"currency":"EUR"/],
    ["dictionaries/other-1001.dict", 1001, /./],
    ["golden/golden-dictionaries/http-dict-missing-symbols", undefined, /HTTP|http/],
    ["golden/dict-files/zero-weight-dict", undefined, undefined],
  ] as const)("%s", (path, id, text) => {
    const bytes = read(path);
    const description = describeDictionary(bytes);
    expect(description.size).toBe(bytes.length);
    expect(description.id).toBe(id ?? readDictionary(bytes).id);
    const { parts } = description;
    expect(Object.values(parts).reduce((sum, one) => sum + one, 0)).toBe(bytes.length);
    // zstd writes the offsets 1, 4 and 8 between the tables and the content.
    const offsets = bytes.length - parts.content - parts.repeatedOffsets;
    if (text !== undefined)
      expect([...new Uint32Array(bytes.slice(offsets, offsets + 12).buffer)]).toEqual([1, 4, 8]);
    if (text !== undefined) expect(description.text.join("\n")).toMatch(text);
  });

  test("all text of the content is shown, and blanks part its pieces", async () => {
    const { dictionary } = await trainDictionary(sessionRecords(300), { maxSize: 5000 });
    const { text, parts } = describeDictionary(dictionary);
    const content = Buffer.from(dictionary.subarray(dictionary.length - parts.content)).toString("utf8");
    expect(content.split(/\0+/).filter((piece) => piece.length >= 4)).toEqual(text);
    expect(text.length).toBeGreaterThan(20);
  });

  test("text beyond ASCII", async () => {
    const samples = sessionRecords(100).map((json) => json.replace("editor", "redaktør 日本語 🙂"));
    const { dictionary } = await trainDictionary(samples);
    expect(describeDictionary(dictionary).text.join()).toContain("redaktør 日本語 🙂");
  });

  test("one that is cut anywhere or has a wrong byte is DICTIONARY_INVALID, or one that zstd may take", async () => {
    const { dictionary } = await trainDictionary(sessionRecords(100), { maxSize: 2000 });
    const { parts } = describeDictionary(dictionary);
    const tables = dictionary.length - parts.content;
    for (let length = 0; length < tables; length++) {
      expect(codeOf(() => describeDictionary(dictionary.subarray(0, length)))).toBe("DICTIONARY_INVALID");
    }
    const random = seededRandom(61);
    for (let round = 0; round < 2000; round++) {
      const bytes = dictionary.slice();
      bytes[8 + random.below(tables - 8)] = random.below(256);
      expect(["none", "DICTIONARY_INVALID"]).toContain(codeOf(() => describeDictionary(bytes)));
    }
  });

  test("what zstd cannot load is often seen, and what zstd loads is always described", async () => {
    const { dictionary } = await trainDictionary(sessionRecords(100), { maxSize: 2000 });
    const tables = dictionary.length - describeDictionary(dictionary).parts.content;
    const random = seededRandom(62);
    const zstd = await loadZstd();
    const outcomes = { refused: 0, described: 0 };
    for (let round = 0; round < 500; round++) {
      const bytes = dictionary.slice();
      bytes[8 + random.below(tables - 20)]! ^= 1 << random.below(8);
      const loads = codeOf(() => zstd.compress("x", { dictionary: readDictionary(bytes) })) === "none";
      const shown = codeOf(() => describeDictionary(bytes)) === "none";
      if (loads) expect(shown).toBe(true);
      outcomes[shown ? "described" : "refused"] += 1;
    }
    expect(outcomes.refused).toBeGreaterThan(10);
    expect(outcomes.described).toBeGreaterThan(10);
  });

  test("what is no dictionary", () => {
    expect(codeOf(() => describeDictionary(new TextEncoder().encode("raw content is none")))).toBe(
      "DICTIONARY_INVALID",
    );
    expect(() => describeDictionary("text" as never)).toThrow(TypeError);
  });
});
