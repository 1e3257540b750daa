/** Byte strings as Map keys and as text. Everything the local server handles is bytes; these are the crossings. */

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Function arguments are limited by the stack: 8,192 at a time works on every engine. */
const STEP = 8192;

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encoder.encode(text) as Uint8Array<ArrayBuffer>;
}

/** Text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD, a BOM stays. */
export function toText(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** One character U+0000…U+00FF a byte: equal exactly when the bytes are, so it can key a Map. */
export function toBinary(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP)
    text += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return text;
}

/** The bytes of a toBinary string. */
export function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Whether two byte strings are equal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
