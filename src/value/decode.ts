/** Decodes stored values to the texts that were written. */
import { now } from "../timers.ts";
import { describe, requireSynchronous } from "../check.ts";
import type { Decoder } from "../codec/decoder.ts";
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { readFrameHeaderAt, walkFrame } from "../format/frame.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import { utf8Length } from "../text.ts";
import { fromTextCarrier, headOf, isTextCarrier, type Stored } from "./carrier.ts";
import type { DictionarySource } from "./dictionaries.ts";
import type { CodecFailure } from "./encode.ts";

/** The part of a codec that decodes text. */
export type TextDecompressor = Pick<Decoder, "decompressText">;

/** A value that was read from Redis, for which `isEncoded` holds. */
export interface ValueRead {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  /** The field of a hash, if the command or its reply names it. */
  readonly field?: string | undefined;
  readonly stored: Stored;
  /**
   * The frames of `stored`, given for a string that only looks like a value: then any fault is an event, and the
   * string stays unchanged.
   */
  readonly frame?: Uint8Array | undefined;
}

/** Settings of decoding. */
export interface DecodeSettings {
  /** The most bytes a value may have. */
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
  /** What is left for all values of a reply; undefined if they cannot exceed their limit. */
  readonly budget?: ReplyBudget | undefined;
  readonly dictionaries?: DictionarySource | undefined;
}

/** The bytes that the values of a reply may still decode to. Each decoded value reduces it by its size. */
export interface ReplyBudget {
  left: number;
}

/**
 * Decodes a stored value to its text.
 *
 * @param codec The codec, or the reason why there is none.
 * @throws {ZstashError} with the key: as `decompressText`, CORRUPT for invalid base64, UNSUPPORTED for a raw frame
 * that the client has read as text, WASM_UNAVAILABLE
 */
export function decodeRead(
  codec: TextDecompressor | CodecFailure,
  read: ValueRead,
  settings: DecodeSettings,
): string {
  try {
    const frame = frameOf(codec, read);
    const start = settings.onEvent && now();
    const text = (codec as TextDecompressor).decompressText(frame, decodingOf(settings));
    return checkText({ text, frame, ms: start && now() - start }, read, settings);
  } catch (cause) {
    throw decodeFailure(cause, read, settings);
  }
}

/** The options of decompressing a value. */
export function decodingOf(settings: DecodeSettings): {
  readonly maxSize: number;
  readonly dictionaries?: DictionarySource;
} {
  const { dictionaries } = settings;
  const maxSize = limitOf(settings);
  return dictionaries === undefined ? { maxSize } : { maxSize, dictionaries };
}

/** The frame of a stored value; throws if the value cannot be decoded, or if there is no codec. */
export function frameOf(codec: object, { stored, frame }: ValueRead): Uint8Array {
  if (typeof stored === "string" && !isTextCarrier(stored)) {
    throw new ZstashError("UNSUPPORTED", "its raw frame was read through a client for text");
  }
  if ("error" in codec) throw codec.error;
  return frame ?? (typeof stored === "string" ? fromTextCarrier(stored) : stored);
}

/**
 * The frames of a string that is a complete stored value: frames to its end, each with its content size and a
 * checksum.
 *
 * @throws {ZstashError} CORRUPT, TRUNCATED, UNSUPPORTED for any other string
 */
export function wholeFrame(stored: Stored): Uint8Array {
  const frame = frameOf({}, { command: "", key: "", stored });
  for (let at = 0; at < frame.length;) {
    const { end, header } = walkFrame(frame, at, 0);
    if (header.type === "frame" && (header.contentSize === undefined || !header.checksum)) {
      throw new ZstashError("UNSUPPORTED", "Cannot read the frame: it has no content size or no checksum");
    }
    at = end;
  }
  return frame;
}

/** The most bytes that the next value may have. */
export function limitOf({ maxSize, budget }: DecodeSettings): number {
  return budget === undefined ? maxSize : Math.min(maxSize, budget.left);
}

/** A text that the codec decoded from a frame. */
export interface MadeText {
  readonly text: string;
  readonly frame: Uint8Array;
  /** Milliseconds that it took, if a listener wants to know. */
  readonly ms?: number | undefined;
}

