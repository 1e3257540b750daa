/** A keyspace as the commands that restore it: what `persist` writes to its file. */
import type { CommandBytes } from "../backend.ts";
import { fromBinary, utf8 } from "../text.ts";
import type { Keyspace } from "./keyspace.ts";
import { writeStream } from "./stream-snapshot.ts";
import type { FieldMap, Value, ValueOf } from "./values.ts";

/** Items of a list, a hash or a set in one command. */
const ITEMS = 500;
/** Bytes of a string in one command: a line of the file must fit into a string of the JavaScript engine. */
const PIECE = 8 * 1024 * 1024;

/**
 * Made once: making a byte string for each command would cost a third of the memory. Every realm has what this needs.
 */
const NAMES: Readonly<
  Record<"SET" | "APPEND" | "HSET" | "RPUSH" | "SADD" | "ZADD" | "PEXPIREAT" | "HPEXPIREAT", Uint8Array>
> = {
  SET: fromBinary("SET"),
  APPEND: fromBinary("APPEND"),
  HSET: fromBinary("HSET"),
  RPUSH: fromBinary("RPUSH"),
  SADD: fromBinary("SADD"),
  ZADD: fromBinary("ZADD"),
  PEXPIREAT: fromBinary("PEXPIREAT"),
  HPEXPIREAT: fromBinary("HPEXPIREAT"),
};

/** How a value of each type is restored. A missing type does not compile. */
const WRITERS: {
  readonly [Type in Value["type"]]: (key: Uint8Array, value: ValueOf<Type>) => Generator<CommandBytes>;
} = {
  *string(key, { string }) {
    // A copy, even if the bytes are a Buffer, whose slice() is a view.
    const bytes = new Uint8Array(string.peek());
    yield [NAMES.SET, key, bytes.subarray(0, PIECE)];
    for (let at = PIECE; at < bytes.length; at += PIECE)
      yield [NAMES.APPEND, key, bytes.subarray(at, at + PIECE)];
  },
  *hash(key, { hash }) {
    yield* inParts(NAMES.HSET, key, [...hash.entries()]);
    yield* fieldExpiries(key, hash);
  },
  *list(key, { list }) {
    yield* inParts(
      NAMES.RPUSH,
      key,
      list.map((item) => [item]),
    );
  },
  *set(key, { set }) {
    yield* inParts(
      NAMES.SADD,
      key,
      [...set.keys()].map((member) => [member]),
    );
  },
  *zset(key, { zset }) {
    yield* inParts(
      NAMES.ZADD,
      key,
      [...zset.entries()].map(([member, score]) => [utf8(scoreText(score)), member]),
    );
  },
  stream: (key, { stream }) => writeStream(key, stream),
};

/** The shortest text that is read as the same number; `-0` keeps its sign. */
function scoreText(score: number): string {
  if (Object.is(score, -0)) return "-0";
  return Math.abs(score) === Infinity ? (score > 0 ? "inf" : "-inf") : String(score);
}

/** The commands that restore the keyspace of this moment from an empty one. Times to live become points in time. */
export function writeKeyspace(keyspace: Keyspace): CommandBytes[] {
  const commands: CommandBytes[] = [];
  for (const [key, value, expireAt] of keyspace.entries()) {
    for (const command of writeValue(key, value)) commands.push(command);
    if (expireAt !== undefined) commands.push([NAMES.PEXPIREAT, key, utf8(`${expireAt}`)]);
  }
  return commands;
}

function writeValue<Type extends Value["type"]>(
  key: Uint8Array,
  value: ValueOf<Type>,
): Generator<CommandBytes> {
  const write = WRITERS[value.type as Type];
  return write(key, value);
}

function* inParts(
  name: Uint8Array,
  key: Uint8Array,
  items: readonly (readonly Uint8Array[])[],
): Generator<CommandBytes> {
  for (let at = 0; at < items.length; at += ITEMS) yield [name, key, ...items.slice(at, at + ITEMS).flat()];
}

function* fieldExpiries(key: Uint8Array, hash: FieldMap): Generator<CommandBytes> {
  for (const field of hash.keys()) {
    const at = hash.expiry(field);
    if (at !== undefined) yield [NAMES.HPEXPIREAT, key, utf8(`${at}`), utf8("FIELDS"), utf8("1"), field];
  }
}
