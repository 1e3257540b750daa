/** Reads pieces of a value that nothing in it tells from its successor, so that they are all of one writing of it. */
import { ZstashError } from "../errors.ts";
import { concatenate } from "../bytes.ts";
import { sameBytes, valueChanged, type SliceReader } from "./slice.ts";

/** Bytes `[start, end)` of a stored value. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Reads bytes `[start, end)` of a stored value; VALUE_CHANGED if it has been replaced. */
export type ReadPiece = (start: number, end: number, signal?: AbortSignal | undefined) => Promise<Uint8Array>;

/** Bytes that were read already, or their SHA-1 in hexadecimal. */
export type Known = Extent & ({ readonly bytes: Uint8Array } | { readonly hash: string });

/** A value in pieces, and what has been read of it already. */
export interface Unversioned {
  readonly size: number;
  /** Exactly what will be read. */
  readonly pieces: readonly Extent[];
  /** What has to be of the same writing. */
  readonly known?: readonly Known[] | undefined;
  /** The most bytes of one request. */
  readonly requestSize?: number | undefined;
}

/**
 * A function that reads the pieces, each proven to be of the same writing: by SHA-1 of every piece, which a script
 * computes for all of them in one instant, or by DIGEST of the whole value with every piece.
 *
 * @throws {ZstashError} UNSUPPORTED if the server has neither
 */
export async function readUnversioned(
  slices: SliceReader,
  key: string,
  value: Unversioned,
  signal: AbortSignal | undefined,
): Promise<ReadPiece> {
  const { size, pieces, known = [], requestSize = Infinity } = value;
  if (pieces.length <= 1 && known.length === 0 && size <= requestSize) {
    return async (start, end, ended) => {
      const slice = await slices.read(key, [[start, end - 1]], ended);
      if (slice === null || slice.size !== size) throw valueChanged(key);
      return slice.parts[0]!;
    };
  }
  return (await byScript(slices, key, value, signal)) ?? (await byDigest(slices, key, value, signal));
}

async function byScript(
  slices: SliceReader,
  key: string,
  { size, pieces, known = [], requestSize = Infinity }: Unversioned,
  signal: AbortSignal | undefined,
): Promise<ReadPiece | undefined> {
  if (!canHash()) return undefined;
  const found = await slices.hashes(
    key,
    [...pieces, ...known].map(({ start, end }) => [start, end - 1]),
    signal,
  );
  if (found === undefined) return undefined;
  if (found.size !== size) throw valueChanged(key);
  for (const [index, one] of known.entries()) {
    const hash = "hash" in one ? one.hash : await sha1(one.bytes);
    if (hash !== found.hashes[pieces.length + index]) throw valueChanged(key);
  }
  const hashes = new Map(pieces.map(({ start }, index) => [start, found.hashes[index]!]));
  return async (start, end, ended) => {
    const parts: Uint8Array[] = [];
    for (let at = start; at < end; at += requestSize) {
      const slice = await slices.read(key, [[at, Math.min(end, at + requestSize) - 1]], ended);
      if (slice === null) throw valueChanged(key);
      parts.push(slice.parts[0]!);
    }
    const piece = parts.length === 1 ? parts[0]! : concatenate(parts);
    if ((await sha1(piece)) !== hashes.get(start)) throw valueChanged(key);
    return piece;
  };
}

async function byDigest(
  slices: SliceReader,
  key: string,
  { size, known: [known, ...more] = [], requestSize = Infinity }: Unversioned,
  signal: AbortSignal | undefined,
): Promise<ReadPiece> {
  // It is a digest of the whole value: hashes of parts cannot be compared.
  if (more.length > 0 || (known !== undefined && "hash" in known)) throw cannotTell(key);
  const { start: from, end: to } = known ?? { start: 0, end: 1 };
  const first = await slices.readDigested(key, [from, to - 1], signal);
  if (first === undefined) throw cannotTell(key);
  const isSame = first?.size === size && (known === undefined || sameBytes(first.parts[0]!, known.bytes));
  if (!isSame) throw valueChanged(key);
  return async (start, end, ended) => {
    const parts: Uint8Array[] = [];
    for (let at = start; at < end; at += requestSize) {
      const slice = await slices.readDigested(key, [at, Math.min(end, at + requestSize) - 1], ended);
      if (slice === undefined || slice?.digest !== first.digest) throw valueChanged(key);
      parts.push(slice.parts[0]!);
    }
    return parts.length === 1 ? parts[0]! : concatenate(parts);
  };
}

/** False in browsers for pages over plain HTTP. */
export function canHash(): boolean {
  return (crypto.subtle as SubtleCrypto | undefined) !== undefined;
}

/** SHA-1 of bytes, in hexadecimal. */
export async function sha1(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function cannotTell(key: string): ZstashError {
  const message =
    `Cannot read ${JSON.stringify(key)} in pieces: it has no version, and the server has neither scripts nor DIGEST ` +
    "to tell whether it is replaced meanwhile: store it with put, or read it whole, without pieceSize";
  return new ZstashError("UNSUPPORTED", message, { key });
}
