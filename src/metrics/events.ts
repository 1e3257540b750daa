/** The events by which a listener learns what happens to each value. */
import type { Effect, ZstashError, ZstashErrorCode } from "../errors.ts";

/** The kind of a value, as far as its writer knows it. */
export type ValueKind = "text" | "json" | "protobuf" | "binary";

/** The command and the key of every event. Events never hold a value. */
export interface EventSubject {
  /** The command's name in upper case; of a store "PUT", "GET" (of any method but `getRange`) and "GETRANGE". */
  readonly command: string;
  /** For scripts and functions the first of their keys, or "" if they have none. */
  readonly key: string;
}

/** A value was compressed. Of a store it has been stored. */
export interface CompressedEvent extends EventSubject {
  readonly type: "compressed";
  /** Bytes of the value, of a text in UTF-8. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly storedSize: number;
  readonly level: number;
  /** What the value is, as far as its writer knows. */
  readonly kind: ValueKind;
  /** Milliseconds in the codec, as the runtime's clock shows them: Workers stop it while code runs. */
  readonly ms?: number | undefined;
  /** The id of the dictionary that it was compressed with; undefined for none. */
  readonly dictionaryId?: number | undefined;
  /** False in mode "shadow", where the value itself was stored. */
  readonly written: boolean;
}

/** The reason why a value was stored as it is. */
export type SkipReason =
  /** Below the policy's `minSize`. */
  | "small"
  /** Above `maxSize`: no reader would accept it. */
  | "large"
  /** It is a JPEG, PNG, gzip or the like. */
  | "already-compressed"
  /** It shrank by less than the policy's `minSavings`. */
  | "savings"
  /** The policy said `false`. */
  | "policy";

/** A value was stored as it is, because compressing it is not worth it. */
export interface SkippedEvent extends EventSubject {
  readonly type: "skipped";
  /** UTF-8 bytes of the value. */
  readonly size: number;
  readonly reason: SkipReason;
}

