/** Dictionaries of ours in the `zstd` program, and the program's here; how ours compare is what bench/train.mjs says. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { recordSets } from "../../../bench/corpus/small-records.mjs";
import { loadZstd, readDictionary } from "../../../src/index.ts";
import { describeDictionary, trainDictionary } from "../../../src/train/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { eventRecords, sessionRecords } from "../../conformance/records.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zstash-train-"));
afterAll(() => rmSync(folder, { recursive: true }));

const real = (name: string): string[] => recordSets.find((set) => set.name === name)!.read();
const corpora: readonly (readonly [string, () => string[]])[] = [
  ["sessions", () => sessionRecords(600)],
  ["events", () => eventRecords(2000)],
  ["earthquakes", () => real("earthquakes").slice(0, 700)],
  ["protocol-items", () => real("protocol-items")],
];

describe.runIf(zstdCliAvailable())("the zstd program", () => {
  test.each(corpora)("%s: each reads what the other wrote, with either dictionary", async (name, read) => {
    const records = read();
    const [samples, others] = [records.slice(100), records.slice(0, 100)];
    const files = samples.map((text, index) => {
      const file = join(folder, `${name}-${index}`);
      writeFileSync(file, text);
      return file;
    });
    const theirs = join(folder, `${name}.theirs`);
    execFileSync("zstd", ["-q", "--train", ...files, "--maxdict=20000", "-o", theirs]);
    const { dictionary } = await trainDictionary(samples, { maxSize: 20_000 });
    const ours = join(folder, `${name}.ours`);
    writeFileSync(ours, dictionary);
    for (const file of [ours, theirs]) {
      const read = readDictionary(new Uint8Array(readFileSync(file)));
      const zstd = await loadZstd({ dictionaries: [read] });
      const { id, size, parts, text } = describeDictionary(read.bytes);
      expect({ id, size }).toEqual({ id: read.id, size: read.bytes.length });
      expect(Object.values(parts).reduce((sum, one) => sum + one, 0)).toBe(size);
      expect(text.join("").length).toBeGreaterThan(1000);
      for (const level of [1, 3, 19]) {
        const frame = zstd.compress(others[level]!, { dictionary: read, level });
        expect(new TextDecoder().decode(zstdDecode(frame, ["-D", file]))).toBe(others[level]);
        const input = join(folder, "input");
        writeFileSync(input, others[level]!);
        const made = execFileSync("zstd", ["-q", "-c", `-${level}`, "-D", file, input]);
        expect(zstd.decompressText(new Uint8Array(made))).toBe(others[level]);
      }
      // As small as the program makes it, but for a checksum and the size of the content.
      const input = others.join("");
      const frame = zstd.compress(input, { dictionary: read, level: 3 });
      expectBytes(zstdDecode(frame, ["-D", file]), new TextEncoder().encode(input));
    }
  });
});
