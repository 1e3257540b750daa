/** Reads a stored value in pieces, all of one writing of it, a few ahead. */
import { createPullStream } from "../codec/pull-stream.ts";
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "../format/frame.ts";
import { isVersionFrame } from "../format/version-frame.ts";
import type { ByteStream } from "../streams.ts";
import { FirstFrame } from "./first-frame.ts";
import { formOf } from "./form.ts";
import type { StoreSettings } from "./options.ts";
import {
  isVersion,
  TAIL_SIZE,
  tableSizeOf,
  valueChanged,
  versionRange,
  type Slice,
  type Version,
} from "./slice.ts";
import { readUnversioned, type Extent, type ReadPiece } from "./unversioned.ts";

/** Stored bytes, as they lie in Redis. */
export interface StoredBytes {
  readonly size: number;
  readonly stream: ByteStream;
}

const DEFAULT_PIECE = 4 << 20;
const DEFAULT_CONCURRENCY = 3;
/** Bytes that are proven at once, at least: a hash takes 40 bytes. */
const PROVEN_MIN = 64 << 10;
/** The most attempts at a download whose value is replaced before any of it was handed on. */
const RESTARTS = 5;

/**
 * Reads a value in pieces. A value with a version is read with it: each piece comes with the value's length and version
 * of the same instant, so a value that is replaced meanwhile is noticed before any of its bytes are used. Of others
 * every piece is proven: see `readUnversioned`. Null if there is nothing.
 */
export async function openPieces(
  settings: StoreSettings,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBytes | null> {
  for (let attempt = 1; ; attempt++) {
    const ranges = [
      [0, FRAME_HEADER_SIZE_MAX - 1],
      [-TAIL_SIZE, -1],
    ] as const;
    const probe = await settings.slices.read(key, ranges, signal);
    if (probe === null) return null;
    try {
      return await begin(settings, key, probe, signal);
    } catch (error) {
      const changed = error instanceof ZstashError && error.code === "VALUE_CHANGED";
      if (!changed || attempt === RESTARTS) throw error;
    }
  }
}

/** The pieces of a value and how they are read. */
interface Reading {
  readonly pieces: readonly Extent[];
  readonly read: ReadPiece;
  /** The end of the first frame is to be looked for: what follows it has no version. */
  readonly walk: boolean;
}

async function begin(
  settings: StoreSettings,
  key: string,
  { size, parts }: Slice,
  signal: AbortSignal | undefined,
): Promise<StoredBytes> {
  const [head, tail] = parts as [Uint8Array, Uint8Array];
  const { slices, pieceSize = DEFAULT_PIECE, concurrency = DEFAULT_CONCURRENCY } = settings;
  const proving = async (from: number, known?: Extent & { bytes: Uint8Array }): Promise<Reading> => {
    const unit = Math.max(1, Math.floor(PROVEN_MIN / pieceSize)) * pieceSize;
    const pieces = cut(from, size, unit);
    const value = { size, pieces, known, requestSize: pieceSize };
    return { pieces, read: await readUnversioned(slices, key, value, signal), walk: false };
  };
  const versioned =
    size > pieceSize ? await openVersion(settings, key, { size, head, tail }, signal) : undefined;
  let reading: Reading =
    versioned === undefined ? await proving(0) : { pieces: cut(0, size, pieceSize), ...versioned };
  // The first piece is read at once: until it is here the download can begin again.
  const first = size === 0 ? undefined : await reading.read(0, reading.pieces[0]!.end, signal);

  async function* chunks(ended: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const frame = new FirstFrame();
    let ahead: Promise<Uint8Array>[] = first === undefined ? [] : [Promise.resolve(first)];
    let next = ahead.length;
    let last: Uint8Array = new Uint8Array(0);
    for (let index = 0; index < reading.pieces.length; index++) {
      while (next < reading.pieces.length && ahead.length < concurrency) {
        const { start, end } = reading.pieces[next++]!;
        const piece = reading.read(start, end, ended);
        // The failure of a piece is thrown when its turn comes.
        piece.catch(() => undefined);
        ahead.push(piece);
      }
      const piece = await ahead.shift()!;
      const { start } = reading.pieces[index]!;
      if (reading.walk && frame.push(piece) && frame.end! < size) {
        // What follows the frame may be of another writing: the frame's last bytes, its checksum, prove that it is not.
        const end = frame.end!;
        const bytes = concatenate([last, piece.subarray(0, end - start)]).slice(-TAIL_SIZE);
        reading = await proving(start, start === 0 ? undefined : { start: end - bytes.length, end, bytes });
        [ahead, next, index] = [[], 0, -1];
        continue;
      }
      last = piece.slice(-TAIL_SIZE);
      yield piece;
    }
  }
  return { size, stream: createPullStream(chunks, signal) };
}

/** A reader of pieces with the value's version; undefined if the value has none. */
async function openVersion(
  { slices }: StoreSettings,
  key: string,
  { size, head, tail }: { readonly size: number; readonly head: Uint8Array; readonly tail: Uint8Array },
  signal: AbortSignal | undefined,
): Promise<Omit<Reading, "pieces"> | undefined> {
  if (formOf(head) !== "frames") return undefined;
  const range = versionRange(tail, size);
  let version: Version;
  if (tableSizeOf(tail, size) === undefined) {
    if (!hasChecksum(head)) return undefined;
    version = { size, range, bytes: tail };
  } else {
    const slice = await slices.read(key, [range], signal);
    if (slice === null || slice.size !== size) throw valueChanged(key);
    if (!isVersionFrame(slice.parts[0]!)) return undefined;
    version = { size, range, bytes: slice.parts[0]! };
  }
  const walk = tableSizeOf(tail, size) === undefined;
  return { read: readVersion(slices, key, version), walk };
}

/** Reads pieces of this version and no other. */
export function readVersion(slices: StoreSettings["slices"], key: string, version: Version): ReadPiece {
  return async (start, end, signal) => {
    const slice = await slices.read(key, [[start, end - 1], version.range], signal);
    if (slice === null || !isVersion(slice.size, slice.parts[1]!, version)) throw valueChanged(key);
    return slice.parts[0]!;
  };
}

function hasChecksum(head: Uint8Array): boolean {
  try {
    return readFrameHeader(head).checksum;
  } catch {
    return false;
  }
}

/** Bytes `[from, to)` in pieces. */
export function cut(from: number, to: number, size: number): readonly Extent[] {
  const pieces: Extent[] = [];
  for (let start = from; start < to; start += size) pieces.push({ start, end: Math.min(to, start + size) });
  return pieces;
}
