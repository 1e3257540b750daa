/** `encodeValue` and `decodeValue`: one value at a time, for clients that zstash does not wrap. */
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
  /** The key of the value, for a policy function and for events. Default "". */
  readonly key?: string;
  /**
   * "text": the result is a string, for any client. "raw": the result is bytes, a quarter smaller if compressed, for
   * clients whose readers can read bytes. Default "text".
   */
  readonly carrier?: Form;
  /**
   * Decides whether the value is compressed, and at which level. Default: from 1024 bytes, at level 1 for text and
   * JSON and 3 for other kinds, if that saves at least 10 %.
   */
  readonly policy?: PolicyOption;
  /**
   * The kind of the value, which sets the level. Default "text" for a string and for bytes that are UTF-8, otherwise
   * "binary".
   */
  readonly kind?: ValueKind;
  /** Dictionaries made by `readDictionary`: values from 128 bytes are written with the first. Default: none. */
  readonly dictionaries?: readonly Dictionary[];
  /** The most bytes that readers accept; larger values are stored uncompressed. Default 32 MiB. */
  readonly maxSize?: number;
  /**
   * Called with the event that tells what became of the value: compressed, skipped, escaped or uncompressed. Default:
   * none.
   */
  readonly onEvent?: EventListener;
}

/** The form in which `decodeValue` returns a value. */
export type ValueForm = "text" | "bytes";

/** Options of `decodeValue`. */
export interface DecodeValueOptions<Form extends ValueForm = "text"> {
  /** The key of the value, for errors and events. Default "". */
  readonly key?: string;
  /** The form of the result: a string, or bytes for values that are not text. Default "text". */
  readonly as?: Form;
  /** Dictionaries made by `readDictionary`, for values that were written with one of them. Default: none. */
  readonly dictionaries?: readonly Dictionary[];
  /** The most bytes of the value; more is SIZE_LIMIT before anything is allocated. Default 32 MiB. */
  readonly maxSize?: number;
  /** Called with a `decoded` or a `decode-failed` event, and with none for an uncompressed value. Default: none. */
  readonly onEvent?: EventListener;
}

/** The result of `encodeValue`, by its carrier. */
export type EncodedValue<Form extends Carrier> = Form extends "raw" ? Uint8Array<ArrayBuffer> : string;
/** The result of `decodeValue`, by the requested form. */
export type DecodedValue<Form extends ValueForm> = Form extends "bytes" ? Uint8Array<ArrayBuffer> : string;

/** The part of a codec that decodes values. */
export type ValueDecompressor = TextDecompressor & Partial<Pick<Decoder, "decompress">>;

/**
 * Encodes a string or bytes (a Buffer too) for storing: as a zstd frame if that is worth it, otherwise unchanged. In
 * the text carrier the frame is base64 after `zs1:`, and bytes that are not UTF-8 are always in a frame.
 * `decodeValue` returns exactly the same value, whatever it looks like, except for lone surrogates, which UTF-8
 * cannot represent. Clients of zstash read these values, and `decodeValue` reads theirs.
 *
 * It never fails because of the codec: a value that cannot be compressed is returned uncompressed.
 *
 * @throws {TypeError | RangeError} for wrong arguments; the first time that a policy function fails
 * @example
 * ```ts
 * await client.set(key, encodeValue(zstd, report, { key }));
 * const stored = await client.get(key);
 * stored?.slice(0, 8); // → "zs1:KLUv"
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
 * Decodes what `encodeValue` or a client of zstash has stored, given as a string or as bytes (a Buffer too). A value
 * that is not compressed is returned unchanged.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT, NOT_ZSTD, CHECKSUM_MISMATCH, SIZE_LIMIT, DICTIONARY_UNKNOWN,
 * OUT_OF_MEMORY; NOT_TEXT for bytes that are not UTF-8 if a string is requested; UNSUPPORTED for a raw frame that was
 * read as text
 * @throws {TypeError | RangeError} for wrong arguments
 * @example
 * ```ts
 * const stored = encodeValue(zstd, report, { key });
 * decodeValue(zstd, stored, { key }) === report; // → true
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

/** The number of characters that show what a stored text is. */
const HEAD_SIZE = 16;

/** Bytes as a text, if they are a text that has to be decoded; otherwise unchanged. */
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
  // A copy: what a client passes is often a view of a buffer that it uses again.
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

/** Throws unless the value is an integer number of bytes, and returns it. */
export function requireMaxSize(value: unknown): number {
  requireInteger("maxSize", value, 0, Number.MAX_SAFE_INTEGER);
  return value;
}

/** Throws unless the value is a function or undefined, and returns it. */
export function requireListener(value: unknown): EventListener | undefined {
  if (value !== undefined) requireFunction("onEvent", value);
  return value as EventListener | undefined;
}
