/** Which coding a response has, by what a client accepts. */
import { expect, test } from "vitest";
import { chooseCoding, takesIdentity } from "../../../src/serve/accept.ts";

const ROWS: readonly (readonly [header: string | null, coding: "zstd" | "identity" | undefined])[] = [
  [null, "identity"],
  ["", "identity"],
  ["zstd", "zstd"],
  ["ZSTD", "zstd"],
  ["gzip, deflate, br", "identity"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["gzip;q=1.0, zstd;q=0.1", "zstd"],
  ["*", "zstd"],
  ["gzip, *;q=0.5", "zstd"],
  ["zstd;q=0", "identity"],
  ["zstd;q=0, *", "identity"],
  ["zstd;q=0.000", "identity"],
  ["zstd;q=0.001", "zstd"],
  ["identity", "identity"],
  ["identity, zstd", "zstd"],
  ["identity;q=1, zstd;q=0.5", "identity"],
  ["identity;q=0.5, zstd;q=0.5", "zstd"],
  ["identity;q=0.4, zstd;q=0.5", "zstd"],
  ["identity;q=0, zstd", "zstd"],
  ["identity;q=0, zstd;q=0.1", "zstd"],
  ["identity;q=0", undefined],
  ["identity;q=0, gzip", undefined],
  ["*;q=0", undefined],
  ["*;q=0, zstd", "zstd"],
  ["*;q=0, identity", "identity"],
  ["*;q=0, zstd;q=0", undefined],
  ["  zstd ; q=0.7  ,gzip", "zstd"],
  // Not well-formed: passed over.
  ["zstd;q=2", "identity"],
  ["zstd;q=-1", "identity"],
  ["zstd;q=0.1234", "identity"],
  ["zstd;q=", "identity"],
  ["zstd;q=abc, zstd", "zstd"],
  ["zstd;level=3", "identity"],
  [",,;,=,zstd", "zstd"],
  ["zs td", "identity"],
  ["zstdx", "identity"],
  ["x-zstd", "identity"],
  ["dcz", "identity"],
  ["zstd, zstd;q=0", "zstd"],
  ["zstd;q=0, zstd", "identity"],
  ["zstd\u0000", "identity"],
  ["zstd".repeat(5000), "identity"],
];

test.each(ROWS)("%j gives %s", (header, coding) => {
  expect(chooseCoding(header)).toBe(coding);
});

test.each([
  [null, true],
  ["zstd", true],
  ["*", true],
  ["identity;q=0", false],
  ["*;q=0", false],
  ["*;q=0, identity;q=0.1", true],
] as const)("%j takes identity: %s", (header, takes) => {
  expect(takesIdentity(header)).toBe(takes);
});
