/** Commands about the bits of strings: SETBIT, GETBIT, BITCOUNT and BITOP. */
import type { RespValue } from "../../rest/resp.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer } from "./replies.ts";
import { checkLength, openString } from "./strings.ts";
import { ByteString } from "./values.ts";

const BAD_OFFSET = "ERR bit offset is not an integer or out of range";
const BAD_BIT = "ERR bit is not an integer or out of range";
/** Bits in 512 MiB. */
const MAX_BITS = 2 ** 32;
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

/** The half-open range of bits that BITCOUNT's `[start end [BYTE|BIT]]` means; without it all bits. */
function readRange(args: Arguments, size: number): readonly [number, number] {
  if (args.length === 2) return [0, size * 8];
  const [start, end] = [args.number(2), args.number(3)];
  if (start < 0 && end < 0 && start > end) return [0, 0];
  const unit = args.length > 4 ? args.option(4) : "BYTE";
  if (unit !== "BYTE" && unit !== "BIT") throw args.syntaxError();
  const width = unit === "BIT" ? 1 : 8;
  const length = (size * 8) / width;
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length, Math.max(0, end < 0 ? length + end : end) + 1);
  return from < to ? [from * width, to * width] : [0, 0];
}

function bitCount(keyspace: Keyspace, args: Arguments): RespValue {
  const bytes = keyspace.read(args.bytes(1), "string")?.string.peek();
  if (bytes === undefined) return integer(0);
  if (args.length === 3 || args.length > 5) throw args.syntaxError();
  const [start, end] = readRange(args, bytes.length);
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

function bitOperation(keyspace: Keyspace, args: Arguments): RespValue {
  const operation = args.option(1);
  if (!["AND", "OR", "XOR", "NOT"].includes(operation)) throw args.syntaxError();
  if (operation === "NOT" && args.length !== 4)
    throw new ErrorReply("ERR BITOP NOT must be called with a single source key.");
  const sources = args.from(3).map((key) => keyspace.read(key, "string")?.string.peek() ?? new Uint8Array(0));
  const [first, ...others] = sources;
  const result = new Uint8Array(sources.reduce((length, source) => Math.max(length, source.length), 0));
  for (let index = 0; index < result.length; index++) {
    let byte = first?.[index] ?? 0;
    for (const other of others) {
      if (operation === "AND") byte &= other[index] ?? 0;
      else if (operation === "OR") byte |= other[index] ?? 0;
      else byte ^= other[index] ?? 0;
    }
    result[index] = operation === "NOT" ? ~byte : byte;
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
  BITOP: [-4, bitOperation],
};
