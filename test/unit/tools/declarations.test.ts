/** What a subpath's declarations mention, the subpath exports. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { missingExports } from "../../support/declarations.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

describe("every subpath exports the types that its declarations mention", () => {
  const subpaths = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
    typeof target === "string" || subpath.endsWith(".wasm") ? [] : [[subpath, target.types] as const],
  );

  test.each(subpaths)("%s", (_, types) => {
    const missing = missingExports(types.replace("./", ""), (path) => readFileSync(`${root}${path}`, "utf8"));
    expect(missing).toEqual([]);
  });
});

describe("the check", () => {
  const findings = (files: Readonly<Record<string, string>>): string[] =>
    missingExports("index.d.ts", (path) => files[path]!);

  test.each([
    [`interface B { x: 1 } export interface A { b: B }`, ["A → B"]],
    [`import type { B } from "./b.ts"; export declare function f(b: B): void;`, ["f → B"]],
    [`import type { B as C } from "./b.ts"; export declare const f: () => Promise<C[]>;`, ["f → C"]],
    [`import type { B } from "./b.ts"; export interface A extends Partial<B> {}`, ["A → B"]],
    [`import { K } from "./b.ts"; export declare class A extends K {}`, ["A → K"]],
    [`declare const x: 1; export type A = typeof x;`, ["A → x"]],
    [`export { A } from "./a.ts";`, ["A → B"]],
    [`export * from "./a.ts";`, ["A → B"]],
    [`export { A } from "./a.ts"; export type { B } from "./b.ts";`, []],
    [`export * from "./a.ts"; export * from "./b.ts";`, []],
    [`export type { B as Other } from "./b.ts"; export { A } from "./a.ts";`, []],
    [`export interface A<T extends Uint8Array> { t: T; b: B }`, []],
    [`import type { P } from "package"; export interface A { p: P }`, []],
    [`interface B { x: 1 } interface A { b: B } export declare const x: 1;`, []],
  ])("of %s", (text, missing) => {
    const files = {
      "index.d.ts": text,
      "a.d.ts": `import type { B } from "./b.ts"; export interface A { b: B }`,
      "b.d.ts": `export interface B { x: 1 } export declare class K {}`,
    };
    expect(findings(files)).toEqual(missing);
  });
});
