/** Tells byte arrays from other values, in any realm, and those whose memory is gone, and joins them. */

/** Returns true for a Uint8Array of this realm or of another: test runners and edge sandboxes have several. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** Returns true if the memory of bytes is gone: their buffer was transferred, or has shrunk under them. */
export function isGone(bytes: Uint8Array): boolean {
  if (bytes.byteLength > 0) return false;
  try {
    // Each method begins with that check.
    return Uint8Array.prototype.includes.call(bytes, 0);
  } catch {
    return true;
  }
}

/** Joins byte arrays. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes in hexadecimal, lower case. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
