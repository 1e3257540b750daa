/** Reads a stored value in pieces, all from the same write, a few pieces ahead. */
import { createPullStream, type ByteGenerator } from "../codec/pull-stream.ts";
import { concatenate, sameBytes } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "../format/frame.ts";
import { isVersionFrame } from "../format/version-frame.ts";
import type { ByteStream } from "../streams.ts";
import { FirstFrame } from "../format/first-frame.ts";
import { formOf } from "../value/form.ts";
import type { StoreSettings } from "./options.ts";
import {
  isVersion,
  TAIL_SIZE,
  tableSizeOf,
  valueChanged,
  versionRange,
  type Slice,
  type SliceReader,
  type OpenVersion,
} from "./slice.ts";
import { readUnversioned, type Extent, type Known, type ReadPiece } from "./unversioned.ts";

/** Stored bytes, unchanged. */
export interface StoredBytes {
  readonly size: number;
  readonly stream: ByteStream;
  /** All of the bytes, if they came at once. */
  readonly whole?: Uint8Array | undefined;
  /** True if it took several requests. */
  readonly inPieces?: boolean | undefined;
  /** Reads the bytes `[0, to)` once more, from the same write; returns undefined if nobody can tell that they are. */
  readonly again?: ((to: number, ended: AbortSignal) => ByteGenerator | undefined) | undefined;
}

/** The size of a piece in bytes if the store was given none. */
export const DEFAULT_PIECE: number = 4 << 20;
const DEFAULT_CONCURRENCY = 3;
/** The fewest bytes that one hash proves: a hash takes 40 bytes. */
const PROVEN_MIN = 64 << 10;
/** The most attempts at a download whose value is replaced before anything was passed on. */
const RESTARTS = 5;

/**
 * Reads a value in pieces. If it has a version, each piece is read together with the value's length and version in
 * the same instant, so a replaced value is noticed before its bytes are used. Otherwise every piece is proven: see
 * `readUnversioned`. Null if the key does not exist.
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

/** A value in pieces. */
interface Value {
  readonly key: string;
  readonly size: number;
}

/** The pieces of a value and how they are read. */
export interface Reading {
  readonly pieces: readonly Extent[];
  readonly read: ReadPiece;
  /** True if the end of the first frame must be found: what follows it has no version. */
  readonly walk: boolean;
  /** The first piece, if it was read already. */
  readonly first?: Uint8Array | undefined;
}

/** What was read before the first piece, if anything. */
export interface Before {
  readonly frame: FirstFrame;
  /** The last bytes. */
  readonly last: Uint8Array;
}

async function begin(
  settings: StoreSettings,
  key: string,
  { size, parts }: Slice,
  signal: AbortSignal | undefined,
): Promise<StoredBytes> {
  const [head, tail] = parts as [Uint8Array, Uint8Array];
  const { slices, pieceSize = DEFAULT_PIECE } = settings;
  const versioned = size > pieceSize && mayHaveVersion(head, tail, size);
  // The first piece is read at once: until it has arrived the download can begin again.
  let reading = versioned ? await openVersion(slices, key, { size, tail, pieceSize }, signal) : undefined;
  reading ??= await prove(settings, { key, size }, { from: 0, known: [] }, signal);
  const [one] = reading.pieces;
  const first = reading.first ?? (one && (await reading.read(one.start, one.end, signal)));
  const before = { frame: new FirstFrame(), last: new Uint8Array(0) };
  const opened: Reading = { ...reading, first };
  return {
    size,
    stream: createPullStream((ended) => readPieces(settings, { key, size }, opened, before, ended), signal),
    inPieces: reading.pieces.length > 1,
    again(to, ended) {
      // The version was that of one frame, and another frame follows it.
      const { end = size } = before.frame;
      return end < size ? undefined : readAgain(opened, to, ended);
    },
  };
}

/** Reads pieces that are each proven, given what is known already. */
export async function prove(
  { slices, pieceSize = DEFAULT_PIECE }: StoreSettings,
  { key, size }: Value,
  { from, known }: { readonly from: number; readonly known: readonly Known[] },
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const pieces = cut(from, size, provenSize(pieceSize));
  const value = { size, pieces, known, requestSize: pieceSize };
  return { pieces, read: await readUnversioned(slices, key, value, signal), walk: false };
}

