import { describe } from "../codec/parameters.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import type { DecodeSettings } from "../value/decode.ts";
import type { EncodeSettings } from "../value/encode.ts";
import { completePolicy, type PolicyOption } from "../value/policy.ts";
import { DEFAULT_MAX_SIZE, requireListener, requireMaxSize, requireOptions } from "../value/value.ts";
import { CodecLoader, type CodecOption } from "./codec-loader.ts";

/**
 * What is done with values. Any mix across a fleet loses nothing: strings that would be taken for compressed values
 * are wrapped in every mode.
 *
 * - "on": compressed when written, decoded when read.
 * - "read-only": decoded when read.
 * - "shadow": compressed and counted by events, but written as they are; decoded when read.
 * - "passthrough": the stored text as it is, without ever loading the codec.
 */
export type CompressionMode = "on" | "read-only" | "shadow" | "passthrough";

/** Options of `withCompression` and `compressionMiddleware`. */
export interface CompressionOptions {
  /** Default "on". A function is asked at every request; where it fails, the mode is "read-only". */
  readonly mode?: CompressionMode | (() => CompressionMode);
  /** When to compress, and how. Default: from 1024 bytes, level 1, at least 10 % saved. */
  readonly policy?: PolicyOption;
  /**
   * What a damaged value does to a read: "throw" its ZstashError, or "miss", as if there were none. Default "throw".
   * Only damage is a miss; a codec that cannot load, a limit, an unknown dictionary or a raw frame throws in any
   * case. The command itself has been carried out: a GETDEL that throws has deleted.
   */
  readonly onCorrupt?: "throw" | "miss";
  /** The most bytes a value may have to be decoded; larger values are not compressed. Default 32 MiB. */
  readonly maxSize?: number;
  /** Called synchronously with what happens to each value. What it throws is dropped. */
  readonly onEvent?: EventListener;
  /** The codec. Default: `loadZstd()`, when a value first needs it. */
  readonly zstd?: CodecOption;
}

/** Validated options. */
export interface Settings extends EncodeSettings, DecodeSettings {
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
  readonly onCorrupt: "throw" | "miss";
  readonly codec: CodecLoader;
  /** The mode for a request; never throws. */
  readonly mode: () => CompressionMode;
}

const modes: readonly unknown[] = ["on", "read-only", "shadow", "passthrough"];
const corruptions: readonly unknown[] = ["throw", "miss"];
const names: readonly string[] = ["mode", "policy", "onCorrupt", "maxSize", "onEvent", "zstd"];

/**
 * Validates the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} naming the option
 */
export function readOptions(options: CompressionOptions): Settings {
  requireOptions(options);
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`"${name}" is not an option`);
  }
  const {
    mode = "on",
    policy = {},
    onCorrupt = "throw",
    maxSize = DEFAULT_MAX_SIZE,
    onEvent,
    zstd,
  } = options;
  requireOneOf("onCorrupt", onCorrupt, corruptions);
  const listener = requireListener(onEvent);
  return {
    mode: typeof mode === "function" ? asked(mode, listener) : always(mode),
    policy: typeof policy === "function" ? policy : completePolicy(policy, "text"),
    onCorrupt,
    maxSize: requireMaxSize(maxSize),
    onEvent: listener,
    codec: new CodecLoader(zstd),
  };
}

function always(mode: CompressionMode): () => CompressionMode {
  requireOneOf("mode", mode, modes);
  return () => mode;
}

/** A function that fails must not take every request with it: "read-only" is right for every reader and writer. */
function asked(mode: () => CompressionMode, onEvent: EventListener | undefined): () => CompressionMode {
  return () => {
    try {
      const answer = mode();
      requireOneOf("mode", answer, modes);
      return answer;
    } catch (error) {
      if (onEvent !== undefined) emit(onEvent, { type: "mode-failed", error });
      return "read-only";
    }
  };
}

function requireOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  if (typeof value !== "string") throw new TypeError(`"${name}" must be a string, got ${describe(value)}`);
  throw new RangeError(`"${name}" must be one of ${allowed.join(", ")}, got ${JSON.stringify(value)}`);
}
