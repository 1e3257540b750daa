/** The corpus is the one that published figures were measured on. */
import { describe, expect, test } from "vitest";
import { corpusDigest, dataSet, dataSets, slices, valueBytes } from "../../../bench/corpus.mjs";
import { sources } from "../../../bench/corpus/sources.mjs";
import packageJson from "../../../package.json" with { type: "json" };

/** Published figures are of this corpus. Whoever changes it on purpose measures again. */
const DIGEST = "7506a73a79f6af0cd0c6c253ea4fe709d5de92620e57a00b521bf48027f6acc7";

const sizesOf = (name: string): number[] => dataSet(name).values.map((value) => valueBytes(value).length);

describe("the corpus", () => {
  test("is the one that published figures were measured on", () => {
    expect(corpusDigest()).toBe(DIGEST);
  });

  test("has a digest that any change of a name, key, length or byte changes", () => {
    const [first, ...rest] = dataSet("uuids").values;
    const digestOf = (values: readonly (typeof first)[], name = "x"): string =>
      corpusDigest([{ name, kind: "raw", holds: "", values: values.filter((value) => value !== undefined) }]);
    const digests = [
      digestOf([first, ...rest]),
      digestOf([...rest, first]),
      digestOf(rest),
      digestOf([first, ...rest], "y"),
      digestOf([{ key: first!.key, text: `${first!.text} ` }, ...rest]),
      digestOf([{ key: `${first!.key} `, text: first!.text! }, ...rest]),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  test("comes from exact dev dependencies", () => {
    const installed: Record<string, string> = packageJson.devDependencies;
    for (const [name, { version }] of Object.entries(sources)) expect(installed[name], name).toBe(version);
  });

  test("holds at least 1,000 JSON documents of 300 B to 100 KB", () => {
    const ordinary = dataSets
      .filter(({ name, kind }) => kind === "json" && !["large-documents", "movie-records"].includes(name))
      .flatMap(({ name }) => sizesOf(name));
    expect(Math.min(...ordinary)).toBeGreaterThanOrEqual(300);
    expect(Math.max(...ordinary)).toBeLessThanOrEqual(100_000);
    expect(ordinary.length).toBeGreaterThanOrEqual(1_000);
  });

  test("holds large documents, up to 6 MB", () => {
    const sizes = sizesOf("large-documents");
    expect(sizes.length).toBeGreaterThanOrEqual(10);
    expect(Math.min(...sizes)).toBeGreaterThan(100_000);
    expect(Math.max(...sizes)).toBeGreaterThan(5_900_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6_000_000);
  });

  test.each(dataSets.map((set) => [set.name, set] as const))(
    "%s: keys are unique, values fit their kind",
    (_, set) => {
      expect(new Set(set.values.map(({ key }) => key)).size).toBe(set.values.length);
      expect(set.values.length).toBeGreaterThan(0);
      for (const { key, text, bytes } of set.values) {
        expect(text === undefined, key).toBe(bytes !== undefined);
        if (set.kind === "json") expect(JSON.stringify(JSON.parse(text!)), key).toBe(text);
        if (set.kind === "image")
          expect([...bytes!.subarray(1, 4)], key).toEqual([..."PNG"].map((c) => c.charCodeAt(0)));
      }
    },
  );

  test("what must stay raw is what applications keep beside documents", () => {
    const texts = (name: string): string[] => dataSet(name).values.map(({ text }) => text!);
    for (const text of texts("uuids"))
      expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    for (const text of texts("numbers")) expect(String(Number(text))).toBe(text);
    for (const text of texts("images-base64"))
      expect(text).toMatch(/^data:image\/png;base64,[0-9A-Za-z+/]+={0,2}$/);
    expect(Math.max(...texts("short-strings").map((text) => text.length))).toBeLessThan(128);
  });

  test("an unknown name is refused by name", () => {
    expect(() => dataSet("nonesuch")).toThrow(/movie-pages.*got nonesuch/);
  });
});

describe("slices", () => {
  test("are the same for the same seed and others for another", () => {
    const drawn = (seed: number): string[] =>
      slices(seed, 50).map(({ name, start, end }) => `${name}[${start}, ${end})`);
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  test("cover every set and every size from 1 B to 256 KiB", () => {
    const drawn = slices(1, 600);
    expect(drawn).toHaveLength(600);
    expect(new Set(drawn.map(({ name }) => name))).toEqual(new Set(dataSets.map(({ name }) => name)));
    const doublings = new Set(drawn.map(({ bytes }) => Math.floor(Math.log2(bytes.length))));
    expect(doublings.size).toBe(18);
    for (const { bytes, start, end } of drawn) {
      expect(bytes.length).toBe(end - start);
      expect(bytes.length).toBeGreaterThanOrEqual(1);
      expect(bytes.length).toBeLessThanOrEqual(256 << 10);
    }
  });

  test("hold the bytes of the set they name", () => {
    for (const { name, start, end, bytes } of slices(3, 40, { minLength: 10, maxLength: 1000 })) {
      const whole = Buffer.concat(dataSet(name).values.map(valueBytes));
      expect(Buffer.compare(whole.subarray(start, end), bytes)).toBe(0);
    }
  });
});
