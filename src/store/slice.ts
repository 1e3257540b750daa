/**
 * Reads parts of a stored string in one instant, and tells by its version whether the string has been replaced since.
 */
import { concatenate, sameBytes } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { parseSeekTable, seekTableSize, type SeekTable } from "../format/seek-table.ts";
import { VERSION_FRAME_SIZE } from "../format/version-frame.ts";
import { utf8Lossy } from "../text.ts";
import type { RestClient } from "../rest/client.ts";
import { rangeSize } from "../rest/reply-limit.ts";
import type { RespValue } from "../rest/resp.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { commandError, requireBulk, requireItems, requireNumber } from "./reply.ts";

/**
 * A range of a stored string, as GETRANGE takes it: first and last byte, inclusive; negative numbers count from the
 * end.
 */
export type ByteRange = readonly [first: number, last: number];

/** Parts of one string that were all read in the same instant. */
export interface Slice {
  /** The size of the whole string in bytes. */
  readonly size: number;
  /** Milliseconds to live; −1 if it does not expire. */
  readonly ttl: number;
  /** The bytes of the ranges, in their order. */
  readonly parts: readonly Uint8Array[];
}

/**
 * Distinguishes one write of a value from another: its length, and bytes at a position that differs with every write.
 */
export interface Version {
  readonly size: number;
  readonly range: ByteRange;
  readonly bytes: Uint8Array;
}

/** A version whose bytes come with the first piece, unless they were read before. */
export type OpenVersion = Omit<Version, "bytes"> & { bytes?: Uint8Array | undefined };

/** The bytes at the end of a value that identify it: they hold the checksum of its last frame. */
export const TAIL_SIZE = 24;

/** A request of fewer bytes is not made smaller after a break. */
const SHORTEST = 64 << 10;
/** From 64 MiB, the largest piece, five retries lead to the smallest; five is the default. */
const SHRINK = 4;
/** After this many complete replies, requests grow to twice their size. */
const WHOLE_REPLIES = 8;

const WHAT = "read";
/** EVAL_RO: it writes nothing, and nothing happens between its reads. */
const SCRIPT =
  "local r={redis.call('PTTL',KEYS[1]),redis.call('STRLEN',KEYS[1])} " +
  "for i=1,#ARGV,2 do r[#r+1]=redis.call('GETRANGE',KEYS[1],ARGV[i],ARGV[i+1]) end return r";
/** The SHA-1 of parts of a string, all in one instant. */
const HASH_SCRIPT =
  "local r={redis.call('STRLEN',KEYS[1])} for i=1,#ARGV,2 do " +
  "r[#r+1]=redis.sha1hex(redis.call('GETRANGE',KEYS[1],ARGV[i],ARGV[i+1])) end return r";
/** Bytes of one SHA-1 in hexadecimal in a reply, with its length and line ends. */
const HASH_REPLY = 64;
/** Texts by which a server says that it never runs scripts. Others are temporary: BUSY, LOADING, OOM. */
const noScripts = /unknown|unsupported|has no|not (supported|available|allowed|permitted)|NOPERM|disabled/i;
/** The reply of PTTL for a key that does not exist. */
const MISSING = -2;

/** Reads parts of a string together with its length, so that a replacement in between is noticed. */
export class SliceReader {
  readonly #client: RestClient;
  /** True if the server runs scripts; undefined until it is known. */
  #scripts: boolean | undefined;
  /** The most bytes of one request while replies break. */
  #most = Infinity;
  #whole = 0;

  constructor(client: RestClient) {
    this.#client = client;
  }

