import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import type { Zstd } from "../codec/zstd.ts";
import { decodeStored, isEncoded } from "../value/decode.ts";
import type { CodecFailure } from "../value/encode.ts";
import { keyOfReply, type CommandArguments, type KnownCommand, type ValueReply } from "./commands.ts";
import type { Settings } from "./options.ts";

/** A command whose reply holds values, and where. */
export interface ReplyPlan {
  readonly command: CommandArguments;
  readonly known: KnownCommand;
  readonly reply: ValueReply;
}

/** What stands for a damaged value under `onCorrupt: "miss"`. */
const MISSING = Symbol("missing");

/** What damage looks like; all else is a matter of limits, versions or the runtime, and no miss. */
const damage: ReadonlySet<ZstashErrorCode> = new Set<ZstashErrorCode>([
  "NOT_ZSTD",
  "TRUNCATED",
  "CORRUPT",
  "CHECKSUM_MISMATCH",
  "NOT_TEXT",
  // Dictionaries are checked when they are loaded: in a decode this is a frame that refers to what it lacks.
  "DICTIONARY_INVALID",
]);

/** How many keys an error message names; all are in `keys`. */
const NAMED_KEYS = 10;

/** Whether anything in the reply has to be decoded. */
export function holdsEncoded(shape: ValueReply["shape"], result: unknown): boolean {
  if (shape === "value") return typeof result === "string" && isEncoded(result);
  if (!Array.isArray(result)) return false;
  const items: readonly unknown[] = result;
  if (shape === "scan") return holdsEncoded("pairs", items[1]);
  const every = shape === "pairs" ? 2 : 1;
  for (let index = every - 1; index < items.length; index += every) {
    const item = items[index];
    if (typeof item === "string" && isEncoded(item)) return true;
  }
  return false;
}

/**
 * The reply with its values decoded, as a new object.
 *
 * @throws {ZstashError} with the keys, where a value does not decode
 */
export function decodeReply(
  codec: Zstd | CodecFailure,
  { command, known, reply }: ReplyPlan,
  result: unknown,
  settings: Settings,
): unknown {
  const failures: ZstashError[] = [];
  const decode = (item: unknown, index: number): unknown => {
    if (typeof item !== "string" || !isEncoded(item)) return item;
    try {
      return decodeStored(codec, item, known.name, keyOfReply(command, reply, index), settings);
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      if (settings.onCorrupt === "throw" || !damage.has(error.code)) failures.push(error);
      return MISSING;
    }
  };
  const decoded = mapValues(reply.shape, result, decode);
  if (failures.length > 0) throw combine(failures, known.name, reply);
  return decoded;
}

function mapValues(
  shape: ValueReply["shape"],
  result: unknown,
  decode: (item: unknown, index: number) => unknown,
): unknown {
  if (shape === "value") {
    const value = decode(result, 0);
    return value === MISSING ? null : value;
  }
  if (!Array.isArray(result)) return result;
  const items: readonly unknown[] = result;
  if (shape === "scan") return [items[0], mapValues("pairs", items[1], decode), ...items.slice(2)];
  const every = shape === "pairs" ? 2 : 1;
  const mapped: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const value = index % every === every - 1 ? decode(item, index) : item;
    if (value !== MISSING) mapped.push(value);
    else if (shape === "values") mapped.push(null);
    // A field without its value is not there.
    else if (shape === "pairs") mapped.pop();
  }
  return mapped;
}

/** One error for a reply in which several values did not decode. */
function combine(failures: readonly ZstashError[], command: string, reply: ValueReply): ZstashError {
  const [first] = failures as [ZstashError];
  if (failures.length === 1 && reply.keyed !== true) return first;
  const keys = [...new Set(failures.map(({ key }) => key!))];
  const shown = keys.slice(0, NAMED_KEYS).map((key) => JSON.stringify(key));
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : "";
  const message =
    failures.length === 1
      ? first.message
      : `Cannot decode ${failures.length} values of ${shown.join(", ")}${more} (${command}): the first is ${first.code}`;
  return new ZstashError(first.code, message, {
    keys,
    cause: first,
    ...(keys.length === 1 ? { key: keys[0]! } : {}),
  });
}
