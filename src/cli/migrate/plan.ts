/** Decides what to do with a stored value: what to write in its place, or why it stays. Without I/O. */
import type { Zstd } from "../../codec/zstd.ts";
import { DICTIONARY_PREFIX, MANIFEST_KEY } from "../../dictionaries/stored.ts";
import type { Dictionary, DictionaryLookup } from "../../format/dictionary.ts";
import { walkFrame } from "../../format/frame.ts";
import type { SkipReason, ZstashEvent } from "../../metrics/events.ts";
import { isTemporaryKey } from "../../store/temporary-key.ts";
import { readUtf8, utf8Encoder, utf8Lossy } from "../../text.ts";
import {
  CARRIER_HEAD_SIZE,
  fromTextCarrier,
  isRawCarrier,
  isReserved,
  startsWithByteOrderMark,
  toTextCarrier,
  type Carrier,
} from "../../value/carrier.ts";
import { dictionaryIdOf } from "../../value/decode.ts";
import { LARGE_VALUE } from "../../value/dictionaries.ts";
import { formOf } from "../../value/form.ts";
import type { Policy } from "../../value/policy.ts";
import { encodeValue } from "../../value/value.ts";
import { decodeScheme, type Scheme } from "./schemes.ts";

/** What is done to a value that is written anew. */
export type Written = "compressed" | "uncompressed" | "carrier" | "dictionary" | "converted";

/** Why a value stays as it is. */
export type Left =
  | SkipReason
  /** It is already compressed as it should be. */
  | "zstash"
  /** With `undo`: it is not compressed. */
  | "uncompressed"
  /**
   * It was put by the store, whose values may have any size, or by another program: it is a frame, but not one of the
   * wrapper.
   */
  | "store"
  /** It is a dictionary, the manifest, or the temporary key of an upload. */
  | "own"
  /** It is not text. */
  | "binary"
  /** The user's own text looks like a frame or begins with a byte order mark: readers would see something else. */
  | "reserved"
  | "hyperloglog";

/** The decision about a value. */
export type Plan =
  | { readonly write: Uint8Array; readonly what: Written; readonly left?: undefined }
  | { readonly write?: undefined; readonly what?: undefined; readonly left: Left };

export interface PlanSettings {
  /** True to turn values back into uncompressed ones. */
  readonly undo: boolean;
  /** The carrier of every frame; undefined to write new frames as text and leave the carrier of others. */
  readonly carrier: Carrier | undefined;
  /** "with": the dictionary of the key. "without": no dictionary, even if there is one. Undefined: leave it. */
  readonly dictionaries: "with" | "without" | undefined;
  readonly schemes: ReadonlySet<Scheme>;
  /** True to compress values that are not text, too. */
  readonly binary: boolean;
  readonly policy: Policy;
  /** The most bytes of a value, stored or decoded. */
  readonly maxValue: number;
}

export interface PlanTools {
  readonly zstd: Zstd;
  /** The dictionaries that values were written with. */
  readonly lookup: DictionaryLookup;
  /** The dictionary with which a key is to be written. */
  choose(key: string): Dictionary | undefined;
}