/** Bytes that one proof covers if requests are limited to `pieceSize`. */
export function provenSize(pieceSize: number): number {
  return Math.max(1, Math.floor(PROVEN_MIN / pieceSize)) * pieceSize;
}

/** The pieces in order, read a few ahead. */
export async function* readPieces(
  settings: StoreSettings,
  { key, size }: Value,
  opened: Reading,
  { frame, last }: Before,
  ended: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { concurrency = DEFAULT_CONCURRENCY } = settings;
  let reading = opened;
  let before = last;
  let ahead: Promise<Uint8Array>[] = opened.first === undefined ? [] : [Promise.resolve(opened.first)];
  let next = ahead.length;
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
      // The bytes after the frame may be from another write: the frame's last bytes, its checksum, show that they are
      // not.
      const end = frame.end!;
      const bytes = concatenate([before, piece.subarray(0, end - start)]).slice(-TAIL_SIZE);
      const known = start === 0 ? [] : [{ start: end - bytes.length, end, bytes }];
      reading = await prove(settings, { key, size }, { from: start, known }, ended);
      [ahead, next, index] = [[], 0, -1];
      continue;
    }
    before = concatenate([before, piece.subarray(-TAIL_SIZE)]).slice(-TAIL_SIZE);
    yield piece;
  }
}

/** Reads the bytes `[0, to)` once more. */
async function* readAgain(
  { pieces, read }: Reading,
  to: number,
  ended: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { start, end } of pieces) {
    if (start >= to) return;
    yield (await read(start, end, ended)).subarray(0, to - start);
  }
}

/** Returns true if frames end with a checksum, or with a seek table that a version may precede. */
function mayHaveVersion(head: Uint8Array, tail: Uint8Array, size: number): boolean {
  switch (formOf(head)) {
    case "frames":
      return tableSizeOf(tail, size) !== undefined || hasChecksum(head);
    case "text":
      // One frame; several are refused: see `readText`.
      return true;
    case "plain":
      return false;
  }
}

/** Reads the first piece together with the value's version; undefined if it has none. */
async function openVersion(
  slices: SliceReader,
  key: string,
  { size, tail, pieceSize }: { readonly size: number; readonly tail: Uint8Array; readonly pieceSize: number },
  signal: AbortSignal | undefined,
): Promise<Reading | undefined> {
  const version: OpenVersion = { size, range: versionRange(tail, size) };
  const read = readVersion(slices, key, version);
  const pieces = cut(0, size, pieceSize);
  const first = await read(0, pieces[0]!.end, signal);
  const bytes = version.bytes!;
  const form = formOf(first);
  const walk = form === "frames" && tableSizeOf(tail, size) === undefined;
  // It may have been replaced since its form was found out.
  if (walk || form === "text" ? !sameBytes(bytes, tail) : form !== "frames") throw valueChanged(key);
  if (form === "frames" && !walk && !isVersionFrame(bytes)) return undefined;
  return { pieces, read, walk, first };
}

/** Reads pieces of exactly this version, in requests of at most `requestSize` bytes. */
export function readVersion(
  slices: SliceReader,
  key: string,
  version: OpenVersion,
  requestSize: number = Infinity,
): ReadPiece {
  const { size, range } = version;
  return (start, end, signal) =>
    slices.inParts(start, end, requestSize, async (part) => {
      const slice = await slices.read(key, [part, range], signal, true);
      const bytes = (version.bytes ??= slice?.parts[1]);
      if (slice === null || !isVersion(slice.size, slice.parts[1]!, { size, bytes: bytes! }))
        throw valueChanged(key);
      return slice.parts[0]!;
    });
}

function hasChecksum(head: Uint8Array): boolean {
  try {
    return readFrameHeader(head).checksum;
  } catch {
    return false;
  }
}

/** Divides the bytes `[from, to)` into pieces. */
export function cut(from: number, to: number, size: number): readonly Extent[] {
  const pieces: Extent[] = [];
  for (let start = from; start < to; start += size) pieces.push({ start, end: Math.min(to, start + size) });
  return pieces;
}
