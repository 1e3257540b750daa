/** Learns the prefixes of an application's keys from a sample. Without I/O. */

/** A key and the bytes of its value. */
export interface Weighed {
  readonly key: string;
  readonly size: number;
}

/** The name of the row for keys that no prefix matches. */
export const OTHER = "(other)";

/**
 * A part of a key with more different values than this, or more than this share of its keys, is an id and not a name.
 */
const NAMES_MAX = 40;
const NAMES_SHARE = 0.25;
/** A part that is in so many keys, and in this share of them, is a name even where most parts beside it are ids. */
const FREQUENT_MIN = 10;
const FREQUENT_SHARE = 0.02;
/** The most parts of a prefix. */
const DEPTH_MAX = 4;
const SEPARATOR = /[:/|]/g;

interface Group {
  readonly prefix: string;
  readonly depth: number;
  readonly keys: readonly Weighed[];
}

/** At most `most` prefixes: those with the most bytes, largest first. */
export function learnPrefixes(keys: readonly Weighed[], most: number): string[] {
  const done: Group[] = [];
  const open: Group[] = [{ prefix: "", depth: 0, keys }];
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    const { prefix, depth, keys: held } = group;
    const parts = depth === DEPTH_MAX ? new Map<string, Weighed[]>() : split(held, prefix.length);
    const rest = parts.get("") ?? [];
    parts.delete("");
    const isNames = parts.size <= NAMES_MAX && parts.size <= Math.max(1, held.length * NAMES_SHARE);
    if (parts.size === 0) {
      done.push(group);
      continue;
    }
    if (!isNames) {
      // Ids: but a part that many keys share is a name among them.
      const least = Math.max(FREQUENT_MIN, held.length * FREQUENT_SHARE);
      for (const [part, its] of parts) {
        if (its.length >= least) continue;
        rest.push(...its);
        parts.delete(part);
      }
    }
    for (const [part, its] of parts) open.push({ prefix: part, depth: depth + 1, keys: its });
    if (rest.length > 0) done.push({ prefix, depth: DEPTH_MAX, keys: rest });
  }
  return done
    .filter(({ prefix }) => prefix !== "")
    .map(({ prefix, keys: its }) => ({ prefix, bytes: its.reduce((sum, { size }) => sum + size, 0) }))
    .sort((a, b) => b.bytes - a.bytes || (a.prefix < b.prefix ? -1 : 1))
    .slice(0, most)
    .map(({ prefix }) => prefix);
}

/** Groups keys by their prefix up to the next separator after `from`; "" for keys that have none. */
function split(keys: readonly Weighed[], from: number): Map<string, Weighed[]> {
  const parts = new Map<string, Weighed[]>();
  for (const one of keys) {
    SEPARATOR.lastIndex = from;
    const found = SEPARATOR.exec(one.key);
    const part = found === null ? "" : one.key.slice(0, found.index + 1);
    const its = parts.get(part);
    if (its === undefined) parts.set(part, [one]);
    else its.push(one);
  }
  return parts;
}

/** The longest prefix that a key begins with; OTHER if there is none. */
export function prefixOf(key: string, prefixes: readonly string[]): string {
  let best = "";
  for (const prefix of prefixes) if (prefix.length > best.length && key.startsWith(prefix)) best = prefix;
  return best === "" ? OTHER : best;
}
