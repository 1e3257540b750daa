/** Commands about keys of any type, and about the server: DEL, RENAME, SCAN, FLUSHALL, PING, INFO and others. */
import { sameBytes } from "../../bytes.ts";
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, toText, utf8 } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { matchesGlob } from "../../dictionaries/glob.ts";
import type { Keyspace } from "./keyspace.ts";
import { bulk, bulks, ErrorReply, integer, NO_SUCH_KEY, NULL, OK, status } from "./replies.ts";
import { readCursor, readScanOptions, scanReply } from "./scan.ts";
import { ID_MAX } from "./stream.ts";
import { copyValue } from "./values.ts";
import type { Value } from "./values.ts";

function remove(keyspace: Keyspace, args: Arguments): RespValue {
  return integer(args.from(1).filter((key) => keyspace.delete(key)).length);
}

function count(keyspace: Keyspace, args: Arguments): RespValue {
  return integer(args.from(1).filter((key) => keyspace.value(key) !== undefined).length);
}

function rename(keyspace: Keyspace, args: Arguments, unlessTaken: boolean): RespValue {
  const [from, to] = [args.bytes(1), args.bytes(2)];
  if (keyspace.value(from) === undefined) throw new ErrorReply(NO_SUCH_KEY);
  if (unlessTaken && keyspace.value(to) !== undefined) return integer(0);
  keyspace.rename(from, to);
  return unlessTaken ? integer(1) : OK;
}

/** There is only database 0: a copy to another one is refused, as Redis refuses an index out of range. */
function copy(keyspace: Keyspace, args: Arguments): RespValue {
  const [from, to] = [args.bytes(1), args.bytes(2)];
  let replace = false;
  for (let index = 3; index < args.length; index++) {
    const option = args.option(index);
    if (option === "REPLACE") replace = true;
    else if (option === "DB" && index + 1 < args.length) {
      if (args.bigint(++index) !== 0n) throw new ErrorReply("ERR DB index is out of range");
    } else throw args.syntaxError();
  }
  if (sameBytes(from, to)) throw new ErrorReply("ERR source and destination objects are the same");
  const value = keyspace.value(from);
  if (value === undefined || (!replace && keyspace.value(to) !== undefined)) return integer(0);
  keyspace.set(to, copyValue(value));
  keyspace.expire(to, keyspace.expiry(from));
  return integer(1);
}

function scan(keyspace: Keyspace, args: Arguments): RespValue {
  const cursor = readCursor(args, 1);
  const options = readScanOptions(args, 2, ["TYPE", "WITHTYPE"]);
  const found = keyspace.scan(cursor, options.count);
  const entries = found.entries.filter(
    ([key, value]) => options.matches(key) && (options.type === undefined || options.type === value.type),
  );
  // With types each key is followed by its own, as at Upstash.
  const withType = options.flags.has("WITHTYPE");
  const items = entries.flatMap(([key, value]) => (withType ? [key, utf8(value.type)] : [key]));
  return scanReply(found.cursor, items);
}

function flush(keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length > 2 || (args.length === 2 && !["ASYNC", "SYNC"].includes(args.option(1))))
    throw args.syntaxError();
  keyspace.clear();
  return OK;
}

function keys(keyspace: Keyspace, args: Arguments): RespValue {
  const pattern = toBinary(args.bytes(1));
  return bulks([...keyspace.keys()].filter((key) => matchesGlob(pattern, toBinary(key))));
}

function ping(_keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length > 2) throw args.wrongNumber();
  return args.length === 1 ? status("PONG") : bulk(args.bytes(1));
}

function info(keyspace: Keyspace, args: Arguments): RespValue {
  const sections: Readonly<Record<string, readonly string[]>> = {
    server: ["redis_version:7.0.0", "redis_mode:standalone", "zstash_backend:embedded"],
    keyspace: keyspace.size === 0 ? [] : [`db0:keys=${keyspace.size}`],
  };
  const asked = args.from(1).map((section) => toText(section).toLowerCase());
  const all =
    asked.length === 0 || asked.some((section) => ["all", "default", "everything"].includes(section));
  const text = Object.entries(sections)
    .filter(([name]) => all || asked.includes(name))
    .map(([name, lines]) => [`# ${name.charAt(0).toUpperCase()}${name.slice(1)}`, ...lines, ""].join("\r\n"));
  return bulk(utf8(text.join("\r\n")));
}

/**
 * MEMORY USAGE: an estimate, as it is at Upstash too: the bytes of the key and the value, and a constant for each
 * part.
 */
function memory(keyspace: Keyspace, args: Arguments): RespValue {
  const samples = args.length === 5 && args.option(3) === "SAMPLES";
  if (args.option(1) !== "USAGE" || (args.length !== 3 && !samples)) throw args.syntaxError();
  if (samples && args.number(4) < 0) throw args.syntaxError();
  const value = keyspace.value(args.bytes(2));
  return value === undefined ? NULL : integer(OVERHEAD + args.bytes(2).length + sizeOf(value));
}

/** Bytes that a key or a part of a value takes in addition to its content. */
const OVERHEAD = 48;

function sizeOf(value: Value): number {
  switch (value.type) {
    case "string":
      return value.string.length;
    case "hash":
      return sum(value.hash.entries(), ([field, bytes]) => field.length + bytes.length);
    case "list":
      return sum(value.list, (item) => item.length);
    case "set":
      return sum(value.set.keys(), (member) => member.length);
    case "zset":
      return sum(value.zset.entries(), ([member]) => member.length + 8);
    case "stream":
      return sum(value.stream.range(0n, ID_MAX, Infinity), ({ fields }) =>
        sum(fields, ({ length }) => length),
      );
  }
}

function sum<Part>(parts: Iterable<Part>, size: (part: Part) => number): number {
  let total = 0;
  for (const part of parts) total += OVERHEAD + size(part);
  return total;
}

function time(keyspace: Keyspace): RespValue {
  const ms = Number(keyspace.now);
  return bulks([utf8(`${Math.floor(ms / 1000)}`), utf8(`${(ms % 1000) * 1000}`)]);
}

export const GENERIC_COMMANDS: CommandTable = {
  DEL: [-2, remove],
  UNLINK: [-2, remove],
  EXISTS: [-2, count],
  TOUCH: [-2, count],
  TYPE: [2, (keyspace, args) => status(keyspace.value(args.bytes(1))?.type ?? "none")],
  RENAME: [3, (keyspace, args) => rename(keyspace, args, false)],
  RENAMENX: [3, (keyspace, args) => rename(keyspace, args, true)],
  COPY: [-3, copy],
  KEYS: [2, keys],
  SCAN: [-2, scan],
  RANDOMKEY: [1, (keyspace) => bulk(keyspace.randomKey())],
  DBSIZE: [1, (keyspace) => integer(keyspace.size)],
  FLUSHDB: [-1, flush],
  FLUSHALL: [-1, flush],
  PING: [-1, ping],
  ECHO: [2, (_keyspace, args) => bulk(args.bytes(1))],
  TIME: [1, time],
  MEMORY: [-3, memory],
  INFO: [-1, info],
};
