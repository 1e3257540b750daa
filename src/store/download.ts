import { ZstashError } from "../errors.ts";
import { createPullStream } from "../codec/pull-stream.ts";
import { seekTableSize } from "../format/seek-table.ts";
import { VERSION_FRAME_SIZE } from "../format/version-frame.ts";
import type { ByteStream } from "../streams.ts";
import { serverErrorCode } from "../rest/server-error.ts";
import type { StoreContext } from "./options.ts";
import { TAIL_SIZE } from "./publish.ts";
import { commandError, requireBulk } from "./reply.ts";
import type { ByteRange, Slice } from "./slice.ts";

/** Stored bytes, as they lie in Redis. */
export interface StoredBytes {
  /** How many there are. */
  readonly size: number;
  readonly stream: ReadableStream<Uint8Array>;
}

/** What tells one writing of a value from another: its length, and bytes at a place that differs with the writing. */
export interface Version {
  readonly size: number;
  readonly range: ByteRange;
  readonly bytes: Uint8Array;
}

const DEFAULT_PIECE = 4 << 20;
const DEFAULT_CONCURRENCY = 3;
/** How often a value that is replaced before any of it was handed on is begun again. */
const RESTARTS = 5;

/**
 * Opens what is stored under a key: one streamed GET where the server's limits allow it, pieces above them. Null where
 * there is nothing.
 */
export async function openStored(
  context: StoreContext,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBytes | null> {
  if (context.pieceSize !== undefined) return openPieces(context, key, signal);
  const reply = await context.client.open(["GET", key], { signal });
  if (reply.kind === "stream") return reply;
  if (reply.kind === "error") {
    if (serverErrorCode(reply.text) === "REQUEST_LIMIT") return openPieces(context, key, signal);
    throw commandError(reply.text, "read", key);
  }
  const bytes = requireBulk(reply, "read", key);
  return bytes === null ? null : { size: bytes.length, stream: streamOf(bytes) };
}

/** The bytes as a stream of one chunk. */
export function streamOf(bytes: Uint8Array): ByteStream {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  return stream as unknown as ByteStream;
}

/**
 * Reads a value in pieces, a few ahead. Each comes with the value's length and version, read in the same instant, so a
 * value that is replaced meanwhile is noticed at the first piece after that, before any of its bytes are used.
 */
async function openPieces(
  context: StoreContext,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBytes | null> {
  for (let attempt = 1; ; attempt++) {
    const probe = await context.slices.read(key, [[-TAIL_SIZE, -1]], signal);
    if (probe === null) return null;
    try {
      return await beginPieces(context, key, probe, signal);
    } catch (error) {
      const changed = error instanceof ZstashError && error.code === "VALUE_CHANGED";
      if (!changed || attempt === RESTARTS) throw error;
    }
  }
}

async function beginPieces(
  { slices, pieceSize = DEFAULT_PIECE, concurrency = DEFAULT_CONCURRENCY }: StoreContext,
  key: string,
  probe: Slice,
  signal: AbortSignal | undefined,
): Promise<StoredBytes> {
  const { size } = probe;
  const range = versionRange(probe.parts[0]!, size);
  let version: Version | undefined;
  const read = async (start: number, ended: AbortSignal | undefined): Promise<Uint8Array> => {
    const last = Math.min(size, start + pieceSize) - 1;
    const slice = await slices.read(key, [[start, last], range], ended);
    if (slice !== null && slice.size === size) version ??= { size, range, bytes: slice.parts[1]! };
    if (slice === null || version === undefined || !isVersion(slice.size, slice.parts[1]!, version)) {
      throw valueChanged(key);
    }
    return slice.parts[0]!;
  };
  const first = size === 0 ? new Uint8Array(0) : await read(0, signal);
  async function* pieces(ended: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (first.length > 0) yield first;
    const ahead: Promise<Uint8Array>[] = [];
    for (let next = first.length; next < size || ahead.length > 0;) {
      while (next < size && ahead.length < concurrency) {
        const piece = read(next, ended);
        // One that fails ahead of its turn is heard of when its turn comes.
        piece.catch(() => undefined);
        ahead.push(piece);
        next += pieceSize;
      }
      yield await ahead.shift()!;
    }
  }
  return { size, stream: createPullStream(pieces, signal) };
}

/**
 * Where the version of a value stands, by its last bytes: in the version frame before a seek table, and else in the
 * last bytes themselves, which hold the checksum.
 */
export function versionRange(tail: Uint8Array, size: number): ByteRange {
  const table = seekTableSize(tail, size);
  if (table === undefined || table + VERSION_FRAME_SIZE > size) return [-TAIL_SIZE, -1];
  return [size - table - VERSION_FRAME_SIZE, size - table - 1];
}

/** The version of a value of `size` bytes, out of its last ones, which hold the range. */
export function versionIn(tail: Uint8Array, size: number, range: ByteRange): Version {
  const [first, last] = range.map((at) => at + (at < 0 ? tail.length : tail.length - size)) as [
    number,
    number,
  ];
  return { size, range, bytes: tail.slice(Math.max(0, first), last + 1) };
}

/** Whether a slice is of this version. */
export function isVersion(size: number, bytes: Uint8Array, version: Version): boolean {
  return (
    size === version.size &&
    bytes.length === version.bytes.length &&
    bytes.every((byte, index) => byte === version.bytes[index])
  );
}

/** The value was replaced or removed while it was read. */
export function valueChanged(key: string): ZstashError {
  const message = `Cannot read ${JSON.stringify(key)}: the value was replaced while it was read`;
  return new ZstashError("VALUE_CHANGED", message, { key });
}
