import { readFrameHeader, walkFrame } from "../format/frame.ts";
import { parseSeekTable, seekTableSize } from "../format/seek-table.ts";
import { findVersionFrame } from "../format/version-frame.ts";
import { decodeBase64 } from "../format/base64.ts";
import { formOf } from "./content.ts";
import { valueChanged } from "./download.ts";
import type { StoreContext } from "./options.ts";
import type { ByteRange } from "./slice.ts";

/** What is known of a value without reading it. */
export interface ValueStat {
  /**
   * Bytes of the content; undefined where nothing declares them. Of a file of several frames that has no seek table, and
   * so is none of the store's, this is what its first frame says, unless the file has less than 4 KiB.
   */
  readonly size: number | undefined;
  /** Bytes that lie in Redis. */
  readonly compressedSize: number;
  /** Frames with content; 0 for a value that lies uncompressed. */
  readonly frames: number;
  /** "frame": frames without a seek table, mostly one; "seekable": frames with a seek table; "text": the same in base64; "plain": uncompressed. */
  readonly layout: "frame" | "seekable" | "text" | "plain";
  /** Seconds to live; undefined for no end. */
  readonly ttl: number | undefined;
}

/** The longest header, and as much base64 as holds one. */
const HEAD_SIZE = 48;
/** Holds the table of 500 frames; a longer one is read with a second request. */
const TAIL_READ = 4096;
/** Characters before the base64 of the text carrier. */
const TEXT_PREFIX = 4;
/** `=` */
const PADDING = 0x3d;
const decoder = new TextDecoder();

/** A stored .zst file, as it is or in base64: its first and last bytes, and how to read more of its end. */
interface StoredFile {
  readonly size: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readTail(length: number): Promise<Uint8Array>;
}

/** Reads a value's first and last bytes, and its seek table where it has one; null where there is no value. */
export async function readStat(
  { slices }: StoreContext,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ValueStat | null> {
  const ranges: readonly ByteRange[] = [
    [0, HEAD_SIZE - 1],
    [-TAIL_READ, -1],
  ];
  const slice = await slices.read(key, ranges, signal);
  if (slice === null) return null;
  const { size: compressedSize, parts } = slice;
  const [head, tail] = parts as [Uint8Array, Uint8Array];
  const known = { compressedSize, ttl: slice.ttl < 0 ? undefined : slice.ttl / 1000 };
  const form = formOf(head);
  if (form === "plain") return { ...known, size: compressedSize, frames: 0, layout: "plain" };
  const readTail = async (length: number): Promise<Uint8Array> => {
    const rest = await slices.read(key, [[-length, -1]], signal);
    if (rest === null || rest.size !== compressedSize) throw valueChanged(key);
    return rest.parts[0]!;
  };
  const raw: StoredFile = { size: compressedSize, head, tail, readTail };
  const { table, ...content } = await readFile(form === "text" ? fromText(raw) : raw);
  return { ...known, ...content, layout: form === "text" ? "text" : table ? "seekable" : "frame" };
}

async function readFile(
  file: StoredFile,
): Promise<{ readonly size: number | undefined; readonly frames: number; readonly table: boolean }> {
  const { size, head, tail } = file;
  const tableSize = seekTableSize(tail, size);
  if (tableSize === undefined) {
    const content = tail.length < size ? { size: declaredSize(head), frames: 1 } : walk(tail);
    return { ...content, table: false };
  }
  const table = parseSeekTable(tableSize > tail.length ? await file.readTail(tableSize) : tail, size)!;
  const frames = table.frameCount - (findVersionFrame(table) === undefined ? 0 : 1);
  return { size: table.size, frames, table: true };
}

/** The file in the base64 of a text carrier. What is damaged is told by reading it. */
function fromText({ size, head, tail, readTail }: StoredFile): StoredFile {
  const length = size - TEXT_PREFIX;
  const decode = (text: Uint8Array): Uint8Array => decodeBase64(decoder.decode(text)) ?? new Uint8Array(0);
  const body = tail.length < size ? tail : tail.subarray(TEXT_PREFIX);
  const padding = tail.subarray(-2).filter((byte) => byte === PADDING).length;
  return {
    size: Math.max(0, (length / 4) * 3 - padding),
    head: decode(head.subarray(TEXT_PREFIX, TEXT_PREFIX + Math.min(length, HEAD_SIZE - TEXT_PREFIX))),
    tail: decode(body.subarray(body.length % 4)),
    readTail: async (bytes) => decode(await readTail(Math.min(length, 4 * Math.ceil((bytes + 2) / 3)))),
  };
}

/** Frames with content in a whole value, and their declared sizes together. */
function walk(value: Uint8Array): { size: number | undefined; frames: number } {
  let size: number | undefined = 0;
  let frames = 0;
  try {
    for (let at = 0; at < value.length;) {
      const { header, end } = walkFrame(value, at, frames);
      if (header.type === "frame") {
        frames += 1;
        size = size === undefined || header.contentSize === undefined ? undefined : size + header.contentSize;
      }
      at = end;
    }
    return { size, frames };
  } catch {
    // What is damaged is told by reading it.
    return { size: undefined, frames };
  }
}

/** The content size in a header; undefined also for a header that is cut off. */
function declaredSize(head: Uint8Array): number | undefined {
  try {
    return readFrameHeader(head).contentSize;
  } catch {
    return undefined;
  }
}
