import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { emit, type EventListener, type SkipReason } from "../metrics/events.ts";
import {
  isReserved,
  startsWithByteOrderMark,
  textCarrierSize,
  toTextCarrier,
  type Carrier,
  type Stored,
} from "./carrier.ts";
import { completePolicy, type CompletePolicy, type PolicyFunction } from "./policy.ts";
import { looksCompressed } from "./sniff.ts";
import { isShorterThan, utf8Length } from "./utf8-length.ts";

/** Why there is no codec. */
export interface CodecFailure {
  readonly error: unknown;
}

/** What a value belongs to. */
export interface ValueSubject {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  /** Seconds to live, where the command gives them. */
  readonly ttl?: number | undefined;
}

/** How values are encoded. */
export interface EncodeSettings {
  /** Complete where it is one policy for all. */
  readonly policy: CompletePolicy | PolicyFunction;
  /** The most bytes that readers decode; larger values are not compressed. */
  readonly maxSize: number;
  readonly onEvent: EventListener | undefined;
}

/** "on" writes compressed values, "shadow" compresses and writes the value itself, "off" wraps what must be wrapped. */
export type Compression = "on" | "shadow" | "off";

/** What is to be done with a value. */
export interface EncodePlan {
  readonly level: number;
  /** The most bytes the stored text may have to be worth it, as a share of the value's. */
  readonly maxShare: number;
  /** Whether it has to be in a frame, however large, to come back as it is. */
  readonly wrap: boolean;
  /** Whether the frame is stored; otherwise it is only counted. */
  readonly written: boolean;
}

/** Characters from which a text is compressed with pauses: at once it would hold the event loop for a millisecond. */
export const LARGE_TEXT: number = 256 << 10;

const escape: EncodePlan = { level: 1, maxShare: Infinity, wrap: true, written: true };
const encoder = new TextEncoder();

/** Decides without a codec what is to be done with a value; undefined stores it as it is. */
export function planEncode(
  text: string,
  subject: ValueSubject,
  compression: Compression,
  settings: EncodeSettings,
): EncodePlan | undefined {
  if (isReserved(text)) return escape;
  if (compression === "off") return undefined;
  const { policy: option, maxSize, onEvent } = settings;

  let policy: CompletePolicy;
  if (typeof option === "function") {
    try {
      const { command, key, ttl } = subject;
      const chosen = option({ command, key, ttl, size: utf8Length(text), kind: "text" });
      if (chosen === false) return skip("policy", text, subject, onEvent);
      policy = completePolicy(chosen, "text");
    } catch (error) {
      return fallBack(error, text, subject, onEvent);
    }
  } else {
    policy = option;
  }

  // Bytes are at least as many as characters; how many they are is known when they have been compressed.
  if (text.length > maxSize) return skip("large", text, subject, onEvent);
  const { level, minSize, minSavings } = policy;
  if (compression === "on" && startsWithByteOrderMark(text)) {
    // As it is it would come back without the mark.
    if (!isShorterThan(text, maxSize + 1)) return skip("large", text, subject, onEvent);
    return { level, maxShare: Infinity, wrap: true, written: true };
  }
  if (isShorterThan(text, minSize)) return skip("small", text, subject, onEvent);
  if (looksCompressed(text)) return skip("already-compressed", text, subject, onEvent);
  return { level, maxShare: 1 - minSavings, wrap: false, written: compression === "on" };
}

/**
 * What is stored for a value by its plan. Never throws: what cannot be compressed is stored as it is, and what has to
 * be in a frame is put into one of raw blocks.
 *
 * @param codec The codec, or why there is none.
 */
export function runEncode(
  codec: Zstd | CodecFailure | undefined,
  text: string,
  plan: EncodePlan,
  subject: ValueSubject,
  settings: EncodeSettings,
  carrier: Carrier = "text",
): Stored {
  let frame: Uint8Array | undefined;
  try {
    if (codec !== undefined) frame = requireFrame(requireCodec(codec).compress(text, { level: plan.level }));
  } catch (error) {
    fallBack(error, text, subject, settings.onEvent);
  }
  return choose(frame, text, plan, subject, settings, carrier);
}

/** The text to store for a frame that the server does not take as bytes. */
export function storedText(frame: Uint8Array, text: string, plan: EncodePlan): string {
  return plan.wrap || isWorthIt(textCarrierSize(frame.length), sizeOf(frame, text), plan)
    ? toTextCarrier(frame)
    : text;
}

export function requireCodec(codec: Zstd | CodecFailure): Zstd {
  if ("error" in codec) throw codec.error;
  return codec;
}

/** Readers know a value of ours by this header: without it the value would be lost. */
export function requireFrame(frame: Uint8Array): Uint8Array {
  if (readFrameHeader(frame).type === "frame") return frame;
  throw new ZstashError("INTERNAL", "Cannot compress: the codec made no frame");
}

export function choose(
  made: Uint8Array | undefined,
  text: string,
  plan: EncodePlan,
  subject: ValueSubject,
  { maxSize, onEvent }: EncodeSettings,
  carrier: Carrier,
): Stored {
  const { wrap, level, written } = plan;
  if (made === undefined && !wrap) return text;
  const frame = made ?? writeRawBlocks(encoder.encode(text));
  const size = sizeOf(frame, text);
  const storedSize = carrier === "raw" ? frame.length : textCarrierSize(frame.length);
  if (wrap) {
    if (onEvent !== undefined) emit(onEvent, { ...named(subject), type: "escaped", size, storedSize });
  } else if (size > maxSize) {
    skip("large", text, subject, onEvent);
    return text;
  } else if (!isWorthIt(storedSize, size, plan)) {
    skip("savings", text, subject, onEvent);
    return text;
  } else if (onEvent !== undefined) {
    emit(onEvent, { ...named(subject), type: "compressed", size, storedSize, level, written });
  }
  if (!written) return text;
  return carrier === "raw" ? frame : toTextCarrier(frame);
}

function isWorthIt(storedSize: number, size: number, { maxShare }: EncodePlan): boolean {
  return storedSize <= size * maxShare && storedSize < size;
}

function sizeOf(frame: Uint8Array, text: string): number {
  return readFrameHeader(frame).contentSize ?? utf8Length(text);
}

function named({ command, key }: ValueSubject): { command: string; key: string } {
  return { command, key };
}

function skip(
  reason: SkipReason,
  text: string,
  subject: ValueSubject,
  onEvent: EventListener | undefined,
): undefined {
  if (onEvent !== undefined) {
    emit(onEvent, { ...named(subject), type: "skipped", size: utf8Length(text), reason });
  }
}

export function fallBack(
  error: unknown,
  text: string,
  subject: ValueSubject,
  onEvent: EventListener | undefined,
): undefined {
  if (onEvent !== undefined) {
    emit(onEvent, { ...named(subject), type: "uncompressed", size: utf8Length(text), error });
  }
}
