/** Goes on with a streamed reply that broke: what it still lacked is read in pieces, of the same writing of the value. */
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

/** A value that arrives, and what was handed on of it. */
interface Arriving {
  readonly key: string;
  readonly size: number;
  readonly handed: Handed;
}

/**
 * The bytes of a streamed reply. If it breaks, the rest is read in pieces: each is repeated as the settings for retries
 * say, and all are proven to be of the same writing as what was handed on. Where nothing can prove it the break is the
 * error. `decoded` says that the checksums of frames are looked at.
 */
export function resumable(
  settings: StoreSettings,
  key: string,
  reply: BulkReply,
  { decoded, signal }: { readonly decoded: boolean; readonly signal: AbortSignal | undefined },
): StoredBytes {
  const { size, stream } = reply;
  const handed = new Handed(size, decoded);
  // A frame's checksum proves what came before a break or what is read again, and not both.
  let [broken, reread] = [false, false];
  const reader = stream.getReader();
  const release = (): void => void reader.cancel().catch(() => undefined);
  async function* read(ended: AbortSignal): ByteGenerator {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        // Nothing goes on that is not repeated.
        if (settings.retry.retries > 0) handed.push(next.value);
        yield next.value;
      }
    } catch (error) {
      const final = settings.retry.retries === 0 || (reread && handed.insideFrame) || ended.aborted;
      if (final || !isBreak(error)) throw error;
      broken = true;
      // Only what closes the reply was missing.
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

/** True for a reply that ended early, and not for one that is none. */
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

/** The rest of a value, proven to be of the same writing as all that is known. */
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
      // Nothing is read of it: the hashes are compared.
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

/** The last bytes of the value; VALUE_CHANGED if it is plain from its size or its first bytes that it is another. */
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
 * Bytes `[0, to)` once more, for a decoder that begins again. Inside a frame with a checksum nothing else is proven: with
 * the rest that is still arriving it will prove them.
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
