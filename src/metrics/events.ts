/** The events that tell a listener what happens to each value. */
import type { Effect, ZstashError, ZstashErrorCode } from "../errors.ts";

/** The kind of a value, as far as its writer knows. */
export type ValueKind = "text" | "json" | "protobuf" | "binary";

/** The command and the key of an event. Events never contain a value. */
export interface EventSubject {
  /**
   * The command's name in upper case; for a store "PUT", "GET" (all methods that read but `getRange`) or "GETRANGE".
   */
  readonly command: string;
  /** The key; for scripts and functions their first key, or "" if they have none. */
  readonly key: string;
}

/** A value was compressed. For a store it has been stored, too. */
export interface CompressedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "compressed";
  /** The size of the value in bytes; of a text, in UTF-8. */
  readonly size: number;
  /** The stored size in bytes. */
  readonly storedSize: number;
  /** The level at which it was compressed, −7…22. */
  readonly level: number;
  /** The kind of the value, as far as its writer knows. */
  readonly kind: ValueKind;
  /** Milliseconds in the codec by the runtime's clock, which Workers stop while code runs. */
  readonly ms?: number | undefined;
  /** The id of the dictionary that it was compressed with; undefined if there was none. */
  readonly dictionaryId?: number | undefined;
  /** False in mode "shadow", in which the uncompressed value was stored. */
  readonly written: boolean;
}

/** The reason why a value was stored uncompressed. */
export type SkipReason =
  /** It is smaller than the policy's `minSize`. */
  | "small"
  /** It is larger than `maxSize`: no reader would accept it. */
  | "large"
  /** It is compressed already: JPEG, PNG, gzip or another format. */
  | "already-compressed"
  /** It shrank by less than the policy's `minSavings`. */
  | "savings"
  /** The policy said `false`. */
  | "policy";

/** A value was stored uncompressed, because compressing it is not worth it. */
export interface SkippedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "skipped";
  /** The size of the value in bytes of UTF-8. */
  readonly size: number;
  /** Why it is not worth it. */
  readonly reason: SkipReason;
}

/** A string that would be taken for a compressed value was wrapped in a frame, so that it reads back unchanged. */
export interface EscapedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "escaped";
  /** The size of the value in bytes of UTF-8. */
  readonly size: number;
  /** The stored size in bytes. */
  readonly storedSize: number;
}

/** A value was stored uncompressed because compression could not run. */
export interface UncompressedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "uncompressed";
  /** The size of the value in bytes of UTF-8. */
  readonly size: number;
  /** The error that the codec, its loader or the policy function threw. */
  readonly error: unknown;
}

/**
 * A compressed value was decoded. For a store it was read to its end: a stream that is cancelled earlier is not
 * reported.
 */
export interface DecodedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "decoded";
  /** The size of the value in bytes; of a text, in UTF-8; for `getRange` that of the range. */
  readonly size: number;
  /** The stored size in bytes; for `getRange` the bytes that were read. */
  readonly storedSize: number;
  /** Milliseconds in the codec by the runtime's clock, which Workers stop while code runs. */
  readonly ms?: number | undefined;
}

/** A stored value could not be decoded. */
export interface DecodeFailedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "decode-failed";
  /** The code of `error`, for labels and filters. */
  readonly code: ZstashErrorCode;
  /**
   * What is wrong, with the key. The read fails with this error, unless `onCorrupt: "miss"` makes it a missing value.
   */
  readonly error: ZstashError;
}

/**
 * A string in the reply of a script, a function or SORT … GET begins like a stored value, and was passed on
 * unchanged, because it is not a complete value or cannot be decoded here.
 */
export interface UndecodedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "undecoded";
  /** The size of the string in bytes. */
  readonly storedSize: number;
  /** The code of `error`, for labels and filters. */
  readonly code: ZstashErrorCode;
  /** Why it was not decoded. The call does not fail with this error. */
  readonly error: ZstashError;
}

/** The `mode` function threw or returned no mode: the request was sent as in mode "read-only". */
export interface ModeFailedEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "mode-failed";
  /** What the function threw, or a TypeError that names what it returned. */
  readonly error: unknown;
}

/**
 * The `policy` function threw, or returned no policy, for a value. The first time the call rejects and nothing is
 * written; later the value is stored uncompressed.
 */
export interface PolicyFailedEvent extends EventSubject {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "policy-failed";
  /** What the function threw, or a TypeError that names what it returned. */
  readonly error: unknown;
}

