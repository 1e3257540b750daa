/** Dictionaries as they lie in Redis: ids that follow from the content, and everything else that is refused. */
import { describe, expect, test } from "vitest";
import { DictionaryCache } from "../../../src/dictionaries/cache.ts";
import {
  DICTIONARY_MAX,
  fromStoredText,
  ID_MAX,
  ID_MIN,
  toStoredText,
  withContentId,
} from "../../../src/dictionaries/stored.ts";
import { dictionaryIdOf } from "../../../src/format/dictionary-id.ts";
import { ZstashError } from "../../../src/errors.ts";
import { loadZstd } from "../../../src/index.ts";
import { newer, older, sessionOf } from "../../support/dictionaries.ts";
import { seededRandom } from "../../support/random.ts";

const dictionary = withContentId(newer);
const text = toStoredText(dictionary);

describe("the id", () => {
  test("follows from the content, not from the id that was there, and lies where RFC 8878 leaves room", () => {
    const renamed = newer.slice();
    renamed.set([1, 2, 3, 4], 4);
    expect(withContentId(renamed).id).toBe(dictionary.id);
    expect(dictionary.bytes.subarray(8)).toEqual(newer.subarray(8));
    expect(withContentId(older).id).not.toBe(dictionary.id);
    // Frozen: values in Redis name it.
    expect(dictionary.id).toBe(41_224_571);
    const random = seededRandom(8);
    for (let round = 0; round < 500; round++) {
      const id = dictionaryIdOf(random.bytes(40));
      expect(id).toBeGreaterThanOrEqual(ID_MIN);
      expect(id).toBeLessThanOrEqual(ID_MAX);
    }
  });

  test("the dictionary still does its work", async () => {
    const zstd = await loadZstd();
    const value = JSON.stringify(sessionOf(1));
    const frame = zstd.compress(value, { dictionary });
    expect(frame.length).toBeLessThan(value.length * 0.45);
    const known = new Map([[dictionary.id, fromStoredText(text, dictionary.id)]]);
    expect(zstd.decompressText(frame, { dictionaries: known })).toBe(value);
  });

  test("what is none, or too large, is refused", () => {
    expect(() => withContentId(new Uint8Array(5))).toThrow(ZstashError);
    expect(() => withContentId(new Uint8Array(500))).toThrow(/magic number/);
    const large = new Uint8Array(DICTIONARY_MAX + 1);
    large.set(newer);
    expect(() => withContentId(large)).toThrow(/at most 524288 bytes/);
    expect(withContentId(large.subarray(1 - 1, DICTIONARY_MAX)).bytes.length).toBe(DICTIONARY_MAX);
  });
});

describe("the stored text", () => {
  test("is base64 that other tools read", () => {
    expect(Buffer.from(text, "base64")).toEqual(Buffer.from(dictionary.bytes));
    expect(fromStoredText(text, dictionary.id).bytes).toEqual(dictionary.bytes);
  });

  test("is refused under another id, changed, cut and empty, and the error names id and key", () => {
    const random = seededRandom(9);
    const refused = (stored: string, id: number = dictionary.id): void => {
      let error: unknown;
      try {
        fromStoredText(stored, id);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(ZstashError);
      expect(error).toMatchObject({ dictionaryId: id, key: `zstash:dict:${id}` });
    };
    refused(text, 40_000);
    refused("");
    refused("no base64!");
    refused(`${text}\n`);
    refused("A".repeat(800_000));
    for (let round = 0; round < 300; round++) {
      const bytes = dictionary.bytes.slice();
      bytes[8 + random.below(bytes.length - 8)]! ^= 1 << random.below(8);
      refused(Buffer.from(bytes).toString("base64"));
      refused(Buffer.from(dictionary.bytes.subarray(0, random.below(bytes.length))).toString("base64"));
    }
  });
});

describe("the cache", () => {
  const one = (byte: number, size: number) => {
    const bytes = new Uint8Array(size).fill(byte);
    bytes.set(newer.subarray(0, 8));
    return withContentId(bytes);
  };

  test("keeps those that were used last, within its bytes", () => {
    const cache = new DictionaryCache(3000);
    const [a, b, c, d] = [1, 2, 3, 4].map((byte) => one(byte, 1000)) as [
      typeof dictionary,
      typeof dictionary,
      typeof dictionary,
      typeof dictionary,
    ];
    for (const each of [a, b, c, a]) cache.add(each);
    expect(cache.get(a.id)).toBe(a);
    cache.add(d);
    expect([a, b, c, d].map(({ id }) => cache.has(id))).toEqual([true, false, true, true]);
    cache.add(one(5, 3001));
    expect([a, c, d].every(({ id }) => cache.has(id))).toBe(true);
    cache.add(one(6, 3000));
    expect([a, c, d].some(({ id }) => cache.has(id))).toBe(false);
  });

  test("knows a bounded number of ids that are missing, until they come", () => {
    const cache = new DictionaryCache();
    const reason = new ZstashError("DICTIONARY_UNKNOWN", "gone");
    for (let id = 0; id < 5000; id++) cache.addMissing(id, reason);
    expect(cache.whyMissing(4999)).toBe(reason);
    expect(cache.whyMissing(3000)).toBeUndefined();
    cache.addMissing(dictionary.id, reason);
    cache.add(dictionary);
    expect(cache.whyMissing(dictionary.id)).toBeUndefined();
  });
});
