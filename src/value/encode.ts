/** Encodes values on their way to Redis: plans what is done with a value, and makes what is stored for it. */
import { now } from "../timers.ts";
import { requireSynchronous } from "../check.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { readFrameHeaderAt } from "../format/frame.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { emit, type EventListener, type SkipReason } from "../metrics/events.ts";
import { isShorterThan, utf8Encoder, utf8Length } from "../text.ts";
import {
  isReserved,
  startsWithByteOrderMark,
  textCarrierSize,
  toTextCarrier,
  type Carrier,
  type Stored,
} from "./carrier.ts";
import { compressOptionsFor, dictionaryFor, LARGE_VALUE, type ValueDictionaries } from "./dictionaries.ts";
import {
  askPolicy,
  DEFAULT_MIN_SIZE,
  DICTIONARY_MIN_SIZE,
  type CompletePolicy,
  policyFailed,
  type PolicyFunction,
  type ValueKind,
} from "./policy.ts";
import { looksCompressed } from "./sniff.ts";

/** The reason why there is no codec. */
export interface CodecFailure {
  readonly error: unknown;
}

/** A text that a command writes. */
export interface WrittenText {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  readonly text: string;
  /** Seconds to live, if the command sets them. */
  readonly ttl?: number | undefined;
  /** The carrier in which it is stored, unless the policy says otherwise. Default "text". */
  readonly carrier?: Carrier | undefined;
  /** The kind of the value. Default "text". */
  readonly kind?: ValueKind | undefined;
}

/** A value on its way to Redis: a text that is put into a frame, or may be. */
export interface ValueWrite extends WrittenText {
  readonly level: number;
  readonly dictionary: Dictionary | undefined;
  /** The largest size that the stored value may have to be worth it, as a share of the text's size. */
  readonly maxShare: number;
  /** True if it has to be in a frame, however large, to read back unchanged. */
  readonly wrap: boolean;
  /** True if the frame is stored; otherwise it is only counted. */
  readonly written: boolean;
  /** The carrier that the policy asks for. */
  readonly askedCarrier: Carrier | undefined;
}

/** Settings of encoding. */
export interface EncodeSettings {
  /** A complete policy if there is one for all values. */
  readonly policy: CompletePolicy | PolicyFunction;
  /** The most bytes that readers decode; larger values are not compressed. */
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
  readonly dictionaries?: ValueDictionaries | undefined;
}

/**
 * "on" writes compressed values, "shadow" compresses and writes the value itself, "off" only wraps what must be
 * wrapped.
 */
export type Compression = "on" | "shadow" | "off";

/** A frame that was made from a text, and the text's size in UTF-8 bytes. */
export interface MadeFrame {
  readonly frame: Uint8Array;
  readonly size: number;
  /** Milliseconds that it took, if a listener wants to know. */
  readonly ms?: number | undefined;
}

/**
 * A text of at least this many characters is compressed with pauses: at once it would block the event loop for a
 * millisecond.
 */
export const LARGE_TEXT: number = LARGE_VALUE;

/** Decides without a codec what is done with a text; undefined means that it is stored unchanged. */
export function planWrite(
  value: WrittenText,
  compression: Compression,
  settings: EncodeSettings,
): ValueWrite | undefined {
  const { command, key, text } = value;
  if (isReserved(text)) return wrapped(value, 1);
  if (compression === "off") return undefined;
  const { policy: option, dictionaries, maxSize, onEvent } = settings;

  let policy: CompletePolicy;
  let dictionary: Dictionary | undefined;
  try {
    if (typeof option === "function") {
      const { ttl, kind = "text", carrier = "text" } = value;
      const known = dictionaries && dictionaryFor(dictionaries, key, text.length, {})?.id;
      const subject = { command, key, ttl, size: utf8Length(text), kind, carrier, dictionary: known };
      const chosen = askPolicy(option, subject);
      if (chosen === false) return emitSkipped("policy", value, onEvent);
      policy = chosen;
    } else {
      policy = option;
    }
    // Without dictionaries they are not even looked up.
    if (dictionaries !== undefined || policy.dictionary !== undefined)
      dictionary = dictionaryFor(dictionaries, key, text.length, policy);
  } catch (error) {
    policyFailed(option, error, value, compression === "on", onEvent);
    return emitUncompressed(error, value, onEvent);
  }

  // There are at least as many bytes as characters; the exact number is known after compression.
  if (text.length > maxSize) return emitSkipped("large", value, onEvent);
  const {
    level,
    minSavings,
    minSize = dictionary === undefined ? DEFAULT_MIN_SIZE : DICTIONARY_MIN_SIZE,
  } = policy;
  if (compression === "on" && startsWithByteOrderMark(text)) {
    // Unchanged it would read back without the mark.
    if (!isShorterThan(text, maxSize + 1)) return emitSkipped("large", value, onEvent);
    return wrapped(value, level);
  }
  if (isShorterThan(text, minSize)) return emitSkipped("small", value, onEvent);
  if (looksCompressed(text)) return emitSkipped("already-compressed", value, onEvent);
  // Written out: a spread takes ten times as long as all other decisions.
  const written = compression === "on";
  const { kind } = value;
  const { carrier: askedCarrier } = policy;
  const maxShare = 1 - minSavings;
  return { command, key, text, kind, level, dictionary, maxShare, wrap: false, written, askedCarrier };
}

