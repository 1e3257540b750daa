import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { check, layers, rules } from "../../support/source-rules.ts";
import type { SourceFile } from "../../support/source-rules.ts";

const root = fileURLToPath(new URL("../../../src/", import.meta.url));
const files: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map((path) => ({ path, text: readFileSync(`${root}${path}`, "utf8") }));

describe("the sources", () => {
  test("are found", () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["index.ts", "errors.ts", "codec/zstd.ts", "engine/engine.ts"]),
    );
  });

  test.each(Object.keys(rules))("%s", (rule) => {
    const broken = files.flatMap(check).filter((finding) => finding.rule === rule);
    expect(broken.map(({ path, line, message }) => `src/${path}:${line} ${message}`)).toEqual([]);
  });
});

/** A rule that cannot fail guards nothing: what each forbids, and beside it what it must let pass. */
type Snippet = [path: string, text: string];
const cases: Readonly<Record<string, { bad: Snippet[]; good: Snippet[] }>> = {
  "imports point down": {
    bad: [
      ["codec/a.ts", `import { x } from "../value/policy.ts";`],
      ["codec/a.ts", `import type { X } from "../upstash/index.ts";`],
      ["codec/a.ts", `export { x } from "../rest/client.ts";`],
      ["codec/a.ts", `export * from "../dev/index.ts";`],
      ["codec/a.ts", `const later = await import("../store/index.ts");`],
      ["codec/a.ts", `type X = import("../serve/index.ts").X;`],
      ["codec/a.ts", `import "../metrics/events.ts";`],
      ["codec/deeper/a.ts", `import { x } from "../../value/policy.ts";`],
      ["errors.ts", `import { x } from "./format/frame.ts";`],
      ["format/frame.ts", `import { x } from "../engine/engine.ts";`],
      ["engine/wasm.ts", `import { loadModule } from "#wasm/full";`],
      ["value/value.ts", `import { x } from "../rest/client.ts";`],
      ["upstash/index.ts", `import { x } from "../store/index.ts";`],
      ["store/index.ts", `import { x } from "../serve/index.ts";`],
      ["serve/index.ts", `import { x } from "../upstash/index.ts";`],
      ["value/value.ts", `import type { Engine } from "../engine/engine.ts";`],
      ["dev/index.ts", `import { x } from "../engine/engine.ts";`],
      ["index.ts", `export { x } from "./engine/engine.ts";`],
      ["dev/index.ts", `import { x } from "../cli/main.ts";`],
      ["upstash/index.ts", `import { Redis } from "@upstash/redis";`],
      ["upstash/index.ts", `import { type Redis } from "@upstash/redis";`],
      ["codec/a.ts", `import type { Redis } from "@upstash/redis";`],
      ["codec/a.ts", `import { readFile } from "node:fs/promises";`],
      ["upstash/index.ts", `import type { Socket } from "node:net";`],
      ["codec/a.ts", `import { decompress } from "fzstd";`],
      ["cli/main.ts", `import { decompress } from "fzstd";`],
      ["engine/wasm.ts", `import * as peer from "@bokuweb/zstd-wasm";`],
      ["dev/index.ts", `import { createClient } from "redis";`],
      ["cli/main.ts", `import fs from "fs";`],
      ["codec/a.ts", `import { x } from "#elsewhere";`],
      ["codec/a.ts", `const x = await import(name);`],
      ["codec/a.ts", `import { x } from "../errors";`],
      ["codec/a.ts", `import { x } from "../errors.js";`],
      ["codec/a.ts", `import { x } from "../../test/support/x.ts";`],
      ["codec/a.ts", `import module from "../../zstash.wasm";`],
      ["codec/a.ts", `import { x } from "../helpers/x.ts";`],
      ["helpers/x.ts", `export const x = 1;`],
    ],
    good: [
      [
        "codec/a.ts",
        `import { x } from "./b.ts"; import { y } from "../errors.ts"; import { z } from "../engine/z.ts";`,
      ],
      ["codec/a.ts", `import { loadModule } from "#wasm/full";`],
      ["engine/bokuweb.ts", `import * as peer from "@bokuweb/zstd-wasm";`],
      ["check.ts", `import { LEVEL_MAX } from "./limits.ts";`],
      [
        "adapters/full/workerd.ts",
        `import module from "../../zstash.wasm"; import edge from "../../zstash.wasm?module";`,
      ],
      [
        "upstash/index.ts",
        `import type { Redis } from "@upstash/redis"; import { x } from "../value/value.ts";`,
      ],
      ["dev/embedded/a.ts", `import { connect } from "node:net"; import { x } from "../../rest/resp.ts";`],
      ["cli/main.ts", `import { x } from "../dev/index.ts";`],
      [
        "codec/a.ts",
        `const text = 'import { x } from "../value/policy.ts"'; // import "../upstash/index.ts"`,
      ],
    ],
  },
  "only programs know the runtime": {
    bad: [
      ["codec/a.ts", `if (typeof process !== "undefined") f();`],
      ["codec/a.ts", `f(globalThis.Deno);`],
      ["codec/a.ts", `f(globalThis["Bun"]);`],
      ["codec/a.ts", `f("navigator" in globalThis);`],
      ["codec/a.ts", `const x: Buffer = f();`],
      ["codec/a.ts", `f({ process });`],
      ["codec/a.ts", `f(x[process]);`],
      ["upstash/a.ts", `type X = typeof Bun;`],
    ],
    good: [
      ["dev/a.ts", `process.exit(Buffer.from("x").length);`],
      ["codec/a.ts", `task.process(); f({ process: 1 }); // process.exit()`],
      ["codec/a.ts", `f("process", "Buffer"); class X { navigator = 1; }`],
    ],
  },
  "no default exports": {
    bad: [
      ["codec/a.ts", `export default function f(): void {}`],
      ["codec/a.ts", `const x = 1; export { x as default };`],
      ["codec/a.ts", `export { x as default } from "./b.ts";`],
    ],
    good: [
      ["codec/a.ts", `export const x = 1; f({ default: 1 });`],
      ["adapters/wasm.d.ts", `declare module "*.wasm" { const module: object; export default module; }`],
    ],
  },
  "no enums, no namespaces": {
    bad: [
      ["codec/a.ts", `enum Level { Fast }`],
      ["codec/a.ts", `export const enum Level { Fast }`],
      ["codec/a.ts", `namespace Level { export const x = 1; }`],
    ],
    good: [["codec/a.ts", `export const Level = { Fast: 1 } as const; // enum`]],
  },
  "no any": {
    bad: [
      ["codec/a.ts", `let x: any;`],
      ["codec/a.ts", `f(x as any);`],
      ["codec/a.ts", `export function f(x: Map<string, any[]>): void {}`],
    ],
    good: [["codec/a.ts", `let any: unknown = "any"; // any`]],
  },
  "files stay readable": {
    bad: [["codec/a.ts", "f();\n".repeat(301)]],
    good: [
      ["codec/a.ts", "f();\n".repeat(300)],
      ["adapters/full/inlined.ts", "f();\n".repeat(301)],
    ],
  },
};

