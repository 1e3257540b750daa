/** The table of commands whose arguments or replies hold values, and the functions that read it. */

/** The positions of values among a command's arguments; the command's name is argument 0. */
interface ValueArguments {
  /** The position of the first value; with `after`, counted from that option. */
  readonly at: number;
  /** An option, such as FIELDS, followed by a count and then the values. */
  readonly after?: string;
  /** The distance between values, which continue to the end. Default: there is one value. */
  readonly every?: number;
  /** True if each value follows its key. Default: argument 1 is the key. */
  readonly keyed?: boolean;
  /** True if they are elements of a list, which are values only if the policy says so. */
  readonly elements?: true;
}

/** The positions of values in a command's reply. */
export interface ValueReply {
  /**
   * "value": the reply itself. "values": each item, null for a missing value. "list": each item, of which none is
   * missing. "pairs": every second item, after its field. "scan": pairs, after the cursor. "any": each string at any
   * depth that is a complete stored value. For lists: "elements", the reply itself or each item; "popped", the same
   * after the key.
   */
  readonly shape: "value" | "values" | "list" | "pairs" | "scan" | "any" | "elements" | "popped";
  /** True if they are elements of a list, which are values only if the policy says so. */
  readonly elements?: true;
  /** The reply contains values only with this option. */
  readonly only?: string;
  /** The reply contains no values with this option. */
  readonly unless?: string;
  /** True if item n belongs to the key in argument n + 1. Default: argument 1 is the key. */
  readonly keyed?: boolean;
  /** True if the keys follow their number, which is argument 2. */
  readonly counted?: boolean;
  /** The position of the field of the first item; with `afterFields`, counted from the option FIELDS. */
  readonly field?: number;
  readonly afterFields?: boolean;
}

/** A row of the table: where a command has values. */
export interface CommandRow {
  readonly values?: ValueArguments;
  readonly reply?: ValueReply;
  /** Position of the first argument that may be an option; absent if there are no options. */
  readonly options?: number;
  /** The position of a time to live that is an argument by position, and how many of its unit make a second. */
  readonly ttl?: { readonly at: number; readonly perSecond: number };
  /** True if any argument may be a key. Default: only argument 1, or as `keyed` says. */
  readonly severalKeys?: true;
}

/** The reply of a script or a function; its arguments are never values. */
const script: CommandRow = { reply: { shape: "any", counted: true } };
/** SORT with GET returns values of other keys; with STORE it returns a number. */
const sort: CommandRow = { reply: { shape: "any", only: "GET" }, options: 2 };
const push: CommandRow = { values: { at: 2, every: 1, elements: true } };
const element: CommandRow = { reply: { shape: "elements", elements: true } };
const moved: CommandRow = { ...element, severalKeys: true };
const popped: CommandRow = { reply: { shape: "popped", elements: true }, severalKeys: true };

/**
 * Every command with values that are compressed or decoded. All others pass unchanged: those of sets, sorted sets,
 * streams, messages and JSON documents, and those that work on stored bytes (APPEND, GETRANGE, …).
 */
const table: Readonly<Record<string, CommandRow>> = {
  SET: { values: { at: 2 }, options: 3, reply: { shape: "value", only: "GET" } },
  SETEX: { values: { at: 3 }, ttl: { at: 2, perSecond: 1 } },
  PSETEX: { values: { at: 3 }, ttl: { at: 2, perSecond: 1000 } },
  SETNX: { values: { at: 2 } },
  GETSET: { values: { at: 2 }, reply: { shape: "value" } },
  MSET: { values: { at: 2, every: 2, keyed: true } },
  MSETNX: { values: { at: 2, every: 2, keyed: true } },
  GET: { reply: { shape: "value" } },
  GETEX: { reply: { shape: "value" } },
  GETDEL: { reply: { shape: "value" } },
  MGET: { reply: { shape: "values", keyed: true } },
  HSET: { values: { at: 3, every: 2 } },
  HMSET: { values: { at: 3, every: 2 } },
  HSETNX: { values: { at: 3 } },
  HSETEX: { values: { at: 3, after: "FIELDS", every: 2 }, options: 2 },
  HGET: { reply: { shape: "value", field: 2 } },
  HMGET: { reply: { shape: "values", field: 2 } },
  HGETALL: { reply: { shape: "pairs" } },
  HVALS: { reply: { shape: "list" } },
  HGETEX: { reply: { shape: "values", field: 2, afterFields: true }, options: 2 },
  HGETDEL: { reply: { shape: "values", field: 2, afterFields: true }, options: 2 },
  HRANDFIELD: { reply: { shape: "pairs", only: "WITHVALUES" }, options: 3 },
  HSCAN: { reply: { shape: "scan", unless: "NOVALUES" }, options: 3 },
  LPUSH: push,
  LPUSHX: push,
  RPUSH: push,
  RPUSHX: push,
  LSET: { values: { at: 3, elements: true } },
  LRANGE: element,
  LINDEX: element,
  LPOP: element,
  RPOP: element,
  LMOVE: moved,
  RPOPLPUSH: moved,
  BLMOVE: moved,
  BRPOPLPUSH: moved,
  LMPOP: popped,
  BLMPOP: popped,
  BLPOP: popped,
  BRPOP: popped,
  EVAL: script,
  EVAL_RO: script,
  EVALSHA: script,
  EVALSHA_RO: script,
  FCALL: script,
  FCALL_RO: script,
  SORT: sort,
  SORT_RO: sort,
};

