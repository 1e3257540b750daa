/** Names and lifetimes of temporary keys, in which uploads build their values. */

/** Stands between a key and the random part of its temporary keys. */
const MARK = ":zstash:";
const RANDOM_SIZE = 16;

/** Milliseconds that a temporary key lives without being renewed. */
export const TEMPORARY_TTL: number = 15 * 60_000;
/** Milliseconds between renewals while an upload runs. */
export const RENEWAL_INTERVAL: number = 5 * 60_000;
/** A temporary key that expires sooner, or never, belongs to no running upload: two renewals failed. */
export const ABANDONED_BELOW: number = TEMPORARY_TTL - 2 * RENEWAL_INTERVAL;

/** A key that nobody else writes to, in which the value of `key` is built. */
export function temporaryKey(key: string): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_SIZE));
  return `${key}${MARK}${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Matches all temporary keys, in Redis' glob syntax. */
export const TEMPORARY_PATTERN: string = `*${MARK}${"[0-9a-f]".repeat(RANDOM_SIZE * 2)}`;

/** Tells whether a key has the form of a temporary key. */
export function isTemporaryKey(key: string): boolean {
  return /:zstash:[0-9a-f]{32}$/.test(key);
}
