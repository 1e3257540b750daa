/** The pages say what bundles weigh with zstash and without. */
import { beforeAll, describe, expect, test } from "vitest";
import { measureWeights, weightTable } from "../../../bench/weights.mjs";
import { weightLine } from "../../../docs/generate/face.mjs";
import { read } from "../../support/repository.ts";

const [, block = ""] =
  /<!-- weights: [^\n]* -->\n([^]*?)<!-- \/weights -->/.exec(read("docs/runtimes.md")) ?? [];

/** The cells of a table in Markdown, its line under the head left out. */
const cellsOf = (table: string): string[][] =>
  table
    .trim()
    .split("\n")
    .filter((_, index) => index !== 1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const words = (rows: string[][]): string[][] =>
  rows.map((row) => row.map((cell) => cell.replace(/^\d+ /, "n ")));

describe("the table of weights", () => {
  let rows: Readonly<Record<string, readonly number[]>>;

  beforeAll(async () => {
    rows = await measureWeights();
  });

  test("has the rows and columns that the generator gives: npm run readme:weights", () => {
    expect(words(cellsOf(block))).toEqual(words(cellsOf(weightTable(rows))));
  });

  test("has its figures, to the KB", () => {
    const [, ...shown] = cellsOf(block);
    for (const [name, ...figures] of shown) {
      // Node's gzip differs by some bytes between its versions, which may tip a rounded figure.
      figures.forEach((figure, index) => {
        expect(
          Math.abs((parseInt(figure, 10) || 0) * 1000 - rows[name!]![index]!),
          `${name}: ${figure}`,
        ).toBeLessThan(1000);
      });
    }
  });

  test("is README's sentence too, to the KB", () => {
    const [, line = ""] = /<!-- weighs: [^\n]* -->\n([^]*?)<!-- \/weighs -->/.exec(read("README.md")) ?? [];
    const figures = (text: string): number[] => (text.match(/\d+(?= KB)/g) ?? []).map(Number);
    const [shown, measured] = [figures(line), figures(weightLine(rows))];
    expect(shown).toHaveLength(4);
    shown.forEach((figure, index) =>
      expect(Math.abs(figure - measured[index]!), line).toBeLessThanOrEqual(1),
    );
  });

  test("fits a narrow page", () => {
    expect(block.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  test("weighs what a user loads: the codec is in every bundle with zstash and in no other", () => {
    const wasm = rows["Worker: WebAssembly"]!;
    expect(wasm[0]).toBe(0);
    expect(wasm[1]).toBe(wasm[2]);
    expect(wasm[1]).toBeGreaterThan(50_000);
    for (const name of ["Node: script", "browser: script"]) {
      const [stock, redis, wrapped] = rows[name]! as [number, number, number];
      expect(redis - stock, name).toBeGreaterThan(wasm[1]!);
      expect(wrapped - stock, name).toBeGreaterThan(wasm[1]!);
    }
  });
});
