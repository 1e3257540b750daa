/** Encodes a value of bytes that are not text; only `encodeValue` gets such values. */
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
import type { Dictionary } from "../format/dictionary.ts";
import {
  askPolicy,
  DEFAULT_MIN_SIZE,
  DICTIONARY_MIN_SIZE,
  policyFailed,
  type CompletePolicy,
  type ValueKind,
} from "./policy.ts";

/** Bytes on their way to Redis. */
export interface BinaryWrite {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly kind: ValueKind;
}

/** Bytes that show whether a value looks like one of ours: 10 of the text carrier, 3 more for a byte order mark. */
const HEAD_SIZE = 16;

/**
 * Encodes bytes that are not UTF-8. Never throws: bytes that cannot be compressed are stored unchanged, or in a frame
 * of raw blocks if they have to be in a frame.
 */
export function encodeBinary(
  zstd: Zstd,
  write: BinaryWrite,
  settings: EncodeSettings,
  given: Carrier,
): Stored {
  const { command, key, bytes, kind } = write;
  const { maxSize, onEvent } = settings;
  const size = bytes.length;
  let carrier = given;
  const stored = (frame: Uint8Array): Stored => (carrier === "raw" ? frame : toTextCarrier(frame));
  const mustWrap =
    given === "text" || isRawCarrier(bytes) || isReserved(utf8Lossy(bytes.subarray(0, HEAD_SIZE)));
  const plain = (reason: SkipReason | undefined): Stored => {
    if (onEvent !== undefined && reason !== undefined)
      emit(onEvent, { type: "skipped", command, key, size, reason });
    return mustWrap ? stored(writeRawBlocks(bytes)) : bytes;
  };
  const failed = (error: unknown): Stored => {
    if (onEvent !== undefined) emit(onEvent, { type: "uncompressed", command, key, size, error });
    return plain(undefined);
  };
  let policy: CompletePolicy | false;
  let dictionary: Dictionary | undefined;
  try {
    policy = policyFor(write, settings, given);
    if (policy === false) return plain("policy");
    dictionary = dictionaryFor(settings.dictionaries, key, size, policy);
  } catch (error) {
    policyFailed(settings.policy, error, write, true, onEvent);
    return failed(error);
  }
  if (size > maxSize) return plain("large");
  if (policy.carrier === "text") carrier = "text";
  try {
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
          kind,
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
    return failed(error);
  }
}

function policyFor(
  { command, key, bytes, kind }: BinaryWrite,
  { policy, dictionaries }: EncodeSettings,
  carrier: Carrier,
): CompletePolicy | false {
  if (typeof policy !== "function") return policy;
  const size = bytes.length;
  const dictionary = dictionaryFor(dictionaries, key, size, {})?.id;
  return askPolicy(policy, { command, key, size, kind, ttl: undefined, carrier, dictionary });
}
