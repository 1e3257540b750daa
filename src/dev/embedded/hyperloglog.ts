/**
 * Commands about HyperLogLogs: PFADD, PFCOUNT and PFMERGE. They are strings as in Redis, but always in its dense
 * form, which Redis uses only for larger ones: GET and STRLEN show the difference, the counts do not.
 */
import type { RespValue } from "../../rest/resp.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer, OK } from "./replies.ts";
import { ByteString } from "./values.ts";

/** The hash's low bits choose a register. It keeps the largest number of zeros after them, plus 1. */
const INDEX_BITS = 14;
const REGISTERS = 2 ** INDEX_BITS;
const COUNTED_BITS = 64 - INDEX_BITS;
const REGISTER_WIDTH = 6;
/** "HYLL", the encoding, and a place for a cached count, whose highest bit marks it as out of date. */
const HEADER = [0x48, 0x59, 0x4c, 0x4c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];
const SIZE = HEADER.length + (REGISTERS * REGISTER_WIDTH) / 8;
const INVALID = "WRONGTYPE Key is not a valid HyperLogLog string value.";
/** The bias of the estimate for infinitely many registers. */
const ALPHA: number = 1 / (2 * Math.LN2);

const HASH_SEED = 0xadc83b19n;
const HASH_FACTOR = 0xc6a4a7935bd1e995n;

/** MurmurHash64A. */
function hash(bytes: Uint8Array): bigint {
  const times = (value: bigint): bigint => BigInt.asUintN(64, value * HASH_FACTOR);
  const word = (at: number, length: number): bigint => {
    let value = 0n;
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[at + index] ?? 0);
    return value;
  };
  let state = HASH_SEED ^ times(BigInt(bytes.length));
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at < whole; at += 8) {
    const mixed = times(word(at, 8));
    state = times(state ^ times(mixed ^ (mixed >> 47n)));
  }
  if (whole < bytes.length) state = times(state ^ word(whole, bytes.length - whole));
  state = times(state ^ (state >> 47n));
  return state ^ (state >> 47n);
}

/** The register of an element, and the minimum that it must hold. */
function placeOf(element: Uint8Array): readonly [register: number, rank: number] {
  const hashed = hash(element);
  let rest = (hashed >> BigInt(INDEX_BITS)) | (1n << BigInt(COUNTED_BITS));
  let rank = 1;
  for (; (rest & 1n) === 0n; rest >>= 1n) rank++;
  return [Number(hashed & BigInt(REGISTERS - 1)), rank];
}

function readRegister(bytes: Uint8Array, register: number): number {
  const bit = register * REGISTER_WIDTH;
  const at = HEADER.length + (bit >> 3);
  return (((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)) >> (bit & 7)) & 63;
}

/** Raises a register. Returns true if it was lower. */
function raise(bytes: Uint8Array, register: number, rank: number): boolean {
  if (readRegister(bytes, register) >= rank) return false;
  const bit = register * REGISTER_WIDTH;
  const at = HEADER.length + (bit >> 3);
  const shift = bit & 7;
  const pair = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  const changed = (pair & ~(63 << shift)) | (rank << shift);
  bytes[at] = changed;
  if (at + 1 < bytes.length) bytes[at + 1] = changed >> 8;
  return true;
}

function create(): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  bytes.set(HEADER);
  return bytes;
}

/** The bytes of a key, to read and to write; undefined if there is none. */
function read(keyspace: Keyspace, key: Uint8Array): Uint8Array | undefined {
  const bytes = keyspace.read(key, "string")?.string.peek();
  if (bytes === undefined) return undefined;
  const isValid = bytes.length === SIZE && HEADER.slice(0, 5).every((byte, index) => byte === bytes[index]);
  if (!isValid) throw new ErrorReply(INVALID);
  return bytes;
}

function open(keyspace: Keyspace, key: Uint8Array): { readonly bytes: Uint8Array; readonly isNew: boolean } {
  const found = read(keyspace, key);
  if (found !== undefined) return { bytes: found, isNew: false };
  const bytes = create();
  keyspace.set(key, { type: "string", string: new ByteString(bytes) });
  return { bytes, isNew: true };
}

function add(keyspace: Keyspace, args: Arguments): RespValue {
  const { bytes, isNew } = open(keyspace, args.bytes(1));
  let changed = isNew;
  for (const element of args.from(2)) if (raise(bytes, ...placeOf(element))) changed = true;
  return integer(changed);
}

/** Merges the registers of several keys: the larger one wins. */
function merge(target: Uint8Array, sources: readonly (Uint8Array | undefined)[]): Uint8Array {
  for (const source of sources) {
    if (source === undefined) continue;
    for (let register = 0; register < REGISTERS; register++)
      raise(target, register, readRegister(source, register));
  }
  return target;
}

/** The estimate of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6. */
function estimate(bytes: Uint8Array): number {
  const counts = Array.from({ length: 64 }, () => 0);
  for (let register = 0; register < REGISTERS; register++) {
    const rank = readRegister(bytes, register);
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  let z = REGISTERS * tau((REGISTERS - (counts[COUNTED_BITS + 1] ?? 0)) / REGISTERS);
  for (let rank = COUNTED_BITS; rank >= 1; rank--) z = 0.5 * (z + (counts[rank] ?? 0));
  z += REGISTERS * sigma((counts[0] ?? 0) / REGISTERS);
  return Math.round((ALPHA * REGISTERS * REGISTERS) / z);
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let [x, y, z, before] = [share, 1, 1 - share, NaN];
  while (z !== before) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

function sigma(share: number): number {
  if (share === 1) return Infinity;
  let [x, y, z, before] = [share, 1, share, NaN];
  while (z !== before) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

export const HYPERLOGLOG_COMMANDS: CommandTable = {
  PFADD: [-2, add],
  PFCOUNT: [
    -2,
    (keyspace, args) => {
      const sources = args.from(1).map((key) => read(keyspace, key));
      const [only] = sources;
      if (sources.length === 1) return integer(only === undefined ? 0 : estimate(only));
      return integer(estimate(merge(create(), sources)));
    },
  ],
  PFMERGE: [
    -2,
    (keyspace, args) => {
      const sources = args.from(1).map((key) => read(keyspace, key));
      merge(open(keyspace, args.bytes(1)).bytes, sources);
      return OK;
    },
  ],
};
