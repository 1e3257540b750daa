/** What the page and its endpoints exchange as JSON: the types for both sides. */
import type { RequestRecord } from "../request-record.ts";

/** `GET /_zstash/server`: what the server is, and what a client needs to reach it. */
export interface ServerInfo {
  readonly kind: string;
  readonly description: string;
  readonly token: string;
}

/**
 * A key in a list: its name if the page can show all of it, otherwise an id and the beginning of its name. The id is
 * null if the name is too long to be sent back.
 */
export type KeyEntry =
  string | { readonly id: string | null; readonly name: string; readonly nameSize: number };

/**
 * `GET /_zstash/keys?cursor=…&match=…&count=…`: one part of a scan, of about that many keys. The scan is complete
 * when the cursor is "0".
 */
export interface KeyPage {
  readonly cursor: string;
  readonly keys: readonly KeyEntry[];
}

/** How a string is stored; null for another type. */
export type StoredKind = "plain" | "frame" | "frames" | "seekable";

/** `POST /_zstash/facts`: facts about a key that need only its first and last bytes. */
export interface KeyFacts {
  /** Redis' type; "none" for a key that no longer exists. */
  readonly type: string;
  /** Milliseconds to live; null if it does not expire. */
  readonly ttl: number | null;
  /** Bytes of a string, or what MEMORY USAGE says about another type; null if unknown. */
  readonly storedSize: number | null;
  /** Bytes of the content; null if its frames do not say. */
  readonly size: number | null;
  readonly carrier: "text" | "raw" | null;
  readonly kind: StoredKind | null;
  /** 0 without a dictionary. */
  readonly dictionaryId: number;
  /** Elements of a list, hash, set, sorted set or stream. */
  readonly count: number | null;
  /** What is wrong with its first or last bytes. */
  readonly fault: string | null;
}

/** A block of a frame. Offsets are in the decoded carrier, which is the `.zst` file. */
export interface BlockLayout {
  readonly type: "raw" | "rle" | "compressed";
  readonly start: number;
  /** Its size in bytes, including the header of three. */
  readonly storedSize: number;
}

/** A frame of a value. */
export interface FrameLayout {
  readonly role: "frame" | "version" | "seek table" | "skippable";
  readonly start: number;
  readonly end: number;
  readonly headerSize: number;
  readonly contentSize: number | null;
  readonly windowSize: number;
  readonly dictionaryId: number;
  readonly checksum: boolean;
  readonly blockCount: number;
  /** The first blocks. */
  readonly blocks: readonly BlockLayout[];
}

/** The frames of a value, and the reason if their list ends early. */
export interface ValueLayout {
  /** The size of the frames in bytes; in the text carrier it is smaller than the size in Redis. */
  readonly fileSize: number;
  readonly frameCount: number;
  /** The first frames, and the last one. */
  readonly frames: readonly FrameLayout[];
  readonly fault: string | null;
}

/** The beginning of a content, as text for people. */
export interface Preview {
  readonly kind: "json" | "text" | "hex" | "none";
  readonly text: string;
  /** True if the content goes on. */
  readonly cut: boolean;
}

/** An element of a hash, list, set, sorted set or stream. */
export interface ElementPreview {
  readonly name: string;
  readonly text: string;
  readonly storedSize: number;
  readonly size: number;
  readonly compressed: boolean;
}

/** `POST /_zstash/key`: all that is shown of one key. */
export interface KeyDetail extends KeyFacts {
  readonly nameSize: number;
  readonly layout: ValueLayout | null;
  readonly preview: Preview;
  /**
   * "whole": it decodes, and its checksum matches; "beginning": only that was tried; otherwise why it does not
   * decode.
   */
  readonly verdict: "whole" | "beginning" | "plain" | { readonly fault: string };
  readonly elements: readonly ElementPreview[];
}

/** Sums over a sample of the keys. */
export interface Sample {
  readonly at: number;
  /** Keys in the database. */
  readonly keys: number;
  /** Keys that were looked at. */
  readonly sampled: number;
  /** Strings among them whose content size is known. */
  readonly strings: number;
  readonly compressed: number;
  readonly storedBytes: number;
  readonly contentBytes: number;
  /** Values that were decoded to see whether they can be. */
  readonly tried: number;
  readonly undecodable: number;
}

/** `GET /_zstash/totals`. */
export interface Totals {
  readonly latest: Sample;
  /** Bytes that Redis uses; null if it does not say. */
  readonly memory: number | null;
  readonly history: readonly Sample[];
}

/** What happened in one second. */
export interface SecondFigures {
  /** The second, in ms since 1970. */
  readonly at: number;
  readonly count: number;
  readonly errors: number;
  readonly p50: number;
  readonly p95: number;
}

/** `GET /_zstash/requests?after=…`: the requests after a number. */
export interface RequestPage {
  /** The number to ask with next. */
  readonly next: number;
  readonly records: readonly (RequestRecord & { readonly id: number })[];
  /** Requests since `after` that are no longer in the list. */
  readonly missed: number;
  readonly seconds: readonly SecondFigures[];
}

/** The latest figures of a client, as it sent them to `POST /_zstash/metrics`. */
export interface ClientFigures {
  readonly client: string;
  /** When they were received, in ms since 1970. */
  readonly at: number;
  readonly figures: Readonly<Record<string, number>>;
}
