/** The names, lifetimes and marks of temporary keys, in which uploads build their values. */
import { toHex } from "../bytes.ts";
import { utf8Encoder } from "../text.ts";

/** The text between a key and the hexadecimal part of its temporary keys. */
const MARK = ":zstash:";
/** The digits that are random, that prove the name, and that select the key's slot. */
const RANDOM_DIGITS = 16;
const PROOF_DIGITS = 12;
const SLOT_DIGITS = 4;
/** The number of slots of a Redis Cluster. */
const SLOTS = 16384;

/** Milliseconds that a temporary key lives without renewal. */
export const TEMPORARY_TTL: number = 15 * 60_000;
/** Milliseconds between renewals while an upload runs. */
export const RENEWAL_INTERVAL: number = 5 * 60_000;
/** The times at which temporary keys are renewed, in milliseconds. */
export interface RenewalTimes {
  readonly interval: number;
  /** The pause after a failed renewal. */
  readonly pause: number;
}
export const RENEWAL: RenewalTimes = { interval: RENEWAL_INTERVAL, pause: 30_000 };
/** A temporary key with less time to live, or without an expiry, belongs to no running upload: two renewals failed. */
export const ABANDONED_BELOW: number = TEMPORARY_TTL - 2 * RENEWAL_INTERVAL;

/**
 * The first bytes of a temporary key, until the value's first piece, which is sent last, replaces them. The smallest
 * piece is longer.
 */
export const UPLOAD_MARK = "zstash upload, not complete\n";
/** The number of bytes at a key's start that show whether it is an upload's. */
export const PROOF_SIZE = 64;

/**
 * The name of a key that nobody else writes to, in which the value of `key` is built: in the same slot of a Redis
 * Cluster.
 */
export function temporaryKey(key: string): string {
  const slot = hasTag(key) ? undefined : crc16(utf8Encoder.encode(key)) % SLOTS;
  for (;;) {
    const random = toHex(crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS / 2)));
    const name = `${key}${MARK}${random}${proofOf(key, random)}`;
    const digits = slot === undefined ? "0000" : digitsFor(name, slot);
    if (digits !== undefined) return name + digits;
  }
}

/** Matches all temporary keys, in Redis' glob syntax. */
export const TEMPORARY_PATTERN: string = `*${MARK}${"[0-9a-f]".repeat(RANDOM_DIGITS + PROOF_DIGITS + SLOT_DIGITS)}`;

/** Returns true for a name that `temporaryKey` has made; one other name in 2^48 looks like one. */
export function isTemporaryKey(name: string): boolean {
  const match = /^([^]*):zstash:([0-9a-f]{16})([0-9a-f]{12})[0-9a-f]{4}$/.exec(name);
  return match !== null && proofOf(match[1]!, match[2]!) === match[3];
}

/**
 * Returns true if a key of such a name holds an upload by its first bytes: the mark that it began with; nothing, if
 * it was emptied; or the zero bytes before a piece that arrived after the key had gone. A complete value expires by
 * itself.
 */
export function isUpload(head: Uint8Array, size: number, ttl: number): boolean {
  if (size === 0) return true;
  if (ttl === -1 && size > head.length && head.every((byte) => byte === 0)) return true;
  const mark = utf8Encoder.encode(UPLOAD_MARK);
  return mark.every((byte, index) => head[index] === byte);
}

/**
 * Returns true if Redis Cluster hashes only the part of a key in braces, which its temporary keys share (cluster
 * spec).
 */
function hasTag(key: string): boolean {
  const open = key.indexOf("{");
  return open !== -1 && key.indexOf("}", open) > open + 1;
}

/**
 * Four digits that put a name into a slot; undefined if there are none. A CRC is linear, so the effects of the first
 * two and of the last two digits are computed separately, and 512 sums are searched instead of 65,536.
 */
function digitsFor(name: string, slot: number): string | undefined {
  const wanted = [0, 0, 0, 0].reduce(step, crc16(utf8Encoder.encode(name))) ^ slot;
  const lastTwo = new Map<number, string>();
  for (const pair of pairs()) lastTwo.set(crc16(pair.bytes) % SLOTS, pair.digits);
  for (const { bytes, digits } of pairs()) {
    const rest = lastTwo.get(([...bytes, 0, 0].reduce(step, 0) ^ wanted) % SLOTS);
    if (rest !== undefined) return digits + rest;
  }
  return undefined;
}

/** All pairs of hexadecimal digits. */
function* pairs(): Generator<{ readonly digits: string; readonly bytes: Uint8Array }, void, undefined> {
  for (let pair = 0; pair < 256; pair++) {
    const digits = pair.toString(16).padStart(2, "0");
    yield { digits, bytes: utf8Encoder.encode(digits) };
  }
}

/** CRC-16/XMODEM, with which Redis Cluster selects slots. */
function crc16(bytes: Uint8Array): number {
  return bytes.reduce(step, 0);
}

function step(crc: number, byte: number): number {
  let next = crc ^ (byte << 8);
  for (let bit = 0; bit < 8; bit++) next = next & 0x8000 ? (next << 1) ^ 0x1021 : next << 1;
  return next & 0xffff;
}

/** Digits that no other program appends to a key and 16 digits: a hash of both. */
function proofOf(key: string, random: string): string {
  const bytes = utf8Encoder.encode(`${key}${MARK}${random}`);
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b) ^ (high >>> 13);
  }
  const word = (value: number): string => {
    let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, "0");
  };
  return (word(low) + word(high)).slice(0, PROOF_DIGITS);
}
