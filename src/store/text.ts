import { ZstashError } from "../errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes. @throws {ZstashError} NOT_TEXT where they are no UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ZstashError("NOT_TEXT", "Cannot read the value as text: it is not UTF-8", { cause });
  }
}
