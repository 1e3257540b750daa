/** A sorted set: scores by member, and the members in the order of their scores. */
import { fromBinary, toBinary } from "../text.ts";
import { ByteMap } from "./byte-map.ts";

/** A member, as toBinary writes it, and its score. */
export interface Scored {
  readonly member: string;
  readonly score: number;
}

/** Up to these sizes Redis keeps sets in a compact form, which shows in the text of some scores. */
const COMPACT_MEMBERS = 128;
const COMPACT_MEMBER_SIZE = 64;

/** The most entries of a piece. An insertion moves half of them, and finding a rank adds the lengths of all pieces. */
const PIECE_MAX = 512;

/** Members with scores, ordered by score and then by bytes. The order is an array in pieces of at most 512 entries. */
export class SortedSet {
  readonly #scores = new ByteMap<number>();
  /** No piece is empty. */
  readonly #pieces: Scored[][] = [];
  #isCompact = true;

  /** True if Redis would have the set in its compact form, to which a set never returns. */
  get isCompact(): boolean {
    return this.#isCompact;
  }

  get size(): number {
    return this.#scores.size;
  }

  score(member: Uint8Array): number | undefined {
    return this.#scores.get(member);
  }

  /** Returns true if the member is new. In the compact form a score of −0 becomes 0. */
  set(member: Uint8Array, given: number): boolean {
    const old = this.#scores.get(member);
    if (old === undefined && (this.size >= COMPACT_MEMBERS || member.length > COMPACT_MEMBER_SIZE))
      this.#isCompact = false;
    const score = given === 0 && this.#isCompact ? 0 : given;
    if (old === score) return false;
    const binary = toBinary(member);
    if (old !== undefined) this.#remove({ member: binary, score: old });
    this.#insert({ member: binary, score });
    return this.#scores.set(member, score);
  }

  delete(member: Uint8Array): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#remove({ member: toBinary(member), score });
    return this.#scores.delete(member);
  }

  /** The number of members before this one; undefined if it is not in the set. */
  rank(member: Uint8Array): number | undefined {
    const score = this.#scores.get(member);
    if (score === undefined) return undefined;
    const sought = { member: toBinary(member), score };
    return this.countWhile((entry) => isBefore(entry, sought));
  }

  /** The number of members at the start of the order for which `test` holds. It must hold for none after these. */
  countWhile(test: (entry: Scored) => boolean): number {
    let count = 0;
    for (const piece of this.#pieces) {
      if (!test(piece.at(-1) as Scored)) return count + lowerBound(piece, test);
      count += piece.length;
    }
    return count;
  }

  /** The members at the positions [start, end) of the order. */
  slice(start: number, end: number): Scored[] {
    const found: Scored[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      if (at >= end) break;
      if (at + piece.length > start)
        for (const entry of piece.slice(Math.max(0, start - at), end - at)) found.push(entry);
      at += piece.length;
    }
    return found;
  }

  entries(): Iterable<readonly [member: Uint8Array, score: number]> {
    return this.#scores.entries();
  }

  scan(cursor: bigint, count: number): ReturnType<ByteMap<number>["scan"]> {
    return this.#scores.scan(cursor, count);
  }

  sample(count: number, options: { readonly repeat: boolean }): ReturnType<ByteMap<number>["sample"]> {
    return this.#scores.sample(count, options);
  }

  copy(): SortedSet {
    const copy = new SortedSet();
    copy.#isCompact = this.#isCompact;
    for (const piece of this.#pieces) {
      copy.#pieces.push([...piece]);
      for (const { member, score } of piece) copy.#scores.set(fromBinary(member), score);
    }
    return copy;
  }

  #insert(entry: Scored): void {
    const at = this.#pieceOf(entry);
    const piece = this.#pieces[at];
    if (piece === undefined) {
      this.#pieces.push([entry]);
      return;
    }
    piece.splice(
      lowerBound(piece, (other) => isBefore(other, entry)),
      0,
      entry,
    );
    // Members that come in order leave full pieces behind, because only the end of the last piece is cut off.
    if (piece.length > PIECE_MAX) {
      const isLast = at === this.#pieces.length - 1;
      this.#pieces.splice(at + 1, 0, piece.splice(isLast ? PIECE_MAX : PIECE_MAX / 2));
    }
  }

  #remove(entry: Scored): void {
    const at = this.#pieceOf(entry);
    const piece = this.#pieces[at] ?? [];
    piece.splice(
      lowerBound(piece, (other) => isBefore(other, entry)),
      1,
    );
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /**
   * The index of the piece that holds an entry or would hold it: the first one that does not end before it, or the
   * last one.
   */
  #pieceOf(entry: Scored): number {
    const at = lowerBound(this.#pieces, (piece) => isBefore(piece.at(-1) as Scored, entry));
    return Math.max(0, Math.min(at, this.#pieces.length - 1));
  }
}

/** The order: by score, then by the bytes of the member. */
export function isBefore(a: Scored, b: Scored): boolean {
  return a.score < b.score || (a.score === b.score && a.member < b.member);
}

/** The number of items at the start for which `test` holds. */
function lowerBound<Item>(items: readonly Item[], test: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(items[middle] as Item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
