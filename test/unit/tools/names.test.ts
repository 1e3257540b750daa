/** Names that were given up are not used again: the old names, what is said instead, and why. */
import { describe, expect, test } from "vitest";
import { identifiersOf, type Identifier, type IdentifierKind } from "../../support/identifiers.ts";
import { readSources } from "../../support/import-graph.mjs";
import { root } from "../../support/repository.ts";

interface OldName {
  /** The whole name, or what a name matches; of a member with its owner. */
  readonly old: string | RegExp;
  readonly better: string;
  readonly why: string;
  /** Default: modules, locals and members whose name is `old`, whoever owns them. */
  readonly kinds?: readonly IdentifierKind[];
  /** Only where it is declared to be a number or a function. */
  readonly type?: "number" | "function";
  /** Only in files of these paths: elsewhere the word is the right one. */
  readonly in?: RegExp;
  /** A file that has it. */
  readonly example: readonly [path: string, text: string];
}

const word = "a better word";
const declared: readonly IdentifierKind[] = ["module", "local", "member"];
const top: readonly IdentifierKind[] = ["module"];

const oldNames: readonly OldName[] = [
  {
    old: "fallback-raw",
    kinds: ["string"],
    better: "uncompressed",
    why: "raw is a carrier",
    example: ["metrics/events.ts", `interface X { readonly type: "fallback-raw"; }`],
  },
  {
    old: /^Retry\w*\.attempts$/,
    kinds: ["member"],
    better: "retries",
    why: "the SDK's word; it counts repeats",
    example: ["rest/retry.ts", `interface RetryOptions { readonly attempts?: number; }`],
  },
  {
    old: "recordLimit",
    kinds: [...declared, "access"],
    better: "maxRecordSize",
    why: "two words for one thing",
    example: ["store/options.ts", `interface StoreOptions { readonly recordLimit?: number; }`],
  },
  {
    old: "ValueStat.layout",
    kinds: ["member"],
    better: "form",
    why: "Layout is put's option, with other values",
    example: ["store/stat.ts", `interface ValueStat { readonly layout: "frame" | "text"; }`],
  },
  {
    old: "SeekTable.frames",
    kinds: ["member"],
    better: "frameCount",
    why: "a number, not frames",
    example: ["format/seek-table.ts", `interface SeekTable { readonly frames: number; }`],
  },
  {
    old: "compressedSize",
    better: "storedSize",
    why: "it is the size of uncompressed values too",
    in: /^(store|value|metrics|upstash)\//,
    example: ["store/put.ts", `interface PutResult { readonly compressedSize: number; }`],
  },
  {
    old: "writeStoredFrame",
    better: "writeRawBlocks",
    why: "the word of RFC 8878",
    example: ["format/raw-blocks.ts", `export function writeStoredFrame(): void {}`],
  },
  {
    old: "format/stored-frame.ts",
    kinds: ["file"],
    better: "format/raw-blocks.ts",
    why: "the word of RFC 8878",
    example: ["format/stored-frame.ts", ""],
  },
  {
    old: "StoredValue",
    better: "ValueUpload",
    why: "it is on its way",
    example: ["store/value-upload.ts", `export class StoredValue {}`],
  },
  {
    old: "store/stored-value.ts",
    kinds: ["file"],
    better: "store/value-upload.ts",
    why: "it is on its way",
    example: ["store/stored-value.ts", ""],
  },
  {
    old: "command",
    type: "number",
    better: "commandIndex",
    why: "an index is no command",
    example: ["upstash/request.ts", `interface ValueWrite { readonly command: number; }`],
  },
  {
    old: "number",
    kinds: ["local"],
    better: "index",
    why: "a type's name says nothing",
    in: /^(upstash|rest)\//,
    example: ["upstash/request.ts", `function f(number: number): void {}`],
  },
  {
    old: "StoreContext",
    better: "StoreSettings",
    why: "validated options are settings",
    example: ["store/options.ts", `export interface StoreContext {}`],
  },
  {
    old: "PutPlan",
    better: "PutSettings",
    why: "validated options are settings",
    example: ["store/options.ts", `export interface PutPlan {}`],
  },
  {
    old: "LayoutPlan",
    better: "LayoutSettings",
    why: "validated options are settings",
    example: ["store/layout.ts", `export interface LayoutPlan {}`],
  },
  {
    old: "DecompressStreamLimits",
    better: "DecompressStreamSettings",
    why: "validated options are settings",
    example: ["codec/parameters.ts", `export type DecompressStreamLimits = object;`],
  },
  {
    old: "FrameCompressor",
    better: "SingleFrame",
    why: "one letter from the next",
    example: ["codec/compress-stream.ts", `class FrameCompressor {}`],
  },
  {
    old: "FramesCompressor",
    better: "FixedFrames",
    why: "one letter from the one before",
    example: ["codec/compress-stream.ts", `class FramesCompressor {}`],
  },
  {
    old: "guard",
    kinds: ["local", "module"],
    better: "trapGuard, settle",
    why: "`guard` is an option of the wrapper",
    in: /^(codec|engine)\//,
    example: ["codec/transform.ts", `function f(): void { const guard = 1; }`],
  },
  {
    old: "Guard",
    better: "TrapGuard",
    why: "`guard` is an option of the wrapper",
    in: /^(codec|engine)\//,
    example: ["engine/stream-pool.ts", `type Guard = () => void;`],
  },
  {
    old: /^(dev\/policy|dev\/bytes|rest\/command)\.ts$/,
    kinds: ["file"],
    better: "dev/rest-rules.ts, dev/text.ts, rest/resp-writer.ts",
    why: "other files have these names",
    example: ["dev/policy.ts", ""],
  },
  {
    old: "Direction",
    better: "StreamContext",
    why: word,
    example: ["engine/stream-instance.ts", `export interface Direction {}`],
  },
  {
    old: "HeldParameters",
    better: "ParameterCache",
    why: word,
    example: ["engine/parameter-cache.ts", `export class HeldParameters {}`],
  },
  {
    old: "Held",
    better: "Lease",
    why: word,
    example: ["engine/stream-pool.ts", `interface Held {}`],
  },
  {
    old: "Replaceable",
    better: "OneShotInstance",
    why: word,
    example: ["engine/one-shot-instance.ts", `export class Replaceable<T> {}`],
  },
  {
    old: /^engine\/(held-parameters|replaceable)\.ts$/,
    kinds: ["file"],
    better: "parameter-cache.ts, one-shot-instance.ts",
    why: word,
    example: ["engine/replaceable.ts", ""],
  },
  {
    old: "Watch",
    better: "Deadline",
    why: word,
    example: ["rest/exchange.ts", `class Watch {}`],
  },
  {
    old: "resume",
    kinds: top,
    better: "prepend",
    why: word,
    example: ["store/prepend.ts", `export function resume(): void {}`],
  },
  {
    old: "token.token",
    kinds: ["access"],
    better: "sync.token",
    why: "the outer one is no token",
    example: ["rest/client.ts", `f(token.token);`],
  },
  {
    old: "first",
    type: "number",
    better: "offset",
    why: "the first what?",
    in: /^upstash\//,
    example: ["upstash/send.ts", `interface Batch { readonly first?: number | undefined; }`],
  },
  {
    old: "text",
    type: "function",
    better: "asText",
    why: "a function that makes the text",
    in: /^(upstash|rest)\//,
    example: ["upstash/send.ts", `interface Batch { readonly text?: (() => string) | undefined; }`],
  },
  {
    old: "otherwise",
    better: "asText",
    why: "the same thing under another name",
    example: ["rest/client.ts", `interface Options { readonly otherwise?: () => string; }`],
  },
  ...Object.entries({
    tell: "emitDecoded",
    choose: "storedFor",
    over: "viaRest",
    through: "viaSdk",
    lost: "unreadableReply",
    final: "finalCodes",
    naming: "describe",
  }).map(([old, better]) => ({
    old,
    kinds: top,
    better,
    why: "a name says what is done, or what it is",
    example: ["value/decode.ts", `function ${old}(): void {}`] as const,
  })),
  {
    old: "wasmEngine",
    better: "createEngine",
    why: "create… returns an object",
    example: ["engine/wasm.ts", `export function wasmEngine(): void {}`],
  },
  {
    old: "loadDecoderEngine",
    better: "createDecoderEngine",
    why: "create… returns an object",
    example: ["engine/wasm-decoder.ts", `export async function loadDecoderEngine(): Promise<void> {}`],
  },
];

