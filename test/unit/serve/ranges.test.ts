/** Ranges of a content of 100 bytes. */
import { expect, test } from "vitest";
import { readRange } from "../../../src/serve/ranges.ts";

const none = undefined;
const ROWS: readonly (readonly [string | null, readonly [number, number] | "unsatisfiable" | undefined])[] = [
  [null, none],
  ["bytes=0-0", [0, 1]],
  ["bytes=0-99", [0, 100]],
  ["bytes=10-", [10, 100]],
  ["bytes=-10", [90, 100]],
  ["bytes=-1000", [0, 100]],
  ["bytes=99-", [99, 100]],
  ["bytes=0-1000", [0, 100]],
  ["Bytes=5-6", [5, 7]],
  ["bytes= 5-6 ", [5, 7]],
  ["bytes=0-99999999999999999999", [0, 100]],
  // None of it is there.
  ["bytes=100-", "unsatisfiable"],
  ["bytes=100-200", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=99999999999999999999-", "unsatisfiable"],
  ["bytes=100-,200-300", "unsatisfiable"],
  // Several as one.
  ["bytes=0-9,10-19", [0, 20]],
  ["bytes=10-19,0-9", [0, 20]],
  ["bytes=0-50,20-30", [0, 51]],
  ["bytes=0-9,100-200", [0, 10]],
  ["bytes=-10,80-95", [80, 100]],
  // Several apart: the whole.
  ["bytes=0-9,20-29", none],
  ["bytes=0-0,-1", none],
  // Not well-formed: ignored.
  ["bytes=", none],
  ["bytes=-", none],
  ["bytes=a-b", none],
  ["bytes=9-0", none],
  ["bytes=0-9,", none],
  ["bytes=1.5-2", none],
  ["bytes=0x1-2", none],
  ["bytes=--5", none],
  ["items=0-9", none],
  ["bytes 0-9", none],
  ["0-9", none],
  [`bytes=${Array.from({ length: 17 }, () => "0-0").join()}`, none],
];

test.each(ROWS)("%j is %j", (header, range) => {
  const found = readRange(header, 100);
  expect(typeof found === "object" ? [found.start, found.end] : found).toEqual(range);
});

test.each(["bytes=0-", "bytes=-5", "bytes=0-0"])("%s of nothing is unsatisfiable", (header) => {
  expect(readRange(header, 0)).toBe("unsatisfiable");
});