/** A request over zstash's own transport has ended: its reply was read, or it failed. Each attempt is reported. */
export interface RequestEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "request";
  /** The command's name in upper case; "pipeline" or "multi-exec" for several in one request. */
  readonly command: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The size of the request's body in bytes. */
  readonly sentSize: number;
  /** Bytes of the reply's body that were read. */
  readonly receivedSize?: number | undefined;
  /** The reply's HTTP status; absent if there was none. */
  readonly status?: number | undefined;
  /** Milliseconds from start to end. */
  readonly ms: number;
  /** The error's code, or its name if it is not a ZstashError; absent if the request succeeded. */
  readonly error?: string | undefined;
}

/**
 * The manifest or a dictionary could not be read from Redis for a write, or is invalid: values are written without a
 * dictionary, or with what was known before.
 */
export interface DictionariesFailedEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "dictionaries-failed";
  /** Why reading failed, or what is wrong with what was read. */
  readonly error: unknown;
}

/** A dictionary had disappeared from Redis, and this client put it back. */
export interface DictionaryRestoredEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "dictionary-restored";
  /** The id by which values name the dictionary. */
  readonly dictionaryId: number;
}

/** A request over zstash's own transport failed and is sent again, after `wait` ms. */
export interface RetryEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "retry";
  /** The command's name in upper case; "pipeline" or "multi-exec" for several in one request. */
  readonly command: string;
  /** The number of the attempt that has failed, from 1. */
  readonly attempt: number;
  /** Milliseconds until the next attempt. */
  readonly wait: number;
  /** The code of the error with which the attempt failed. */
  readonly code: ZstashErrorCode;
  /** "none" if the failed attempt has certainly not run, "unknown" if it may have. */
  readonly effect: Effect;
  /** The HTTP status, if there was a response. */
  readonly status?: number | undefined;
}

/**
 * A server did not accept the better of two forms, and the other one was used: raw bodies or JSON, replies in RESP2
 * or in base64, SETRANGE or APPEND. Reported for each request that was sent twice for this reason, and when a form is
 * given up for good.
 */
export interface FallbackEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "fallback";
  /** The command's name in upper case; "pipeline" or "multi-exec" for several in one request. */
  readonly command: string;
  /** The better form, which the server refused or ignored. */
  readonly from: "raw" | "resp2" | "setrange";
  /** The form that was used instead: "json" for "raw", "base64" for "resp2", "append" for "setrange". */
  readonly to: "json" | "base64" | "append";
  /** The HTTP status of the refusal, if there was one. */
  readonly status?: number | undefined;
}

/**
 * Work waited for 100 ms or more. "order": an earlier request on the same key had not been sent yet. "turn": other
 * work held the event loop between parts of a large value. "memory": other streams held the codec's memory.
 */
export interface WaitEvent {
  /** The tag of this event in the union `ZstashEvent`. */
  readonly type: "wait";
  /** What the work waited for. */
  readonly for: "memory" | "turn" | "order";
  /** How long it waited, in milliseconds, 100 or more. */
  readonly ms: number;
}

/** An event of the transport and of what a request waits for. It has no key. */
export type TransportEvent = RequestEvent | RetryEvent | FallbackEvent | WaitEvent;

/** An event in the life of a value or of a request. New types may be added in minor releases. */
export type ZstashEvent =
  | CompressedEvent
  | SkippedEvent
  | EscapedEvent
  | UncompressedEvent
  | DecodedEvent
  | DecodeFailedEvent
  | UndecodedEvent
  | ModeFailedEvent
  | PolicyFailedEvent
  | DictionariesFailedEvent
  | DictionaryRestoredEvent
  | TransportEvent;

/** A message of the channel "zstash:request". It has only times and sizes: no key, no value, no URL. */
export interface RequestMessage {
  /** "start" before a request is sent; "end" when its reply has been read, or when it has failed. */
  readonly phase: "start" | "end";
  /** The same number for both messages; it counts the requests of a process. */
  readonly id: number;
  /** The command's name in upper case, or "pipeline" or "multi-exec". */
  readonly command: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The size of the request's body in bytes. */
  readonly sentSize: number;
  /** Bytes of the reply's body that were read. */
  readonly receivedSize?: number | undefined;
  /** The reply's HTTP status; absent if there was none. */
  readonly status?: number | undefined;
  /** Milliseconds from start to end. */
  readonly ms?: number | undefined;
  /** The error's code, or its name if it is not a ZstashError; absent if the request succeeded. */
  readonly error?: string | undefined;
}

/** Called synchronously with each event. Errors that it throws and promises that it rejects are ignored. */
export type EventListener = (event: ZstashEvent) => unknown;

/** Calls the listener, which cannot disturb the operation. */
export function emit(listener: EventListener, event: ZstashEvent): void {
  try {
    const returned = listener(event);
    // An unhandled rejection would end the process.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).catch(() => {});
  } catch {
    // An observer cannot disturb the operation.
  }
}
