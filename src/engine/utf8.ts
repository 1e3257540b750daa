import { ZstashError } from "../errors.ts";

// A fatal decoder: bytes that are no UTF-8 must not come back as other text. ignoreBOM keeps the BOM in the output.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes; NOT_TEXT where they are none. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ZstashError("NOT_TEXT", "Cannot decompress to text: the content is not UTF-8", { cause });
  }
}
