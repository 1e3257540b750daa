/** The events by which a listener learns what happens to each value. */
import type { ZstashError, ZstashErrorCode } from "../errors.ts";

/** The command and the key of every event. Events never hold a value. */
export interface EventSubject {
  /** The command's name in upper case. */
  readonly command: string;
  /** For scripts and functions the first of their keys, or "" if they have none. */
  readonly key: string;
}

/** A value was compressed. */
export interface CompressedEvent extends EventSubject {
  readonly type: "compressed";
  /** UTF-8 bytes of the value. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly storedSize: number;
  readonly level: number;
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

/** A compressed value was decoded. */
export interface DecodedEvent extends EventSubject {
  readonly type: "decoded";
  /** UTF-8 bytes of the value. */
  readonly size: number;
  /** Bytes of what is stored for it. */
  readonly storedSize: number;
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

/** An event in the life of a value. New types may be added in minor releases. */
export type ZstashEvent =
  | CompressedEvent
  | SkippedEvent
  | EscapedEvent
  | UncompressedEvent
  | DecodedEvent
  | DecodeFailedEvent
  | UndecodedEvent
  | ModeFailedEvent;

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
