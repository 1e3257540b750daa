/** Reads pieces of a value without a version, and proves that they are all from the same write. */
import { ZstashError } from "../errors.ts";
import { concatenate, sameBytes, toHex } from "../bytes.ts";
import { valueChanged, type SliceReader } from "./slice.ts";

/** The bytes `[start, end)` of a stored value. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Reads the bytes `[start, end)` of a stored value; VALUE_CHANGED if it has been replaced. */
export type ReadPiece = (start: number, end: number, signal?: AbortSignal | undefined) => Promise<Uint8Array>;

/** Bytes that were read already, or their SHA-1 in hexadecimal. */
export type Known = Extent & ({ readonly bytes: Uint8Array } | { readonly hash: string });

/** A value that is read in pieces, and what is known about it. */
export interface Unversioned {
  readonly size: number;
  /** The pieces that will be read, exactly. */
  readonly pieces: readonly Extent[];
  /** Parts that must be from the same write. */
  readonly known?: readonly Known[] | undefined;
  /** The most bytes of one request. */
  readonly requestSize?: number | undefined;
}

/**
 * Returns a function that reads the pieces and proves that each is from the same write: by the SHA-1 of every piece,
 * which a script computes for all of them in one instant, or by the DIGEST of the whole value with every piece.
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
  const [{ start, end } = { start: 0, end: 0 }, ...more] = pieces;
  if (more.length === 0 && known.length === 0 && end - start <= requestSize)
    return (_start, _end, ended) => readAlone(slices, key, { size, piece: { start, end } }, ended);
  return (await byScript(slices, key, value, signal)) ?? (await byDigest(slices, key, value, signal));
}

/** Reads the only piece: if one reply holds it, nothing else has to be from the same write. */
async function readAlone(
  slices: SliceReader,
  key: string,
  { size, piece: { start, end } }: { readonly size: number; readonly piece: Extent },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const read = async (shorten: boolean): Promise<Uint8Array> => {
    const slice = await slices.read(key, [[start, end - 1]], signal, shorten);
    if (slice === null || slice.size !== size) throw valueChanged(key);
    return slice.parts[0]!;
  };
  const bytes = await read(true);
  const at = start + bytes.length;
  if (at === end) return bytes;
  // A reply broke, and this one holds less: now the rest has to be proven.
  const value = { size, pieces: [{ start: at, end }], known: [{ start, end: at, bytes }] };
  try {
    const rest = await readUnversioned(slices, key, value, signal);
    return concatenate([bytes, await rest(at, end, signal)]);
  } catch (error) {
    if (error instanceof ZstashError && error.code === "UNSUPPORTED") return read(false);
    throw error;
  }
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
    const piece = await slices.inParts(start, end, requestSize, async (part) => {
      const slice = await slices.read(key, [part], ended, true);
      // Its hash proves the rest.
      if (slice?.size !== size) throw valueChanged(key);
      return slice.parts[0]!;
    });
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
  // This is a digest of the whole value: it cannot be compared with hashes of parts.
  if (more.length > 0 || (known !== undefined && "hash" in known)) throw cannotTell(key);
  const { start: from, end: to } = known ?? { start: 0, end: 1 };
  let digest: string | undefined;
  const read: ReadPiece = (start, end, ended) =>
    slices.inParts(start, end, requestSize, async (part) => {
      const slice = await slices.readDigested(key, part, ended);
      if (slice === undefined) throw cannotTell(key);
      if (slice?.size !== size || slice.digest !== (digest ??= slice.digest)) throw valueChanged(key);
      return slice.parts[0]!;
    });
  const bytes = await read(from, to, signal);
  if (known !== undefined && !sameBytes(bytes, known.bytes)) throw valueChanged(key);
  return read;
}

/** Returns true if the platform can hash; browsers cannot on pages over plain HTTP. */
export function canHash(): boolean {
  return (crypto.subtle as SubtleCrypto | undefined) !== undefined;
}

/** The SHA-1 of bytes, in hexadecimal. */
export async function sha1(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", bytes as Uint8Array<ArrayBuffer>);
  return toHex(new Uint8Array(hash));
}

function cannotTell(key: string): ZstashError {
  const message =
    `Cannot read ${JSON.stringify(key)} in pieces: it has no version, and the server has neither scripts nor DIGEST ` +
    "to tell whether it is replaced meanwhile: store it with put, or read it whole, without pieceSize";
  return new ZstashError("UNSUPPORTED", message, { key });
}
