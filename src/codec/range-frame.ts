/** Decodes frames that a seek table lists, and holds each to what the table says of it. */
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import type { DictionaryLookup } from "../format/dictionary.ts";
import { readFrameHeader } from "../format/frame.ts";
import type { SeekTableFrame } from "../format/seek-table.ts";
import { onAbort } from "../signals.ts";
import type { ByteTransform } from "../streams.ts";
import { job } from "./job.ts";

/** How frames are decoded. */
interface RangeDecoding {
  readonly maxSize?: number;
  readonly dictionaries: DictionaryLookup | undefined;
}

/** The methods of a `Decoder` that reading ranges takes. */
export interface RangeDecoder {
  decompress(data: Uint8Array, options: RangeDecoding): Uint8Array<ArrayBuffer>;
  decompressStream(options?: RangeDecoding): ByteTransform;
}

/** A decoder, and the dictionaries of one call. */
interface DecoderWith {
  readonly decoder: RangeDecoder;
  readonly dictionaries: DictionaryLookup | undefined;
}

/** Content of a frame up to which it is decoded at once, in bytes: a few milliseconds. */
const LARGE_FRAME: number = 2 << 20;
/** Bytes of frames without content up to which they are decoded at once: they may be 8,000. */
const MANY_EMPTY = 65536;
/** Magic number and size of a skippable frame (RFC 8878 §3.1.2). */
const SKIPPABLE_HEADER = 8;
/** The largest window that streams accept by default. */
const STREAM_WINDOW: number = 8 << 20;

/** Decodes one frame of the table, and holds it to what the table says; errors tell its index and place. */
export async function decodeFrame(
  decoding: DecoderWith,
  compressed: Uint8Array,
  index: number,
  frame: SeekTableFrame,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const contentSize = frame.contentEnd - frame.contentStart;
  let content: Uint8Array<ArrayBuffer>;
  try {
    // Frames without content are small, but may be many.
    const large =
      (contentSize > LARGE_FRAME || (contentSize === 0 && compressed.length > MANY_EMPTY)) &&
      readFrameHeader(compressed).windowSize <= STREAM_WINDOW;
    content =
      (large ? await decodeLarge(decoding, compressed, contentSize, signal) : undefined) ??
      decoding.decoder.decompress(compressed, {
        maxSize: contentSize,
        dictionaries: decoding.dictionaries,
      });
  } catch (error) {
    throw error instanceof ZstashError ? relocated(error, index, frame) : error;
  }
  if (content.length !== contentSize) throw wrongSize(index, frame, `got ${content.length}`);
  return content;
}

/**
 * Decodes a frame that would hold the event loop for long through a stream, which waits for no other. Undefined where the
 * entry of the table holds another frame, whose window is larger than streams take.
 */
async function decodeLarge(
  { decoder, dictionaries }: DecoderWith,
  compressed: Uint8Array,
  maxSize: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const options = { maxSize, dictionaries, [job]: true };
  const { readable, writable } = decoder.decompressStream(options);
  const writer = writable.getWriter();
  writer.write(compressed).catch(() => undefined);
  writer.close().catch(() => undefined);
  const chunks: Uint8Array[] = [];
  const reader = readable.getReader();
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => undefined);
  const ignore = onAbort(signal, cancel);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  } catch (error) {
    if (error instanceof ZstashError && error.code === "WINDOW_LIMIT") return undefined;
    throw error;
  } finally {
    ignore();
  }
  signal.throwIfAborted();
  return concatenate(chunks);
}

/** The same error with its place in the source. */
function relocated(error: ZstashError, index: number, frame: SeekTableFrame): ZstashError {
  if (error.code === "SIZE_LIMIT") return wrongSize(index, frame, "got more");
  const place = { frame: index, offset: frame.start + (error.offset ?? 0), cause: error };
  // NOT_ZSTD and TRUNCATED mean damage here, as SIZE_LIMIT does: the table promised this frame.
  return error.code === "NOT_ZSTD" || error.code === "TRUNCATED"
    ? new ZstashError("CORRUPT", error.message, place)
    : error.with(place);
}

/**
 * Holds a frame that is too long to be read to the table, which says that it decodes to nothing, by its header: a
 * skippable frame of that length, or a frame that declares no content.
 *
 * @throws {ZstashError} CORRUPT for any other
 */
export function requireEmpty(head: Uint8Array, index: number, frame: SeekTableFrame): void {
  let declared: string;
  try {
    const { type, contentSize } = readFrameHeader(head);
    if (type === "frame" && contentSize === 0) return;
    if (type === "skippable" && contentSize! + SKIPPABLE_HEADER === frame.end - frame.start) return;
    declared = type === "skippable" ? "another length" : `${contentSize ?? "no"} bytes`;
  } catch (error) {
    throw error instanceof ZstashError ? relocated(error, index, frame) : error;
  }
  throw wrongSize(index, frame, `its header says ${declared}`);
}

function wrongSize(index: number, frame: SeekTableFrame, got: string): ZstashError {
  const contentSize = frame.contentEnd - frame.contentStart;
  return new ZstashError(
    "CORRUPT",
    `Cannot decompress frame ${index}: the seek table says ${contentSize} bytes, ${got}`,
    { frame: index, offset: frame.start },
  );
}
