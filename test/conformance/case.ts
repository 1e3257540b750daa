/**
 * What a conformance case is. Cases are data: they know no test runner and no runtime, only the web platform and the
 * public API that the context hands them, so that the same ones judge every engine on every runtime.
 */
import type { Redis } from "@upstash/redis";
import type { createDevServer } from "../../src/dev/index.ts";
import type { Redis as CompressingRedis } from "../../src/redis.ts";
import type { serve, serveKey } from "../../src/serve/index.ts";
import type { createStore } from "../../src/store/index.ts";
import type { trainDictionary } from "../../src/train/index.ts";
import type { withCompression, zstashCode } from "../../src/upstash/index.ts";
import type {
  Decoder,
  Dictionary,
  readDictionary,
  readFrameHeader,
  readSeekTable,
  segmentSize,
  Zstd,
  ZstashError,
  ZstashErrorCode,
} from "../../src/index.ts";

/** What an engine may lack. A case that needs it does not run there and is listed as skipped. */
export type Capability =
  /** Writes content checksums. */
  | "checksum"
  /** Every level −7…22 as zstd has it, and zstd's advanced parameters. */
  | "levels"
  | "dictionary"
  | "streams"
  /** `zstash/train`. */
  | "train"
  /** `zstash/serve`. */
  | "serve"
  /** The wrapper around @upstash/redis, with a server to talk to. */
  | "upstash";

export const allCapabilities: readonly Capability[] = [
  "checksum",
  "levels",
  "dictionary",
  "streams",
  "train",
  "serve",
  "upstash",
];

/** One property, as code that throws where it does not hold. A case takes well under a second. */
export interface Case {
  /** Unique; begins with the name of its file. */
  readonly name: string;
  readonly needs?: readonly Capability[];
  run(context: Context): void | Promise<void>;
}

/** The real client and a server for it, behind HTTP. A case that needs them begins with an empty database. */
export interface UpstashContext {
  /** Of "zstash/redis": it sends its requests itself. */
  readonly Redis: typeof CompressingRedis;
  readonly withCompression: typeof withCompression;
  readonly zstashCode: typeof zstashCode;
  readonly createDevServer: typeof createDevServer;
  readonly createStore: typeof createStore;
  readonly server: { readonly url: string; readonly token: string };
  /** A new client of that server, without compression. */
  connect(options?: ConnectOptions): Redis;
}

export interface ConnectOptions {
  /** "@upstash/redis", or "@upstash/redis/cloudflare", which runs anywhere too. */
  readonly entry?: "default" | "cloudflare";
  /** Calls of one turn share a request. Default true. */
  readonly autoPipelining?: boolean;
}

/** What is judged, and the means to judge it. */
export interface Context {
  readonly zstd: Zstd;
  /** The decoder of "zstash/decode", judged with the same cases; left out where there is none. */
  readonly decoder?: Decoder;
  readonly ZstashError: typeof ZstashError;
  readonly readFrameHeader: typeof readFrameHeader;
  readonly readSeekTable: typeof readSeekTable;
  readonly segmentSize: typeof segmentSize;
  readonly readDictionary: typeof readDictionary;
  /** New instances that decode with these; left out where the engine takes no dictionaries. */
  readonly withDictionaries?: (dictionaries: readonly Dictionary[]) => Promise<{
    readonly zstd: Zstd;
    readonly decoder: Decoder;
  }>;
  /** Left out where the suite judges an engine alone. */
  readonly trainDictionary?: typeof trainDictionary;
  /** Left out there too. */
  readonly serving?: { readonly serve: typeof serve; readonly serveKey: typeof serveKey };
  /** Left out there too. */
  readonly upstash?: UpstashContext;
  /** Default: all. */
  readonly capabilities?: readonly Capability[];
}

/** Everything that decodes, by name: a case about decoding holds for each. */
export function decodersOf({
  zstd,
  decoder,
}: Context): readonly (readonly [name: string, decoder: Decoder])[] {
  return decoder === undefined
    ? [["zstd", zstd]]
    : [
        ["zstd", zstd],
        ["decoder", decoder],
      ];
}

/** Whether what is judged can do it. */
export function canDo({ capabilities = allCapabilities }: Context, capability: Capability): boolean {
  return capabilities.includes(capability);
}

/** The failure of a case. */
export class CaseFailure extends Error {
  override readonly name = "CaseFailure";
}

export function fail(message: string): never {
  throw new CaseFailure(message);
}

/** Bytes by their values, whichever realm made them; everything else by Object.is. */
export function equal(actual: unknown, expected: unknown, about: string): void {
  if (isBytes(actual) && isBytes(expected)) {
    const at = firstDifference(actual, expected);
    if (at === undefined) return;
    fail(`${about}: ${actual.length} bytes, expected ${expected.length}; byte ${at} differs`);
  }
  if (!Object.is(actual, expected)) fail(`${about}: got ${show(actual)}, expected ${show(expected)}`);
}

/** Runs what must throw a ZstashError with the code, or with one of them, and returns the error. */
export function throws(
  { ZstashError }: Context,
  codes: ZstashErrorCode | readonly ZstashErrorCode[],
  about: string,
  run: () => unknown,
): ZstashError {
  const error = thrownBy(about, run);
  if (!(error instanceof ZstashError)) fail(`${about}: threw ${show(error)}, expected a ZstashError`);
  if (![codes].flat().includes(error.code)) {
    fail(`${about}: ${error.code} (${error.message}), expected ${[codes].flat().join(" or ")}`);
  }
  return error;
}

/**
 * Runs what must throw a TypeError or a RangeError whose message names the argument. Told by its name and not by its
 * class: an engine may be of another realm.
 */
export function misuse(
  kind: "TypeError" | "RangeError",
  argument: string,
  about: string,
  run: () => unknown,
): Error {
  const error = thrownBy(about, run);
  if (!isError(error) || error.name !== kind) fail(`${about}: threw ${show(error)}, expected a ${kind}`);
  if (!new RegExp(`\\b${argument}\\b`).test(error.message)) {
    fail(`${about}: "${error.message}" does not name ${argument}`);
  }
  return error;
}

function thrownBy(about: string, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    return error;
  }
  return fail(`${about}: returned ${show(result)}, expected an error`);
}

function isError(value: unknown): value is Error {
  return typeof value === "object" && value !== null && "message" in value && "name" in value;
}

function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === "[object Uint8Array]";
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) if (a[at] !== b[at]) return at;
  return a.length === b.length ? undefined : end;
}

function show(value: unknown): string {
  if (isBytes(value)) return `${value.length} bytes`;
  if (typeof value === "string") {
    return value.length > 60 ? `a string of ${value.length} units` : JSON.stringify(value);
  }
  if (isError(value)) return `${value.name}: ${value.message}`;
  return String(value);
}