/** Options that have an argument of their own. */
const withArgument: ReadonlySet<string> = new Set([
  "EX",
  "PX",
  "EXAT",
  "PXAT",
  "IFEQ",
  "IFNE",
  "IFDEQ",
  "IFDNE",
  "MATCH",
  "COUNT",
  "BY",
]);

/** Options with a time to live, and how many of their unit make a second. */
const ttlOptions: readonly (readonly [name: string, perSecond: number])[] = [
  ["EX", 1],
  ["PX", 1000],
];

/** A command as the SDK sends it: its name and its arguments, already serialised. */
export type CommandArguments = readonly unknown[];

/** A command of the table with its name in upper case. */
export interface KnownCommand {
  readonly name: string;
  readonly row: CommandRow;
}

/** By name in both cases: the SDK writes lower case, users of `exec` either, and neither needs a new string. */
const commands: ReadonlyMap<string, KnownCommand> = new Map(
  Object.entries(table).flatMap(([name, row]) =>
    [name, name.toLowerCase()].map((spelling): [string, KnownCommand] => [spelling, { name, row }]),
  ),
);

/** The row of a command; undefined if neither its arguments nor its reply contain values. */
export function findCommand(command: unknown): KnownCommand | undefined {
  const name = Array.isArray(command) ? (command[0] as unknown) : undefined;
  if (typeof name !== "string") return undefined;
  return commands.get(name) ?? commands.get(name.toUpperCase());
}

/** The positions of a command's values. */
export function valuePositions(command: CommandArguments, { values, options }: CommandRow): number[] {
  if (values === undefined) return [];
  const { after, every = Infinity } = values;
  let { at } = values;
  let end = command.length;
  if (after !== undefined) {
    const option = findOption(command, after, options);
    if (option < 0) return [];
    at += option;
    end = Math.min(end, at + every * Number(command[option + 1]));
  }
  const positions: number[] = [];
  for (let position = at; position < end; position += every) positions.push(position);
  return positions;
}

/** The key of the value in argument `position`. */
export function keyOfArgument(command: CommandArguments, { values }: CommandRow, position: number): string {
  return String(command[values?.keyed === true ? position - 1 : 1]);
}

/** The key of item `index` of the reply. */
export function keyOfReply(command: CommandArguments, reply: ValueReply, index: number): string {
  if (reply.counted === true) return Number(command[2]) > 0 ? String(command[3]) : "";
  return String(command[reply.keyed === true ? index + 1 : 1]);
}

/** The field of item `index` of the reply, if the command names it; in pairs the reply does. */
export function fieldOfReply(
  command: CommandArguments,
  { field, afterFields }: ValueReply,
  index: number,
): string | undefined {
  if (field === undefined) return undefined;
  const start = afterFields === true ? findOption(command, "FIELDS", 2) : 0;
  return start < 0 ? undefined : String(command[start + field + index]);
}

/** The positions of values in the reply to a command; undefined if it contains none. */
export function valueReply(
  command: CommandArguments,
  { reply, options }: CommandRow,
): ValueReply | undefined {
  if (reply === undefined) return undefined;
  if (reply.only !== undefined && findOption(command, reply.only, options) < 0) return undefined;
  if (reply.unless !== undefined && findOption(command, reply.unless, options) >= 0) return undefined;
  return reply;
}

/** The time to live in seconds that a command sets; undefined for none and for points in time. */
export function timeToLive(command: CommandArguments, { ttl, options }: CommandRow): number | undefined {
  if (ttl !== undefined) return seconds(command[ttl.at], ttl.perSecond);
  for (const [name, perSecond] of ttlOptions) {
    const option = findOption(command, name, options);
    if (option >= 0) return seconds(command[option + 1], perSecond);
  }
  return undefined;
}

/** The position of an option, in any letter case, from argument `from` on; −1 if it is missing. */
export function findOption(command: CommandArguments, option: string, from: number = command.length): number {
  for (let position = from; position < command.length; position++) {
    const argument = command[position];
    if (typeof argument !== "string") continue;
    const name = argument.toUpperCase();
    if (name === option) return position;
    // Fields follow, which may have any name.
    if (name === "FIELDS") return -1;
    if (withArgument.has(name)) position += 1;
  }
  return -1;
}

/** Commands that affect every key without naming it. */
const onEveryKey: ReadonlySet<string> = new Set(
  "FLUSHALL FLUSHDB SWAPDB KEYS SCAN DBSIZE RANDOMKEY".split(" "),
);

/**
 * The keys that commands may affect; undefined for every key. For commands that are not in the table, scripts and
 * SORT, each argument counts as a key.
 */
export function keysOf(commands: readonly CommandArguments[]): ReadonlySet<string> | undefined {
  const keys = new Set<string>();
  for (const command of commands) {
    const known = findCommand(command);
    if (known === undefined && onEveryKey.has(String(command[0]).toUpperCase())) return undefined;
    const { values, reply } = known?.row ?? {};
    const stride = values?.keyed === true ? 2 : 1;
    const several =
      known === undefined ||
      known.row.severalKeys === true ||
      values?.keyed === true ||
      reply?.keyed === true ||
      reply?.shape === "any";
    const end = several ? command.length : 2;
    for (let position = 1; position < end; position += stride) keys.add(String(command[position]));
  }
  return keys;
}

function seconds(argument: unknown, perSecond: number): number | undefined {
  const amount = Number(argument);
  return Number.isFinite(amount) && amount > 0 ? amount / perSecond : undefined;
}
