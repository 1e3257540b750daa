/** Every public symbol and every member of it has a docstring that says more than its name. */
import { describe, expect, test } from "vitest";
import { exportedBy } from "../../support/declarations.ts";
import { lackOf, symbolsOf } from "../../support/docstrings.ts";
import { read } from "../../support/repository.ts";

/** The source of each subpath. */
const { exports } = JSON.parse(read("deno.json")) as { exports: Readonly<Record<string, string>> };

/** What an entry's symbols lack, each with its name. */
const lacksOf = (entry: string, readFile: (path: string) => string): string[] =>
  exportedBy(entry, readFile)
    .flatMap(symbolsOf)
    .flatMap((symbol) => {
      const lack = lackOf(symbol);
      return lack === undefined ? [] : [`${symbol.path}:${symbol.line} ${symbol.name} ${lack}`];
    });

describe("every public symbol and member has a docstring", () => {
  test.each(Object.entries(exports))("%s", (_, path) => {
    expect(lacksOf(path.replace("./", ""), read)).toEqual([]);
  });
});

describe("the check", () => {
  const none = "has no docstring";

  test.each([
    ["export const x: number = 1;", ["x"]],
    ["export function f(): void {}", ["f"]],
    ["/** Says it. */\nexport class A { x = 1; /** It. */ y = 2; m(): void {} }", ["A.x", "A.m"]],
    ["/** Says it. */\nexport class A { constructor() {} }", ["new A"]],
    ["/** Says it. */\nexport class A { #x = 1; private y = 2; }", []],
    ["/** Says it. */\nexport class A { /** One. */ m(x: 1): void; m(x: 2): void; m(): void {} }", ["A.m"]],
    [
      "/** Says it. */\nexport interface A { x: 1; m(): void; [Symbol.iterator](): void }",
      "A.x A.m A.[Symbol.iterator]".split(" "),
    ],
    ["/** Says it. */\nexport interface A { /** @throws {RangeError} */ m(): void }", ["A.m"]],
    ["/** Says it. */\nexport type A = { x: 1 } | { y: 2 };", ["A.x", "A.y"]],
    ["/** Takes `{ x }`. */\nexport type A = { x: 1 } | { y: 2 };", ["A.y"]],
    ["/** Takes `{ x }`. */\nexport interface A { x: 1 }", ["A.x"]],
    ["/** Says it. */\nexport interface A { /** Takes `x`. */ m(options: { x: 1; y: 2 }): void }", ["A.m.y"]],
    ["/** Says it. */\n\nconst other = 1;\nexport const x = 1;", ["x"]],
    ["interface B { x: 1 }\nexport { type B as A };", ["B", "B.x"]],
    [`export * from "./b.ts";`, ["B", "B.x"]],
    ["/** Of it. @internal */\nexport interface A { /** @internal */ x: 1 }", []],
  ])("of %s", (text, missing) => {
    const files: Record<string, string> = { "a.ts": text, "b.ts": "export interface B { x: 1 }" };
    const found = lacksOf("a.ts", (path) => files[path]!);
    expect(found.map((lack) => lack.replace(/^\S+ /, ""))).toEqual(missing.map((name) => `${name} ${none}`));
  });

  test.each([
    ["The key.", ["A.key says no more than its name"]],
    ["Its key", ["A.key says no more than its name"]],
    ["The key as the caller gave it.", []],
  ])("of a docstring that says: %s", (prose, found) => {
    const text = `/** Says it. */\nexport interface A { /** ${prose} */ key: 1 }`;
    expect(lacksOf("a.ts", () => text).map((lack) => lack.replace(/^\S+ /, ""))).toEqual(found);
  });
});
