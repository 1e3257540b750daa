/** Divides a value into pieces, one for each HTTP request. */

/** Sizes of pieces, in bytes. */
export interface PieceSizes {
  /** The size of every piece but the first and the last; undefined lets pieces grow with what was sent before. */
  readonly fixed: number | undefined;
  /** The size of the first piece, which holds the frame's header. */
  readonly first: number;
}

/** The limits of growing pieces. */
const PIECE_MIN = 256 << 10;
const PIECE_MAX = 8 << 20;
/** A piece is a sixth of all pieces before it: 100 MB are 36 pieces, and a Worker may send 50 requests. */
const GROWTH = 6;

/** The size of the piece that begins at `offset`. */
export function pieceSizeAt(offset: number, { fixed, first }: PieceSizes): number {
  if (offset === 0) return first;
  return fixed ?? Math.min(PIECE_MAX, Math.max(PIECE_MIN, Math.floor(offset / GROWTH)));
}

/** The bytes of a value for one request: `[offset, offset + bytes.length)` of what is stored. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Divides chunks of any size into pieces. */
export class PieceCutter {
  readonly #sizes: PieceSizes;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #offset = 0;

  constructor(sizes: PieceSizes) {
    this.#sizes = sizes;
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#offset + this.#held;
  }

  /** Takes a chunk and yields the pieces that it completes. */
  *push(chunk: Uint8Array): Generator<Piece, void, undefined> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    for (let size = this.#next(); this.#held >= size; size = this.#next()) yield this.#cut(size);
  }

  /** The last piece, if bytes are left. */
  finish(): Piece | undefined {
    return this.#held === 0 ? undefined : this.#cut(this.#held);
  }

  #next(): number {
    return Math.max(1, pieceSizeAt(this.#offset, this.#sizes));
  }

  #cut(size: number): Piece {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, size - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#held -= size;
    const offset = this.#offset;
    this.#offset += size;
    return { offset, bytes };
  }
}
