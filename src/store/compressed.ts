/**
 * Opens a value as one frame that every zstd client over HTTP decodes: with a checksum and a window of at most 8 MiB.
 */
import { concatenate } from "../bytes.ts";
import { chunksOf, createReaderStream } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { SEEK_TABLE_FOOTER_SIZE } from "../format/seek-table.ts";
import { DEFAULT_MAX_WINDOW_LOG } from "../limits.ts";
import type { ByteReader, ByteStream } from "../streams.ts";
import { keyed, openContent, peek, readText, requireCodec, streamOf, type ReadWork } from "./content.ts";
import { FirstFrame } from "../format/first-frame.ts";
import type { StoreSettings } from "./options.ts";
import type { StoredBytes } from "./pieces.ts";
import { tableSizeOf } from "./slice.ts";

/** The largest window of a decoder for HTTP (RFC 9659). */
const WINDOW_MAX = 2 ** DEFAULT_MAX_WINDOW_LOG;
/** Values up to this size in bytes are searched completely for a second frame before any of it is passed on. */
const LOOKED_AT = 16 << 10;
/** The level at which values are compressed again; at higher levels the window may exceed 8 MiB. */
const LEVEL = 1;

/** Opens a stored value as one frame: the stored one, or a new one. */
export async function openCompressed(
  settings: StoreSettings,
  key: string,
  stored: StoredBytes,
  reading: ReadWork,
): Promise<ByteStream> {
  const { signal } = reading;
  const { form, stream } = await peek(stored.stream);
  if (form === "plain") return compress(settings, key, stream, { size: stored.size, signal });
  const frames = form === "text" ? streamOf(await readText({ ...stored, stream }, key)) : stream;
  const reader = frames.getReader();
  const frame = new FirstFrame();
  const chunks: Uint8Array[] = [];
  let held = 0;
  let ended = false;
  // Only for a small value does this wait for more than the first chunk.
  while ((held === 0 || stored.size <= LOOKED_AT) && frame.end === undefined && !ended) {
    const { done, value } = await reader.read();
    ended = done;
    if (done) break;
    chunks.push(value);
    held += value.length;
    frame.push(value);
  }
  const begun = prependChunks(reader, chunks);
  const size = form === "text" ? held : stored.size;
  const several =
    frame.end === undefined
      ? !ended && form === "frames" && (await hasTable(settings, key, signal))
      : frame.end < size;
  if (!several && isForHttp(chunks)) return keyed(onlyFrame(begun, key), key);
  const content = await openContent(settings, key, { size: stored.size, stream: begun }, reading);
  return compress(settings, key, content, { size: undefined, signal });
}

/** Returns true if a value ends with a seek table: then it has several frames. */
async function hasTable(
  { slices }: StoreSettings,
  key: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const slice = await slices.read(key, [[-SEEK_TABLE_FOOTER_SIZE, -1]], signal);
  return slice !== null && tableSizeOf(slice.parts[0]!, slice.size) !== undefined;
}

/** Compresses content into one frame. */
async function compress(
  settings: StoreSettings,
  key: string,
  content: ByteStream,
  { size, signal }: { readonly size: number | undefined; readonly signal: AbortSignal | undefined },
): Promise<ByteStream> {
  const zstd = await requireCodec(settings, key, { stream: content, signal });
  return keyed(content.pipeThrough(zstd.compressStream({ level: LEVEL, contentSize: size })), key);
}

function isForHttp(chunks: readonly Uint8Array[]): boolean {
  try {
    const { checksum, windowSize, dictionaryId } = readFrameHeader(concatenate(chunks));
    return checksum && windowSize <= WINDOW_MAX && dictionaryId === 0;
  } catch {
    // Damaged bytes are passed on unchanged: their reader says what is wrong.
    return true;
  }
}

/** Chunks that were read already, and then the rest. */
function prependChunks(reader: ByteReader, chunks: readonly Uint8Array[]): ByteStream {
  const rest = [...chunks];
  return createReaderStream(reader, async function* all() {
    for (let chunk = rest.shift(); chunk !== undefined; chunk = rest.shift()) yield chunk;
    yield* chunksOf(reader);
  });
}

/** The only frame of a stream; an error if something follows it. */
function onlyFrame(stream: ByteStream, key: string): ByteStream {
  const frame = new FirstFrame();
  return createReaderStream(stream.getReader(), async function* one(reader) {
    let at = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      frame.push(next.value);
      const left = (frame.end ?? Infinity) - at;
      at += next.value.length;
      yield next.value.subarray(0, left);
      if (left < next.value.length) throw severalFrames(key);
    }
  });
}

function severalFrames(key: string): ZstashError {
  const message = `Cannot give ${JSON.stringify(key)} as one frame: another follows the first, and no seek table told: read it with get`;
  return new ZstashError("UNSUPPORTED", message, { key });
}
