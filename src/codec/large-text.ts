/**
 * Encodes and decodes text that is too large to be processed at once, through streams that let the event loop run
 * every few milliseconds. 10 MB at once would block it for 60–117 ms.
 */
import { concatenate } from "../bytes.ts";
import { notText, textTooLong } from "../engine/zstd-errors.ts";
import { ZstashError } from "../errors.ts";
import { reserveContentSize, writeContentSize } from "../format/content-size.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt, type FrameHeader } from "../format/frame.ts";
import type { ByteStream } from "../streams.ts";
import { slicesOf, utf8Encoder } from "../text.ts";
import type { Decoder } from "./decoder.ts";
import type { DecompressOptions } from "./decompress-options.ts";
import { pacing } from "./pacing.ts";
import type { Zstd } from "./zstd.ts";

/** The most bytes of content that are decoded at once: some 4 ms. A stream takes half as long again. */
const AT_ONCE = 2 << 20;
/** The largest window that streams accept by default. */
const STREAM_WINDOW = 8 << 20;
/** Text in memory waits for no other stream. */
const inMemory = { [pacing]: "memory" };
/** Characters that are encoded at a time. */
const SLICE = 128 << 10;

/**
 * Makes the frame of a text, and writes its content size into the header at the end: it is known only when the text
 * has been encoded, and counting it beforehand would block the event loop for 11 ms. Its bytes differ from those of
 * `compress`.
 */
export async function compressLargeText(
  zstd: Zstd,
  text: string,
  level: number,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { readable, writable } = zstd.compressStream({ level, flush: "none", ...inMemory });
    const [chunks, size] = await Promise.all([readAll(readable), writeText(writable, text)]);
    return withContentSize(chunks, size);
  } catch (error) {
    if (isUnsupported(error)) return zstd.compress(text, { level });
    throw error;
  }
}

function withContentSize(chunks: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const [first = new Uint8Array(0), ...rest] = chunks;
  const whole = first.length < FRAME_HEADER_SIZE_MAX;
  const head = whole ? concatenate(chunks) : first;
  const reserved = reserveContentSize(head);
  if (reserved !== undefined) writeContentSize(reserved, size);
  const begun = reserved?.bytes ?? head;
  return whole ? begun : concatenate([begun, ...rest]);
}

/** Returns true if a frame with this header is decoded through a stream: not at once, and not in one turn. */
export function isStreamed({
  contentSize = Infinity,
  windowSize,
}: Pick<FrameHeader, "contentSize" | "windowSize">): boolean {
  return contentSize > AT_ONCE && windowSize <= STREAM_WINDOW;
}

/**
 * Decodes a frame to text: through a stream if the content is large and the frame can be streamed, otherwise at once.
 * A signal ends the stream, with its reason.
 */
export async function decompressLargeText(
  decoder: Decoder,
  frame: Uint8Array,
  limits: Omit<DecompressOptions, "into">,
  signal?: AbortSignal | undefined,
): Promise<string> {
  if (!isStreamed(readFrameHeaderAt(frame, 0, 0))) return decoder.decompressText(frame, limits);
  try {
    return await decodeStream(decoder, frame, limits, signal);
  } catch (error) {
    // A later frame may have a larger window than the first one, and than streams accept.
    const larger = error instanceof ZstashError && error.code === "WINDOW_LIMIT";
    if (larger || isUnsupported(error)) return decoder.decompressText(frame, limits);
    throw error;
  }
}

async function decodeStream(
  decoder: Decoder,
  frame: Uint8Array,
  limits: Omit<DecompressOptions, "into">,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { readable, writable } = decoder.decompressStream({ ...limits, ...inMemory });
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const readText = async (): Promise<string> => {
    // V8 concatenates lazily; a join here blocks for 10 ms.
    let content = "";
    const reader = readable.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (signal?.aborted === true) throw signal.reason;
        content = append(content, decodeUtf8(text, next.value));
      }
    } catch (error) {
      reader.cancel(error).catch(() => undefined);
      throw error;
    }
    return append(content, decodeUtf8(text, undefined));
  };
  const writer = writable.getWriter();
  const write = async (): Promise<void> => {
    await writer.write(frame);
    await writer.close();
  };
  const [content] = await Promise.all([readText(), write()]);
  return content;
}

/** Returns true if the engine has no streams, which other engines may lack. */
function isUnsupported(error: unknown): boolean {
  return error instanceof ZstashError && error.code === "UNSUPPORTED";
}

/** Writes a text as UTF-8 and returns its size in bytes. */
async function writeText(writable: WritableStream<Uint8Array>, text: string): Promise<number> {
  const writer = writable.getWriter();
  let size = 0;
  for (const slice of slicesOf(text, SLICE)) {
    const bytes = utf8Encoder.encode(slice);
    size += bytes.length;
    await writer.write(bytes);
  }
  await writer.close();
  return size;
}

async function readAll(readable: ByteStream): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  return chunks;
}

function append(text: string, more: string): string {
  try {
    return text + more;
  } catch {
    throw textTooLong();
  }
}

function decodeUtf8(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw notText();
  }
}