/** A value and its key. */
export interface KeyedValue {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/**
 * Decides what to do with a value.
 *
 * @throws {ZstashError} if it is a frame that has to be read and cannot be
 */
export function planValue(value: KeyedValue, settings: PlanSettings, tools: PlanTools): Plan {
  if (isOwnKey(value.key)) return { left: "own" };
  const form = formOf(value.bytes.subarray(0, CARRIER_HEAD_SIZE));
  if (form === "plain") return settings.undo ? { left: "uncompressed" } : planPlain(value, settings, tools);
  const frame = form === "frames" ? value.bytes : fromTextCarrier(utf8Lossy(value.bytes));
  const facts = factsOf(frame);
  if (facts === undefined) return { left: "store" };
  if (facts.size > settings.maxValue) return { left: "large" };
  const stored = { ...value, frame, carrier: form === "frames" ? "raw" : "text", ...facts } as const;
  return settings.undo ? planUndo(stored, settings, tools) : planFrame(stored, settings, tools);
}

/** The id of the dictionary that a value was written with, read from its first bytes; 0 for none. */
export function dictionaryNeeded({ bytes }: KeyedValue): number {
  const head = bytes.subarray(0, 64);
  const form = formOf(head.subarray(0, CARRIER_HEAD_SIZE));
  return form === "plain" ? 0 : dictionaryIdOf(form === "frames" ? head : utf8Lossy(head));
}

/** A value that is a frame. */
interface StoredFrame extends KeyedValue {
  readonly frame: Uint8Array;
  readonly carrier: Carrier;
  readonly dictionaryId: number;
}

/** Returns true for dictionaries, the manifest and the temporary keys of uploads. */
export function isOwnKey(key: string): boolean {
  return key === MANIFEST_KEY || key.startsWith(DICTIONARY_PREFIX) || isTemporaryKey(key);
}

/** The most bytes of content that a client compresses in one call; above that it streams, as the store does. */
const WHOLE_MAX: number = 2 << 20;

/**
 * Reads the header of a frame of a client; undefined for frames of the store or of other programs. A client writes one
 * frame with its size, in a field of at most four bytes up to WHOLE_MAX. Streams, the store's too, write a field of
 * eight bytes, so one frame above WHOLE_MAX may be of either. The store also reads it when it is uncompressed.
 */
function factsOf(frame: Uint8Array): { readonly size: number; readonly dictionaryId: number } | undefined {
  const { header, end } = walkFrame(frame, 0, 0);
  const { type, contentSize, dictionaryId } = header;
  if (type !== "frame" || contentSize === undefined || end !== frame.length) return undefined;
  const isLong = frame[4]! >> 6 === 3;
  if (isLong && contentSize <= WHOLE_MAX) return undefined;
  return { size: contentSize, dictionaryId };
}

function contentOf({ frame }: StoredFrame, { maxValue }: PlanSettings, tools: PlanTools): Uint8Array {
  return tools.zstd.decompress(frame, { maxSize: maxValue, dictionaries: tools.lookup });
}

function planUndo(stored: StoredFrame, settings: PlanSettings, tools: PlanTools): Plan {
  const content = contentOf(stored, settings, tools);
  // Uncompressed it would be taken for a frame, and would not read back unchanged.
  if (isRawCarrier(content) || isReserved(utf8Lossy(content.subarray(0, HEAD_SIZE))))
    return { left: "reserved" };
  return { write: content, what: "uncompressed" };
}

/** Bytes that show whether a value looks like one of ours. */
const HEAD_SIZE = 16;

function planFrame(stored: StoredFrame, settings: PlanSettings, tools: PlanTools): Plan {
  const { key, bytes, frame, carrier, dictionaryId } = stored;
  const wanted = settings.carrier ?? carrier;
  if (settings.dictionaries === "without" && dictionaryId !== 0) {
    const content = contentOf(stored, settings, tools);
    const { made } = encode({ key, bytes: content }, { settings, carrier: wanted }, tools, undefined);
    return { write: made, what: "dictionary" };
  }
  const chosen = settings.dictionaries === "with" ? tools.choose(key) : undefined;
  if (chosen !== undefined && chosen.id !== dictionaryId) {
    const content = contentOf(stored, settings, tools);
    const { made } = encode({ key, bytes: content }, { settings, carrier: wanted }, tools, chosen);
    // A retired dictionary is always replaced; a value without one keeps its frame unless the new one is shorter.
    const isBetter = content.length < LARGE_VALUE && made.length < bytes.length;
    if (dictionaryId !== 0 || isBetter) return { write: made, what: "dictionary" };
  }
  if (wanted === carrier) return { left: "zstash" };
  // Decoded only to check it: a damaged value, or one that only looks like a frame, stays as it is.
  contentOf(stored, settings, tools);
  return {
    write: wanted === "raw" ? frame : utf8Encoder.encode(toTextCarrier(frame)),
    what: "carrier",
  };
}

function planPlain(value: KeyedValue, settings: PlanSettings, tools: PlanTools): Plan {
  const { bytes } = value;
  const carrier = settings.carrier ?? "text";
  const chosen = settings.dictionaries === "with" ? tools.choose(value.key) : undefined;
  const isFor = (content: Uint8Array): boolean => settings.binary || isText(content);
  if (isHyperLogLog(bytes)) return { left: "hyperloglog" };
  if (settings.schemes.size > 0) {
    const content = decodeScheme(bytes, settings.schemes, { zstd: tools.zstd, maxSize: settings.maxValue });
    if (content !== undefined) {
      if (!isFor(content)) return { left: "binary" };
      const { made } = encode({ key: value.key, bytes: content }, { settings, carrier }, tools, chosen);
      return { write: made, what: "converted" };
    }
  }
  if (!isFor(bytes)) return { left: "binary" };
  const head = utf8Lossy(bytes.subarray(0, HEAD_SIZE));
  if (isReserved(head) || startsWithByteOrderMark(head)) return { left: "reserved" };
  const { made, skipped } = encode(value, { settings, carrier }, tools, chosen);
  if (skipped !== undefined) return { left: skipped };
  return made.length < bytes.length ? { write: made, what: "compressed" } : { left: "savings" };
}

/** Returns true for UTF-8 without NUL, which bitmaps and the like are full of. */
function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0) && readUtf8(bytes) !== undefined;
}

/**
 * Returns true for a HyperLogLog: Redis stores it as a string, and PFADD and PFCOUNT read its bytes (hyperloglog.c).
 */
function isHyperLogLog(bytes: Uint8Array): boolean {
  return bytes.length >= 16 && utf8Lossy(bytes.subarray(0, 4)) === "HYLL";
}

/** What zstash's clients would store for a value, and the reason if that is the value itself. */
function encode(
  { key, bytes }: KeyedValue,
  { settings, carrier }: { readonly settings: PlanSettings; readonly carrier: Carrier },
  { zstd }: PlanTools,
  dictionary: Dictionary | undefined,
): { readonly made: Uint8Array; readonly skipped: SkipReason | undefined } {
  let skipped: SkipReason | undefined;
  let failure: unknown;
  const onEvent = (event: ZstashEvent): void => {
    if (event.type === "skipped") skipped = event.reason;
    if (event.type === "uncompressed") failure = event.error;
  };
  const made = encodeValue(zstd, bytes, {
    key,
    carrier,
    policy: settings.policy,
    dictionaries: dictionary === undefined ? [] : [dictionary],
    maxSize: settings.maxValue,
    onEvent,
  });
  // A client would store the value uncompressed; here it is worth another run.
  if (failure !== undefined) throw failure;
  return { made: typeof made === "string" ? utf8Encoder.encode(made) : made, skipped };
}
