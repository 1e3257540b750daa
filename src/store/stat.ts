/** Reads the sizes and the form of a value from its first and last bytes. */
import { toHex } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { decodeBase64 } from "../format/base64.ts";
import { readFrameHeader, walkFrame } from "../format/frame.ts";
import type { SeekTable } from "../format/seek-table.ts";
import { findVersionFrame, isVersionFrame, VERSION_FRAME_SIZE } from "../format/version-frame.ts";
import { utf8Lossy } from "../text.ts";
import { TEXT_PREFIX_SIZE } from "../value/carrier.ts";
import { formOf } from "../value/form.ts";
import type { StoreSettings } from "./options.ts";
import { readVersion } from "./pieces.ts";
import { readTable, TAIL_SIZE, tableSizeOf, versionRange, type ByteRange } from "./slice.ts";

/** Facts about a value, from its first and last bytes. */
export interface ValueStat {
  /**
   * The size of the content in bytes; undefined if nothing declares it. For a file of 4 KiB or more with several
   * frames and no seek table, which the store never writes, this is only the size of its first frame.
   */
  readonly size: number | undefined;
  /** The size in Redis, in bytes. */
  readonly storedSize: number;
  /** The number of frames with content; 0 for an uncompressed value. */
  readonly frameCount: number;
  /**
   * "frame": frames without a seek table, usually one; "seekable": frames with a seek table; "text": either of them
   * in base64; "plain": uncompressed.
   */
  readonly form: "frame" | "seekable" | "text" | "plain";
  /** Seconds to live; undefined if it does not expire. */
  readonly ttl: number | undefined;
  /**
   * A text that differs whenever the content does, for entity tags: from the checksum and the sizes of a single
   * frame, or from the random bytes of a seekable value. Undefined for an uncompressed value, and for frames that
   * have neither.
   */
  readonly version: string | undefined;
}

/** Enough for the longest header, in base64 too. */
const HEAD_SIZE = 48;
/** Enough for the table of 500 frames; a longer one is read by a second request. */
const TAIL_READ = 4096;
/** The character `=`. */
const PADDING = 0x3d;

/** A stored .zst file, raw or in base64: its first and last bytes. */
interface StoredFile {
  readonly size: number;
  readonly head: Uint8Array;
  tail: Uint8Array;
}

/** Facts about a stored file. */
interface FileFacts {
  readonly size: number | undefined;
  readonly frameCount: number;
  /** True if it ends with a seek table. */
  readonly table: boolean;
  readonly version: string | undefined;
}

/** The most frames at a file's end whose headers are compared with its seek table. */
const HELD_MAX = 64;

/**
 * Reads a value's first and last bytes, and its seek table if it has one; null if there is no value.
 *
 * @throws {ZstashError} CORRUPT if the headers in these bytes declare another size than the seek table
 */
