/** Reads a stream whole, as bytes or as text, and lets the event loop run during a large one. */
import { joinInTurns } from "../codec/join.ts";
import { ZstashError } from "../errors.ts";
import type { ByteStream } from "../streams.ts";
import { readUtf8 } from "../text.ts";

/** Bytes from which a text is decoded as it arrives: at once it would take some 2 ms. */
const LARGE = 1 << 20;

/**
 * Reads all bytes of a stream.
 *
 * @throws {ZstashError} SIZE_LIMIT past `maxSize`
 */
export async function readAll(
  stream: ByteStream,
  maxSize: number = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  await readEach(stream, maxSize, (chunk) => void chunks.push(chunk));
  return joinInTurns(chunks);
}

/**
 * Reads all text of a stream; a byte order mark stays. A large text is made of parts, which the engine joins when the
 * text is first used: joining here would block the event loop.
 *
 * @throws {ZstashError} SIZE_LIMIT past `maxSize` and past the longest string; NOT_TEXT
 */
export async function readText(stream: ByteStream, maxSize: number): Promise<string> {
  let first: Uint8Array[] = [];
  let size = 0;
  let rest: TextParts | undefined;
  await readEach(stream, maxSize, (chunk) => {
    size += chunk.length;
    if (rest !== undefined) return rest.push(chunk);
    first.push(chunk);
    if (size < LARGE) return;
    rest = new TextParts();
    for (const part of first) rest.push(part);
    first = [];
  });
  const text = rest === undefined ? readUtf8(await joinInTurns(first)) : rest.end(size);
  if (text === undefined) throw new ZstashError("NOT_TEXT", "Cannot read the value as text: it is not UTF-8");
  return text;
}

/** A text whose bytes come in parts. */
class TextParts {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The text so far; undefined once it is not valid UTF-8. */
  #text: string | undefined = "";
  /** True if it is longer than strings can be. */
  #tooLong = false;

  push(chunk: Uint8Array | undefined): void {
    if (this.#text === undefined) return;
    let part: string;
    try {
      part = chunk === undefined ? this.#decoder.decode() : this.#decoder.decode(chunk, { stream: true });
    } catch {
      this.#text = undefined;
      return;
    }
    if (this.#tooLong) return;
    try {
      this.#text += part;
    } catch {
      this.#tooLong = true;
      this.#text = "";
    }
  }

  /** The text of `size` bytes; undefined if they are not valid UTF-8. */
  end(size: number): string | undefined {
    this.push(undefined);
    if (this.#text === undefined || !this.#tooLong) return this.#text;
    const message = `Cannot read the value as text: its ${size} bytes are more than a string may hold: read it with get`;
    throw new ZstashError("SIZE_LIMIT", message);
  }
}

/** Passes every chunk of a stream to `take`. */
async function readEach(
  stream: ByteStream,
  maxSize: number,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let size = 0;
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > maxSize) {
        const message = `Cannot read the value: it is larger than the limit of ${maxSize} bytes`;
        throw new ZstashError("SIZE_LIMIT", message);
      }
      take(next.value);
    }
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  }
}
