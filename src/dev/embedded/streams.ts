/** Commands about the entries of streams, except those about groups of consumers. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, bulks, ErrorReply, integer, NULL, NULL_ARRAY, OK } from "./replies.ts";
import { readEnd, readId, writeId } from "./stream-ids.ts";
import { ID_MAX, SEQUENCE_BITS, Stream } from "./stream.ts";
import type { StreamEntry } from "./stream.ts";

const TOO_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item";

/** The stream of a key; undefined if there is none. */
export function readStream(keyspace: Keyspace, key: Uint8Array): Stream | undefined {
  return keyspace.read(key, "stream")?.stream;
}

/** An entry: its ID, and its fields and values. */
export function entryReply({ id, fields }: StreamEntry): RespValue {
  return array([bulk(writeId(id)), bulks(fields)]);
}

/** How a stream is to be trimmed. `~` is treated as `=`: it allows keeping more, but does not require it. */
interface Trim {
  readonly kind: "MAXLEN" | "MINID";
  readonly threshold: bigint;
  readonly limit: number;
}

/** Reads the options of XADD or XTRIM. XADD's options end at its ID. */
function readTrim(
  args: Arguments,
  isAdd: boolean,
): { readonly trim: Trim | undefined; readonly create: boolean; readonly index: number } {
  let found: Omit<Trim, "limit"> | undefined;
  let [approximate, create] = [false, true];
  let limit: number | undefined;
  let index = 2;
  for (; index < args.length; index++) {
    const option = args.option(index);
    const left = args.length - index - 1;
    if (isAdd && option === "*") break;
    if ((option === "MAXLEN" || option === "MINID") && left >= 1) {
      if (found !== undefined)
        throw new ErrorReply(
          "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
        );
      const sign = args.option(index + 1);
      approximate = left >= 2 && sign === "~";
      index += left >= 2 && (sign === "~" || sign === "=") ? 2 : 1;
      const threshold = option === "MAXLEN" ? args.bigint(index) : readId(toBinary(args.bytes(index)), 0n);
      if (threshold < 0n) throw new ErrorReply("ERR The MAXLEN argument must be >= 0.");
      found = { kind: option, threshold };
    } else if (option === "LIMIT" && left >= 1) {
      limit = args.number(++index);
      if (limit < 0) throw new ErrorReply("ERR The LIMIT argument must be >= 0.");
    } else if (isAdd && option === "NOMKSTREAM") create = false;
    // As in Redis 8.2. They say what happens to entries in groups, of which there are none here.
    else if (option === "KEEPREF" || option === "DELREF" || option === "ACKED") continue;
    else if (isAdd) break;
    else throw args.syntaxError();
  }
  if (limit !== undefined && limit > 0 && found === undefined)
    throw new ErrorReply("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  if (!isAdd && found === undefined)
    throw new ErrorReply("ERR syntax error, XTRIM must be called with a trimming strategy");
  if (limit !== undefined && !approximate)
    throw new ErrorReply("ERR syntax error, LIMIT cannot be used without the special ~ option");
  const trim = found === undefined ? undefined : { ...found, limit: limit || Infinity };
  return { trim, create, index };
}

function applyTrim(stream: Stream, trim: Trim | undefined): number {
  if (trim === undefined) return 0;
  return trim.kind === "MAXLEN"
    ? stream.trimToLength(Number(trim.threshold), trim.limit)
    : stream.trimBefore(trim.threshold, trim.limit);
}

/** Reads XADD's ID: a complete one, or `*` or `ms-*` as a function of the stream's last one. */
function readNewId(keyspace: Keyspace, args: Arguments, index: number): bigint | ((last: bigint) => bigint) {
  const text = toBinary(args.bytes(index));
  const after = (last: bigint, ms: bigint): bigint => {
    const first = ms << SEQUENCE_BITS;
    return first > last ? first : last + 1n;
  };
  if (text === "*") return (last) => after(last, keyspace.now);
  if (text.endsWith("-*")) {
    const ms = readId(text.slice(0, -2), 0n) >> SEQUENCE_BITS;
    return (last) => {
      const id = ms === 0n && last === 0n ? 1n : after(last, ms);
      if (id >> SEQUENCE_BITS !== ms) throw new ErrorReply(TOO_SMALL);
      return id;
    };
  }
  return readId(text, 0n);
}

function add(keyspace: Keyspace, args: Arguments): RespValue {
  const { trim, create, index } = readTrim(args, true);
  if (index >= args.length) throw args.wrongNumber();
  const newId = readNewId(keyspace, args, index);
  const fields = args.from(index + 1);
  if (fields.length === 0 || fields.length % 2 === 1) throw args.wrongNumber();
  if (newId === 0n) throw new ErrorReply("ERR The ID specified in XADD must be greater than 0-0");
  const key = args.bytes(1);
  const found = readStream(keyspace, key);
  if (found === undefined && !create) return NULL;
  const stream = found ?? new Stream();
  if (stream.lastId === ID_MAX)
    throw new ErrorReply("ERR The stream has exhausted the last possible ID, unable to add more items");
  const id = typeof newId === "bigint" ? newId : newId(stream.lastId);
  if (id <= stream.lastId) throw new ErrorReply(TOO_SMALL);
  stream.add({ id, fields });
  if (found === undefined) keyspace.set(key, { type: "stream", stream });
  applyTrim(stream, trim);
  return bulk(writeId(id));
}

function range(keyspace: Keyspace, args: Arguments, backwards: boolean): RespValue {
  const [first, last] = [readEnd(args, backwards ? 3 : 2, "start"), readEnd(args, backwards ? 2 : 3, "end")];
  let count = Infinity;
  for (let index = 4; index < args.length; index += 2) {
    if (args.option(index) !== "COUNT" || index + 1 >= args.length) throw args.syntaxError();
    count = Math.max(0, args.number(index + 1));
  }
  const stream = readStream(keyspace, args.bytes(1));
  if (stream === undefined) return array([]);
  return count === 0 ? NULL_ARRAY : array(stream.range(first, last, count, backwards).map(entryReply));
}

/** XSETID, which restores a stream. Upstash does not have it, so no request contains it. */
function setId(keyspace: Keyspace, args: Arguments): RespValue {
  const lastId = readId(toBinary(args.bytes(2)), 0n);
  const stream = readStream(keyspace, args.bytes(1));
  if (stream === undefined) throw new ErrorReply("ERR no such key");
  let [added, lastDeleted] = [stream.added, stream.lastDeleted];
  for (let index = 3; index < args.length; index += 2) {
    const option = args.option(index);
    if (index + 1 >= args.length) throw args.syntaxError();
    if (option === "ENTRIESADDED") added = args.number(index + 1);
    else if (option === "MAXDELETEDID") lastDeleted = readId(toBinary(args.bytes(index + 1)), 0n);
    else throw args.syntaxError();
  }
  const top = stream.last?.id ?? 0n;
  if (lastId < top)
    throw new ErrorReply("ERR The ID specified in XSETID is smaller than the target stream top item");
  stream.remember(lastId, added, lastDeleted);
  return OK;
}

export const STREAM_COMMANDS: CommandTable = {
  XADD: [-5, add],
  XLEN: [2, (keyspace, args) => integer(readStream(keyspace, args.bytes(1))?.length ?? 0)],
  XRANGE: [-4, (keyspace, args) => range(keyspace, args, false)],
  XREVRANGE: [-4, (keyspace, args) => range(keyspace, args, true)],
  XTRIM: [
    -4,
    (keyspace, args) => {
      const { trim } = readTrim(args, false);
      const stream = readStream(keyspace, args.bytes(1));
      return integer(stream === undefined ? 0 : applyTrim(stream, trim));
    },
  ],
  XSETID: [-3, setId],
  // A stream remains when its last entry is deleted.
  XDEL: [
    -3,
    (keyspace, args) => {
      const stream = readStream(keyspace, args.bytes(1));
      if (stream === undefined) return integer(0);
      const ids = args.from(2).map((id) => readId(toBinary(id), 0n));
      return integer(ids.filter((id) => stream.delete(id)).length);
    },
  ],
};
