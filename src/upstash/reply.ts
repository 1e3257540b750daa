/** Decodes the answer to a request: finds the stored values in its replies and replaces them by their texts. */
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { utf8Lossy } from "../text.ts";
import { isEncoded, type Stored } from "../value/carrier.ts";
import {
  decodeFailure,
  decodeRead,
  dictionaryIdOf,
  staysAsItIs,
  wholeFrame,
  type DecodeSettings,
  type ValueRead,
} from "../value/decode.ts";
import type { DictionarySource, ValueDictionaries } from "../value/dictionaries.ts";
import type { CodecFailure } from "../value/encode.ts";
import { batchErrorText } from "./batch-error.ts";
import { fieldOfReply, keyOfReply, type ValueReply } from "./commands.ts";
import { listMode } from "./lists.ts";
import type { CommandReply, PlannedReply, RequestPlan } from "./plan.ts";
import { isOverBudget, keysOfAll, ReplyBudgets, type ReplyReads } from "./reply-budget.ts";
import type { Settings } from "./settings.ts";

/** The functions of the part that is loaded on demand that are used here. */
interface ReplyHalf<Route> {
  /** Decodes with pauses. */
  decodeLarge(codec: Zstd | CodecFailure, read: ValueRead, settings: Settings): Promise<string>;
  combineFailures(failures: readonly ZstashError[], planned: PlannedReply): ZstashError;
  replyTooLarge(reply: ReplyReads, limit: number): ZstashError;
  fetchDictionaries(ids: readonly number[], route: Route): Promise<DictionarySource>;
}

/** Loads that part; returns an error if it cannot be loaded. */
export type LoadReplyHalf<Route = never> = () => Promise<ReplyHalf<Route> | CodecFailure>;

/** A reply in which something has to be decoded. */
interface EncodedReply {
  readonly planned: PlannedReply;
  readonly reply: CommandReply;
  /** The list of values and fields in the reply, or the one value. */
  readonly items: readonly unknown[];
  /** The stored values, and the index of each in `items`. */
  readonly reads: readonly (readonly [index: number, read: ValueRead])[];
}

/** Codes that mean that the stored value is damaged; only these count as a miss. */
const damage: ReadonlySet<ZstashErrorCode> = new Set<ZstashErrorCode>([
  "NOT_ZSTD",
  "TRUNCATED",
  "CORRUPT",
  "CHECKSUM_MISMATCH",
  "NOT_TEXT",
  // Dictionaries are checked when they are loaded: while decoding, this code means a frame that refers to what the
  // dictionary lacks.
  "DICTIONARY_INVALID",
]);

/** A value of at least this many stored bytes may be so large that it is decoded with pauses. */
const LARGE_STORED = 16 << 10;

/**
 * Returns the answer with its values decoded, as a new object; the same object if nothing in it is encoded.
 *
 * With a route, dictionaries that are in Redis are fetched by it.
 *
 * @throws {ZstashError} with the keys, if a value of a single command cannot be decoded. In a batch only the reply
 * that contains the value becomes an error.
 */
export async function decodeAnswer<Route>(
  answer: unknown,
  { kind, commands, reads }: RequestPlan,
  given: Settings,
  loadOnDemand: LoadReplyHalf<Route>,
  route: Route | undefined,
): Promise<unknown> {
  const batch = kind !== "command";
  // The SDK's result for an aborted request is not a list.
  if (reads === undefined || (batch && !Array.isArray(answer))) return answer;
  const replies = (batch ? answer : [answer]) as readonly CommandReply[];
  if (replies.length !== commands.length) {
    const counts = `${commands.length} commands, got ${replies.length} replies`;
    throw new ZstashError("REDIS", `Cannot read the replies: ${counts}`);
  }
  const encoded = replies.map((reply, index) => findEncoded(reply, reads[index], given));
  if (encoded.every((one) => one === undefined)) return answer;
  const settings = route === undefined ? given : await withFetched(encoded, given, loadOnDemand, route);
  const count = encoded.reduce((sum, one) => sum + (one?.reads.length ?? 0), 0);
  const { maxSize, maxReplySize } = settings;
  // A few values cannot exceed the limit together.
  const budgets =
    count * maxSize > maxReplySize
      ? new ReplyBudgets(encoded, settings, (one) => tooLarge(one, maxReplySize, loadOnDemand))
      : undefined;
  const codec = settings.codec.loaded ?? (await settings.codec.load());
  const decoded = [...replies];
  for (const [index, one] of encoded.entries()) {
    if (one === undefined) continue;
    try {
      const decode = (limits: Settings): Promise<CommandReply> =>
        decodeReply(codec, one, limits, loadOnDemand);
      decoded[index] = await (budgets === undefined ? decode(settings) : budgets.within(one, decode));
    } catch (error) {
      if (!batch || !(error instanceof ZstashError)) throw error;
      // The SDK deserialises the result of failed commands too, and expects a list if there would have been one.
      const { reply } = one;
      const result = Array.isArray(reply.result) ? [] : undefined;
      decoded[index] = { ...reply, result, error: batchErrorText(error) };
    }
  }
  return batch ? decoded : decoded[0];
}

