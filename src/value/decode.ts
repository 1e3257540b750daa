/** Decodes stored values to the texts that were written. */
import type { Decoder } from "../codec/decoder.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeaderAt } from "../format/frame.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import { utf8Length } from "../text.ts";
import { fromTextCarrier, isTextCarrier, type Stored } from "./carrier.ts";
import type { CodecFailure } from "./encode.ts";

/** The part of a codec that decodes text. */
export type TextDecompressor = Pick<Decoder, "decompressText">;

/** A value on its way from Redis, for which `isEncoded` holds. */
export interface ValueRead {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  readonly stored: Stored;
}

/** Settings of decoding. */
export interface DecodeSettings {
  /** The most bytes a value may have. */
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
}

/**
 * The text of a stored value.
 *
 * @param codec The codec, or why there is none.
 * @throws {ZstashError} with the key: what `decompressText` throws, CORRUPT for what is not base64, UNSUPPORTED for a
 * raw frame that the client has read as text, WASM_UNAVAILABLE
 */
export function decodeRead(
  codec: TextDecompressor | CodecFailure,
  read: ValueRead,
  settings: DecodeSettings,
): string {
  try {
    const frame = frameOf(codec, read);
    const text = (codec as TextDecompressor).decompressText(frame, { maxSize: settings.maxSize });
    if (settings.onEvent !== undefined) emitDecoded(settings.onEvent, read, frame, text);
    return text;
  } catch (cause) {
    throw decodeFailure(cause, read, settings);
  }
}

/** The frame of a stored value; throws where the value cannot be decoded, or where there is no codec. */
export function frameOf(codec: object, { stored }: ValueRead): Uint8Array {
  if (typeof stored === "string" && !isTextCarrier(stored)) {
    throw new ZstashError("UNSUPPORTED", "its raw frame was read through a client for text");
  }
  if ("error" in codec) throw codec.error;
  return typeof stored === "string" ? fromTextCarrier(stored) : stored;
}

export function emitDecoded(
  onEvent: EventListener,
  { command, key, stored }: ValueRead,
  frame: Uint8Array,
  text: string,
): void {
  const size = readFrameHeaderAt(frame, 0, 0).contentSize ?? utf8Length(text);
  emit(onEvent, { type: "decoded", command, key, size, storedSize: stored.length });
}

/** The error of a value that does not decode, which names the key; the listener is told. */
export function decodeFailure(
  cause: unknown,
  { command, key }: ValueRead,
  { onEvent }: DecodeSettings,
): ZstashError {
  const what = `Cannot decode the value of ${JSON.stringify(key)} (${command})`;
  const error =
    cause instanceof ZstashError
      ? cause.with({ message: `${what}: ${reasonOf(cause.message)}`, key, cause })
      : new ZstashError("INTERNAL", `${what}: the codec failed`, { key, cause });
  if (onEvent !== undefined) emit(onEvent, { type: "decode-failed", command, key, code: error.code, error });
  return error;
}

/** The part of a message behind "Cannot X: ". */
function reasonOf(message: string): string {
  return message.replace(/^Cannot [^:]*: /, "");
}
