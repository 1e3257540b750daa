/** The form of a command of the embedded keyspace: its entry in a table, and its arguments as Redis reads them. */
import type { RespValue } from "../../rest/resp.ts";
import type { CommandBytes } from "../backend.ts";
import { fromBinary, toBinary, toText } from "../text.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, NOT_AN_INTEGER, SYNTAX_ERROR } from "./replies.ts";

/** A command: the number of its arguments, the name included (exactly, or at least if negative), and its function. */
export type Command = readonly [arity: number, run: (keyspace: Keyspace, args: Arguments) => RespValue];

/** Commands by upper-case name. */
export type CommandTable = Readonly<Record<string, Command>>;

export const INT64_MAX: bigint = 2n ** 63n - 1n;
export const INT64_MIN: bigint = -(2n ** 63n);

/** The most bytes of an unknown name, or of its arguments, that Redis repeats in its error. */
export const MAX_ECHO = 128;

/** A signed 64-bit integer as Redis reads one: no sign but a minus, no leading zero, no space. */
export function parseInteger(bytes: Uint8Array): bigint | undefined {
  if (bytes.length > 20) return undefined;
  const text = toBinary(bytes);
  if (!/^(0|-?[1-9][0-9]*)$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}

/** The part of a toBinary string that C's `%.*s` prints: at most `length` bytes, up to the first zero byte. */
export function printable(binary: string, length: number = binary.length): string {
  return (binary.split("\0", 1)[0] ?? "").slice(0, length);
}

/** The arguments of one command. An argument that Redis would not accept is thrown as its error reply. */
export class Arguments {
  readonly #args: CommandBytes;
  /** The command's name in lower case, as Redis' error texts have it. */
  readonly name: string;

  constructor(args: CommandBytes) {
    this.#args = args;
    this.name = toText(args[0] ?? new Uint8Array(0)).toLowerCase();
  }

  /** The number of arguments, the name included. */
  get length(): number {
    return this.#args.length;
  }

  bytes(index: number): Uint8Array {
    const bytes = this.#args[index];
    if (bytes === undefined) throw this.wrongNumber();
    return bytes;
  }

  from(index: number): CommandBytes {
    return this.#args.slice(index);
  }

  /** Consecutive pairs from an index on. */
  pairs(index: number): (readonly [Uint8Array, Uint8Array])[] {
    const pairs: (readonly [Uint8Array, Uint8Array])[] = [];
    for (let at = index; at < this.length; at += 2) pairs.push([this.bytes(at), this.bytes(at + 1)]);
    return pairs;
  }

  /** An option's name in upper case; empty past the end. */
  option(index: number): string {
    return toBinary(this.#args[index] ?? new Uint8Array(0)).toUpperCase();
  }

  /** The argument as Redis repeats it in an error. */
  printable(index: number, length?: number): string {
    return toText(fromBinary(printable(toBinary(this.bytes(index)), length)));
  }

  bigint(index: number, text: string = NOT_AN_INTEGER): bigint {
    const value = parseInteger(this.bytes(index));
    if (value === undefined) throw new ErrorReply(text);
    return value;
  }

  /** An integer as a number. Beyond 2^53 it is rounded, but no length or position is that large. */
  number(index: number, text?: string): number {
    return Number(this.bigint(index, text));
  }

  wrongNumber(): ErrorReply {
    return new ErrorReply(`ERR wrong number of arguments for '${this.name}' command`);
  }

  syntaxError(): ErrorReply {
    return new ErrorReply(SYNTAX_ERROR);
  }
}
