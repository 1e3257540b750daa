/** UTF-8 and strings. A byte order mark is text here: it is neither dropped nor added. */

export const utf8Encoder: TextEncoder = new TextEncoder();

const fatalDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of bytes in UTF-8; undefined if they are not UTF-8. */
export function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return fatalDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of bytes in UTF-8, with U+FFFD for whatever is not UTF-8. */
export function utf8Lossy(bytes: Uint8Array): string {
  return lossyDecoder.decode(bytes);
}
