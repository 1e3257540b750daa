/** Converts between bytes, which the local server handles everywhere, and strings: UTF-8 text, or keys of a Map. */
import { utf8Encoder, utf8Lossy } from "../text.ts";

/** Bytes converted at a time: the stack limits the arguments of a call, and 8,192 work in every engine. */
const STEP = 8192;

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encoder.encode(text);
}

/** Decodes UTF-8. Bytes that are not UTF-8 become U+FFFD; a byte order mark stays. */
export function toText(bytes: Uint8Array): string {
  return utf8Lossy(bytes);
}

/** A string with one character U+0000…U+00FF for each byte, so that equal bytes are equal keys of a Map. */
export function toBinary(bytes: Uint8Array): string {
  // Not spread: that would go through an iterator, which takes three to eight times as long.
  if (bytes.length <= STEP) return Reflect.apply(String.fromCharCode, undefined, bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += STEP)
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + STEP));
  return text;
}

/** The bytes of a toBinary string. */
export function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
