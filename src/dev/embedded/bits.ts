/** Commands about the bits of strings, except BITFIELD: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. */
import type { RespValue } from "../../rest/resp.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer } from "./replies.ts";
import { checkLength, openString } from "./strings.ts";
import { ByteString } from "./values.ts";

export const BAD_OFFSET = "ERR bit offset is not an integer or out of range";
const BAD_BIT = "ERR bit is not an integer or out of range";
/** Bits in 512 MiB. */
export const MAX_BITS: number = 2 ** 32;
/** The number of one bits in each byte. */
const ONES: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll("0", "").length,
);

function readOffset(args: Arguments): number {
  const offset = args.number(2, BAD_OFFSET);
  if (offset < 0 || offset >= MAX_BITS) throw new ErrorReply(BAD_OFFSET);
  return offset;
}

/** A bit of a string, 0 past its end. Bit 0 is the most significant bit of byte 0. */
function bitAt(bytes: Uint8Array, offset: number): number {
  return ((bytes[Math.floor(offset / 8)] ?? 0) >> (7 - (offset % 8))) & 1;
}

function setBit(keyspace: Keyspace, args: Arguments): RespValue {
  const offset = readOffset(args);
  const bit = args.number(3, BAD_BIT);
  if (bit !== 0 && bit !== 1) throw new ErrorReply(BAD_BIT);
  const index = Math.floor(offset / 8);
  checkLength(index + 1);
  const string = openString(keyspace, args.bytes(1));
  const oldBit = bitAt(string.peek(), offset);
  const oldByte = string.peek()[index] ?? 0;
  const mask = 1 << (7 - (offset % 8));
  string.write(index, Uint8Array.of(bit === 1 ? oldByte | mask : oldByte & ~mask));
  return integer(oldBit);
}

/** The half-open range of bits that `[start [end [BYTE|BIT]]]` at an index means for a string of a given size. */
function readRange(args: Arguments, index: number, size: number): readonly [number, number] {
  if (args.length === index) return [0, size * 8];
  const start = args.number(index);
  const end = args.length === index + 1 ? -1 : args.number(index + 1);
  const unit = args.length > index + 2 ? args.option(index + 2) : "BYTE";
  if (unit !== "BYTE" && unit !== "BIT") throw args.syntaxError();
  const width = unit === "BIT" ? 1 : 8;
  const length = (size * 8) / width;
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length, Math.max(0, end < 0 ? length + end : end) + 1);
  return from < to ? [from * width, to * width] : [0, 0];
}

/** BITCOUNT counts nothing from one negative place to an earlier one; BITPOS takes both as the start of the string. */
function isBackwards(args: Arguments): boolean {
  if (args.length < 4) return false;
  const [start, end] = [args.number(2), args.number(3)];
  return start < 0 && end < 0 && start > end;
}

function bitCount(keyspace: Keyspace, args: Arguments): RespValue {
  const bytes = keyspace.read(args.bytes(1), "string")?.string.peek();
  if (bytes === undefined) return integer(0);
  if (args.length === 3 || args.length > 5) throw args.syntaxError();
  const [start, end] = isBackwards(args) ? [0, 0] : readRange(args, 2, bytes.length);
  let count = 0;
  for (let bit = start; bit < end;) {
    if (bit % 8 === 0 && end - bit >= 8) {
      count += ONES[bytes[bit / 8] ?? 0] ?? 0;
      bit += 8;
    } else {
      count += bitAt(bytes, bit++);
    }
  }
  return integer(count);
}

/** BITPOS. Without an end argument the string continues with zeros forever, so that a 0 is always found. */
function bitPosition(keyspace: Keyspace, args: Arguments): RespValue {
  const bit = args.number(2);
  if (bit !== 0 && bit !== 1) throw new ErrorReply("ERR The bit argument must be 1 or 0.");
  const bytes = keyspace.read(args.bytes(1), "string")?.string.peek();
  if (bytes === undefined) return integer(bit === 1 ? -1 : 0);
  if (args.length > 6) throw args.syntaxError();
  const [start, end] = readRange(args, 3, bytes.length);
  if (start >= end) return integer(-1);
  const full = bit === 1 ? 0 : 255;
  for (let at = start; at < end;) {
    if (at % 8 === 0 && end - at >= 8 && bytes[at / 8] === full) at += 8;
    else if (bitAt(bytes, at) === bit) return integer(at);
    else at++;
  }
  return integer(bit === 0 && args.length < 5 ? bytes.length * 8 : -1);
}

/** The operations of BITOP on the bytes at one position; `first` is that of the first key. */
const OPERATIONS: Readonly<Record<string, (first: number, others: readonly number[]) => number>> = {
  AND: (first, others) => others.reduce((byte, other) => byte & other, first),
  OR: (first, others) => first | union(others),
  XOR: (first, others) => others.reduce((byte, other) => byte ^ other, first),
  NOT: (first) => ~first,
  // As in Redis 8.2.
  DIFF: (first, others) => first & ~union(others),
  DIFF1: (first, others) => ~first & union(others),
  ANDOR: (first, others) => first & union(others),
  ONE: (first, others) => {
    let [once, more] = [first, 0];
    for (const other of others) [once, more] = [once ^ other, more | (once & other)];
    return once & ~more;
  },
};

function union(bytes: readonly number[]): number {
  return bytes.reduce((byte, other) => byte | other, 0);
}

function bitOperation(keyspace: Keyspace, args: Arguments): RespValue {
  const operation = args.option(1);
  const combine = OPERATIONS[operation];
  if (combine === undefined) throw args.syntaxError();
  if (operation === "NOT" && args.length !== 4)
    throw new ErrorReply("ERR BITOP NOT must be called with a single source key.");
  if (["DIFF", "DIFF1", "ANDOR"].includes(operation) && args.length < 5)
    throw new ErrorReply(`ERR BITOP ${operation} must be called with at least two source keys.`);
  const sources = args.from(3).map((key) => keyspace.read(key, "string")?.string.peek() ?? new Uint8Array(0));
  const [first, ...others] = sources;
  const result = new Uint8Array(sources.reduce((length, source) => Math.max(length, source.length), 0));
  for (let index = 0; index < result.length; index++) {
    result[index] = combine(
      first?.[index] ?? 0,
      others.map((other) => other[index] ?? 0),
    );
  }
  const target = args.bytes(2);
  if (result.length === 0) keyspace.delete(target);
  else keyspace.set(target, { type: "string", string: new ByteString(result) });
  return integer(result.length);
}

export const BIT_COMMANDS: CommandTable = {
  SETBIT: [4, setBit],
  GETBIT: [
    3,
    (keyspace, args) => {
      const offset = readOffset(args);
      const bytes = keyspace.read(args.bytes(1), "string")?.string.peek();
      return integer(bytes === undefined ? 0 : bitAt(bytes, offset));
    },
  ],
  BITCOUNT: [-2, bitCount],
  BITPOS: [-3, bitPosition],
  BITOP: [-4, bitOperation],
};