describe("the rules themselves", () => {
  test("all have cases", () => expect(Object.keys(cases)).toEqual(Object.keys(rules)));

  describe.each(Object.entries(cases))("%s", (rule, { bad, good }) => {
    const named = (snippets: readonly [string, string][]): [string, SourceFile][] =>
      snippets.map(([path, text]) => [`${path}: ${text.slice(0, 80).trimEnd()}`, { path, text }]);

    test.each(named(bad))("finds it in %s", (_, file) => {
      expect(check(file).map((finding) => finding.rule)).toEqual([rule]);
    });

    test.each(named(good))("lets pass in %s", (_, file) => expect(check(file)).toEqual([]));
  });

  test("no import may go up or sideways, whatever the pair", () => {
    const folders = Object.keys(layers).filter((unit) => !unit.endsWith(".ts"));
    for (const from of folders) {
      for (const to of folders.filter((unit) => unit !== from && layers[unit]! >= layers[from]!)) {
        const findings = check({ path: `${from}/a.ts`, text: `import "../${to}/b.ts";` });
        expect(findings.length, `${from} → ${to}`).toBe(from === "cli" && to === "dev" ? 0 : 1);
      }
    }
  });

  test("say the line", () => {
    const [finding] = check({ path: "codec/a.ts", text: `const x = 1;\n\nimport "../upstash/index.ts";\n` });
    expect(finding).toMatchObject({ line: 3, path: "codec/a.ts" });
  });
});