export async function readStat(
  { slices, pieceSize = Infinity }: StoreSettings,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ValueStat | null> {
  // All facts are from one instant: a longer table is read together with everything else, or in parts that are
  // proven.
  for (let length = Math.min(TAIL_READ, Math.max(TAIL_SIZE, pieceSize - HEAD_SIZE)); ;) {
    const ranges: readonly ByteRange[] = [
      [0, HEAD_SIZE - 1],
      [-length, -1],
    ];
    const slice = await slices.read(key, ranges, signal);
    if (slice === null) return null;
    const { size: storedSize, parts } = slice;
    const [head, tail] = parts as [Uint8Array, Uint8Array];
    const known = { storedSize, ttl: slice.ttl < 0 ? undefined : slice.ttl / 1000 };
    const form = formOf(head);
    if (form === "plain") return { ...known, size: storedSize, frameCount: 0, form, version: undefined };
    const raw: StoredFile = { size: storedSize, head, tail };
    const file = form === "text" ? fromText(raw) : raw;
    const tableSize = tableSizeOf(file.tail, file.size);
    // The version frame stands before the table.
    const end = tableSize === undefined ? 0 : Math.min(file.size, tableSize + VERSION_FRAME_SIZE);
    const missing = end - file.tail.length;
    const needed = missing + tail.length;
    if (missing > 0 && form === "frames" && needed > pieceSize) {
      const read = readVersion(
        slices,
        key,
        { size: storedSize, range: versionRange(tail, storedSize) },
        pieceSize,
      );
      raw.tail = await read(storedSize - needed, storedSize, signal);
    } else if (missing > 0 && tail.length < storedSize) {
      // In base64 it takes a third more, and up to complete groups of four characters.
      length += form === "text" ? 4 * Math.ceil((missing + 3) / 3) : missing;
      continue;
    }
    const { table, ...content } = readFile(file, key);
    return { ...known, ...content, form: form === "text" ? "text" : table ? "seekable" : "frame" };
  }
}

function readFile(file: StoredFile, key: string): FileFacts {
  const { size, head, tail } = file;
  const table = readTable(tail, size);
  if (table !== undefined) {
    requireAgreement(table, file, key);
    const frameCount = table.frameCount - (findVersionFrame(table) === undefined ? 0 : 1);
    return { size: table.size, frameCount, table: true, version: writingOf(table, file) };
  }
  const version = checksumOf(file);
  if (tail.length === size) {
    const facts = walk(tail);
    return { ...facts, table: false, version: facts.frameCount === 1 ? version : undefined };
  }
  // A table that does not account for the file belongs to the last of several joined files.
  const joined = tableSizeOf(tail, size) !== undefined;
  if (joined) return { size: undefined, frameCount: 1, table: false, version: undefined };
  return { size: declaredSize(head), frameCount: 1, table: false, version };
}

/** The random bytes that identify one write of a seekable value. */
function writingOf(table: SeekTable, { size, tail }: StoredFile): string | undefined {
  const place = findVersionFrame(table);
  if (place === undefined) return undefined;
  const from = place.start - (size - tail.length);
  const frame = from < 0 ? undefined : tail.subarray(from, from + place.end - place.start);
  return frame !== undefined && isVersionFrame(frame) ? toHex(frame.subarray(8)) : undefined;
}

/** The checksum of the last frame, and the file's size; undefined if its frames have none. */
function checksumOf({ size, head, tail }: StoredFile): string | undefined {
  try {
    if (!readFrameHeader(head).checksum) return undefined;
  } catch {
    return undefined;
  }
  return `${toHex(tail.subarray(-4))}-${size.toString(36)}`;
}

/**
 * Compares a seek table with the headers at hand: that of the first frame, and those that begin in the file's last
 * bytes. An entry may cover several frames, so it may exceed what the first of them declares.
 */
function requireAgreement(table: SeekTable, { size, head, tail }: StoredFile, key: string): void {
  const { frameCount } = table;
  const hold = (bytes: Uint8Array, index: number): void => {
    const { start, end, contentStart, contentEnd } = table.frame(index);
    const frame = bytes.subarray(0, end - start);
    const declared = declaredSize(frame);
    const listed = contentEnd - contentStart;
    if (
      declared === undefined ||
      declared === listed ||
      (declared < listed && !isOneFrame(frame, end - start))
    )
      return;
    const says = `the seek table says ${listed} bytes of frame ${index}, its header ${declared}`;
    const place = { key, frame: index, offset: start };
    throw new ZstashError("CORRUPT", `Cannot tell the size of ${JSON.stringify(key)}: ${says}`, place);
  };
  if (frameCount > 0) hold(head, 0);
  for (let index = frameCount - 1; index >= Math.max(0, frameCount - HELD_MAX); index--) {
    const at = table.frame(index).start - (size - tail.length);
    if (at < 0) break;
    hold(tail.subarray(at), index);
  }
}

/** Returns true if bytes are one frame of `size` bytes and nothing else. */
function isOneFrame(bytes: Uint8Array, size: number): boolean {
  try {
    return bytes.length === size && walkFrame(bytes, 0, 0).end === size;
  } catch {
    return false;
  }
}

/** The file inside the base64 of a text carrier. */
function fromText({ size, head, tail }: StoredFile): StoredFile {
  const length = size - TEXT_PREFIX_SIZE;
  const decode = (text: Uint8Array): Uint8Array => {
    const bytes = length % 4 === 0 ? decodeBase64(utf8Lossy(text)) : undefined;
    if (bytes !== undefined) return bytes;
    throw new ZstashError("CORRUPT", `Cannot read the value: ${size} characters are not base64`);
  };
  const body = tail.length < size ? tail : tail.subarray(TEXT_PREFIX_SIZE);
  const padding = tail.subarray(-2).filter((byte) => byte === PADDING).length;
  return {
    size: Math.max(0, (length / 4) * 3 - padding),
    head: decode(
      head.subarray(TEXT_PREFIX_SIZE, TEXT_PREFIX_SIZE + Math.min(length, HEAD_SIZE - TEXT_PREFIX_SIZE)),
    ),
    tail: decode(body.subarray(body.length % 4)),
  };
}

/** The number of frames with content in a whole value, and the sum of their declared sizes. */
function walk(value: Uint8Array): Omit<FileFacts, "table" | "version"> {
  let size: number | undefined = 0;
  let frameCount = 0;
  try {
    for (let at = 0; at < value.length;) {
      const { header, end } = walkFrame(value, at, frameCount);
      if (header.type === "frame") {
        frameCount += 1;
        size = size === undefined || header.contentSize === undefined ? undefined : size + header.contentSize;
      }
      at = end;
    }
    return { size, frameCount };
  } catch {
    return { size: undefined, frameCount };
  }
}

/** The content size in a header; undefined if the header declares none or is truncated. */
function declaredSize(head: Uint8Array): number | undefined {
  try {
    const { type, contentSize } = readFrameHeader(head);
    return type === "skippable" ? 0 : contentSize;
  } catch {
    return undefined;
  }
}
