/** Writes commands in RESP2, for connections to Redis itself. */
import { concatenate } from "../bytes.ts";
import { utf8Encoder } from "../text.ts";

const CRLF = new Uint8Array([13, 10]);

/**
 * Encodes a command as Redis takes it: an array of bulk strings. Strings are sent as UTF-8.
 *
 * @example
 * ```ts
 * socket.write(writeCommand(["SET", key, bytes]));
 * ```
 */
export function writeCommand(args: readonly (Uint8Array | string)[]): Uint8Array {
  const parts: Uint8Array[] = [utf8Encoder.encode(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "string" ? utf8Encoder.encode(arg) : arg;
    parts.push(utf8Encoder.encode(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return concatenate(parts);
}
