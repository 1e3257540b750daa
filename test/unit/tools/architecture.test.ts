/** The layers of src/, its other rules, and which folders of scripts and tests may import which. */
import { describe, expect, test } from "vitest";
import {
  importsOf,
  layers,
  parse,
  readSources,
  resolve,
  type SourceFile,
} from "../../support/import-graph.mjs";
import { read, root, tracked } from "../../support/repository.ts";
import { check, circles, openingFault, rules } from "../../support/source-rules.ts";

const files = readSources(`${root}src/`);

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

  test("import each other in no circle", () => expect(circles(files)).toEqual([]));
});

/** A rule that cannot fail guards nothing: what each forbids, and beside it what it must let pass. */
type Snippet = [path: string, text: string];
/** Opens each snippet, so that the rule of opening comments has nothing to say. */
const OPENING = "/** A file that shows what a rule finds. */\n\n";
const cases: Readonly<Record<string, { bad: Snippet[]; good: Snippet[] }>> = {
  "imports point down": {
    bad: [
      ["codec/a.ts", `import { x } from "../value/policy.ts";`],
      ["codec/a.ts", `import type { X } from "../upstash/index.ts";`],
      ["codec/a.ts", `export { x } from "../rest/client.ts";`],
      ["codec/a.ts", `export * from "../dev/index.ts";`],
      ["codec/a.ts", `type X = typeof import("../store/index.ts");`],
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
      ["store/index.ts", `import { x } from "../index.ts";`],
      ["store/index.ts", `import type { X } from "../index.ts";`],
      ["codec/zstd.ts", `export type * from "../index.ts";`],
      ["upstash/index.ts", `import { x } from "../redis.ts";`],
      ["dictionaries/a.ts", `import { x } from "../rest/client.ts";`],
      ["rest/a.ts", `import { x } from "../value/value.ts";`],
      ["text.ts", `import { x } from "./format/frame.ts";`],
      ["byte-buffer.ts", `import { x } from "./rest/resp.ts";`],
      ["dev/index.ts", `import { x } from "../cli/main.ts";`],
      ["upstash/index.ts", `import { Redis } from "@upstash/redis";`],
      ["upstash/index.ts", `import { type Redis } from "@upstash/redis";`],
      ["codec/a.ts", `import type { Redis } from "@upstash/redis";`],
      ["store/a.ts", `import type { Redis } from "@upstash/redis";`],
      ["upstash/a.ts", `import { Redis } from "#sdk";`],
      ["adapters/http/fetch.ts", `import { Agent } from "node:http";`],
      ["format/node.ts", `import { Agent } from "node:http";`],
      ["codec/a.ts", `import { readFile } from "node:fs/promises";`],
      ["upstash/index.ts", `import type { Socket } from "node:net";`],
      ["codec/a.ts", `import { decompress } from "fzstd";`],
      ["cli/main.ts", `import { decompress } from "fzstd";`],
      ["cli/main.ts", `import { Command } from "commander";`],
      ["engine/wasm.ts", `import * as peer from "@bokuweb/zstd-wasm";`],
      ["dev/index.ts", `import { createClient } from "redis";`],
      ["cli/main.ts", `import fs from "fs";`],
      ["codec/a.ts", `import { x } from "#elsewhere";`],
      ["dev/a.ts", `const x = await import(name);`],
      ["codec/a.ts", `import { x } from "../errors";`],
      ["codec/a.ts", `import { x } from "../errors.js";`],
      ["codec/a.ts", `import { x } from "../../test/support/x.ts";`],
      ["codec/a.ts", `import module from "../../zstash.wasm";`],
      ["codec/a.ts", `import { x } from "../helpers/x.ts";`],
      ["helpers/x.ts", `export const x = 1;`],
    ],
    good: [
      ["cli/parser.ts", `import { Command } from "commander";`],
      [
        "codec/a.ts",
        `import { x } from "./b.ts"; import { y } from "../errors.ts"; import { z } from "../engine/z.ts";`,
      ],
      ["codec/a.ts", `import { loadModule } from "#wasm/full";`],
      ["engine/bokuweb.ts", `import * as peer from "@bokuweb/zstd-wasm";`],
      ["check.ts", `import { LEVEL_MAX } from "./limits.ts";`],
      ["text.ts", `import { ZstashError } from "./errors.ts"; import { x } from "./byte-buffer.ts";`],
      ["train/a.ts", `import { x } from "../engine/engine.ts"; import { y } from "../dictionaries/y.ts";`],
      ["redis.ts", `import { Redis } from "#sdk"; import { x } from "./upstash/index.ts";`],
      ["redis.ts", `import { Redis } from "@upstash/redis/node"; export * from "@upstash/redis";`],
      ["adapters/http/node.ts", `import { Agent } from "node:http";`],
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
      ["store/index.ts", `export type * from "../index.ts";`],
      [
        "codec/a.ts",
        `const text = 'import { x } from "../value/policy.ts"'; // import "../upstash/index.ts"`,
      ],
    ],
  },
  "a lazy half has one door": {
    bad: [
      ["upstash/send.ts", `import { x } from "./on-demand/index.ts";`],
      ["upstash/send.ts", `import type { X } from "./on-demand/index.ts";`],
      ["upstash/send.ts", `export { x } from "./on-demand/index.ts";`],
      ["upstash/send.ts", `const { x } = await import("./on-demand/guard.ts");`],
      ["upstash/send.ts", `type X = import("./on-demand/guard.ts").X;`],
      ["upstash/deeper/send.ts", `const { x } = await import("../on-demand/index.ts");`],
      ["store/put.ts", `const { x } = await import("../codec/on-demand/index.ts");`],
      ["store/put.ts", `import type { X } from "../codec/on-demand/stream.ts";`],
      ["upstash/send.ts", `const { x } = await import("./on-demand.ts");`],
      ["codec/load-decoder.ts", `const { x } = await import("./seekable.ts");`],
      ["upstash/on-demand/a.ts", `const { x } = await import("../send.ts");`],
    ],
    good: [
      ["upstash/send.ts", `const { x } = await import("./on-demand/index.ts");`],
      ["upstash/send.ts", `let half: Promise<typeof import("./on-demand/index.ts")>;`],
      ["upstash/on-demand/index.ts", `export { x } from "./guard.ts";`],
      ["upstash/on-demand/guard.ts", `import { x } from "../commands.ts"; import { y } from "./other.ts";`],
      ["dev/index.ts", `const { listen } = await import("./listen.ts");`],
      ["cli/commands/sweep.ts", `const { x } = await import("../../store/index.ts");`],
    ],
  },
  "every file says what it is for": {
    bad: [
      ["codec/a.ts", `export const x = 1;`],
      ["codec/a.ts", `import { x } from "./x.ts";\n\n/** Why there is a file of this name. */\nf(x);`],
      [
        "codec/a.ts",
        `/** The declaration's own comment, which has no file above it. */\nexport const x = 1;\n`,
      ],
      ["codec/a.ts", `/** Text. */\n\nexport const x = 1;\n`],
    ],
    good: [
      ["codec/a.ts", `/** Tells why there is a file of this name. */\nimport { x } from "./x.ts";\n`],
      ["codec/a.ts", `/** Tells why there is a file of this name. */\nexport * from "./x.ts";\n`],
      ["codec/a.ts", `/**\n * Tells why there is a file of this name.\n */\n\nexport const x = 1;\n`],
      ["cli/main.ts", `#!/usr/bin/env node\n// Tells why there is a\n// file of this name.\n\nf();\n`],
      ["adapters/full/inlined.ts", `export const x = 1;`],
    ],
  },
  "at most five parameters": {
    bad: [
      ["codec/a.ts", `function f(a, b, c, d, e, g): void {}`],
      ["codec/a.ts", `const f = (a, b, c, d, e, g): void => {};`],
      ["codec/a.ts", `class X { constructor(a, b, c, d, e, f) {} }`],
      ["codec/a.ts", `class X { x(a, b, c, d, e, ...f) {} }`],
      ["codec/a.ts", `type F = (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1) => void;`],
      ["codec/a.ts", `interface X { x(a: 1, b: 1, c: 1, d: 1, e: 1, f: 1): void; }`],
      ["codec/a.ts", `interface X { (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1): void; }`],
      ["codec/a.ts", `interface X { new (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1): object; }`],
      ["codec/a.ts", `declare function f(a: 1, b: 1, c: 1, d: 1, e: 1, f: 1): void;`],
    ],
    good: [
      ["codec/a.ts", `function f(this: X, a, b, c, d, e): void { g(1, 2, 3, 4, 5, 6); }`],
      ["codec/a.ts", `function f<A, B, C, D, E, F>(x: Map<A, B>): void {}`],
    ],
  },
  "what is undefined is not left out by hand": {
    bad: [
      ["codec/a.ts", `f({ ...(x === undefined ? {} : { x }) });`],
      ["codec/a.ts", `const options = x !== undefined ? { x } : {};`],
      ["codec/a.ts", `f(undefined === a.b ? {} : { b: a.b, c });`],
    ],
    good: [
      ["codec/a.ts", `f(x === undefined ? { y: 1 } : { x }); const z = x ?? {};`],
      ["codec/a.ts", `f({ ...(token ? { "upstash-sync-token": token } : {}) });`],
      ["codec/a.ts", `f(x === undefined ? {} : g(x));`],
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
    bad: [["codec/a.ts", "f();\n".repeat(299)]],
    good: [
      ["codec/a.ts", "f();\n".repeat(298)],
      ["adapters/full/inlined.ts", "f();\n".repeat(301)],
    ],
  },
};

describe("the rules themselves", () => {
  test("all have cases", () => expect(Object.keys(cases)).toEqual(Object.keys(rules)));

  describe.each(Object.entries(cases))("%s", (rule, { bad, good }) => {
    const opening = rule === "every file says what it is for" ? "" : OPENING;
    const named = (snippets: readonly Snippet[]): [string, SourceFile][] =>
      snippets.map(([path, text]) => [
        `${path}: ${text.slice(0, 80).trimEnd()}`,
        { path, text: opening + text },
      ]);

    test.each(named(bad))("finds it in %s", (_, file) => {
      expect(check(file).map((finding) => finding.rule)).toEqual([rule]);
    });

    test.each(named(good))("lets pass in %s", (_, file) => expect(check(file)).toEqual([]));
  });

  test("no import may go up or sideways, whatever the pair", () => {
    const units = Object.keys(layers).filter((unit) => layers[unit]! > 0 && !unit.endsWith(".ts"));
    for (const from of units) {
      for (const to of units.filter((unit) => unit !== from && layers[unit]! >= layers[from]!)) {
        const findings = check({ path: `${from}/a.ts`, text: `${OPENING}import "../${to}/b.ts";` });
        expect(findings.length, `${from} → ${to}`).toBe(from === "cli" && to === "dev" ? 0 : 1);
      }
    }
  });

  test("say the line", () => {
    const [finding] = check({
      path: "codec/a.ts",
      text: `${OPENING}const x = 1;\n\nimport "../upstash/index.ts";\n`,
    });
    expect(finding).toMatchObject({ line: 5, path: "codec/a.ts" });
  });

  describe("circles", () => {
    const found = (texts: Readonly<Record<string, string>>): string[] =>
      circles(Object.entries(texts).map(([path, text]) => ({ path, text })));

    test.each([
      ["two files", { "a/x.ts": `import "./y.ts";`, "a/y.ts": `export * from "./x.ts";` }],
      ["types alone", { "a/x.ts": `import type { Y } from "./y.ts";`, "a/y.ts": `import "./x.ts";` }],
      ["import()", { "a/x.ts": `const y = await import("./y.ts");`, "a/y.ts": `import "./x.ts";` }],
      ["import() in a type", { "a/x.ts": `type Y = import("./y.ts").Y;`, "a/y.ts": `import "./x.ts";` }],
      ["over folders", { "a/x.ts": `import "../b/y.ts";`, "b/y.ts": `import "../a/x.ts";` }],
      [
        "over a condition of package.json",
        { "codec/x.ts": `import "#wasm/full";`, "adapters/full/inline.ts": `import "../../codec/x.ts";` },
      ],
    ])("are found: %s", (_, texts) => {
      const [first, second] = Object.keys(texts).sort();
      expect(found(texts)).toHaveLength(1);
      expect(found(texts)[0]).toMatch(/^2 files: /);
      expect(found(texts)[0]).toContain(first);
      expect(found(texts)[0]).toContain(second);
    });

    test("say all files of a circle and the shortest way around", () => {
      const circle = {
        "a.ts": `import "./b.ts";`,
        "b.ts": `import "./c.ts"; import "./leaf.ts";`,
        "c.ts": `import "./b.ts"; import("./d.ts");`,
        "d.ts": `import "./a.ts";`,
        "leaf.ts": "f();",
        "root.ts": `import "./a.ts";`,
      };
      expect(found(circle)).toEqual(["4 files: a.ts, b.ts, c.ts, d.ts; b.ts → c.ts → b.ts"]);
    });

    test("are none where two ways lead to one file", () => {
      const diamond = {
        "a.ts": `import "./b.ts"; import "./c.ts";`,
        "b.ts": `import "./d.ts";`,
        "c.ts": `import "./d.ts";`,
        "d.ts": "// import './a.ts'",
      };
      expect(found(diamond)).toEqual([]);
    });
  });
});

describe("scripts and tests", () => {
  /** What each folder outside src/ may import besides itself, by relative paths; packages are anybody's. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    "@upstash": [],
    "build.mjs": ["wasm", "bundle-plugins.mjs", "bundle-chunks.mjs"],
    "vitest.config.ts": [],
    wasm: [],
    bench: ["wasm"],
    demo: ["bench", "docs"],
    docs: ["bench", "test/support", "bundle-plugins.mjs"],
    release: [],
    // An example is what people copy: it knows the package and nothing else.
    examples: [],
    "test/run.mjs": ["test/support"],
    "test/support": ["src", "bench", "bundle-plugins.mjs"],
    "test/conformance": ["src"],
    // Programs of users' kinds, which know the package by its name.
    "test/fixtures": [],
    "test/fuzz": ["src", "bench", "test/support", "test/conformance"],
    "test/libraries": ["src", "test/support", "vitest.config.ts"],
    // Its page is written as docs/ are, and its browsers are those of the runtimes.
    "test/readers": ["bench", "docs", "test/runtimes"],
    "test/runtimes": ["dist", "test/conformance", "test/support"],
    "test/next": ["dist", "test/runtimes"],
    "test/examples": ["dist", "test/runtimes", "test/next"],
    "test/walks": ["test/runtimes"],
    "test/unit": [
      "release",
      "src",
      "bench",
      "docs",
      "wasm",
      "test/support",
      "test/conformance",
      "test/examples",
      "test/readers",
      "test/runtimes",
      "test/vectors",
    ],
    "test/integration": ["src", "bench", "docs", "test/support", "test/conformance"],
    "bundle-plugins.mjs": [],
    "bundle-chunks.mjs": [],
  };
  const partOf = (path: string): string =>
    path
      .split("/")
      .slice(0, path.startsWith("test/") ? 2 : 1)
      .join("/");
  /** Layers and areas: one does not look into another. */
  const areaOf = (path: string): string =>
    /^test\/(unit|integration)\//.test(path) ? path.split("/").slice(0, 3).join("/") : partOf(path);

  const crossings = ({ path, text }: SourceFile): string[] =>
    importsOf(parse(path, text)).flatMap(({ specifier = "" }) => {
      const target = specifier.startsWith(".") ? resolve(path, specifier) : path;
      if (target === undefined) return [`${path} → ${specifier}`];
      const isAllowed =
        areaOf(target) === areaOf(path) || (allowed[partOf(path)] ?? []).includes(partOf(target));
      return isAllowed || target === "package.json" ? [] : [`${path} → ${target}`];
    });

  const scripts = tracked().filter((path) => /\.m?[jt]s$/.test(path) && !path.startsWith("src/"));

  test("import in one direction", () => {
    expect(scripts.length).toBeGreaterThan(100);
    expect(scripts.filter((path) => allowed[partOf(path)] === undefined)).toEqual([]);
    expect(scripts.flatMap((path) => crossings({ path, text: read(path) }))).toEqual([]);
  });

  test.each([
    ["bench/a.mjs", "../demo/b.mjs"],
    ["bench/a.mjs", "../examples/node/index.mjs"],
    ["demo/a.mjs", "../examples/node/index.mjs"],
    ["examples/node/index.mjs", "../../bench/corpus.mjs"],
    ["test/support/a.ts", "../integration/store/rig.ts"],
    ["test/unit/store/a.test.ts", "../../integration/store/rig.ts"],
    ["test/unit/store/a.test.ts", "../rest/b.ts"],
    ["test/integration/store/a.test.ts", "../upstash/rig.ts"],
    ["wasm/a.mjs", "../../elsewhere.mjs"],
  ])("would find %s importing %s", (path, specifier) => {
    expect(crossings({ path, text: `import "${specifier}";` })).toHaveLength(1);
    expect(crossings({ path, text: `const x = await import("${specifier}");` })).toHaveLength(1);
  });

  test.each([
    ["demo/a.mjs", "../bench/corpus.mjs"],
    ["test/integration/store/a.test.ts", "./rig.ts"],
    ["test/integration/store/a.test.ts", "../../support/redis.ts"],
    ["test/unit/store/a.test.ts", "../../../src/store/index.ts"],
  ])("lets %s import %s", (path, specifier) => {
    expect(crossings({ path, text: `import "${specifier}";` })).toEqual([]);
  });

  test("say what they are for, where their name does not", () => {
    const silent = scripts
      .filter((path) => !/^examples\/|\.test\.ts$|\.config\.ts$/.test(path))
      .flatMap((path) => {
        const fault = openingFault(read(path));
        return fault === undefined ? [] : [`${path}: ${fault}`];
      });
    expect(silent).toEqual([]);
  });

  test("are found: a folder of tests holds tests and at most its rigs", () => {
    const others = scripts.filter(
      (path) => /^test\/(unit|integration)\//.test(path) && !/(\.test|[/-]rig)\.ts$/.test(path),
    );
    expect(others).toEqual([]);
  });
});
