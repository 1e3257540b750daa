/** Decodes frames that a seek table lists, and checks each against its entry. */
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import type { DictionaryLookup } from "../format/dictionary.ts";
import { readFrameHeader } from "../format/frame.ts";
import type { SeekTableFrame } from "../format/seek-table.ts";
import { onAbort } from "../signals.ts";
import type { ByteTransform } from "../streams.ts";
import { pacing } from "./pacing.ts";

/** How frames are decoded. */
interface RangeDecoding {
  readonly maxSize?: number;
  readonly dictionaries: DictionaryLookup | undefined;
}

/** The methods of a `Decoder` that reading ranges uses. */
export interface RangeDecoder {
  decompress(data: Uint8Array, options: RangeDecoding): Uint8Array<ArrayBuffer>;
  decompressStream(options?: RangeDecoding): ByteTransform;
}

/** A decoder, and the dictionaries of one call. */
interface DecoderWith {
  readonly decoder: RangeDecoder;
  readonly dictionaries: DictionaryLookup | undefined;
}

/** The most content of a frame that is decoded at once, in bytes: a few milliseconds. */
const LARGE_FRAME: number = 2 << 20;
/** The most bytes of frames without content that are decoded at once: they may be 8,000 frames. */
const MANY_EMPTY = 65536;
/** The magic number and the size of a skippable frame (RFC 8878 §3.1.2). */
const SKIPPABLE_HEADER = 8;
/** The largest window that streams accept by default. */
const STREAM_WINDOW: number = 8 << 20;

/** Decodes one frame of the table, and checks it against its entry. Errors name its index and offset. */
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
    // Frames without content are small, but there may be many.
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
 * Decodes a frame through a stream that waits for no other, because it would block the event loop for long. Undefined
 * if the frame's window is larger than streams accept, so that it is not the frame that the table lists.
 */
async function decodeLarge(
  { decoder, dictionaries }: DecoderWith,
  compressed: Uint8Array,
  maxSize: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const options = { maxSize, dictionaries, [pacing]: "memory" };
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

/** The same error with its position in the source. */
function relocated(error: ZstashError, index: number, frame: SeekTableFrame): ZstashError {
  if (error.code === "SIZE_LIMIT") return wrongSize(index, frame, "got more");
  const place = { frame: index, offset: frame.start + (error.offset ?? 0), cause: error };
  // NOT_ZSTD and TRUNCATED mean damage here, and so does SIZE_LIMIT: the table promised this frame.
  return error.code === "NOT_ZSTD" || error.code === "TRUNCATED"
    ? new ZstashError("CORRUPT", error.message, place)
    : error.with(place);
}

/**
 * Checks by its header a frame that the table lists as empty and that is too long to be read: it must be a skippable
 * frame of that length, or a frame that declares no content.
 *
 * @throws {ZstashError} CORRUPT for any other frame
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
