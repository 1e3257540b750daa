/** The most bytes a string value may have, Redis' proto-max-bulk-len. */
export const MAX_STRING_LENGTH: number = 512 * 1024 * 1024;

/**
 * A string value: bytes that grow in place. Appending doubles the buffer, so a value built from n pieces is
 * copied a constant number of times. Readers get copies: a reply must not change with the value.
 */
export class ByteString {
  #buffer: Uint8Array;
  #length: number;

  /** Takes the bytes over: nobody else may write to them. */
  constructor(bytes: Uint8Array) {
    this.#buffer = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of the bytes in [start, end). */
  slice(start = 0, end: number = this.#length): Uint8Array {
    return this.#buffer.slice(start, Math.min(end, this.#length));
  }

  /** The byte at an index, 0 past the end. */
  at(index: number): number {
    return index < this.#length ? (this.#buffer[index] ?? 0) : 0;
  }

  /** The bytes themselves, to be read at once and not kept. */
  peek(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Overwrite from an offset on; what lies between the old end and the offset is zero. */
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(MAX_STRING_LENGTH, Math.max(end, 2 * this.#buffer.length)));
      grown.set(this.peek());
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, offset);
    this.#length = Math.max(this.#length, end);
  }
}
