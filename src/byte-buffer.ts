/** A buffer that grows as bytes arrive: for replies, frames and text whose length is claimed but not proven. */
/**
 * Bytes that arrive in pieces, up to a known limit. The buffer starts small and doubles, so a claimed length costs
 * nothing until its bytes arrive, and the whole is copied a constant number of times however it is split.
 */
export class ByteBuffer {
  readonly #limit: number;
  readonly #first: number;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** `limit` is the most bytes that are ever appended; `first` how many the first allocation has at most. */
  constructor(limit: number, first: number) {
    this.#limit = limit;
    this.#first = first;
  }

  get length(): number {
    return this.#length;
  }

  /** What has arrived: a view, valid until the next append. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Copy a piece to the end. The caller has checked that it stays within the limit. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const size = Math.min(this.#limit, Math.max(length, 2 * this.#bytes.length, this.#first));
      const grown = new Uint8Array(size);
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }
}
