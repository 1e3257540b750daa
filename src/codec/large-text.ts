/**
 * Text that is too large to be coded at once: through streams, which give the event loop back every few milliseconds.
 * 10 MB at once would hold it for 60–117 ms.
 */
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { concatenate } from "../bytes.ts";
import type { Decoder } from "./decoder.ts";
import type { Zstd } from "./zstd.ts";

/** Bytes of content from which decoding at once would hold the event loop for a millisecond or more. */
const LARGE_CONTENT = 1 << 20;
/** The largest window that streams accept by default. */
const STREAM_WINDOW = 8 << 20;
/** Characters that are encoded at a time. */
const SLICE = 128 << 10;

/** The frame of a text of `size` bytes in UTF-8; its bytes may differ from those of `compress`. */
export async function compressLargeText(
  zstd: Zstd,
  text: string,
  size: number,
  level: number,
): Promise<Uint8Array> {
  try {
    const { readable, writable } = zstd.compressStream({ level, contentSize: size, flush: "none" });
    const [frame] = await Promise.all([readAll(readable), writeText(writable, text)]);
    return frame;
  } catch (error) {
    if (isUnsupported(error)) return zstd.compress(text, { level });
    throw error;
  }
}

/** As `decompressText`, where the content is large and the frame can be streamed; else that. */
export async function decompressLargeText(
  decoder: Decoder,
  frame: Uint8Array,
  { maxSize }: { readonly maxSize: number },
): Promise<string> {
  const { contentSize = LARGE_CONTENT, windowSize } = readFrameHeader(frame);
  if (contentSize < LARGE_CONTENT || windowSize > STREAM_WINDOW)
    return decoder.decompressText(frame, { maxSize });
  try {
    return await decodeStream(decoder, frame, maxSize);
  } catch (error) {
    if (isUnsupported(error)) return decoder.decompressText(frame, { maxSize });
    throw error;
  }
}

async function decodeStream(decoder: Decoder, frame: Uint8Array, maxSize: number): Promise<string> {
  const { readable, writable } = decoder.decompressStream({ maxSize });
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const readText = async (): Promise<string> => {
    // Strings are put together when somebody looks into the whole; a join here would hold the event loop for 10 ms.
    let content = "";
    const reader = readable.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        content += decodeUtf8(text, next.value);
      }
    } catch (error) {
      reader.cancel(error).catch(() => undefined);
      throw error;
    }
    return content + decodeUtf8(text, undefined);
  };
  const writer = writable.getWriter();
  const write = async (): Promise<void> => {
    await writer.write(frame);
    await writer.close();
  };
  const [content] = await Promise.all([readText(), write()]);
  return content;
}

/** Engines of others may have no streams. */
function isUnsupported(error: unknown): boolean {
  return error instanceof ZstashError && error.code === "UNSUPPORTED";
}

async function writeText(writable: WritableStream<Uint8Array>, text: string): Promise<void> {
  const encoder = new TextEncoder();
  const writer = writable.getWriter();
  for (let start = 0; start < text.length;) {
    let end = start + SLICE;
    // A pair of surrogates stays together.
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end -= 1;
    await writer.write(encoder.encode(text.slice(start, end)));
    start = end;
  }
  await writer.close();
}

async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  return concatenate(chunks);
}

function decodeUtf8(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new ZstashError("NOT_TEXT", "Cannot decompress to text: the content is not UTF-8", { cause });
  }
}
