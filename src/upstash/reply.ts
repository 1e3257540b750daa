/** Decodes the answer to a request: finds the stored values in its replies and puts their texts in their places. */
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { utf8Lossy } from "../text.ts";
import { isEncoded, type Stored } from "../value/carrier.ts";
import { decodeRead, type DecodeSettings, type ValueRead } from "../value/decode.ts";
import type { CodecFailure } from "../value/encode.ts";
import { batchErrorText } from "./batch-error.ts";
import { keyOfReply, type ValueReply } from "./commands.ts";
import type { CommandReply, PlannedReply, RequestPlan } from "./plan.ts";
import type { Settings } from "./settings.ts";

/** The part of what is loaded on demand that decodes large values, with pauses for the event loop. */
export interface LargeDecoder {
  decodeLarge(codec: Zstd | CodecFailure, read: ValueRead, settings: DecodeSettings): Promise<string>;
}

/** A reply in which something has to be decoded. */
interface EncodedReply {
  readonly planned: PlannedReply;
  readonly reply: CommandReply;
  /** The list of values and fields in the reply, or the one value. */
  readonly items: readonly unknown[];
  /** The stored values by their index in `items`. */
  readonly reads: ReadonlyMap<number, ValueRead>;
}

/** Stands for a damaged value under `onCorrupt: "miss"`. */
const MISSING = Symbol("missing");

/** Codes that mean the stored value is damaged; nothing else counts as a miss. */
const damage: ReadonlySet<ZstashErrorCode> = new Set<ZstashErrorCode>([
  "NOT_ZSTD",
  "TRUNCATED",
  "CORRUPT",
  "CHECKSUM_MISMATCH",
  "NOT_TEXT",
  // Dictionaries are checked when they are loaded: in a decode this is a frame that refers to what it lacks.
  "DICTIONARY_INVALID",
]);

/** The most keys that an error message names; all are in `keys`. */
const NAMED_KEYS = 10;

/** Stored bytes from which a value may be so large that it is decoded with pauses. */
const LARGE_STORED = 16 << 10;

/**
 * The answer with its values decoded, as a new object; the same object if nothing in it is encoded.
 *
 * @throws {ZstashError} with the keys, if a value of a single command does not decode. In a list only the reply that
 * holds the value becomes an error.
 */
export async function decodeAnswer(
  answer: unknown,
  { kind, commands, reads }: RequestPlan,
  settings: Settings,
  loadLargeDecoder: () => Promise<LargeDecoder>,
): Promise<unknown> {
  const batch = kind !== "command";
  // The SDK's result for an aborted request is no list.
  if (reads === undefined || (batch && !Array.isArray(answer))) return answer;
  const replies = (batch ? answer : [answer]) as readonly CommandReply[];
  if (replies.length !== commands.length) {
    const counts = `${commands.length} commands, got ${replies.length} replies`;
    throw new ZstashError("REDIS", `Cannot read the replies: ${counts}`);
  }
  const encoded = replies.map((reply, index) => findEncoded(reply, reads[index]));
  if (encoded.every((one) => one === undefined)) return answer;
  const codec = settings.codec.loaded ?? (await settings.codec.load());
  if (!batch) return decodeReply(codec, encoded[0]!, settings, loadLargeDecoder);
  const decoded: CommandReply[] = [];
  for (const [index, reply] of replies.entries()) {
    const one = encoded[index];
    decoded.push(
      one === undefined
        ? reply
        : await decodeReply(codec, one, settings, loadLargeDecoder).catch((error: unknown) =>
            failedReply(reply, error),
          ),
    );
  }
  return decoded;
}

/** Finds the stored values of a reply; undefined if the reply stays as it is. */
function findEncoded(reply: CommandReply, planned: PlannedReply | undefined): EncodedReply | undefined {
  if (planned === undefined) return undefined;
  const { command, name, reply: place } = planned;
  const items = itemsOf(place, reply.result);
  const reads = new Map<number, ValueRead>();
  let found = false;
  for (const [index, item] of items.entries()) {
    if (!isStored(item) || !isEncoded(item)) continue;
    if (!isField(place, index)) {
      reads.set(index, { command: name, key: keyOfReply(command, place, index), stored: item });
      found = true;
    } else if (typeof item !== "string") {
      found = true;
    }
  }
  return found ? { planned, reply, items, reads } : undefined;
}

