import type { Decoder } from "../codec/decoder.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { emit, type EventListener } from "../metrics/events.ts";
import { fromTextCarrier, isDestroyedFrame, isTextCarrier } from "./carrier.ts";
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

/** Whether a stored text was not stored by us as a plain string: it has to be decoded, or cannot be. */
export function isEncoded(stored: string): boolean {
  return isTextCarrier(stored) || isDestroyedFrame(stored);
}

/**
 * The value of a stored text for which `isEncoded` holds.
 *
 * @param codec The codec, or why there is none.
 * @throws {ZstashError} with the key: what `decompressText` throws, CORRUPT for what is not base64, UNSUPPORTED for a
 * raw frame that the client has read as text, WASM_UNAVAILABLE
 */
export function decodeStored(
  codec: TextDecompressor | CodecFailure,
  stored: string,
  command: string,
  key: string,
  { maxSize, onEvent }: DecodeSettings,
): string {
  try {
    if (!isTextCarrier(stored)) {
      throw new ZstashError("UNSUPPORTED", "its raw frame was read through a client for text");
    }
    if ("error" in codec) throw codec.error;
    const frame = fromTextCarrier(stored);
    const text = codec.decompressText(frame, { maxSize });
    if (onEvent !== undefined) {
      const size = readFrameHeader(frame).contentSize ?? utf8Length(text);
      emit(onEvent, { type: "decoded", command, key, size, storedSize: stored.length });
    }
    return text;
  } catch (cause) {
    const error = withKey(cause, command, key);
    if (onEvent !== undefined) {
      emit(onEvent, { type: "decode-failed", command, key, code: error.code, error });
    }
    throw error;
  }
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
