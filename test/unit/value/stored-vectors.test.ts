import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { decodeValue } from "../../../src/value/value.ts";

interface Vectors {
  readonly writtenBy: string;
  readonly values: readonly {
    readonly name: string;
    readonly carrier: "text" | "raw";
    readonly value: string;
    readonly stored: string;
  }[];
}

const folder = new URL("../../vectors/stored/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

// What an earlier version has written, every later one reads (docs/format.md).
describe.each(files)("stored values of %s", (file) => {
  const { values } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Vectors;

  it("there are some, of both carriers", () => {
    expect(new Set(values.map(({ carrier }) => carrier))).toEqual(new Set(["text", "raw"]));
  });

  it.each(values)("$carrier: $name", async ({ carrier, value, stored }) => {
    const zstd = await loadZstd();
    const read =
      carrier === "text"
        ? decodeValue(zstd, stored)
        : zstd.decompressText(new Uint8Array(Buffer.from(stored, "base64")));
    expect(read).toBe(value);
  });
});
