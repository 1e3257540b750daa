import type { Decoder } from "../codec/decoder.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import { fromTextCarrier, isDestroyedFrame, isTextCarrier, type Stored } from "./carrier.ts";
import type { CodecFailure } from "./encode.ts";
import { utf8Length } from "./utf8-length.ts";

/** What decodes text. */
export type TextDecompressor = Pick<Decoder, "decompressText">;

/** How stored texts are decoded. */
export interface DecodeSettings {
  /** The most bytes a value may have. */
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
}

/** Whether what is stored was not stored by us as a plain string: it has to be decoded, or cannot be. */
export function isEncoded(stored: Stored): boolean {
  return typeof stored !== "string" || isTextCarrier(stored) || isDestroyedFrame(stored);
}

/**
 * The value of what is stored, for which `isEncoded` holds: bytes are a raw frame.
 *
 * @param codec The codec, or why there is none.
 * @throws {ZstashError} with the key: what `decompressText` throws, CORRUPT for what is not base64, UNSUPPORTED for a
 * raw frame that the client has read as text, WASM_UNAVAILABLE
 */
export function decodeStored(
  codec: TextDecompressor | CodecFailure,
  stored: Stored,
  command: string,
  key: string,
  settings: DecodeSettings,
): string {
  try {
    const frame = frameOf(codec, stored);
    const text = (codec as TextDecompressor).decompressText(frame, { maxSize: settings.maxSize });
    tell(frame, text, stored, command, key, settings);
    return text;
  } catch (cause) {
    throw failure(cause, command, key, settings);
  }
}

/** Decodes a frame to text with pauses for the event loop. */
export type DecompressLargeText = (
  decoder: Decoder,
  frame: Uint8Array,
  options: { readonly maxSize: number },
) => Promise<string>;

/** As `decodeStored`; large contents give the event loop back while they are decoded. */
export async function decodeStoredLarge(
  decompressLargeText: DecompressLargeText,
  codec: Decoder | CodecFailure,
  stored: Stored,
  command: string,
  key: string,
  settings: DecodeSettings,
): Promise<string> {
  try {
    const frame = frameOf(codec, stored);
    const text = await decompressLargeText(codec as Decoder, frame, { maxSize: settings.maxSize });
    tell(frame, text, stored, command, key, settings);
    return text;
  } catch (cause) {
    throw failure(cause, command, key, settings);
  }
}

function frameOf(codec: object, stored: Stored): Uint8Array {
  if (typeof stored === "string" && !isTextCarrier(stored)) {
    throw new ZstashError("UNSUPPORTED", "its raw frame was read through a client for text");
  }
  if ("error" in codec) throw codec.error;
  return typeof stored === "string" ? fromTextCarrier(stored) : stored;
}

function tell(
  frame: Uint8Array,
  text: string,
  stored: Stored,
  command: string,
  key: string,
  { onEvent }: DecodeSettings,
): void {
  if (onEvent === undefined) return;
  const size = readFrameHeader(frame).contentSize ?? utf8Length(text);
  emit(onEvent, { type: "decoded", command, key, size, storedSize: stored.length });
}

function failure(cause: unknown, command: string, key: string, { onEvent }: DecodeSettings): ZstashError {
  const error = withKey(cause, command, key);
  if (onEvent !== undefined) emit(onEvent, { type: "decode-failed", command, key, code: error.code, error });
  return error;
}

/** The same fault, with the key in its message and as a property. */
function withKey(cause: unknown, command: string, key: string): ZstashError {
  const what = `Cannot decode the value of ${JSON.stringify(key)} (${command})`;
  if (!(cause instanceof ZstashError)) {
    return new ZstashError("INTERNAL", `${what}: the codec failed`, { key, cause });
  }
  const { code, frame, offset, dictionaryId, zstdCode } = cause;
  return new ZstashError(code, `${what}: ${reasonOf(cause.message)}`, {
    key,
    cause,
    ...(frame === undefined ? {} : { frame }),
    ...(offset === undefined ? {} : { offset }),
    ...(dictionaryId === undefined ? {} : { dictionaryId }),
    ...(zstdCode === undefined ? {} : { zstdCode }),
  });
}

/** What follows "Cannot X: " in a message. */
function reasonOf(message: string): string {
  return message.replace(/^Cannot [^:]*: /, "");
}
