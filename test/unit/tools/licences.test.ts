/** The licences of what we ship and of what the corpus is made of. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sources } from "../../../bench/corpus/sources.mjs";

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const notices = read("THIRD-PARTY-NOTICES");

describe("licences", () => {
  test("ours is MIT, in the file and in the package", () => {
    expect(read("LICENSE")).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} zstash contributors\n/);
    for (const path of ["package.json", "deno.json"])
      expect(JSON.parse(read(path)), path).toMatchObject({ license: "MIT" });
  });

  test("zstd's is the text that came with its sources", () => {
    expect(notices).toContain(read("node_modules/zstd-napi/deps/zstd/LICENSE").trim());
  });

  test("commander's is the text that came with it", () => {
    expect(notices).toContain(read("node_modules/commander/LICENSE").trim());
  });

  test.each([
    ["zstd 1.5.7", "BSD-3-Clause"],
    ["xxHash", "BSD-2-Clause"],
    ["wasi-libc", "MIT"],
    ["musl", "MIT"],
    ["dlmalloc", "CC0-1.0"],
    ["LLVM compiler-rt", "Apache-2.0 WITH LLVM-exception"],
    ["commander", "MIT"],
  ])("the notices name %s", (name, licence) => {
    const rule = "=".repeat(78);
    expect(notices).toContain(`${rule}\n${name} (${licence})\n${rule}\n`);
  });

  test("the version of zstd that the notices name is the one compiled", () => {
    const header = read("node_modules/zstd-napi/deps/zstd/lib/zstd.h");
    const part = (name: string): string | undefined =>
      new RegExp(`ZSTD_VERSION_${name} +(\\d+)`).exec(header)?.[1];
    expect(notices).toContain(`zstd ${part("MAJOR")}.${part("MINOR")}.${part("RELEASE")} (`);
  });

  test.each(Object.entries(sources))(
    "%s of the corpus has the licence that is written down",
    (name, { licence }) => {
      expect(JSON.parse(read(`node_modules/${name}/package.json`))).toMatchObject({ license: licence });
    },
  );
});