function itemsOf({ shape }: ValueReply, result: unknown): readonly unknown[] {
  if (shape === "value") return [result];
  const items = shape === "scan" && Array.isArray(result) ? (result[1] as unknown) : result;
  return Array.isArray(items) ? items : [];
}

function isField({ shape }: ValueReply, index: number): boolean {
  return (shape === "pairs" || shape === "scan") && index % 2 === 0;
}

/** Returns true for the types that a value has before it is decoded. */
function isStored(item: unknown): item is Stored {
  return typeof item === "string" || item instanceof Uint8Array;
}

/**
 * Decodes the values of a reply. Large values are decoded with pauses for the event loop, and so are many small ones.
 *
 * @throws {ZstashError} with the keys, where a value does not decode
 */
async function decodeReply(
  codec: Zstd | CodecFailure,
  encoded: EncodedReply,
  settings: Settings,
  loadLargeDecoder: () => Promise<LargeDecoder>,
): Promise<CommandReply> {
  const decoded = new Map<number, string | typeof MISSING>();
  const failures: ZstashError[] = [];
  for (const [index, read] of encoded.reads) {
    try {
      const text =
        read.stored.length < LARGE_STORED
          ? decodeRead(codec, read, settings)
          : await (await loadLargeDecoder()).decodeLarge(codec, read, settings);
      decoded.set(index, text);
      await settings.pace.spend(text.length);
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      if (settings.onCorrupt === "throw" || !damage.has(error.code)) failures.push(error);
      decoded.set(index, MISSING);
    }
  }
  if (failures.length > 0) throw combine(failures, encoded.planned);
  return { ...encoded.reply, result: withDecoded(encoded, decoded) };
}

/** The result of a reply with texts for its stored values. */
function withDecoded(
  { planned, reply, items }: EncodedReply,
  decoded: ReadonlyMap<number, string | typeof MISSING>,
): unknown {
  const { shape } = planned.reply;
  if (shape === "value") {
    const value = decoded.get(0);
    return value === MISSING ? null : value;
  }
  const result: unknown[] = [];
  for (const [index, item] of items.entries()) {
    // Raw frames among the fields are text, as the SDK would make it of them.
    const value = decoded.get(index) ?? (item instanceof Uint8Array ? utf8Lossy(item) : item);
    if (value !== MISSING) result.push(value);
    else if (shape === "values") result.push(null);
    // A field without its value is not there.
    else if (shape !== "list") result.pop();
  }
  if (shape !== "scan") return result;
  const [cursor, , ...rest] = reply.result as readonly unknown[];
  return [cursor, result, ...rest];
}

/** The reply of a command whose values do not decode, among the replies of others. */
function failedReply(reply: CommandReply, error: unknown): CommandReply {
  if (!(error instanceof ZstashError)) throw error;
  // The SDK deserialises the result of failed commands too, and expects a list where there would have been one.
  const result = Array.isArray(reply.result) ? [] : undefined;
  return { ...reply, result, error: batchErrorText(error) };
}

/** One error for a reply in which several values did not decode. */
function combine(failures: readonly ZstashError[], { name, reply }: PlannedReply): ZstashError {
  const [cause] = failures as [ZstashError];
  if (failures.length === 1 && reply.keyed !== true) return cause;
  const keys = [...new Set(failures.map(({ key }) => key!))];
  const key = keys.length === 1 ? keys[0] : undefined;
  if (failures.length === 1) return cause.with({ key, keys, cause });
  const shown = keys.slice(0, NAMED_KEYS).map((one) => JSON.stringify(one));
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : "";
  const values = `${failures.length} values of ${shown.join(", ")}${more}`;
  const message = `Cannot decode ${values} (${name}): the first is ${cause.code}`;
  return cause.with({ message, key, keys, cause });
}
