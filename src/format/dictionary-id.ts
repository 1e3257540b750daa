/**
 * The id of a dictionary that was not given one: a hash of its bytes, so that the same bytes have the same id
 * everywhere.
 */

/** Ids from here to 2^31 − 1 are free for everybody; RFC 8878 §5 reserves those below and above for a registrar. */
const FREE_FROM = 32768;
const FREE_COUNT: number = 2 ** 31 - FREE_FROM;

const [P1, P2, P3, P4, P5]: readonly [number, number, number, number, number] = [
  0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1,
];

/** The bytes before the hashed ones: the magic number and the id itself. */
const HASHED_FROM = 8;

/**
 * The id in 32768…2^31 − 1 for the bytes of a dictionary, whatever id they contain now: the XXH32 of everything after
 * the id, modulo the number of free ids.
 */
export function dictionaryIdOf(bytes: Uint8Array): number {
  return FREE_FROM + (xxh32(bytes.subarray(HASHED_FROM)) % FREE_COUNT);
}

/** XXH32 with seed 0 (xxHash's specification, section "XXH32 algorithm description"). */
export function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash = P5;
  if (length >= 16) {
    let [a, b, c, d] = [(P1 + P2) | 0, P2, 0, -P1 | 0];
    for (; at <= length - 16; at += 16) {
      a = round(a, view.getUint32(at, true));
      b = round(b, view.getUint32(at + 4, true));
      c = round(c, view.getUint32(at + 8, true));
      d = round(d, view.getUint32(at + 12, true));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + length) | 0;
  for (; at <= length - 4; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint32(at, true), P3)) | 0, 17), P4);
  }
  for (; at < length; at++) hash = Math.imul(rotate((hash + Math.imul(view.getUint8(at), P5)) | 0, 11), P1);
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
