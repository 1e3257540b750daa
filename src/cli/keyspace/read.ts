/** Reads the values of keys in few requests, none of which fetches a value above a limit. */
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { utf8Lossy } from "../../text.ts";

/** What a key holds. */
export type Found =
  | { readonly kind: "value"; readonly key: string; readonly bytes: Uint8Array }
  /** The value is longer than the limit, and was not fetched. */
  | { readonly kind: "large"; readonly key: string; readonly size: number }
  /** The key holds another type: "hash", "list" and so on. */
  | { readonly kind: "other"; readonly key: string; readonly type: string }
  /** The token may not read the key. */
  | { readonly kind: "refused"; readonly key: string }
  /** The value is the empty string, or the key no longer exists. */
  | { readonly kind: "empty"; readonly key: string };

/** Bytes that the first request asks for of each value: most values are shorter, and need no second request. */
const FIRST = 4096;
/** The most bytes of values in one reply: servers take 10 MB, of which a third may be base64. */
const REPLY = 4 << 20;
/** The most commands in one pipeline. */
const COMMANDS = 256;

/** Reads what the keys hold, each key once, in groups of a few MiB. Those that need no second request come first. */
export async function* readValues(
  client: RestClient,
  keys: readonly string[],
  maxValue: number,
): AsyncGenerator<Found[], void, undefined> {
  const first = Math.min(FIRST, maxValue + 1);
  const replies = await pipeline(
    client,
    keys.map((key) => ["GETRANGE", key, 0, first - 1]),
  );
  const found = replies.map((reply, index) => toFound(reply, keys[index]!, first - 1));
  const others = found.filter(({ kind }) => kind === "other");
  const longer = found.filter(({ kind }) => kind === "large");
  const types = await readTypeNames(
    client,
    others.map(({ key }) => key),
  );
  yield [
    ...found.filter(({ kind }) => kind !== "other" && kind !== "large"),
    ...others.map(({ key }, index): Found => {
      const type = types[index]!;
      return type === "none" ? { kind: "empty", key } : { kind: "other", key, type };
    }),
  ];
  const lengths = await readLengths(
    client,
    longer.map(({ key }) => key),
  );
  const sized = longer.map(({ key }, index) => ({ key, size: Math.max(Number(lengths[index]) || 0, first) }));
  const large = sized.filter(({ size }) => size > maxValue);
  if (large.length > 0) yield large.map((one) => ({ kind: "large", ...one }));
  for (const group of groups(sized.filter(({ size }) => size <= maxValue))) {
    yield await readGroup(group, async (some) => {
      const values = await pipeline(
        client,
        some.map(({ key }) => ["GETRANGE", key, 0, maxValue]),
      );
      return values.map((reply, index) => toFound(reply, some[index]!.key, maxValue));
    });
  }
}

/**
 * Reads what one reply may hold. If the server's limit is lower, each is read alone, and one that no reply holds is
 * "large".
 */
export async function readGroup<Sized extends { readonly key: string; readonly size: number }>(
  group: readonly Sized[],
  read: (some: readonly Sized[]) => Promise<Found[]>,
): Promise<Found[]> {
  try {
    return await read(group);
  } catch (error) {
    if (!(error instanceof ZstashError) || error.code !== "REQUEST_LIMIT") throw error;
    if (group.length === 1) return [{ kind: "large", key: group[0]!.key, size: group[0]!.size }];
    const found: Found[] = [];
    for (const one of group) found.push(...(await readGroup([one], read)));
    return found;
  }
}

/** The types of keys; "none" is a key that has gone meanwhile. */
export async function readTypeNames(client: RestClient, keys: readonly string[]): Promise<string[]> {
  const replies = await pipeline(
    client,
    keys.map((key) => ["TYPE", key]),
  );
  return replies.map((reply) => {
    // In base64 a status comes as a bulk string.
    const bytes = reply.kind === "bulk" ? reply.bytes : null;
    return reply.kind === "status" ? reply.text : bytes === null ? "unknown" : utf8Lossy(bytes);
  });
}

/** The lengths of strings; undefined for other types, 0 for keys that do not exist, "refused" where the token may not. */
export async function readLengths(
  client: RestClient,
  keys: readonly string[],
): Promise<(number | "refused" | undefined)[]> {
  const replies = await pipeline(
    client,
    keys.map((key) => ["STRLEN", key]),
  );
  return replies.map((reply) => {
    if (reply.kind === "integer") return Number(reply.value);
    return reply.kind === "error" && reply.text.startsWith("NOPERM") ? "refused" : undefined;
  });
}

/** Reads a reply to GETRANGE. One of more than `limit` bytes may be the start of a longer value. */
function toFound(reply: RespValue, key: string, limit: number): Found {
  if (reply.kind === "bulk") {
    const bytes = reply.bytes ?? new Uint8Array(0);
    if (bytes.length === 0) return { kind: "empty", key };
    if (bytes.length > limit) return { kind: "large", key, size: bytes.length };
    return { kind: "value", key, bytes };
  }
  if (reply.kind !== "error")
    throw new ZstashError("REDIS", "Cannot read a value: the reply of GETRANGE is of another kind");
  if (reply.text.startsWith("WRONGTYPE")) return { kind: "other", key, type: "unknown" };
  if (reply.text.startsWith("NOPERM")) return { kind: "refused", key };
  throw serverError("read a value", reply.text, { key });
}

/** Sends commands that only read, as many requests as they take. */
export async function pipeline(client: RestClient, commands: readonly RestCommand[]): Promise<RespValue[]> {
  const replies: RespValue[] = [];
  for (let at = 0; at < commands.length; at += COMMANDS)
    replies.push(...(await client.batch("pipeline", commands.slice(at, at + COMMANDS))));
  return replies;
}

/** Values in groups that one reply may hold. */
export function* groups<Sized extends { readonly size: number }>(
  all: readonly Sized[],
): Generator<Sized[], void, undefined> {
  let group: Sized[] = [];
  let held = 0;
  for (const one of all) {
    if (group.length > 0 && held + one.size > REPLY) {
      yield group;
      [group, held] = [[], 0];
    }
    group.push(one);
    held += one.size;
  }
  if (group.length > 0) yield group;
}