/** Settings with the dictionaries that the values of an answer need: missing ones are fetched in one request. */
async function withFetched<Route>(
  encoded: readonly (EncodedReply | undefined)[],
  settings: Settings,
  loadOnDemand: LoadReplyHalf<Route>,
  route: Route,
): Promise<Settings> {
  const ids = new Set<number>();
  for (const one of encoded) for (const [, { stored }] of one?.reads ?? []) ids.add(dictionaryIdOf(stored));
  ids.delete(0);
  const known = settings.dictionaries;
  // With several, the cache may drop some before they have been used.
  if (ids.size === 0 || (ids.size === 1 && known?.get([...ids][0]!) !== undefined)) return settings;
  const half = await loadOnDemand();
  if ("error" in half) return settings;
  const fetched = await half.fetchDictionaries([...ids], route);
  const dictionaries: ValueDictionaries = {
    complete: false,
    choose: () => undefined,
    get: (id, header) => fetched.get(id, header),
    whyMissing: (id) => fetched.whyMissing?.(id),
  };
  return { ...settings, dictionaries };
}

/** Finds the stored values of a reply; undefined if the reply stays unchanged. */
function findEncoded(
  reply: CommandReply,
  planned: PlannedReply | undefined,
  settings: Settings,
): EncodedReply | undefined {
  if (planned === undefined) return undefined;
  const { command, name, reply: place } = planned;
  const { shape } = place;
  const items = itemsOf(reply.result, shape);
  if (!Array.isArray(items)) return undefined;
  const hasFields = shape === "pairs" || shape === "scan";
  const reads: [number, ValueRead][] = [];
  const poppedKey = shape === "popped" ? (reply.result as readonly unknown[])[0] : undefined;
  let rawTexts = poppedKey instanceof Uint8Array;
  for (const [index, item] of (items as readonly unknown[]).entries()) {
    if (!isStored(item) || !isEncoded(item)) continue;
    const read: ValueRead = {
      command: name,
      key: shape === "popped" ? String(asText(poppedKey)) : keyOfReply(command, place, index),
      field: hasFields
        ? fieldIn(items, index)
        : place.field === undefined
          ? undefined
          : fieldOfReply(command, place, index),
      stored: item,
    };
    // No text looks like a raw frame, which only a client with `lists` can have put there.
    const isText = place.elements === true && typeof item === "string";
    if (isText && listMode(settings, name, read.key) === false) continue;
    const isValue = shape === "any" ? asWhole(read, settings) : !hasFields || index % 2 === 1;
    if (isValue === false) rawTexts ||= typeof item !== "string";
    else reads.push([index, isValue === true ? read : isValue]);
  }
  return reads.length > 0 || rawTexts ? { planned, reply, items, reads } : undefined;
}

/** The field of a value in pairs. */
function fieldIn(items: readonly unknown[], index: number): string | undefined {
  const field = items[index - 1];
  return isStored(field) ? asText(field) : undefined;
}

/** The items of a result that may be values, as a list; anything else if the result has another shape. */
function itemsOf(result: unknown, shape: ValueReply["shape"]): unknown {
  if (shape === "value") return [result];
  if (shape === "any") return [result].flat(Infinity);
  if (shape === "elements") return [result].flat();
  if (shape === "popped") return Array.isArray(result) ? [result[1]].flat() : undefined;
  return shape === "scan" && Array.isArray(result) ? result[1] : result;
}

/** A string with its frames, if it is a complete stored value; otherwise false, and the listener is told. */
function asWhole(read: ValueRead, settings: DecodeSettings): ValueRead | false {
  try {
    return { ...read, frame: wholeFrame(read.stored) };
  } catch (cause) {
    decodeFailure(cause, { ...read, frame: new Uint8Array(0) }, settings);
    return false;
  }
}

