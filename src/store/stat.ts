import { readFrameHeader, walkFrame } from "../format/frame.ts";
import { parseSeekTable, seekTableSize } from "../format/seek-table.ts";
import { findVersionFrame } from "../format/version-frame.ts";
import { decodeBase64 } from "../format/base64.ts";
import { formOf } from "./content.ts";
import { valueChanged } from "./download.ts";
import type { StoreContext } from "./options.ts";

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
  /** "frame": frames without a seek table, mostly one; "seekable": frames with a seek table; "text": a frame in base64; "plain": uncompressed. */
  readonly layout: "frame" | "seekable" | "text" | "plain";
  /** Seconds to live; undefined for no end. */
  readonly ttl: number | undefined;
}

/** The longest header, and as much base64 as holds one. */
const HEAD_SIZE = 48;
/** Holds the table of 500 frames; a longer one is read with a second request. */
const TAIL_READ = 4096;
const TEXT_PREFIX = 4;

/** Reads a value's first and last bytes, and its seek table where it has one; null where there is no value. */
export async function readStat(
  { slices }: StoreContext,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ValueStat | null> {
  const slice = await slices.read(
    key,
    [
      [0, HEAD_SIZE - 1],
      [-TAIL_READ, -1],
    ],
    signal,
  );
  if (slice === null) return null;
  const [head, tail] = slice.parts as [Uint8Array, Uint8Array];
  const ttl = slice.ttl < 0 ? undefined : slice.ttl / 1000;
  const compressedSize = slice.size;
  const form = formOf(head);
  if (form === "plain") return { size: compressedSize, compressedSize, frames: 0, layout: "plain", ttl };
  if (form === "text") {
    const text = String.fromCharCode(...head.subarray(TEXT_PREFIX));
    const frame = decodeBase64(text.slice(0, text.length & ~3)) ?? new Uint8Array(0);
    return { size: declaredSize(frame), compressedSize, frames: 1, layout: "text", ttl };
  }
  const tableSize = seekTableSize(tail, compressedSize);
  if (tableSize === undefined) {
    if (tail.length < compressedSize) {
      return { size: declaredSize(head), compressedSize, frames: 1, layout: "frame", ttl };
    }
    return { ...walk(tail), compressedSize, layout: "frame", ttl };
  }
  let whole: Uint8Array = tail;
  if (tableSize > tail.length) {
    const rest = await slices.read(key, [[compressedSize - tableSize, compressedSize - 1]], signal);
    if (rest === null || rest.size !== compressedSize) throw valueChanged(key);
    whole = rest.parts[0]!;
  }
  const table = parseSeekTable(whole, compressedSize)!;
  const frames = table.frames - (findVersionFrame(table) === undefined ? 0 : 1);
  return { size: table.size, compressedSize, frames, layout: "seekable", ttl };
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