  /**
   * The bytes `[start, end)`, in requests of at most `requestSize` bytes, and of fewer after replies that broke:
   * bytes that came before a break are kept. `read` returns the bytes of a range, or the first ones, proven to be
   * from the same write as the others.
   */
  async inParts(
    start: number,
    end: number,
    requestSize: number,
    read: (range: ByteRange) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let at = start; at < end;) {
      const part = await read([at, Math.min(end, at + Math.min(requestSize, this.#most)) - 1]);
      if (part.length === 0)
        throw new ZstashError("TRUNCATED", "Cannot read the value: a part of it is empty");
      parts.push(part);
      at += part.length;
    }
    return parts.length === 1 ? parts[0]! : concatenate(parts);
  }

  /**
   * Reads the ranges; null if the key does not exist. With `shorten`, an attempt after a failed one asks for fewer
   * bytes of the first range.
   *
   * @throws {ZstashError} REDIS with the key, if it holds another type
   */
  async read(
    key: string,
    asked: readonly ByteRange[],
    signal: AbortSignal | undefined,
    shorten = false,
  ): Promise<Slice | null> {
    const ranges = [...asked];
    const script = (): readonly RestCommand[] => [["EVAL_RO", SCRIPT, 1, key, ...ranges.flat()]];
    if (this.#scripts !== false) {
      const shorter = shorten ? this.#shortens(ranges, script) : undefined;
      const maxReplySize = ranges.reduce((size, [first, last]) => size + rangeSize(first, last), 0);
      const reply = await this.#client.command(script()[0]!, { signal, shorter, maxReplySize });
      if (reply.kind !== "error") {
        this.#scripts = true;
        if (shorten && ranges[0] === asked[0]) this.#grow();
        return toSlice(requireItems(reply, WHAT, key), key);
      }
      if (this.#scripts === true || reply.text.includes("WRONGTYPE"))
        throw commandError(reply.text, WHAT, key);
      const slice = await this.#transaction(key, ranges, signal, shorten);
      if (noScripts.test(reply.text)) this.#scripts = false;
      return slice;
    }
    return this.#transaction(key, ranges, signal, shorten);
  }

  /**
   * The SHA-1 of the ranges in hexadecimal, and the string's length, in one instant; undefined if the server runs no
   * scripts.
   */
  async hashes(
    key: string,
    ranges: readonly ByteRange[],
    signal: AbortSignal | undefined,
  ): Promise<{ readonly size: number; readonly hashes: readonly string[] } | undefined> {
    if (this.#scripts === false) return undefined;
    const command: RestCommand = ["EVAL_RO", HASH_SCRIPT, 1, key, ...ranges.flat()];
    const reply = await this.#client.command(command, { signal, maxReplySize: ranges.length * HASH_REPLY });
    if (reply.kind === "error" && noScripts.test(reply.text)) return undefined;
    const [length, ...bulks] = requireItems(reply, WHAT, key);
    const size = requireNumber(length!, WHAT, key);
    return { size, hashes: bulks.map((bulk) => utf8Lossy(requireBulk(bulk, WHAT, key)!)) };
  }

  /**
   * Reads a range, or its first bytes, with the DIGEST of the whole string; undefined if the server lacks the
   * command.
   */
  async readDigested(
    key: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<(Slice & { readonly digest: string }) | null | undefined> {
    let replies: readonly RespValue[];
    try {
      const ranges = [range];
      const commands = (): RestCommand[] => [...transactionOf(key, ranges), ["DIGEST", key]];
      const shorter = this.#shortens(ranges, commands);
      replies = await this.#client.batch("multi-exec", commands(), { signal, shorter });
      if (ranges[0] === range) this.#grow();
    } catch (error) {
      // A transaction with an unknown command is refused as a whole.
      if (error instanceof ZstashError && error.status === 400) return undefined;
      throw error;
    }
    const digest = replies[3]!;
    if (digest.kind === "error") return undefined;
    const slice = toSlice(replies.slice(0, 3), key);
    return slice === null ? null : { ...slice, digest: utf8Lossy(requireBulk(digest, WHAT, key)!) };
  }

  /** Reads by a transaction if scripts are refused. Its replies are base64, a third larger. */
  async #transaction(
    key: string,
    ranges: ByteRange[],
    signal: AbortSignal | undefined,
    shorten: boolean,
  ): Promise<Slice | null> {
    const [asked] = ranges;
    const commands = (): readonly RestCommand[] => transactionOf(key, ranges);
    const shorter = shorten ? this.#shortens(ranges, commands) : undefined;
    const replies = await this.#client.batch("multi-exec", commands(), { signal, shorter });
    if (shorten && ranges[0] === asked) this.#grow();
    return toSlice(replies, key);
  }

  /** Makes the first range shorter, and returns the commands for it. */
  #shortens(ranges: ByteRange[], commands: () => readonly RestCommand[]): () => readonly RestCommand[] {
    return () => {
      const [first, last] = ranges[0]!;
      const size = last + 1 - first;
      const less = Math.min(size, Math.max(SHORTEST, Math.ceil(size / SHRINK)));
      if (less < size) {
        ranges[0] = [first, first + less - 1];
        this.#most = Math.min(this.#most, less);
        this.#whole = 0;
      }
      return commands();
    };
  }

  #grow(): void {
    if (++this.#whole % WHOLE_REPLIES === 0) this.#most *= 2;
  }
}

function transactionOf(key: string, ranges: readonly ByteRange[]): RestCommand[] {
  return [
    ["PTTL", key],
    ["STRLEN", key],
    ...ranges.map(([first, last]): RestCommand => ["GETRANGE", key, first, last]),
  ];
}

function toSlice([lifetime, length, ...bulks]: readonly RespValue[], key: string): Slice | null {
  const ttl = requireNumber(lifetime!, WHAT, key);
  if (ttl === MISSING) return null;
  const size = requireNumber(length!, WHAT, key);
  const parts: Uint8Array[] = [];
  for (const bulk of bulks) parts.push(requireBulk(bulk, WHAT, key) ?? new Uint8Array(0));
  return { ttl, size, parts };
}

/**
 * The size of the seek table at the end of frames, from their last bytes; undefined if there is none. A table in
 * joined files, or bytes that look like one by chance, does not count: such values are read from their start.
 */
export function tableSizeOf(tail: Uint8Array, size: number): number | undefined {
  try {
    return seekTableSize(tail, size);
  } catch {
    return undefined;
  }
}

/** The table in the last bytes; undefined if it does not account for the whole file, as in joined files. */
export function readTable(tail: Uint8Array, size: number): SeekTable | undefined {
  try {
    return parseSeekTable(tail, size);
  } catch (error) {
    if (error instanceof ZstashError) return undefined;
    throw error;
  }
}

/**
 * The range that holds the version of frames, from their last bytes: the version frame before a seek table, if there
 * is one; otherwise the last bytes themselves, which hold the checksum.
 */
export function versionRange(tail: Uint8Array, size: number): ByteRange {
  const table = tableSizeOf(tail, size);
  if (table === undefined || table + VERSION_FRAME_SIZE > size) return [-TAIL_SIZE, -1];
  return [size - table - VERSION_FRAME_SIZE, size - table - 1];
}

/** The version of a value of `size` bytes, taken from its last bytes, which contain the range. */
export function versionIn(tail: Uint8Array, size: number, range: ByteRange): Version {
  const [first, last] = range.map((at) => at + (at < 0 ? tail.length : tail.length - size)) as [
    number,
    number,
  ];
  return { size, range, bytes: tail.slice(Math.max(0, first), last + 1) };
}

/** Returns true if a string of `size` bytes with `bytes` in the version's range has this version. */
export function isVersion(
  size: number,
  bytes: Uint8Array,
  version: Pick<Version, "size" | "bytes">,
): boolean {
  return size === version.size && sameBytes(bytes, version.bytes);
}

/** The error for a value that was replaced or removed while it was read. */
export function valueChanged(key: string): ZstashError {
  const message = `Cannot read ${JSON.stringify(key)}: the value was replaced while it was read`;
  return new ZstashError("VALUE_CHANGED", message, { key });
}
