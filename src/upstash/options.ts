import { Pace } from "../codec/pace.ts";
import { requireBoolean, requireInteger, requireOneOf, requireOptions } from "../check.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import type { DecodeSettings } from "../value/decode.ts";
import type { EncodeSettings } from "../value/encode.ts";
import { completePolicy, type PolicyOption } from "../value/policy.ts";
import { readRestOptions, restOptionNames, type RestOptions, type TokenStore } from "../rest/rest-options.ts";
import { requireListener, requireMaxSize } from "../value/value.ts";
import { CodecLoader, type CodecOption } from "../value/codec-loader.ts";
import { TransportLoader } from "./transport-loader.ts";

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

/**
 * Options of `withCompression` and `compressionMiddleware`.
 *
 * With `url` and `token` values lie in Redis as frames and travel as bytes (the raw carrier): every request then goes
 * over zstash's own transport, to which `fetch`, `retry`, `timeout`, `headers`, `signal` and `readYourWrites` belong.
 * Without them values are text, and the client's own transport is used.
 */
export interface CompressionOptions extends Partial<RestOptions> {
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
  /**
   * The most bytes of a request's body. Pipelines above it are sent in parts, in order; a command or transaction above
   * it is REQUEST_LIMIT and is not sent. Default: pipelines are divided at 10 MiB, the rest is the server's to judge.
   */
  readonly maxRequestSize?: number;
  /**
   * Refuse commands that work on stored bytes (APPEND, GETRANGE, STRLEN, SETBIT, SET with IFEQ, …), with
   * COMMAND_REFUSED, on keys that the policy compresses. Default false.
   */
  readonly guard?: boolean;
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
  readonly maxRequestSize: number | undefined;
  readonly guard: boolean;
  /** The transport of the raw carrier; undefined for the text carrier. */
  readonly raw: TransportLoader | undefined;
  /** When the event loop gets its turn. */
  readonly pace: Pace;
}

/** A client that shows its read-your-writes token, as the SDK's does. */
export interface TokenHolder {
  readYourWritesSyncToken?: string | undefined;
}

const modes: readonly CompressionMode[] = ["on", "read-only", "shadow", "passthrough"];
const corruptions = ["throw", "miss"] as const;
const names: readonly string[] = [
  "mode",
  "policy",
  "onCorrupt",
  "maxSize",
  "maxRequestSize",
  "guard",
  "onEvent",
  "zstd",
  ...restOptionNames,
];

/**
 * Validates the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} naming the option
 */
export function readOptions(options: CompressionOptions, holder?: TokenHolder): Settings {
  requireOptions(options, names);
  const {
    mode = "on",
    policy = {},
    onCorrupt = "throw",
    maxSize = DEFAULT_MAX_SIZE,
    maxRequestSize,
    guard = false,
    onEvent,
    zstd,
  } = options;
  if (maxRequestSize !== undefined) {
    requireInteger("maxRequestSize", maxRequestSize, 1, Number.MAX_SAFE_INTEGER);
  }
  requireBoolean("guard", guard);
  requireOneOf("onCorrupt", onCorrupt, corruptions);
  const listener = requireListener(onEvent);
  return {
    mode: typeof mode === "function" ? asked(mode, listener) : always(mode),
    policy: typeof policy === "function" ? policy : completePolicy(policy, "text"),
    onCorrupt,
    maxSize: requireMaxSize(maxSize),
    onEvent: listener,
    codec: new CodecLoader(zstd),
    maxRequestSize,
    guard,
    raw: readRaw(options, holder),
    pace: new Pace(),
  };
}

/** The raw carrier's transport; undefined where the text carrier is asked for. */
function readRaw(options: CompressionOptions, holder: TokenHolder | undefined): Settings["raw"] {
  const { url, token } = options;
  if (url === undefined && token === undefined) {
    const alone = restOptionNames.find((name) => options[name as keyof RestOptions] !== undefined);
    if (alone !== undefined)
      throw new TypeError(`"${alone}" needs "url" and "token": the client sends the requests`);
    return undefined;
  }
  const settings = readRestOptions(
    options as RestOptions,
    holder === undefined ? undefined : tokensOf(holder),
  );
  return new TransportLoader(settings);
}

/** The token where the client's user sees it, and may set it. */
function tokensOf(holder: TokenHolder): TokenStore {
  return {
    get: () => holder.readYourWritesSyncToken,
    set(token) {
      holder.readYourWritesSyncToken = token;
    },
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
