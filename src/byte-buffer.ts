/** A buffer that grows as bytes arrive: for replies, frames and tables whose length is not known or not yet proven. */

/**
 * Bytes that arrive in pieces, up to a known limit. The buffer starts small and doubles, so a claimed length costs
 * nothing until its bytes arrive, and the whole is copied a constant number of times however it is split.
 */
export class ByteBuffer {
  readonly #limit: number;
  readonly #first: number;
  #memory: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /**
   * `limit` is the largest number of bytes that the buffer ever holds; `first` is the largest first allocation, in
   * bytes.
   */
  constructor(limit: number, first: number) {
    this.#limit = limit;
    this.#first = first;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes held so far: a view that is valid until the next append. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Copies a piece to the end. The caller has checked that it stays within the limit. */
  append(piece: Uint8Array): void {
    if (this.#end + piece.length > this.#memory.length) this.#makeRoom(this.length + piece.length);
    this.#memory.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** Forgets the first `size` bytes. Their memory is kept for later bytes. */
  drop(size: number): void {
    this.#start += size;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Moves the held bytes to the front. Takes more memory unless half of it would then stay free. */
  #makeRoom(needed: number): void {
    const held = this.bytes;
    const { length } = this.#memory;
    if (needed > length || (needed > length / 2 && length < this.#limit)) {
      this.#memory = new Uint8Array(Math.min(this.#limit, Math.max(needed, 2 * length, this.#first)));
    }
    this.#memory.set(held);
    this.#start = 0;
    this.#end = held.length;
  }
}

/**
 * Copies a buffer into one that is at least `size` bytes and at least twice as long, but no longer than `limit`; the
 * rest is zero.
 */
export function grow(buffer: Uint8Array, size: number, limit: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.min(limit, Math.max(size, 2 * buffer.length)));
  grown.set(buffer);
  return grown;
}
