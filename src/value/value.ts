/** One value at a time, for clients that zstash does not wrap: `encodeValue` and `decodeValue`. */
import { describe, requireFunction, requireInteger, requireOptions, requireString } from "../check.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import type { Zstd } from "../codec/zstd.ts";
import type { EventListener } from "../metrics/events.ts";
import { isEncoded } from "./carrier.ts";
import { decodeRead, type TextDecompressor } from "./decode.ts";
import { encodeWrite, planWrite } from "./encode.ts";
import { completePolicy, type PolicyOption } from "./policy.ts";

/** Options of `encodeValue`. */
export interface EncodeValueOptions {
  /** The key the value is for, as a policy function and events see it. Default "". */
  readonly key?: string;
  /** Decides whether the value is compressed, and at which level. Default: from 1024 bytes, level 1, at least 10 % saved. */
  readonly policy?: PolicyOption;
  /** The most bytes that readers accept; larger values stay as they are. Default 32 MiB. */
  readonly maxSize?: number;
  readonly onEvent?: EventListener;
}

/** Options of `decodeValue`. */
export interface DecodeValueOptions {
  /** The key the value was read from, as errors and events name it. Default "". */
  readonly key?: string;
  /** The most bytes the value may have; more is SIZE_LIMIT before anything is allocated. Default 32 MiB. */
  readonly maxSize?: number;
  readonly onEvent?: EventListener;
}

/**
 * The text to store for a string: `zs1:` and a zstd frame in base64 where that is worth it, else the string itself.
 * `decodeValue` gives back exactly the string, whatever it looks like, but for lone surrogates, which UTF-8 cannot
 * represent.
 *
 * Never fails because of the codec: a string that cannot be compressed is stored as it is.
 *
 * @throws {TypeError | RangeError} for wrong arguments
 * @example
 * ```ts
 * await client.set(key, encodeValue(zstd, JSON.stringify(page), { key }));
 * ```
 */
export function encodeValue(zstd: Zstd, text: string, options: EncodeValueOptions = {}): string {
  if (typeof zstd?.compress !== "function")
    throw new TypeError(`"zstd" must be a codec, got ${describe(zstd)}`);
  requireString("text", text);
  requireOptions(options, ["key", "policy", "maxSize", "onEvent"]);
  const { key = "", policy = {}, maxSize = DEFAULT_MAX_SIZE, onEvent } = options;
  const settings = {
    policy: typeof policy === "function" ? policy : completePolicy(policy, "text"),
    maxSize: requireMaxSize(maxSize),
    onEvent: requireListener(onEvent),
  };
  requireString("key", key);
  const write = planWrite({ command: "SET", key, text }, "on", settings);
  return write === undefined ? text : (encodeWrite(zstd, write, settings) as string);
}

/**
 * The string that `encodeValue` was given, from what it returned; any other text comes back as it is.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT, NOT_ZSTD, CHECKSUM_MISMATCH, SIZE_LIMIT, DICTIONARY_UNKNOWN, NOT_TEXT,
 * OUT_OF_MEMORY; UNSUPPORTED for a raw frame that was read as text
 * @throws {TypeError | RangeError} for wrong arguments
 * @example
 * ```ts
 * const stored = await client.get(key);
 * const page = stored === null ? null : JSON.parse(decodeValue(zstd, stored, { key }));
 * ```
 */
export function decodeValue(
  zstd: TextDecompressor,
  stored: string,
  options: DecodeValueOptions = {},
): string {
  if (typeof zstd?.decompressText !== "function") {
    throw new TypeError(`"zstd" must be a codec, got ${describe(zstd)}`);
  }
  requireString("stored", stored);
  requireOptions(options, ["key", "maxSize", "onEvent"]);
  const { key = "", maxSize = DEFAULT_MAX_SIZE, onEvent } = options;
  const settings = { maxSize: requireMaxSize(maxSize), onEvent: requireListener(onEvent) };
  requireString("key", key);
  return isEncoded(stored) ? decodeRead(zstd, { command: "GET", key, stored }, settings) : stored;
}

/** Throws unless the value is a whole number of bytes, and returns it. */
export function requireMaxSize(value: unknown): number {
  requireInteger("maxSize", value, 0, Number.MAX_SAFE_INTEGER);
  return value;
}

/** Throws unless the value is a function or undefined, and returns it. */
export function requireListener(value: unknown): EventListener | undefined {
  if (value !== undefined) requireFunction("onEvent", value);
  return value as EventListener | undefined;
}
