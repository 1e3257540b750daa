import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { base64Length, decodeBase64, encodeBase64 } from "../../../src/format/base64.ts";
import { nativeAvailable, nativePath } from "../../support/native.ts";
import { createRandom, seededRandom } from "../../support/random.ts";

const reference = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

describe("base64", () => {
  // The shared buffer holds 8192 characters: 6144 bytes fit, with a prefix 6141.
  const sizes = [...Array(70).keys(), 255, 256, 257, ...[...Array(12).keys()].map((n) => 6136 + n), 100_001];

  test("equals the platform's, in both directions and at every length", () => {
    const random = seededRandom(11);
    for (const size of sizes) {
      const bytes = random.bytes(size);
      const text = encodeBase64(bytes);
      expect(text, `${size} bytes`).toBe(reference(bytes));
      expect(text.length).toBe(base64Length(size));
      expect(encodeBase64(bytes, "zs1:"), `${size} bytes`).toBe(`zs1:${reference(bytes)}`);
      expect(decodeBase64(text), `${size} bytes`).toEqual(bytes);
      expect(decodeBase64(`zs1:${text}`, 4), `${size} bytes`).toEqual(bytes);
    }
  });

  test("reads bytes at an offset of their buffer, and gives bytes of their own", () => {
    const bytes = seededRandom(12).bytes(40);
    expect(encodeBase64(bytes.subarray(7, 30))).toBe(reference(bytes.slice(7, 30)));
    const first = decodeBase64(encodeBase64(bytes))!;
    decodeBase64("AAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    expect(first).toEqual(bytes);
  });

  test("takes all 256 byte values", () => {
    const bytes = Uint8Array.from({ length: 768 }, (_, index) => index % 256);
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
  });

  describe.each([
    ["in the shared buffer", 30],
    ["in a buffer of its own", 9_000],
  ])("refuses what is not canonical, %s", (_, size) => {
    const whole = reference(createRandom(13).bytes(size));
    const replaced = (at: number, by: string): string => whole.slice(0, at) + by + whole.slice(at + 1);

    test.each([..."-_=\n\r\t \0.é\u0100\u0141\uff21\ud800\u{1f600}"])("the character %j", (character) => {
      for (const at of [0, 1, 2, 3, 17, whole.length - 5, whole.length - 1]) {
        if (character === "=" && at === whole.length - 1) continue;
        expect(decodeBase64(replaced(at, character)), `at ${at}`).toBeUndefined();
      }
    });

    test("lengths that are no multiple of four", () => {
      for (const cut of [1, 2, 3]) expect(decodeBase64(whole.slice(0, -cut))).toBeUndefined();
    });

    test("white space that keeps the length a multiple of four", () => {
      expect(decodeBase64(`${whole}\n\n\n\n`)).toBeUndefined();
      expect(decodeBase64(`    ${whole}`)).toBeUndefined();
      expect(decodeBase64(`${whole.slice(0, 8)} \t\r\n${whole.slice(8)}`)).toBeUndefined();
    });

    test("padding where none belongs", () => {
      expect(decodeBase64(`${whole.slice(0, -4)}A===`)).toBeUndefined();
      expect(decodeBase64(`${whole.slice(0, -4)}====`)).toBeUndefined();
      expect(decodeBase64(`AA==${whole}`)).toBeUndefined();
      expect(decodeBase64(`AAA=${whole}`)).toBeUndefined();
      expect(decodeBase64(`${whole.slice(0, -4)}AA=A`)).toBeUndefined();
    });

    test("bits behind the last byte", () => {
      const head = whole.slice(0, -4);
      for (const [value, character] of [...ALPHABET].entries()) {
        const twoPads = decodeBase64(`${head}A${character}==`);
        const onePad = decodeBase64(`${head}AA${character}=`);
        expect(twoPads === undefined, `A${character}==`).toBe((value & 15) !== 0);
        expect(onePad === undefined, `AA${character}=`).toBe((value & 3) !== 0);
      }
    });
  });

  test("no text is no bytes; an offset past the end is no base64", () => {
    expect(decodeBase64("")).toEqual(new Uint8Array(0));
    expect(decodeBase64("zs1:", 4)).toEqual(new Uint8Array(0));
    expect(decodeBase64("zs", 4)).toBeUndefined();
  });

  test.runIf(nativeAvailable())("is the same where the engine has its own", () => {
    const module = pathToFileURL(new URL("../../../src/format/base64.ts", import.meta.url).pathname).href;
    const script = `
      const calls = { encode: 0, decode: 0 };
      const { toBase64 } = Uint8Array.prototype, { fromBase64 } = Uint8Array;
      if (toBase64 === undefined || fromBase64 === undefined) throw new Error("this engine has no base64 of its own");
      Uint8Array.prototype.toBase64 = function () { calls.encode++; return toBase64.call(this); };
      Uint8Array.fromBase64 = function (...args) { calls.decode++; return fromBase64.apply(this, args); };
      const { encodeBase64, decodeBase64 } = await import(${JSON.stringify(module)});
      const results = [];
      for (const text of JSON.parse(process.argv[1])) {
        const bytes = decodeBase64("zs1:" + text, 4);
        results.push(bytes === undefined ? null : encodeBase64(bytes, "zs1:"));
      }
      console.log(JSON.stringify({ calls, results }));`;
    const good = ["", "AA==", "AAA=", "AAAA", reference(seededRandom(14).bytes(5000))];
    const bad = [
      "A",
      "AA",
      "AAA",
      "AB==",
      "AAB=",
      "A===",
      "AA=A",
      "====",
      "AA-_",
      "AAé=",
      "AAAA\n\n\n\n",
      " AAA",
      "AA ==AAA",
    ];
    const output = execFileSync(
      nativePath()!,
      ["--js-base-64", "--input-type=module", "-e", script, JSON.stringify([...good, ...bad])],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const { calls, results } = JSON.parse(output) as {
      calls: Record<string, number>;
      results: (string | null)[];
    };
    expect(results).toEqual([...good.map((text) => `zs1:${text}`), ...bad.map(() => null)]);
    for (const text of bad) expect(decodeBase64(text), text).toBeUndefined();
    expect(calls["encode"]).toBe(good.length);
    expect(calls["decode"]).toBeGreaterThan(good.length);
  });
});
