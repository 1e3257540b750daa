/** The manifest of dictionaries: what is taken, what is refused, and which dictionary it chooses for a key. */
import { describe, expect, test } from "vitest";
import {
  chooseId,
  emptyManifest,
  idsOf,
  MANIFEST_SIZE_MAX,
  parseManifest,
  writeManifest,
  type Manifest,
} from "../../../src/dictionaries/manifest.ts";
import { ZstashError } from "../../../src/errors.ts";
import { seededRandom } from "../../support/random.ts";

const full = {
  version: 7,
  mode: "on",
  owner: "team a",
  patterns: [
    {
      pattern: "session:*",
      current: 40_000,
      canary: { id: 50_000, share: 0.25, since: 3 },
      retired: [{ id: 60_000, at: 1, by: "x" }],
    },
    { pattern: "*", current: 70_000, note: "all others" },
  ],
};
const errorOf = (text: string): ZstashError => {
  try {
    parseManifest(text);
  } catch (error) {
    return error as ZstashError;
  }
  throw new Error("it was taken");
};

describe("reading", () => {
  test("members that this version does not know stay, at every depth", () => {
    const text = writeManifest({ ...parseManifest(JSON.stringify(full)), version: 8 });
    expect(JSON.parse(text)).toEqual({
      ...full,
      version: 8,
      patterns: [full.patterns[0], { ...full.patterns[1], retired: [] }],
    });
    expect(parseManifest(text).version).toBe(8);
    expect([...idsOf(parseManifest(text))]).toEqual([40_000, 50_000, 60_000, 70_000]);
  });

  test("no manifest names no dictionary", () => {
    expect(parseManifest("")).toBe(emptyManifest);
    expect(chooseId(emptyManifest, "k")).toBeUndefined();
    expect(parseManifest('{"version":1}')).toEqual({ version: 1, mode: "on", patterns: [] });
  });

  test.each<[string, string]>([
    ["nonsense", "not JSON"],
    ["[]", "no object"],
    ["null", "no object"],
    ["{}", "version"],
    ['{"version":-1}', "version"],
    ['{"version":1.5}', "version"],
    ['{"version":"1"}', "version"],
    ['{"version":1,"mode":"shadow"}', "mode"],
    ['{"version":1,"mode":null}', "mode"],
    ['{"version":1,"patterns":{}}', "patterns"],
    [
      JSON.stringify({ version: 1, patterns: Array.from({ length: 257 }, (_, i) => ({ pattern: `p${i}` })) }),
      "at most 256",
    ],
    ['{"version":1,"patterns":[1]}', "patterns[0]"],
    ['{"version":1,"patterns":[{}]}', "patterns[0].pattern"],
    ['{"version":1,"patterns":[{"pattern":""}]}', "patterns[0].pattern"],
    ['{"version":1,"patterns":[{"pattern":"a"},{"pattern":"a"}]}', "twice"],
    ['{"version":1,"patterns":[{"pattern":"a","current":1}]}', "patterns[0].current"],
    ['{"version":1,"patterns":[{"pattern":"a","current":2147483648}]}', "patterns[0].current"],
    ['{"version":1,"patterns":[{"pattern":"a","current":"40000"}]}', "patterns[0].current"],
    ['{"version":1,"patterns":[{"pattern":"a","canary":{"id":40000}}]}', "patterns[0].canary.share"],
    ['{"version":1,"patterns":[{"pattern":"a","canary":{"id":40000,"share":1.1}}]}', "canary.share"],
    ['{"version":1,"patterns":[{"pattern":"a","retired":[40000]}]}', "retired[0]"],
    ['{"version":1,"patterns":[{"pattern":"a","retired":[{"id":40000}]}]}', "retired[0].at"],
    [`{"version":1,"x":"${"x".repeat(MANIFEST_SIZE_MAX)}"}`, "longer than 65536"],
  ])("%.60s is CORRUPT: %s", (text, place) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ code: "CORRUPT", key: "zstash:dicts" });
    expect(error.message).toContain(place);
  });

  test("whatever stands there, it is read or CORRUPT, and what is read can be written", () => {
    const random = seededRandom(14);
    const text = JSON.stringify(full);
    let read = 0;
    for (let round = 0; round < 3000; round++) {
      const [at, length] = [random.below(text.length), random.below(6)];
      const mutated =
        text.slice(0, at) +
        random.pick(["", "0", "{", "}", "[", '"', "null", ",", "9e9"]) +
        text.slice(at + length);
      try {
        const manifest = parseManifest(mutated);
        read += 1;
        expect(parseManifest(writeManifest(manifest))).toEqual(manifest);
        chooseId(manifest, "session:1");
      } catch (error) {
        expect(error).toBeInstanceOf(ZstashError);
        expect((error as ZstashError).code).toBe("CORRUPT");
      }
    }
    expect(read).toBeGreaterThan(50);
  });

  test("what would be refused is not written", () => {
    const patterns = [{ pattern: "x".repeat(2000), retired: [] }];
    expect(() => writeManifest({ version: 1, mode: "on", patterns })).toThrow(ZstashError);
    const many = Array.from({ length: 256 }, (_, at) => ({
      pattern: `${at}${"x".repeat(300)}`,
      retired: [],
    }));
    expect(() => writeManifest({ version: 1, mode: "on", patterns: many })).toThrow(/longer than/);
  });
});

