/** The options of the wrapper, with their checks and defaults. */
import { DEFAULT_MAX_REPLY_SIZE } from "#host";
import {
  requireBoolean,
  requireInteger,
  requireOneOf,
  requireOptions,
  requireSynchronous,
} from "../check.ts";
import { Pace } from "../codec/pace.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import { readAuto, type AutoDictionaries } from "../dictionaries/auto.ts";
import { announceWait } from "../metrics/channels.ts";
import type { EventListener } from "../metrics/events.ts";
import type { Carrier } from "../value/carrier.ts";
import type { DecodeSettings } from "../value/decode.ts";
import type { EncodeSettings } from "../value/encode.ts";
import { restOptionNames } from "../rest/rest-options.ts";
import { CodecLoader, type CodecOption } from "../value/codec-loader.ts";
import {
  readDictionaryList,
  readPolicy,
  type DictionaryList,
  type ValueDictionaries,
} from "../value/dictionaries.ts";
import type { PolicyOption } from "../value/policy.ts";
import { requireListener, requireMaxSize } from "../value/value.ts";
import { requireMode, safeMode, type CompressionMode } from "./mode.ts";

/** Options of `withCompression` and `compressionMiddleware`, and of `compression` where zstash sends the requests. */
export interface CompressionOptions {
  /**
   * Default "on". A function is called for every request, synchronously; if it throws, or returns a promise or
   * anything but a mode, the mode is "read-only" and a `mode-failed` event reports it.
   */
  readonly mode?: CompressionMode | (() => CompressionMode);
  /**
   * Decides which values are compressed, and at which level. Default: from 1024 bytes, at level 1, if that saves at
   * least 10 %.
   */
  readonly policy?: PolicyOption;
  /**
   * Dictionaries in zstd's format, as `zstd --train` makes them: bytes, or results of `readDictionary`. Values from
   * 128 bytes are written with the first one, unless the policy says otherwise, and read with any of them. Put a new
   * one first once all readers have it. Readers without the dictionary cannot read these values (DICTIONARY_UNKNOWN).
   *
   * "auto" takes them from Redis, where `zstash/dictionaries` puts them: a read fetches a dictionary that it does not
   * know, and writes read the manifest once a minute. Default: none.
   */
  readonly dictionaries?: DictionaryList | "auto";
  /**
   * With "auto", the milliseconds that a write waits for its dictionary before it goes without: the first write of an
   * isolate, and the first after a new dictionary. Default 50.
   */
  readonly dictionaryWait?: number;
  /**
   * The effect of a damaged value on a read: "throw" throws its ZstashError, "miss" treats it as a missing value.
   * Default "throw". Only damage counts as a miss; a codec that cannot load, a limit, an unknown dictionary or a raw
   * frame always throws. In a reply of several values, "throw" fails the whole reply and names key and field; with
   * "miss" MGET and HMGET return null for the damaged value, and HGETALL and similar commands leave it out. The
   * command itself has run: a GETDEL that throws has deleted.
   */
  readonly onCorrupt?: "throw" | "miss";
  /**
   * The stored values in the replies of scripts and functions (EVAL, EVALSHA, FCALL and their _RO forms) and of SORT
   * … GET. With "decode" a string that is a complete stored value is decoded, at any depth; any other is returned
   * unchanged, and an `undecoded` event reports those that begin as stored values do. With "as-is" all strings are
   * returned as they are stored. Default "decode".
   */
  readonly scripts?: "decode" | "as-is";
  /** The most bytes of a value that is decoded; larger values are not compressed. Default 32 MiB. */
  readonly maxSize?: number;
  /**
   * The most bytes that the values of one response decode to together; a pipeline has one response. Of its commands
   * those with the smallest values get them, whatever their order; each that no longer fits fails with SIZE_LIMIT,
   * before its values are decoded. Default 128 MiB, in Workers and edge functions 32 MiB, and at least `maxSize`.
   */
  readonly maxReplySize?: number;
  /**
   * The most bytes of a request's body. Larger pipelines are sent in parts, in order; a larger command or transaction
   * is REQUEST_LIMIT and is not sent. Default: pipelines are divided at 10 MiB, and the server judges everything
   * else.
   */
  readonly maxRequestSize?: number;
  /**
   * Refuse commands that work on stored bytes (APPEND, GETRANGE, STRLEN, SETBIT, SET with IFEQ, …), with
   * COMMAND_REFUSED, on keys that the policy compresses. This includes EVAL of a script whose text names such a
   * command, takes a value apart (`cjson.decode`) or reads and compares, and EVALSHA and FCALL, which do not show
   * their text. It sees only the commands of this client and the text of a script: not other clients, nor command
   * names that a script computes, nor undeclared keys. Default false.
   */
  readonly guard?: boolean;
  /** Called synchronously with what happens to each value. Errors that it throws are ignored. */
  readonly onEvent?: EventListener;
  /** The codec. Default: `loadZstd()`, when a value first needs it. */
  readonly zstd?: CodecOption;
}

