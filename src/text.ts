/** UTF-8 in both directions, strict: bytes that are no UTF-8 never come back as other text. */

/** Encodes lone surrogates as U+FFFD. */
export const utf8Encoder: TextEncoder = new TextEncoder();

// `ignoreBOM` keeps the byte order mark in the output.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes, byte order mark included; undefined if they are not UTF-8. */
export function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