function wrapped({ command, key, text, kind }: WrittenText, level: number): ValueWrite {
  const dictionary = undefined;
  const maxShare = Infinity;
  const askedCarrier = undefined;
  return { command, key, text, kind, level, dictionary, maxShare, wrap: true, written: true, askedCarrier };
}

/**
 * Makes what is stored for a value. Never throws: a text that cannot be compressed is stored unchanged, or in a frame
 * of raw blocks if it has to be in a frame.
 *
 * @param codec The codec, or the reason why there is none.
 */
export function encodeWrite(
  codec: Zstd | CodecFailure | undefined,
  write: ValueWrite,
  settings: EncodeSettings,
  carrier: Carrier = "text",
): Stored {
  let made: MadeFrame | undefined;
  try {
    if (codec !== undefined) {
      if ("error" in codec) throw codec.error;
      const { level, dictionary } = write;
      const options = dictionary === undefined ? { level } : compressOptionsFor(level, dictionary);
      const start = settings.onEvent && now();
      made = checkFrame(codec.compress(write.text, options), write, start);
    }
  } catch (error) {
    emitUncompressed(error, write, settings.onEvent);
  }
  return storedFor(made, write, settings, carrier);
}

/**
 * Reads the header of a frame that the codec has made: readers recognize our values by it. `start` is the time at
 * which it began.
 *
 * @throws {ZstashError} if there is no such header, without which the value would be lost
 */
export function checkFrame(frame: Uint8Array, { text }: WrittenText, start: number | undefined): MadeFrame {
  if (!(frame instanceof Uint8Array)) requireSynchronous("frame", frame);
  const { type, contentSize } = readFrameHeaderAt(frame, 0, 0);
  if (type !== "frame") throw new ZstashError("INTERNAL", "Cannot compress: the codec made no frame");
  return { frame, size: contentSize ?? utf8Length(text), ms: start && now() - start };
}

/** Chooses what is stored for a value: its frame if it is worth it or required, otherwise the text. */
export function storedFor(
  made: MadeFrame | undefined,
  write: ValueWrite,
  { maxSize, onEvent }: EncodeSettings,
  carrier: Carrier,
): Stored {
  const { command, key, text, kind = "text", wrap, level, dictionary, written } = write;
  if (made === undefined && !wrap) return text;
  const { frame, size, ms } = made ?? uncompressedFrame(text);
  const storedSize = carrier === "raw" ? frame.length : textCarrierSize(frame.length);
  if (!wrap && (size > maxSize || !isWorthIt(storedSize, size, write))) {
    emitSkipped(size > maxSize ? "large" : "savings", write, onEvent);
    return text;
  }
  if (onEvent !== undefined) {
    const dictionaryId = dictionary?.id;
    emit(
      onEvent,
      wrap
        ? { type: "escaped", command, key, size, storedSize }
        : { type: "compressed", command, key, size, storedSize, level, kind, ms, written, dictionaryId },
    );
  }
  if (!written) return text;
  return carrier === "raw" ? frame : toTextCarrier(frame);
}

/** The text to store for a value whose frame the server does not accept as bytes. */
export function storedAsText(frame: Uint8Array, write: ValueWrite): string {
  const { text, wrap } = write;
  const storedSize = textCarrierSize(frame.length);
  return wrap || isWorthIt(storedSize, utf8Length(text), write) ? toTextCarrier(frame) : text;
}

function uncompressedFrame(text: string): MadeFrame {
  const content = utf8Encoder.encode(text);
  return { frame: writeRawBlocks(content), size: content.length };
}

function isWorthIt(storedSize: number, size: number, { maxShare }: ValueWrite): boolean {
  return storedSize <= size * maxShare && storedSize < size;
}

function emitSkipped(
  reason: SkipReason,
  { command, key, text }: WrittenText,
  onEvent: EventListener | undefined,
): undefined {
  if (onEvent !== undefined) {
    emit(onEvent, { type: "skipped", command, key, size: utf8Length(text), reason });
  }
}

/** Tells the listener that a value is stored uncompressed because compression failed. */
export function emitUncompressed(
  error: unknown,
  { command, key, text }: WrittenText,
  onEvent: EventListener | undefined,
): undefined {
  if (onEvent !== undefined) {
    emit(onEvent, { type: "uncompressed", command, key, size: utf8Length(text), error });
  }
}