/** Options of `compression` for a client whose requests zstash sends: `zstash/redis` and `createRequester`. */
export interface ClientCompressionOptions extends CompressionOptions {
  /**
   * How compressed values are stored if their command allows it: "raw" as the frame itself, "text" as `zs1:` and its
   * base64, which every reader understands. Values in either carrier are read in any case. Default "raw".
   */
  readonly carrier?: Carrier;
}

/** The wrapper's checked options, with their defaults. */
export interface Settings extends EncodeSettings, DecodeSettings {
  readonly maxSize: number;
  /** The most bytes that the values of one reply may decode to together. */
  readonly maxReplySize: number;
  readonly onEvent: EventListener | undefined;
  readonly dictionaries: ValueDictionaries | undefined;
  /** The same, if they are in Redis. */
  readonly auto: AutoDictionaries | undefined;
  readonly onCorrupt: "throw" | "miss";
  readonly scripts: "decode" | "as-is";
  readonly codec: CodecLoader;
  /** A function is called for every request, and never throws. */
  readonly mode: CompressionMode | (() => CompressionMode);
  readonly maxRequestSize: number | undefined;
  readonly guard: boolean;
  /** The carrier of a value that is sent alone, unless its policy says otherwise. */
  readonly carrier: Carrier;
  /** Whether the policy may opt lists in. */
  readonly lists: boolean;
  /** Lets the event loop run between values. */
  readonly pace: Pace;
  /** Ends the decoding of the request in hand; before there is one, the signal of the client, if it is known. */
  readonly signal?: AbortSignal | undefined;
}

const names: readonly string[] = [
  "mode",
  "policy",
  "dictionaries",
  "dictionaryWait",
  "onCorrupt",
  "scripts",
  "maxSize",
  "maxReplySize",
  "maxRequestSize",
  "guard",
  "onEvent",
  "zstd",
];
/** Options that once replaced the transport of a client, and those that only a client of zstash's own has. */
const transportNames: readonly string[] = [...restOptionNames, "carrier"];

/**
 * Checks the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readSettings(options: CompressionOptions): Settings {
  for (const name of transportNames) {
    if (typeof options === "object" && options !== null && name in options) throw transportOption(name);
  }
  return completeSettings(options, names, "options", undefined);
}

/**
 * Does the same for a client whose requests zstash sends, and adds its carrier.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readClientSettings(
  options: ClientCompressionOptions,
  url: string,
): readonly [settings: Settings, carrier: Carrier] {
  const settings = completeSettings(options, [...names, "carrier"], "compression", url);
  const { carrier = "raw" } = options;
  requireOneOf("compression.carrier", carrier, ["raw", "text"]);
  return [{ ...settings, carrier }, carrier];
}

/** The options that belong inside `compression`, so that a client can tell if they were put beside it. */
export const compressionNames: readonly string[] = [...names, "carrier"];

/** `url` is the server's URL, if it is known. */
function completeSettings(
  options: CompressionOptions,
  allowed: readonly string[],
  what: string,
  url: string | undefined,
): Settings {
  requireOptions(options, allowed, what);
  const {
    mode = "on",
    policy = {},
    onCorrupt = "throw",
    scripts = "decode",
    maxSize = DEFAULT_MAX_SIZE,
    maxReplySize = Math.max(DEFAULT_MAX_REPLY_SIZE, requireMaxSize(maxSize)),
    maxRequestSize,
    guard = false,
    dictionaries,
    dictionaryWait,
    onEvent,
    zstd,
  } = options;
  if (maxRequestSize !== undefined) {
    requireInteger("maxRequestSize", maxRequestSize, 1, Number.MAX_SAFE_INTEGER);
  }
  requireInteger("maxReplySize", maxReplySize, 0, Number.MAX_SAFE_INTEGER);
  requireBoolean("guard", guard);
  requireOneOf("onCorrupt", onCorrupt, ["throw", "miss"]);
  requireOneOf("scripts", scripts, ["decode", "as-is"]);
  requireSynchronous("mode", mode);
  if (typeof mode !== "function") requireMode(mode);
  const listener = requireListener(onEvent);
  const auto = readAuto(dictionaries, url, dictionaryWait);
  const known = auto ?? readDictionaryList(dictionaries);
  const checked = readPolicy(policy, known);
  return {
    mode: typeof mode === "function" ? safeMode(mode, listener) : mode,
    policy: checked,
    lists: typeof checked === "function" || checked.lists !== false,
    onCorrupt,
    scripts,
    maxSize: requireMaxSize(maxSize),
    maxReplySize,
    onEvent: listener,
    codec: new CodecLoader(zstd),
    maxRequestSize,
    guard,
    carrier: "text",
    dictionaries: known,
    auto,
    pace: new Pace((ms) => announceWait("turn", ms, listener)),
  };
}

/**
 * The error for a transport option on a client that has its own transport: ignoring it silently would mean a wrong
 * database or carrier.
 */
function transportOption(name: string): TypeError {
  return new TypeError(
    `"${name}" is not an option: the client sends the requests. For values as bytes write ` +
      'import { Redis } from "zstash/redis" and new Redis({ url, token }), or pass the client a createRequester(…)',
  );
}
