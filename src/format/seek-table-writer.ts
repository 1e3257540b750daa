/** Writes the seek table of the Zstandard Seekable Format 0.1.0; seek-table.ts describes its layout and reads it. */
import { ByteBuffer } from "../byte-buffer.ts";
import {
  ENTRY_SIZE,
  HEADER_SIZE,
  SEEKABLE_MAGIC,
  SEEK_TABLE_FOOTER_SIZE,
  SEEK_TABLE_MAGIC,
  SEEK_TABLE_SIZE_MAX,
  tooLong,
  viewOf,
  type SeekTableEntry,
} from "./seek-table.ts";

/** Collects entries in their written form: 8 bytes for each frame. */
export class SeekTableWriter {
  readonly #entries: ByteBuffer = new ByteBuffer(SEEK_TABLE_SIZE_MAX, 1024);
  readonly #entry: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(ENTRY_SIZE));

  /**
   * Adds the next frame.
   *
   * @throws {RangeError} unless both sizes are integers in 0…2^32 − 1
   * @throws {ZstashError} SIZE_LIMIT if the table would exceed 64 MiB
   */
  add(compressedSize: number, decompressedSize: number): void {
    requireUint32(compressedSize, "compressedSize");
    requireUint32(decompressedSize, "decompressedSize");
    const size = HEADER_SIZE + this.#entries.length + ENTRY_SIZE + SEEK_TABLE_FOOTER_SIZE;
    if (size > SEEK_TABLE_SIZE_MAX) throw tooLong("write", size);
    this.#entry.setUint32(0, compressedSize, true);
    this.#entry.setUint32(4, decompressedSize, true);
    this.#entries.append(new Uint8Array(this.#entry.buffer));
  }

  /**
   * Returns the table as a skippable frame, without checksums, because the frames have their own. The bytes are a
   * copy.
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    const entries = this.#entries.bytes;
    const end = HEADER_SIZE + entries.length;
    const bytes = new Uint8Array(end + SEEK_TABLE_FOOTER_SIZE);
    const view = viewOf(bytes);
    view.setUint32(0, SEEK_TABLE_MAGIC, true);
    view.setUint32(4, bytes.length - HEADER_SIZE, true);
    bytes.set(entries, HEADER_SIZE);
    view.setUint32(end, entries.length / ENTRY_SIZE, true);
    view.setUint8(end + 4, 0);
    view.setUint32(end + 5, SEEKABLE_MAGIC, true);
    return bytes;
  }
}

/**
 * Writes the seek table for frames that follow each other from the start of a file.
 *
 * @throws {RangeError} unless sizes are integers in 0…2^32 − 1
 * @throws {ZstashError} SIZE_LIMIT if the table would exceed 64 MiB
 * @example
 * ```ts
 * const table = writeSeekTable([{ compressedSize: 1000, decompressedSize: 65_536 }]);
 * table.length; // → 25
 * ```
 */
export function writeSeekTable(entries: Iterable<SeekTableEntry>): Uint8Array<ArrayBuffer> {
  const writer = new SeekTableWriter();
  for (const { compressedSize, decompressedSize } of entries) writer.add(compressedSize, decompressedSize);
  return writer.toBytes();
}

function requireUint32(value: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`"${name}" must be a whole number below 2^32, got ${value}`);
  }
}
