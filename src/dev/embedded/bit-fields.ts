/** BITFIELD and BITFIELD_RO: integers of any width inside strings. */
import type { RespValue } from "../../rest/resp.ts";
import { fromBinary, toBinary } from "../text.ts";
import { BAD_OFFSET, MAX_BITS } from "./bits.ts";
import { parseInteger } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, ErrorReply, integer, NULL } from "./replies.ts";
import { openString } from "./strings.ts";

const BAD_TYPE =
  "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

type Overflow = "WRAP" | "SAT" | "FAIL";

/** One of the operations of a command. */
interface Operation {
  readonly kind: "GET" | "SET" | "INCRBY";
  readonly signed: boolean;
  readonly width: number;
  /** The bit at which the integer begins. */
  readonly offset: number;
  /** What SET stores or INCRBY adds. */
  readonly operand: bigint;
  readonly overflow: Overflow;
}

/** Reads all operations: an error in one prevents the others from running. */
function readOperations(args: Arguments): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = "WRAP";
  for (let index = 2; index < args.length;) {
    const kind = args.option(index);
    const left = args.length - index - 1;
    if (kind === "OVERFLOW" && left >= 1) {
      const named = args.option(index + 1);
      if (named !== "WRAP" && named !== "SAT" && named !== "FAIL")
        throw new ErrorReply("ERR Invalid OVERFLOW type specified");
      overflow = named;
      index += 2;
      continue;
    }
    const isWrite = kind === "SET" || kind === "INCRBY";
    if (!(kind === "GET" && left >= 2) && !(isWrite && left >= 3)) throw args.syntaxError();
    const [signed, width] = readType(args, index + 1);
    const offset = readOffset(args, index + 2, width);
    const given = isWrite ? args.bigint(index + 3) : 0n;
    // Redis reads what SET stores as unsigned if the type is: a negative number is then larger than any other.
    const operand = kind === "SET" && !signed ? BigInt.asUintN(64, given) : given;
    operations.push({ kind: kind as Operation["kind"], signed, width, offset, operand, overflow });
    index += isWrite ? 4 : 3;
  }
  return operations;
}

function readType(args: Arguments, index: number): readonly [signed: boolean, width: number] {
  const match = /^([iu])(.*)$/s.exec(toBinary(args.bytes(index)));
  const width = match?.[2] === undefined ? undefined : parseInteger(fromBinary(match[2]));
  const signed = match?.[1] === "i";
  if (width === undefined || width < 1n || width > (signed ? 64n : 63n)) throw new ErrorReply(BAD_TYPE);
  return [signed, Number(width)];
}

/** An offset in bits, or after a `#` in integers of the width. */
function readOffset(args: Arguments, index: number, width: number): number {
  const text = toBinary(args.bytes(index));
  const counted = text.startsWith("#");
  const value = parseInteger(fromBinary(counted ? text.slice(1) : text));
  const offset = value === undefined ? -1 : Number(value) * (counted ? width : 1);
  if (offset < 0 || offset >= MAX_BITS) throw new ErrorReply(BAD_OFFSET);
  return offset;
}

function readBits(bytes: Uint8Array, { offset, width, signed }: Operation): bigint {
  let value = 0n;
  for (let bit = offset; bit < offset + width; bit++) {
    const byte = bytes[Math.floor(bit / 8)] ?? 0;
    value = (value << 1n) | BigInt((byte >> (7 - (bit % 8))) & 1);
  }
  return signed ? BigInt.asIntN(width, value) : value;
}

function writeBits(bytes: Uint8Array, { offset, width }: Operation, value: bigint): void {
  for (let index = 0; index < width; index++) {
    const bit = offset + index;
    const mask = 1 << (7 - (bit % 8));
    const at = Math.floor(bit / 8);
    const isOne = ((value >> BigInt(width - 1 - index)) & 1n) === 1n;
    bytes[at] = isOne ? (bytes[at] ?? 0) | mask : (bytes[at] ?? 0) & ~mask;
  }
}

/** The value, adjusted to the type; undefined if it does not fit and the operation is to fail. */
function fit(value: bigint, { signed, width, overflow }: Operation): bigint | undefined {
  const fitted = signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  if (fitted === value || overflow === "WRAP") return fitted;
  if (overflow === "FAIL") return undefined;
  const most = 2n ** BigInt(signed ? width - 1 : width) - 1n;
  return value > most ? most : signed ? -most - 1n : 0n;
}

function bitField(keyspace: Keyspace, args: Arguments, readOnly: boolean): RespValue {
  const operations = readOperations(args);
  const key = args.bytes(1);
  const writes = operations.filter(({ kind }) => kind !== "GET");
  if (readOnly && writes.length > 0) throw new ErrorReply("ERR BITFIELD_RO only supports the GET subcommand");
  if (writes.length === 0) {
    const bytes = keyspace.read(key, "string")?.string.peek() ?? new Uint8Array(0);
    return array(operations.map((operation) => integer(readBits(bytes, operation))));
  }
  const string = openString(keyspace, key);
  const size = Math.max(...writes.map(({ offset, width }) => Math.ceil((offset + width) / 8)));
  if (size > string.length) string.write(size - 1, new Uint8Array(1));
  return array(
    operations.map((operation) => {
      const old = readBits(string.peek(), operation);
      if (operation.kind === "GET") return integer(old);
      const isSet = operation.kind === "SET";
      const next = fit(isSet ? operation.operand : old + operation.operand, operation);
      if (next === undefined) return NULL;
      writeBits(string.peek(), operation, next);
      return integer(isSet ? old : next);
    }),
  );
}

export const BIT_FIELD_COMMANDS: CommandTable = {
  BITFIELD: [-2, (keyspace, args) => bitField(keyspace, args, false)],
  BITFIELD_RO: [-2, (keyspace, args) => bitField(keyspace, args, true)],
};