/** The part of a name that an old name without an owner is compared with. */
const lastPart = ({ kind, name }: Identifier): string =>
  kind === "member" || kind === "access" ? name.slice(name.lastIndexOf(".") + 1) : name;

function isOld(found: Identifier, { old, kinds = declared, type, in: paths }: OldName): boolean {
  if (!kinds.includes(found.kind) || (type !== undefined && found.type !== type)) return false;
  if (paths !== undefined && !paths.test(found.path)) return false;
  if (typeof old !== "string") return old.test(found.name);
  return found.name === old || lastPart(found) === old;
}

function offences(identifiers: readonly Identifier[], names: readonly OldName[]): string[] {
  return identifiers.flatMap((found) =>
    names
      .filter((name) => isOld(found, name))
      .map(({ better }) => `src/${found.path}:${found.line} ${found.name}: say ${better}`),
  );
}

describe("the names of the sources", () => {
  const identifiers = readSources(`${root}src/`).flatMap(identifiersOf);

  test("are all listed: exports, declarations, options, events, classes and files", () => {
    const listed = new Set(identifiers.map(({ kind, name }) => `${kind} ${name}`));
    for (const one of [
      "module ZstashError",
      "module loadZstd",
      "module createStore",
      "member CompressOptions.level",
      "member PutOptions.ttl",
      "member RetryOptions.retries",
      "string compressed",
      "string SIZE_LIMIT",
      "file errors.ts",
      "file store/index.ts",
    ])
      expect(listed).toContain(one);
    expect(listed.size).toBeGreaterThan(3_000);
  });

  test("are not those that were given up", () => expect(offences(identifiers, oldNames)).toEqual([]));

  test("have one name for frames that fit a segment", () => {
    // `mtu` is an option of put, or a member of its layout: not both.
    const owners = identifiers.filter(
      ({ kind, name }) => kind === "member" && /^(PutOptions|Layout)\.mtu$/.test(name),
    );
    expect(owners.map(({ name }) => name)).toHaveLength(1);
  });
});

describe("the list of old names", () => {
  test.each(oldNames)("finds $old", (name) => {
    const [path, text] = name.example;
    const found = offences(identifiersOf({ path, text }), [name]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`say ${name.better}`);
  });

  test("lets a word pass where it is the right one", () => {
    const fine: readonly (readonly [string, string])[] = [
      ["format/seek-table.ts", `interface SeekTableEntry { readonly compressedSize: number; }`],
      ["upstash/options.ts", `interface CompressionOptions { readonly guard?: boolean; }`],
      ["upstash/request.ts", `interface Subject { readonly command: string; }`],
      ["cli/commands/sweep.ts", `function count(number: number, noun: string): string {}`],
      ["dev/listen.ts", `incoming.resume(); const text = token.trim();`],
      ["store/upload.ts", `class Upload { #lost = false; }`],
      ["store/put.ts", `interface PutResult { readonly frames: number; }`],
      ["rest/client.ts", `const { first, ...rest } = f(number); // tell, choose, over, through`],
    ];
    expect(fine.flatMap(([path, text]) => offences(identifiersOf({ path, text }), oldNames))).toEqual([]);
  });
});
