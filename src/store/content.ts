/** Opens what lies under a key as a stream: the stored bytes, the content that they decode to, or the frames as they are. */
import { concatenate } from "../bytes.ts";
import { createPullStream } from "../codec/pull-stream.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { REDIS_STRING_MAX } from "../limits.ts";
import { serverErrorCode } from "../rest/server-error.ts";
import type { ByteStream, ReadableBytes } from "../streams.ts";
import { utf8Lossy } from "../text.ts";
import { CARRIER_HEAD_SIZE, fromTextCarrier, isRawCarrier, isTextCarrier } from "../value/carrier.ts";
import type { StoreSettings } from "./options.ts";
import { commandError, requireBulk, withKey } from "./reply.ts";
import { isVersion, TAIL_SIZE, valueChanged, versionRange, type Slice, type Version } from "./slice.ts";

/** Stored bytes, as they lie in Redis. */
export interface StoredBytes {
  readonly size: number;
  readonly stream: ByteStream;
}

/** The form of a stored value: frames, frames in base64, or uncompressed. */
export type StoredForm = "frames" | "text" | "plain";

const DEFAULT_PIECE = 4 << 20;
const DEFAULT_CONCURRENCY = 3;
/** The most attempts at a download whose value is replaced before any of it was handed on. */
const RESTARTS = 5;

/**
 * Opens the stored bytes of a key: one streamed GET if the server's limits allow it, pieces above them. Null if there is
 * nothing.
 */
export async function openStored(
  settings: StoreSettings,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBytes | null> {
  if (settings.pieceSize !== undefined) return openPieces(settings, key, signal);
  const reply = await settings.client.open(["GET", key], { signal });
  if (reply.kind === "stream") return reply;
  if (reply.kind === "error") {
    if (serverErrorCode(reply.text) === "REQUEST_LIMIT") return openPieces(settings, key, signal);
    throw commandError(reply.text, "read", key);
  }
  const bytes = requireBulk(reply, "read", key);
  return bytes === null ? null : { size: bytes.length, stream: streamOf(bytes) };
}

/**
 * Reads a value in pieces, a few ahead. Each comes with the value's length and version, read in the same instant, so a
 * value that is replaced meanwhile is noticed at the first piece after that, before any of its bytes are used.
 */
async function openPieces(
  settings: StoreSettings,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredBytes | null> {
  for (let attempt = 1; ; attempt++) {
    const probe = await settings.slices.read(key, [[-TAIL_SIZE, -1]], signal);
    if (probe === null) return null;
    try {
      return await beginPieces(settings, key, probe, signal);
    } catch (error) {
      const changed = error instanceof ZstashError && error.code === "VALUE_CHANGED";
      if (!changed || attempt === RESTARTS) throw error;
    }
  }
}

async function beginPieces(
  { slices, pieceSize = DEFAULT_PIECE, concurrency = DEFAULT_CONCURRENCY }: StoreSettings,
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
        // The failure of a piece is thrown when its turn comes.
        piece.catch(() => undefined);
        ahead.push(piece);
        next += pieceSize;
      }
      yield await ahead.shift()!;
    }
  }
  return { size, stream: createPullStream(pieces, signal) };
}

/** The content of a stored value, decoded as it arrives. A value stored uncompressed comes as it is. */
export async function openContent(
  settings: StoreSettings,
  key: string,
  stored: StoredBytes,
): Promise<ByteStream> {
  const { form, stream } = await peek(stored.stream);
  if (form === "plain") return keyed(stream, key);
  const zstd = await requireCodec(settings, key, stream);
  const frames = form === "text" ? streamOf(await readText(stream, key)) : stream;
  return keyed(frames.pipeThrough(zstd.decompressStream({ maxWindowLog: settings.maxWindowLog })), key);
}

/** The frames of a stored value; one of raw blocks for a value that lies uncompressed. */
export async function openCompressed(key: string, stored: StoredBytes): Promise<ByteStream> {
  const { form, stream } = await peek(stored.stream);
  if (form === "frames") return keyed(stream, key);
  return streamOf(form === "text" ? await readText(stream, key) : writeRawBlocks(await readAll(stream)));
}

/** The form of a stored value, by its first bytes: `CARRIER_HEAD_SIZE` of them are enough. */
export function formOf(head: Uint8Array): StoredForm {
  if (isRawCarrier(head)) return "frames";
  return isTextCarrier(String.fromCharCode(...head.subarray(0, CARRIER_HEAD_SIZE))) ? "text" : "plain";
}

/** Reads as much as tells the form, and gives the stream with it. */
export async function peek(
  stream: ByteStream,
): Promise<{ readonly form: StoredForm; readonly stream: ByteStream }> {
  const reader = stream.getReader();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < CARRIER_HEAD_SIZE) {
    const { done, value } = await reader.read();
    if (done) break;
    head = head.length === 0 ? value : concatenate([head, value]);
  }
  return { form: formOf(head), stream: prepend(reader, head) };
}

async function readText(stream: ByteStream, key: string): Promise<Uint8Array> {
  try {
    return fromTextCarrier(utf8Lossy(await readAll(stream, REDIS_STRING_MAX)));
  } catch (error) {
    throw withKey(error, key);
  }
}

async function requireCodec({ codec }: StoreSettings, key: string, stream: ByteStream): Promise<Zstd> {
  const loaded = codec.loaded ?? (await codec.load());
  if (!("error" in loaded)) return loaded;
  stream.cancel().catch(() => undefined);
  throw withKey(loaded.error, key);
}

/**
 * A stream's bytes.
 *
 * @throws {ZstashError} SIZE_LIMIT past `maxSize`
 */
export async function readAll(
  stream: ByteStream,
  maxSize: number = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > maxSize) {
        const message = `Cannot read the value: it is larger than the limit of ${maxSize} bytes`;
        throw new ZstashError("SIZE_LIMIT", message);
      }
      chunks.push(next.value);
    }
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  }
  return concatenate(chunks);
}

/** The bytes as a stream of one chunk. */
function streamOf(bytes: Uint8Array): ByteStream {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  return stream as unknown as ByteStream;
}

/** A stream whose errors name the key. */
function keyed(stream: ReadableBytes, key: string): ByteStream {
  return prepend(stream.getReader(), undefined, key);
}

/** The rest of a reader as a stream, after `first`; read only on demand. Its errors name the key, if one is given. */
export function prepend(
  reader: ReturnType<ReadableBytes["getReader"]>,
  first: Uint8Array | undefined,
  key?: string,
): ByteStream {
  let unread = first;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (unread !== undefined && unread.length > 0) {
          controller.enqueue(unread);
          unread = undefined;
          return;
        }
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value!);
        } catch (error) {
          throw key === undefined ? error : withKey(error, key);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return stream as unknown as ByteStream;
}
