/** Encodes a value that is bytes and no text; only `encodeValue` gets such values. */
import { now } from "../timers.ts";
import type { Zstd } from "../codec/zstd.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { emit, type SkipReason } from "../metrics/events.ts";
import { utf8Lossy } from "../text.ts";
import {
  isRawCarrier,
  isReserved,
  textCarrierSize,
  toTextCarrier,
  type Carrier,
  type Stored,
} from "./carrier.ts";
import type { EncodeSettings } from "./encode.ts";
import { compressOptionsFor, dictionaryFor } from "./dictionaries.ts";
import { askPolicy, DEFAULT_MIN_SIZE, DICTIONARY_MIN_SIZE, type CompletePolicy } from "./policy.ts";

/** Bytes on their way to Redis. */
export interface BinaryWrite {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Bytes that tell whether a value looks like one of ours: 10 of the text carrier, 3 more for a byte order mark. */
const HEAD_SIZE = 16;

/**
 * What is stored for bytes that are no UTF-8. Never throws: bytes that cannot be compressed are stored as they are, or in
 * a frame of raw blocks where they have to be in one.
 */
export function encodeBinary(
  zstd: Zstd,
  write: BinaryWrite,
  settings: EncodeSettings,
  carrier: Carrier,
): Stored {
  const { command, key, bytes } = write;
  const { maxSize, onEvent } = settings;
  const size = bytes.length;
  const stored = (frame: Uint8Array): Stored => (carrier === "raw" ? frame : toTextCarrier(frame));
  const mustWrap =
    carrier === "text" || isRawCarrier(bytes) || isReserved(utf8Lossy(bytes.subarray(0, HEAD_SIZE)));
  const plain = (reason: SkipReason | undefined): Stored => {
    if (onEvent !== undefined && reason !== undefined)
      emit(onEvent, { type: "skipped", command, key, size, reason });
    return mustWrap ? stored(writeRawBlocks(bytes)) : bytes;
  };
  try {
    const policy = policyFor(write, settings);
    if (policy === false) return plain("policy");
    if (size > maxSize) return plain("large");
    const dictionary = dictionaryFor(settings.dictionaries, key, size, policy);
    const {
      level,
      minSavings,
      minSize = dictionary === undefined ? DEFAULT_MIN_SIZE : DICTIONARY_MIN_SIZE,
    } = policy;
    if (size < minSize && !mustWrap) return plain("small");
    const start = settings.onEvent && now();
    const frame = zstd.compress(bytes, compressOptionsFor(level, dictionary));
    const ms = start && now() - start;
    const storedSize = carrier === "raw" ? frame.length : textCarrierSize(frame.length);
    if (!mustWrap && (storedSize > size * (1 - minSavings) || storedSize >= size)) return plain("savings");
    if (onEvent !== undefined) {
      if (storedSize < size) {
        emit(onEvent, {
          type: "compressed",
          command,
          key,
          size,
          storedSize,
          level,
          kind: "binary",
          ms,
          dictionaryId: dictionary?.id,
          written: true,
        });
      } else {
        emit(onEvent, { type: "escaped", command, key, size, storedSize });
      }
    }
    return stored(frame);
  } catch (error) {
    if (onEvent !== undefined) emit(onEvent, { type: "uncompressed", command, key, size, error });
    return plain(undefined);
  }
}

function policyFor({ command, key, bytes }: BinaryWrite, { policy }: EncodeSettings): CompletePolicy | false {
  if (typeof policy !== "function") return policy;
  return askPolicy(policy, { command, key, size: bytes.length, kind: "binary", ttl: undefined });
}
