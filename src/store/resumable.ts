/** Continues a streamed reply that broke: the missing bytes are read in pieces, from the same write of the value. */
import { sameBytes } from "../bytes.ts";
import { createPullStream, type ByteGenerator } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX } from "../format/frame.ts";
import { isVersionFrame } from "../format/version-frame.ts";
import type { BulkReply } from "../rest/read-reply.ts";
import { delay } from "../timers.ts";
import { Handed } from "./handed.ts";
import type { StoreSettings } from "./options.ts";
import {
  cut,
  DEFAULT_PIECE,
  prove,
  readPieces,
  readVersion,
  type Reading,
  type StoredBytes,
} from "./pieces.ts";
import { TAIL_SIZE, tableSizeOf, valueChanged, versionRange, type ByteRange } from "./slice.ts";
import { readUnversioned, type Known } from "./unversioned.ts";

/** A value that is arriving, and the part of it that was passed on. */
interface Arriving {
  readonly key: string;
  readonly size: number;
  readonly handed: Handed;
}

/**
 * The bytes of a streamed reply. If it breaks, the rest is read in pieces. Each piece is repeated as the retry
 * settings say, and all are proven to be from the same write as what was passed on. If nothing can prove it, the
 * break is the error. `decoded` tells that the checksums of frames are checked.
 */
export function resumable(
  settings: StoreSettings,
  key: string,
  reply: BulkReply,
  { decoded, signal }: { readonly decoded: boolean; readonly signal: AbortSignal | undefined },
): StoredBytes {
  const { size, stream } = reply;
  const handed = new Handed(size, decoded);
  // A frame's checksum can prove either what came before a break or what is read again, not both.
  let [broken, reread] = [false, false];
  const reader = stream.getReader();
  const release = (): void => void reader.cancel().catch(() => undefined);
  async function* read(ended: AbortSignal): ByteGenerator {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        // Without repeats nothing continues.
        if (settings.retry.retries > 0) handed.push(next.value);
        yield next.value;
      }
    } catch (error) {
      const final = settings.retry.retries === 0 || (reread && handed.insideFrame) || ended.aborted;
      if (final || !isBreak(error)) throw error;
      broken = true;
      // Only the end of the reply was missing.
      if (handed.size === size) return;
      yield* goOn(settings, { key, size, handed }, error, ended);
    }
  }
  const again: StoredBytes["again"] = (to, ended) => {
    if (broken) return undefined;
    reread = true;
    return readAgain(settings, { key, size, handed }, to, ended);
  };
  return { size, stream: createPullStream(read, signal, release), again };
}

/** Returns true for a reply that ended early, and false for one that is no reply. */
function isBreak(error: unknown): error is ZstashError {
  if (!(error instanceof ZstashError)) return false;
  return error.code === "TRUNCATED" || (error.code === "REDIS" && error.cause !== undefined);
}

async function* goOn(
  settings: StoreSettings,
  arriving: Arriving,
  failure: ZstashError,
  ended: AbortSignal,
): ByteGenerator {
  const { key, size, handed } = arriving;
  await delay(settings.retry.backoff(0), ended);
  const known = handed.insideFrame ? [] : await handed.known();
  if (known === undefined) throw failure;
  let reading: Reading;
  try {
    reading = await openRest(settings, arriving, known, ended);
  } catch (error) {
    const cannotTell = error instanceof ZstashError && error.code === "UNSUPPORTED";
    throw cannotTell ? failure : error;
  }
  yield* readPieces(settings, { key, size }, reading, { frame: handed.frame, last: handed.last }, ended);
}

/** The rest of a value, proven to be from the same write as everything that is known. */
async function openRest(
  settings: StoreSettings,
  { key, size, handed }: Arriving,
  known: readonly Known[],
  signal: AbortSignal,
): Promise<Reading> {
  const { slices, pieceSize = DEFAULT_PIECE } = settings;
  const tail = await readTail(settings, { key, size, handed }, signal);
  const pieces = cut(handed.size, size, pieceSize);
  const table = handed.form === "frames" ? tableSizeOf(tail, size) : undefined;
  if (table !== undefined) {
    const range = versionRange(tail, size);
    const bytes = (await slices.read(key, [range], signal))?.parts[0];
    if (bytes !== undefined && isVersionFrame(bytes)) {
      const version: Known = { start: range[0], end: range[1] + 1, bytes };
      // No bytes are read: only the hashes are compared.
      if (known.length > 0)
        await readUnversioned(slices, key, { size, pieces: [], known: [...known, version] }, signal);
      return { pieces, read: readVersion(slices, key, { size, range, bytes }), walk: false };
    }
  } else if (handed.insideFrame) {
    const range: ByteRange = [-TAIL_SIZE, -1];
    return { pieces, read: readVersion(slices, key, { size, range, bytes: tail }), walk: true };
  }
  return prove(settings, { key, size }, { from: handed.size, known }, signal);
}

/** The last bytes of the value; VALUE_CHANGED if its size or its first bytes show that it is another value. */
async function readTail(
  { slices }: StoreSettings,
  { key, size, handed }: Arriving,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const ranges: readonly ByteRange[] = [
    [0, FRAME_HEADER_SIZE_MAX - 1],
    [-TAIL_SIZE, -1],
  ];
  const slice = await slices.read(key, ranges, signal);
  const [head, tail] = slice?.parts ?? [];
  const isSame = slice?.size === size && sameBytes(head!.subarray(0, handed.head.length), handed.head);
  if (!isSame) throw valueChanged(key);
  return tail!;
}

/**
 * The bytes `[0, to)` once more, for a decoder that begins again. Inside a frame with a checksum no other proof is
 * needed: the frame's rest, which is still arriving, will prove them.
 */
async function* readAgain(
  settings: StoreSettings,
  { key, size, handed }: Arriving,
  to: number,
  ended: AbortSignal,
): ByteGenerator {
  const { slices, pieceSize = DEFAULT_PIECE } = settings;
  const known = handed.insideFrame ? [] : await handed.known();
  if (known === undefined) throw valueChanged(key);
  const tail = await readTail(settings, { key, size, handed }, ended);
  const pieces = cut(0, to, pieceSize);
  const read =
    known.length === 0
      ? readVersion(slices, key, { size, range: [-TAIL_SIZE, -1], bytes: tail })
      : await readUnversioned(slices, key, { size, pieces, known }, ended);
  for (const { start, end } of pieces) yield await read(start, end, ended);
}