describe("the dictionary of a key", () => {
  const manifest = parseManifest(JSON.stringify(full));

  test("is that of the first pattern that matches", () => {
    expect(chooseId(manifest, "user:1")).toBe(70_000);
    expect([40_000, 50_000]).toContain(chooseId(manifest, "session:1"));
    const [first] = manifest.patterns;
    expect(chooseId({ ...manifest, patterns: [first!] }, "user:1")).toBeUndefined();
    // One without a current dictionary keeps its keys from the patterns behind it.
    const none = { pattern: "user:*", retired: [] };
    expect(chooseId({ ...manifest, patterns: [none, ...manifest.patterns] }, "user:1")).toBeUndefined();
  });

  test("is the canary for its share of the keys, always for the same ones, and more as the share grows", () => {
    const keys = Array.from({ length: 20_000 }, (_, id) => `session:${id}`);
    const withShare = (share: number): string[] => {
      const rule = { ...manifest.patterns[0]!, canary: { id: 50_000, share } };
      return keys.filter((key) => chooseId({ ...manifest, patterns: [rule] }, key) === 50_000);
    };
    const tenth = withShare(0.1);
    expect(tenth.length / keys.length).toBeGreaterThan(0.09);
    expect(tenth.length / keys.length).toBeLessThan(0.11);
    const half = new Set(withShare(0.5));
    expect(tenth.every((key) => half.has(key))).toBe(true);
    expect(withShare(0)).toEqual([]);
    expect(withShare(1)).toEqual(keys);
  });

  test("is none while a kill switch is on", () => {
    for (const mode of ["off", "read-only"] as const)
      expect(chooseId({ ...manifest, mode } satisfies Manifest, "user:1")).toBeUndefined();
  });

  test("patterns are those of Redis, over bytes", () => {
    const of = (pattern: string, key: string): boolean =>
      chooseId({ version: 1, mode: "on", patterns: [{ pattern, current: 40_000, retired: [] }] }, key) !==
      undefined;
    expect(of("u?er:[0-9]*", "user:7")).toBe(true);
    expect(of("u?er:[^0-9]*", "user:7")).toBe(false);
    expect(of("ü*", "über")).toBe(true);
    // ü has two bytes.
    expect(of("?ber", "über")).toBe(false);
    expect(of("??ber", "über")).toBe(true);
    expect(of("*".repeat(1000) + "b", "a".repeat(5000))).toBe(false);
  });
});
