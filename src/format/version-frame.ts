/** The version frame, which distinguishes one write of a seekable value from another. */
import { SKIPPABLE_MAGIC } from "./frame.ts";
import type { SeekTable } from "./seek-table.ts";

/** Magic of the version frame. */
export const VERSION_MAGIC: number = SKIPPABLE_MAGIC + 0xa;
const HEADER_SIZE = 8;
const ID_SIZE = 16;
/** Bytes of the frame. */
export const VERSION_FRAME_SIZE: number = HEADER_SIZE + ID_SIZE;

/**
 * Makes a skippable frame with 16 random bytes for the end of a seekable value, directly before its seek table. The
 * last bytes of a single frame hold its checksum, so they differ if the values do; the last bytes of a seek table are
 * sizes, which two values can have in common.
 */
export function createVersionFrame(): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(VERSION_FRAME_SIZE);
  const view = new DataView(frame.buffer);
  view.setUint32(0, VERSION_MAGIC, true);
  view.setUint32(4, ID_SIZE, true);
  crypto.getRandomValues(frame.subarray(HEADER_SIZE));
  return frame;
}

/** The position of a seekable file's version frame, `[start, end)`; undefined if the table lists none. */
export function findVersionFrame(
  table: SeekTable,
): { readonly start: number; readonly end: number } | undefined {
  if (table.frameCount === 0) return undefined;
  const { start, end, contentStart, contentEnd } = table.frame(table.frameCount - 1);
  return contentStart === contentEnd && end - start === VERSION_FRAME_SIZE ? { start, end } : undefined;
}

/** Returns true if bytes are a version frame. */
export function isVersionFrame(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    bytes.length === VERSION_FRAME_SIZE &&
    view.getUint32(0, true) === VERSION_MAGIC &&
    view.getUint32(4, true) === ID_SIZE
  );
}