/** Returns true for the types that a value has before it is decoded. */
function isStored(item: unknown): item is Stored {
  return typeof item === "string" || item instanceof Uint8Array;
}

/**
 * Decodes the values of a reply. Large values are decoded with pauses for the event loop, and so are many small ones.
 *
 * @throws {ZstashError} with the keys, if a value cannot be decoded
 */
async function decodeReply(
  codec: Zstd | CodecFailure,
  { planned, reads, reply, items }: EncodedReply,
  settings: Settings,
  loadOnDemand: LoadReplyHalf,
): Promise<CommandReply> {
  const decoded: (string | null)[] = [];
  const failures: ZstashError[] = [];
  for (const [index, read] of reads) {
    try {
      const large = read.stored.length < LARGE_STORED ? undefined : await loadOnDemand();
      // Without the part for large values they are decoded at once.
      if (large === undefined || "error" in large) {
        // It waits before and not after, when it would hold the text in vain while a thousand others decode theirs.
        const turn = settings.pace.takeTurn(settings.signal);
        if (turn !== undefined) await turn;
        const text = decodeRead(codec, read, settings);
        settings.pace.charge(text.length);
        decoded[index] = text;
      } else decoded[index] = await large.decodeLarge(codec, read, settings);
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      if (isOverBudget(error, read, settings))
        throw await tooLarge({ planned, reads }, settings.maxReplySize, loadOnDemand);
      if (read.frame !== undefined && staysAsItIs(error)) continue;
      if (settings.onCorrupt === "throw" || !damage.has(error.code)) failures.push(error);
      decoded[index] = null;
    }
  }
  const [failure] = failures;
  if (failure === undefined) return { ...reply, result: withDecoded({ planned, reply, items }, decoded) };
  if (failures.length === 1 && planned.reply.keyed !== true) throw failure;
  const half = await loadOnDemand();
  // Without the part that names them all, the error is that of the first.
  throw "error" in half
    ? failure.with({ keys: keysOfAll(failures) })
    : half.combineFailures(failures, planned);
}

/** The error of a reply that is too large; a simpler one without the part that names its values. */
async function tooLarge(reply: ReplyReads, limit: number, loadOnDemand: LoadReplyHalf): Promise<ZstashError> {
  const half = await loadOnDemand();
  if (!("error" in half)) return half.replyTooLarge(reply, limit);
  const keys = keysOfAll(reply.reads.map(([, read]) => read));
  return new ZstashError("SIZE_LIMIT", "Cannot decode the reply: it is larger than maxReplySize", { keys });
}

/** The result of a reply with texts for its stored values, by their index, and null for those that count as missing. */
function withDecoded(
  { planned, reply, items }: Pick<EncodedReply, "planned" | "reply" | "items">,
  decoded: readonly (string | null)[],
): unknown {
  const { shape } = planned.reply;
  if (shape === "any")
    return replaceLeaves(reply.result, items.map((item, index) => decoded[index] ?? asText(item)).values());
  const result: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const value = decoded[index];
    if (value === undefined) result.push(asText(item));
    else if (value !== null || shape === "value" || shape === "values") result.push(value);
    // A field without its value is left out.
    else if (shape === "pairs" || shape === "scan") result.pop();
  }
  if (shape === "value") return result[0];
  if (shape === "elements") return Array.isArray(reply.result) ? result : (result[0] ?? null);
  if (shape === "popped") {
    const [key, elements] = reply.result as readonly unknown[];
    return [asText(key), Array.isArray(elements) ? result : (result[0] ?? null)];
  }
  if (shape !== "scan") return result;
  const [cursor, , ...rest] = reply.result as readonly unknown[];
  return [cursor, result, ...rest];
}

/** A nested list with other leaves, taken in their order. */
function replaceLeaves(node: unknown, leaves: Iterator<unknown>): unknown {
  if (!Array.isArray(node)) return leaves.next().value;
  return node.map((item) => replaceLeaves(item, leaves));
}

/** Raw frames that are not values become text, as the SDK would make it from them. */
function asText<Item>(item: Item): Exclude<Item, Uint8Array> | string {
  return item instanceof Uint8Array ? utf8Lossy(item) : (item as Exclude<Item, Uint8Array>);
}
