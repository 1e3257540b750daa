/** One value at a time, for clients that zstash does not wrap: `encodeValue` and `decodeValue`. */
import { now } from "../timers.ts";
import { isBytes } from "../bytes.ts";
import {
  describe,
  requireFunction,
  requireInteger,
  requireOneOf,
  requireOptions,
  requireString,
} from "../check.ts";
import type { Decoder } from "../codec/decoder.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import { readUtf8, utf8Encoder, utf8Lossy } from "../text.ts";
import { encodeBinary } from "./binary.ts";
import { isEncoded, isRawCarrier, type Carrier, type Stored } from "./carrier.ts";
import {
  decodeFailure,
  decodeRead,
  decodingOf,
  frameOf,
  type DecodeSettings,
  type TextDecompressor,
  type ValueRead,
} from "./decode.ts";
import { readMadeDictionaries, readPolicy } from "./dictionaries.ts";
import { encodeWrite, planWrite, type EncodeSettings } from "./encode.ts";
import { KINDS, type PolicyOption, type ValueKind } from "./policy.ts";

/** Options of `encodeValue`. */
export interface EncodeValueOptions<Form extends Carrier = "text"> {
  /** The key the value is for, as a policy function and events see it. Default "". */
  readonly key?: string;
  /**
   * "text": the result is a string, for any client. "raw": it is bytes, a quarter smaller where compressed, for clients
   * whose readers take bytes. Default "text".
   */
  readonly carrier?: Form;
  /**
   * Decides whether the value is compressed, and at which level. Default: from 1024 bytes, level 1 for text and JSON and 3 for
   * other kinds, at least 10 % saved.
   */
  readonly policy?: PolicyOption;
  /** The kind of the value, which chooses the level. Default "text" for a string and for bytes that are UTF-8, else "binary". */
  readonly kind?: ValueKind;
  /** Dictionaries that `readDictionary` has made: values from 128 bytes are written with the first. Default: none. */
  readonly dictionaries?: readonly Dictionary[];
  /** The most bytes that readers accept; larger values stay as they are. Default 32 MiB. */
  readonly maxSize?: number;
  readonly onEvent?: EventListener;
}

/** The form in which `decodeValue` gives a value. */
export type ValueForm = "text" | "bytes";

/** Options of `decodeValue`. */
export interface DecodeValueOptions<Form extends ValueForm = "text"> {
  /** The key the value was read from, as errors and events name it. Default "". */
  readonly key?: string;
  /** The form of the result: a string, or bytes for values that are no text. Default "text". */
  readonly as?: Form;
  /** Dictionaries that `readDictionary` has made, for values that were written with one of them. */
  readonly dictionaries?: readonly Dictionary[];
  /** The most bytes the value may have; more is SIZE_LIMIT before anything is allocated. Default 32 MiB. */
  readonly maxSize?: number;
  readonly onEvent?: EventListener;
}

/** The result of `encodeValue`, by its carrier. */
export type EncodedValue<Form extends Carrier> = Form extends "raw" ? Uint8Array<ArrayBuffer> : string;
/** The result of `decodeValue`, by the form that is asked for. */
export type DecodedValue<Form extends ValueForm> = Form extends "bytes" ? Uint8Array<ArrayBuffer> : string;

/** The part of a codec that decodes values. */
export type ValueDecompressor = TextDecompressor & Partial<Pick<Decoder, "decompress">>;

/**
 * What to store for a string or for bytes (a Buffer too): a zstd frame where that is worth it, else the value itself. In
 * the text carrier the frame is base64 behind `zs1:`, and bytes that are no UTF-8 are always in a frame.
 * `decodeValue` gives back exactly the value, whatever it looks like, but for lone surrogates, which UTF-8 cannot
 * represent. Clients of zstash read what it stores, and it reads what they store.
 *
 * Never fails because of the codec: a value that cannot be compressed is stored uncompressed.
 *
 * @throws {TypeError | RangeError} for wrong arguments; the first time that a policy function fails
 * @example
 * ```ts
 * await client.set(key, encodeValue(zstd, JSON.stringify(page), { key }));
 * ```
 */
export function encodeValue<Form extends Carrier = "text">(
  zstd: Zstd,
  value: string | Uint8Array,
  options: EncodeValueOptions<Form> = {},
): EncodedValue<Form> {
  if (typeof zstd?.compress !== "function")
    throw new TypeError(`"zstd" must be a codec, got ${describe(zstd)}`);
  requireValue("value", value);
  requireOptions(options, ["key", "carrier", "policy", "kind", "dictionaries", "maxSize", "onEvent"]);
  const { key = "", policy = {}, maxSize = DEFAULT_MAX_SIZE, onEvent } = options;
  const carrier: Carrier = options.carrier ?? "text";
  requireOneOf("carrier", carrier, ["text", "raw"]);
  const text = typeof value === "string" ? value : readUtf8(value);
  const { kind = text === undefined ? "binary" : "text" } = options;
  requireOneOf("kind", kind, KINDS);
  const dictionaries = readMadeDictionaries(options.dictionaries);
  const settings: EncodeSettings = {
    policy: readPolicy(policy, dictionaries, kind),
    maxSize: requireMaxSize(maxSize),
    onEvent: requireListener(onEvent),
    dictionaries,
  };
  requireString("key", key);
  const subject = { command: "SET", key, kind, carrier };
  let stored: Stored;
  if (text === undefined) {
    stored = encodeBinary(zstd, { ...subject, bytes: value as Uint8Array }, settings, carrier);
  } else {
    const write = planWrite({ ...subject, text }, "on", settings);
    stored =
      write === undefined
        ? text
        : encodeWrite(zstd, write, settings, write.askedCarrier === "text" ? "text" : carrier);
  }
  const result = carrier === "raw" && typeof stored === "string" ? utf8Encoder.encode(stored) : stored;
  return result as EncodedValue<Form>;
}

