import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import type { Zstd } from "../codec/zstd.ts";
import type { Stored } from "../value/carrier.ts";
import { decodeStored, decodeStoredLarge, isEncoded } from "../value/decode.ts";
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

/** From how many stored bytes a value may be so large that it is decoded with pauses. */
const LARGE_STORED = 16 << 10;

/** Raw frames among the fields of a reply, which are no values, are text as the SDK would make it. */
const decoder = new TextDecoder();

/** Whether anything in the reply has to be decoded. */
export function holdsEncoded(shape: ValueReply["shape"], result: unknown): boolean {
  if (shape === "value") return isStored(result) && isEncoded(result);
  if (!Array.isArray(result)) return false;
  const items: readonly unknown[] = result;
  if (shape === "scan") return holdsEncoded("pairs", items[1]);
  // Fields too: they may have to be made text again.
  return items.some((item) => isStored(item) && isEncoded(item));
}

/** Whether a stored value may decode to so much that it takes pauses. */
function isLarge(item: Stored): boolean {
  return item.length >= LARGE_STORED;
}

/** What a value is while it has not been decoded. */
function isStored(item: unknown): item is Stored {
  return typeof item === "string" || item instanceof Uint8Array;
}

/**
 * The reply with its values decoded, as a new object. Large values are decoded with pauses for the event loop, and so
 * are many small ones.
 *
 * @throws {ZstashError} with the keys, where a value does not decode
 */
export async function decodeReply(
  codec: Zstd | CodecFailure,
  { command, known, reply }: ReplyPlan,
  result: unknown,
  settings: Settings,
): Promise<unknown> {
  const failures: ZstashError[] = [];
  const decode = async (item: unknown, index: number): Promise<unknown> => {
    if (!isStored(item) || !isEncoded(item)) return item;
    try {
      const key = keyOfReply(command, reply, index);
      const text = isLarge(item)
        ? await decodeStoredLarge(
            (await import("./on-demand.ts")).decompressLargeText,
            codec,
            item,
            known.name,
            key,
            settings,
          )
        : decodeStored(codec, item, known.name, key, settings);
      await settings.pace.spend(text.length);
      return text;
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      if (settings.onCorrupt === "throw" || !damage.has(error.code)) failures.push(error);
      return MISSING;
    }
  };
  const decoded = await mapValues(reply.shape, result, decode);
  if (failures.length > 0) throw combine(failures, known.name, reply);
  return decoded;
}

async function mapValues(
  shape: ValueReply["shape"],
  result: unknown,
  decode: (item: unknown, index: number) => Promise<unknown>,
): Promise<unknown> {
  if (shape === "value") {
    const value = await decode(result, 0);
    return value === MISSING ? null : value;
  }
  if (!Array.isArray(result)) return result;
  const items: readonly unknown[] = result;
  if (shape === "scan") return [items[0], await mapValues("pairs", items[1], decode), ...items.slice(2)];
  const every = shape === "pairs" ? 2 : 1;
  const mapped: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const isValue = index % every === every - 1;
    const value = isValue ? await decode(item, index) : asText(item);
    if (value !== MISSING) mapped.push(value);
    else if (shape === "values") mapped.push(null);
    // A field without its value is not there.
    else if (shape === "pairs") mapped.pop();
  }
  return mapped;
}

function asText(field: unknown): unknown {
  return field instanceof Uint8Array ? decoder.decode(field) : field;
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
