/** The one file of `zstash/browser`, as a page loads it: it imports nothing, and is as small as it is said to be. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type * as Browser from "../../../src/browser/index.ts";
import { importsOf, parse } from "../../support/import-graph.mjs";
import { expectBytes } from "../../support/expect-bytes.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { loadZstd } from "../../../src/index.ts";

const path = new URL("../../../dist/browser/index.js", import.meta.url);
const text = readFileSync(path, "utf8");

test("imports nothing, neither at once nor later", () => {
  expect(importsOf(parse("index.js", text))).toEqual([]);
});

test("has at most 25 KB, gzipped", () => {
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(25_000);
});

test("says whose it is", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(text.slice(0, 200)).toContain(`zstash ${version}`);
  expect(text.slice(0, 200)).toContain("BSD-3-Clause");
});

test("decodes what the package stores", async () => {
  const { decodeStored, ZstashError } = (await import(
    /* @vite-ignore */ pathToFileURL(path.pathname).href
  )) as typeof Browser;
  const zstd = await loadZstd();
  const content = new TextEncoder().encode("a value ".repeat(1000));
  expectBytes(await decodeStored(toTextCarrier(zstd.compress(content))), content);
  await expect(decodeStored(zstd.compress(content).slice(0, 20))).rejects.toBeInstanceOf(ZstashError);
});