/**
 * Subtracts a decoded text from the budget and tells the listener about it. Throws if the codec returned something
 * else.
 */
export function checkText(
  { text, frame, ms }: MadeText,
  { command, key, stored }: ValueRead,
  { onEvent, budget }: DecodeSettings,
): string {
  if (typeof text !== "string") {
    requireSynchronous("text", text);
    throw new TypeError(`a codec must decode to a string, got ${describe(text)}`);
  }
  if (onEvent === undefined && budget === undefined) return text;
  const size = decodedSize(frame, text);
  if (budget !== undefined) budget.left -= size;
  if (onEvent !== undefined)
    emit(onEvent, { type: "decoded", command, key, size, storedSize: stored.length, ms });
  return text;
}

/**
 * The UTF-8 size of a decoded text in bytes. It is counted if there are several frames, or frames that declare
 * nothing.
 */
function decodedSize(frame: Uint8Array, text: string): number {
  const { end, header } = walkFrame(frame, 0, 0);
  const whole = end === frame.length && header.type === "frame";
  return (whole ? header.contentSize : undefined) ?? utf8Length(text);
}

/**
 * The size that a stored value declares in the header of its first frame, in bytes, without decoding it. 0 if it
 * declares nothing or cannot be decoded.
 */
export function claimedSize(stored: Stored): number {
  try {
    const { type, contentSize = 0 } = readFrameHeaderAt(headOf(stored), 0, 0);
    return type === "frame" ? contentSize : 0;
  } catch {
    return 0;
  }
}

/** Codes of errors that are not the fault of the stored string. */
const hostFailures: ReadonlySet<ZstashErrorCode> = new Set<ZstashErrorCode>([
  "WASM_UNAVAILABLE",
  "OUT_OF_MEMORY",
  "CONTEXT_LOST",
  "TIMEOUT",
  "INTERNAL",
]);

/** Returns true if this error leaves a string that only looks like a value unchanged. */
export function staysAsItIs(error: ZstashError): boolean {
  return !hostFailures.has(error.code);
}

/** The error of a value that cannot be decoded, with the key and the field; the listener is told. */
export function decodeFailure(
  thrown: unknown,
  read: ValueRead,
  { onEvent, dictionaries }: DecodeSettings,
): ZstashError {
  const cause = withoutDictionary(thrown, dictionaries);
  const { command, key, field, stored, frame } = read;
  const place = field === undefined ? "" : `field ${JSON.stringify(field)} of `;
  const what = `Cannot decode the value of ${place}${JSON.stringify(key)} (${command})`;
  const error =
    cause instanceof ZstashError
      ? cause.with({ message: `${what}: ${reasonOf(cause.message)}`, key, field, cause })
      : new ZstashError("INTERNAL", `${what}: the codec failed`, { key, field, cause });
  if (onEvent !== undefined) {
    const { code } = error;
    if (frame === undefined || !staysAsItIs(error)) {
      emit(onEvent, { type: "decode-failed", command, key, code, error });
    } else {
      const storedSize = typeof stored === "string" ? utf8Length(stored) : stored.length;
      emit(onEvent, { type: "undecoded", command, key, storedSize, code, error });
    }
  }
  return error;
}

/**
 * A dictionary that cannot be used counts as missing: the value is not damaged, and readers with the right one can
 * read it.
 */
export function withoutDictionary(thrown: unknown, dictionaries: DictionarySource | undefined): unknown {
  if (!(thrown instanceof ZstashError) || thrown.dictionaryId === undefined) return thrown;
  const { code, message, dictionaryId } = thrown;
  if (code === "DICTIONARY_UNKNOWN") return dictionaries?.whyMissing?.(dictionaryId) ?? thrown;
  if (code !== "DICTIONARY_INVALID") return thrown;
  return new ZstashError("DICTIONARY_UNKNOWN", message, { dictionaryId, cause: thrown });
}

/** The id of the dictionary that a stored value needs, from its first frame; 0 for none and if there is no frame. */
export function dictionaryIdOf(stored: Stored): number {
  try {
    return readFrameHeaderAt(headOf(stored), 0, 0).dictionaryId;
  } catch {
    return 0;
  }
}

/** The part of a message after "Cannot X: ". */
function reasonOf(message: string): string {
  return message.replace(/^Cannot [^:]*: /, "");
}
