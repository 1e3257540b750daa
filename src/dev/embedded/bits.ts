import type { RespValue } from "../../rest/resp.ts";
import type { Arguments } from "./arguments.ts";
import { ByteString } from "./byte-string.ts";
import type { CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer } from "./replies.ts";
import { checkLength, openString } from "./strings.ts";

const BAD_OFFSET = "ERR bit offset is not an integer or out of range";
const BAD_BIT = "ERR bit is not an integer or out of range";
/** Bits in 512 MiB. */
const MAX_BITS = 2 ** 32;
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

function readOffset(args: Arguments): number {
  const offset = args.number(2, BAD_OFFSET);
  if (offset < 0 || offset >= MAX_BITS) throw new ErrorReply(BAD_OFFSET);
  return offset;
}

/** Bit 0 is the most significant bit of byte 0. */
function bitAt(string: ByteString, offset: number): number {
  return (string.at(Math.floor(offset / 8)) >> (7 - (offset % 8))) & 1;
}

function setBit(keyspace: Keyspace, args: Arguments): RespValue {
  const offset = readOffset(args);
  const bit = args.number(3, BAD_BIT);
  if (bit !== 0 && bit !== 1) throw new ErrorReply(BAD_BIT);
  const index = Math.floor(offset / 8);
  checkLength(index + 1);
  const string = openString(keyspace, args.bytes(1));
  const old = bitAt(string, offset);
  const mask = 1 << (7 - (offset % 8));
  string.write(index, Uint8Array.of(bit === 1 ? string.at(index) | mask : string.at(index) & ~mask));
  return integer(old);
}

/** The half-open range of bits that [start end [BYTE|BIT]] at argument `first` means; all without it. */
function readRange(args: Arguments, first: number, string: ByteString): readonly [number, number] {
  if (args.length <= first) return [0, string.length * 8];
  const start = args.number(first);
  const end = args.length > first + 1 ? args.number(first + 1) : -1;
  if (first === 2 && start < 0 && end < 0 && start > end) return [0, 0];
  const unit = args.length > first + 2 ? args.option(first + 2) : "BYTE";
  if (unit !== "BYTE" && unit !== "BIT") throw args.syntaxError();
  const width = unit === "BIT" ? 1 : 8;
  const length = (string.length * 8) / width;
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length, Math.max(0, end < 0 ? length + end : end) + 1);
  return from < to ? [from * width, to * width] : [0, 0];
}

function bitCount(keyspace: Keyspace, args: Arguments): RespValue {
  const string = keyspace.read(args.bytes(1), "string")?.string;
  if (string === undefined) return integer(0);
  if (args.length === 3 || args.length > 5) throw args.syntaxError();
  const [start, end] = readRange(args, 2, string);
  let count = 0;
  for (let bit = start; bit < end;) {
    if (bit % 8 === 0 && end - bit >= 8) {
      count += ONES[string.at(bit / 8)] ?? 0;
      bit += 8;
    } else {
      count += bitAt(string, bit++);
    }
  }
  return integer(count);
}

function bitOperation(keyspace: Keyspace, args: Arguments): RespValue {
  const operation = args.option(1);
  if (!["AND", "OR", "XOR", "NOT"].includes(operation)) throw args.syntaxError();
  if (operation === "NOT" && args.length !== 4)
    throw new ErrorReply("ERR BITOP NOT must be called with a single source key.");
  const strings = args
    .from(3)
    .map((key) => keyspace.read(key, "string")?.string ?? new ByteString(new Uint8Array(0)));
  const [first, ...others] = strings;
  const result = new Uint8Array(strings.reduce((length, string) => Math.max(length, string.length), 0));
  for (let index = 0; index < result.length; index++) {
    let byte = first?.at(index) ?? 0;
    for (const other of others) {
      if (operation === "AND") byte &= other.at(index);
      else if (operation === "OR") byte |= other.at(index);
      else byte ^= other.at(index);
    }
    result[index] = operation === "NOT" ? ~byte : byte;
  }
  const target = args.bytes(2);
  if (result.length === 0) keyspace.delete(target);
  else keyspace.set(target, { type: "string", string: new ByteString(result) });
  return integer(result.length);
}

/** Bits of strings. */
export const BIT_COMMANDS: CommandTable = {
  SETBIT: [4, setBit],
  GETBIT: [
    3,
    (keyspace, args) => {
      const offset = readOffset(args);
      const string = keyspace.read(args.bytes(1), "string")?.string;
      return integer(string === undefined ? 0 : bitAt(string, offset));
    },
  ],
  BITCOUNT: [-2, bitCount],
  BITOP: [-4, bitOperation],
};
