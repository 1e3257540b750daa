/** Chooses the values to read: strata by prefix and size, in each a draw with probabilities proportional to size. Without I/O. */
import { hashOfKey } from "./bottom-k.ts";
import { prefixOf } from "./prefixes.ts";
import type { Measured } from "./sample.ts";

/** Keys of one prefix and of similar sizes, and which of them are read. */
export interface Cell {
  readonly prefix: string;
  readonly members: readonly Measured[];
  /** Nothing needs to be read: the bytes after are the bytes before. */
  readonly isKnown: boolean;
  /** Members that are read whatever the draw: each holds more than its share of the bytes. */
  readonly certain: readonly Measured[];
  /** Members that were drawn, each with a probability proportional to its size. */
  readonly drawn: readonly Measured[];
}

export interface ChoiceSettings {
  /** Values to read, all together. */
  readonly sample: number;
  readonly maxValue: number;
  readonly seed: number;
}

/** Values of a prefix that are read, at least. */
const READ_MIN = 8;
/** Values that are read of a stratum, about: enough to tell its variance. */
const READ_PER_CELL = 20;
/** Makes the second draw another one than the first, which chose keys by the same hash. */
const SECOND_DRAW = 0x5bd1e995;

/** Puts keys into strata, and chooses of each the values to read: as many as its share of the bytes. */
export function chooseCells(
  keys: readonly Measured[],
  prefixes: readonly string[],
  { sample, maxValue, seed }: ChoiceSettings,
): Cell[] {
  const known = new Map<string, Measured[]>();
  const open = new Map<string, Measured[]>();
  let bytes = 0;
  for (const one of keys) {
    const { key, size = 0 } = one;
    const isKnown = size === 0 || size > maxValue;
    const prefix = prefixOf(key, prefixes);
    const groups = isKnown ? known : open;
    const its = groups.get(prefix);
    if (its === undefined) groups.set(prefix, [one]);
    else its.push(one);
    if (!isKnown) bytes += size;
  }
  const cells = [...known].map(([prefix, members]): Cell => ({
    prefix,
    members,
    isKnown: true,
    certain: [],
    drawn: [],
  }));
  for (const [prefix, members] of open) {
    const most = Math.max(READ_MIN, Math.round((sample * bytesOf(members)) / bytes));
    // The largest first: they would take the reads of the others in their part.
    const { certain, others } = takeLargest(members, most);
    if (certain.length > 0) cells.push({ prefix, members: certain, isKnown: false, certain, drawn: [] });
    const count = most - certain.length;
    for (const part of inParts(others, Math.max(1, Math.floor(count / READ_PER_CELL)))) {
      const its = Math.max(2, Math.round((count * bytesOf(part)) / bytesOf(others)));
      cells.push({ prefix, members: part, isKnown: false, ...drawBySize(part, its, seed) });
    }
  }
  return cells;
}

const bytesOf = (members: readonly Measured[]): number =>
  members.reduce((sum, { size = 0 }) => sum + size, 0);

/** The members of which each holds more than one of `count` equal shares of the bytes of those that are no larger. */
function takeLargest(
  members: readonly Measured[],
  count: number,
): { readonly certain: Measured[]; readonly others: Measured[] } {
  const sorted = [...members].sort((a, b) => b.size! - a.size!);
  let left = bytesOf(sorted);
  let taken = 0;
  while (taken < Math.min(count, sorted.length) && sorted[taken]!.size! * (count - taken) >= left)
    left -= sorted[taken++]!.size!;
  return { certain: sorted.slice(0, taken), others: sorted.slice(taken) };
}

/** Members by size in so many parts of about equal bytes, or in fewer. */
function inParts(members: readonly Measured[], count: number): Measured[][] {
  if (members.length === 0) return [];
  const sorted = [...members].sort((a, b) => a.size! - b.size!);
  const most = bytesOf(sorted) / count;
  const parts: Measured[][] = [[]];
  let held = 0;
  for (const one of sorted) {
    if (held >= most * parts.length && parts.length < count) parts.push([]);
    parts.at(-1)!.push(one);
    held += one.size!;
  }
  return parts;
}

/**
 * Draws `count` of the members, each with a probability proportional to its size; those for which that would be more than 1
 * are certain. Sequential Poisson sampling (Ohlsson 1998): the members of the least number drawn by size.
 */
export function drawBySize(
  members: readonly Measured[],
  count: number,
  seed: number,
): Pick<Cell, "certain" | "drawn"> {
  const { certain, others } = takeLargest(members, count);
  const ranked = others
    .map((one) => ({ one, rank: (hashOfKey(one.key, seed ^ SECOND_DRAW) + 1) / one.size! }))
    .sort((a, b) => a.rank - b.rank);
  return { certain, drawn: ranked.slice(0, count - certain.length).map(({ one }) => one) };
}