/**
 * The value that `encodeValue` was given, from what it returned, as a string or as the bytes that a client read (a
 * Buffer too): whatever is no compressed value comes back as it is.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT, NOT_ZSTD, CHECKSUM_MISMATCH, SIZE_LIMIT, DICTIONARY_UNKNOWN, OUT_OF_MEMORY;
 * NOT_TEXT for bytes that are no UTF-8 where a string is asked for; UNSUPPORTED for a raw frame that was read as text
 * @throws {TypeError | RangeError} for wrong arguments
 * @example
 * ```ts
 * const stored = await client.get(key);
 * const page = stored === null ? null : JSON.parse(decodeValue(zstd, stored, { key }));
 * ```
 */
export function decodeValue<Form extends ValueForm = "text">(
  zstd: ValueDecompressor,
  stored: string | Uint8Array,
  options: DecodeValueOptions<Form> = {},
): DecodedValue<Form> {
  if (typeof zstd?.decompressText !== "function") {
    throw new TypeError(`"zstd" must be a codec, got ${describe(zstd)}`);
  }
  requireValue("stored", stored);
  requireOptions(options, ["key", "as", "dictionaries", "maxSize", "onEvent"]);
  const { key = "", maxSize = DEFAULT_MAX_SIZE, onEvent } = options;
  const form: ValueForm = options.as ?? "text";
  requireOneOf("as", form, ["text", "bytes"]);
  if (form === "bytes") requireFunction("zstd.decompress", zstd.decompress);
  const settings: DecodeSettings = {
    maxSize: requireMaxSize(maxSize),
    onEvent: requireListener(onEvent),
    dictionaries: readMadeDictionaries(options.dictionaries),
  };
  requireString("key", key);
  const read = { command: "GET", key, stored: asStored(stored) };
  const isPlain = typeof read.stored === "string" ? !isEncoded(read.stored) : !isRawCarrier(read.stored);
  const value =
    form === "text" ? readText(zstd, read, isPlain, settings) : readBytes(zstd, read, isPlain, settings);
  return value as DecodedValue<Form>;
}

/** Characters that tell what a stored text is. */
const HEAD_SIZE = 16;

/** Bytes as a text, if they are a text that has to be decoded; else as they are. */
export function asStored(stored: string | Uint8Array): Stored {
  if (typeof stored === "string" || isRawCarrier(stored)) return stored;
  return isEncoded(utf8Lossy(stored.subarray(0, HEAD_SIZE))) ? utf8Lossy(stored) : stored;
}

function readText(
  zstd: TextDecompressor,
  read: ValueRead,
  isPlain: boolean,
  settings: DecodeSettings,
): string {
  const { stored } = read;
  if (!isPlain) return decodeRead(zstd, read, settings);
  const text = typeof stored === "string" ? stored : readUtf8(stored);
  if (text !== undefined) return text;
  const cause = new ZstashError("NOT_TEXT", 'Cannot decode the value: it is no UTF-8; ask for it as "bytes"');
  throw decodeFailure(cause, read, settings);
}

function readBytes(
  zstd: ValueDecompressor,
  read: ValueRead,
  isPlain: boolean,
  settings: DecodeSettings,
): Uint8Array<ArrayBuffer> {
  const { stored, command, key } = read;
  // A copy: what a client gives is often a view of a buffer that it uses again.
  if (isPlain) return typeof stored === "string" ? utf8Encoder.encode(stored) : new Uint8Array(stored);
  const { onEvent } = settings;
  try {
    const start = settings.onEvent && now();
    const bytes = zstd.decompress!(frameOf(zstd, read), decodingOf(settings));
    const ms = start && now() - start;
    if (onEvent !== undefined)
      emit(onEvent, { type: "decoded", command, key, size: bytes.length, storedSize: stored.length, ms });
    return bytes;
  } catch (cause) {
    throw decodeFailure(cause, read, settings);
  }
}

/** Throws unless the value is a string or bytes. */
function requireValue(name: string, value: unknown): asserts value is string | Uint8Array {
  if (typeof value === "string" || isBytes(value)) return;
  throw new TypeError(`"${name}" must be a string or a Uint8Array, got ${describe(value)}`);
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