/** A string that would be taken for a compressed value was wrapped in a frame, so that it comes back as it is. */
export interface EscapedEvent extends EventSubject {
  readonly type: "escaped";
  /** UTF-8 bytes of the value. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly storedSize: number;
}

/** A value was stored uncompressed because compression could not run. */
export interface UncompressedEvent extends EventSubject {
  readonly type: "uncompressed";
  /** UTF-8 bytes of the value. */
  readonly size: number;
  /** The error that the codec, its loader or the policy function threw. */
  readonly error: unknown;
}

/** A compressed value was decoded, of a store to its end: a stream that is cancelled before is not told of. */
export interface DecodedEvent extends EventSubject {
  readonly type: "decoded";
  /** Bytes of the value, of a text in UTF-8; of `getRange` those of the range. */
  readonly size: number;
  /** Bytes of what is stored for it; of `getRange` those that were read. */
  readonly storedSize: number;
  /** Milliseconds in the codec, as the runtime's clock shows them: Workers stop it while code runs. */
  readonly ms?: number | undefined;
}

/** A stored value could not be decoded. */
export interface DecodeFailedEvent extends EventSubject {
  readonly type: "decode-failed";
  readonly code: ZstashErrorCode;
  readonly error: ZstashError;
}

/**
 * A string in the reply of a script, a function or SORT … GET begins like a stored value, and was handed on as it is:
 * it is no whole value, or cannot be decoded here.
 */
export interface UndecodedEvent extends EventSubject {
  readonly type: "undecoded";
  /** Bytes of the string. */
  readonly storedSize: number;
  readonly code: ZstashErrorCode;
  readonly error: ZstashError;
}

/** The `mode` function threw or gave no mode: the request went out as in mode "read-only". */
export interface ModeFailedEvent {
  readonly type: "mode-failed";
  readonly error: unknown;
}

/**
 * The `policy` function threw, or gave no policy, for a value. The first time the call rejects and nothing is written; later the
 * value is stored uncompressed.
 */
export interface PolicyFailedEvent extends EventSubject {
  readonly type: "policy-failed";
  readonly error: unknown;
}

/** A request over zstash's own transport has ended: its reply was read, or it failed. Each attempt is one. */
export interface RequestEvent {
  readonly type: "request";
  /** The command's name in upper case; of several in one request "pipeline" or "multi-exec". */
  readonly command: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Bytes of the request's body. */
  readonly sentSize: number;
  /** Bytes of the reply's body that were read. */
  readonly receivedSize?: number | undefined;
  /** The reply's HTTP status; absent if there was none. */
  readonly status?: number | undefined;
  /** Milliseconds from start to end. */
  readonly ms: number;
  /** The error's code, or its name if it is none of ours; absent if the request succeeded. */
  readonly error?: string | undefined;
}

/**
 * The manifest or a dictionary could not be had from Redis for a write, or is not what it should be: values are written
 * without a dictionary, or with what was known before.
 */
export interface DictionariesFailedEvent {
  readonly type: "dictionaries-failed";
  readonly error: unknown;
}

/** A dictionary was gone from Redis, and this client put it back. */
export interface DictionaryRestoredEvent {
  readonly type: "dictionary-restored";
  readonly dictionaryId: number;
}

/** A request over zstash's own transport failed and is sent again, after `wait`. */
export interface RetryEvent {
  readonly type: "retry";
  /** The command's name in upper case; of several in one request "pipeline" or "multi-exec". */
  readonly command: string;
  /** The number of the attempt that has failed, from 1. */
  readonly attempt: number;
  /** Milliseconds until the next. */
  readonly wait: number;
  readonly code: ZstashErrorCode;
  /** "none" if the failed attempt has certainly not run. */
  readonly effect: Effect;
  /** The HTTP status, if there was a response. */
  readonly status?: number | undefined;
}

/**
 * A server did not take the better of two forms, and the other was used: raw bodies and JSON, replies in RESP2 and in
 * base64, SETRANGE and APPEND. Told for each request that was sent twice for it, and when a form is given up for good.
 */
export interface FallbackEvent {
  readonly type: "fallback";
  /** The command's name in upper case; of several in one request "pipeline" or "multi-exec". */
  readonly command: string;
  readonly from: "raw" | "resp2" | "setrange";
  readonly to: "json" | "base64" | "append";
  /** The HTTP status of the refusal, if it was one. */
  readonly status?: number | undefined;
}

/**
 * Work waited for 100 ms or more. For "order": an earlier request on the same key was not yet sent. For "turn": other work
 * held the event loop between parts of a large value. For "memory": other streams held the codec's memory.
 */
export interface WaitEvent {
  readonly type: "wait";
  readonly for: "memory" | "turn" | "order";
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

/** A message of the channel "zstash:request". Times and sizes only: no key, no value, no URL. */
export interface RequestMessage {
  /** "start" before a request is sent; "end" when its reply has been read, or it has failed. */
  readonly phase: "start" | "end";
  /** The same for both; counted through a process. */
  readonly id: number;
  /** The command's name in upper case, or "pipeline" or "multi-exec". */
  readonly command: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Bytes of the request's body. */
  readonly sentSize: number;
  /** Bytes of the reply's body that were read. */
  readonly receivedSize?: number | undefined;
  /** The reply's HTTP status; absent if there was none. */
  readonly status?: number | undefined;
  /** Milliseconds from start to end. */
  readonly ms?: number | undefined;
  /** The error's code, or its name if it is none of ours; absent if the request succeeded. */
  readonly error?: string | undefined;
}

/** Called synchronously with each event. Its errors and rejections are dropped. */
export type EventListener = (event: ZstashEvent) => unknown;

/** Calls the listener, which cannot break the operation. */
export function emit(listener: EventListener, event: ZstashEvent): void {
  try {
    const returned = listener(event);
    // A rejection that nobody handles ends a process.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).catch(() => {});
  } catch {
    // An observer has no say in the operation.
  }
}
