import { requireBulk, requireItems, requireNumber } from "./reply.ts";
import { ABANDONED_BELOW, isTemporaryKey, TEMPORARY_PATTERN } from "./temporary-key.ts";
import type { StoreContext } from "./options.ts";

/** A temporary key of an upload that runs, or was left behind. */
export interface TemporaryKey {
  readonly key: string;
  /** Bytes of it so far. */
  readonly size: number;
  /** Milliseconds to live; −1 for no end, which a running upload never leaves. */
  readonly ttl: number;
  /** Whether no running upload can own it: it has no end, or was not renewed in time. */
  readonly abandoned: boolean;
}

/** Keys that a SCAN looks at with one request. */
const SCAN_COUNT = 1000;
const decoder = new TextDecoder();

/** Finds temporary keys, looking through all keys of the database. */
export async function* findTemporaryKeys(
  { client }: StoreContext,
  signal: AbortSignal | undefined,
): AsyncGenerator<TemporaryKey, void, undefined> {
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const reply = await client.command(["SCAN", cursor, "MATCH", TEMPORARY_PATTERN, "COUNT", SCAN_COUNT], {
      signal,
    });
    const [next, found] = requireItems(reply, "scan", "*");
    cursor = decoder.decode(requireBulk(next!, "scan", "*") ?? undefined);
    const keys = requireItems(found!, "scan", "*")
      .map((item) => decoder.decode(requireBulk(item, "scan", "*") ?? undefined))
      .filter((key) => isTemporaryKey(key) && !seen.has(key));
    for (const key of keys) seen.add(key);
    if (keys.length === 0) continue;
    const commands = keys.flatMap((key) => [
      ["PTTL", key],
      ["STRLEN", key],
    ]);
    const replies = await client.batch("pipeline", commands, { signal });
    for (const [index, key] of keys.entries()) {
      const length = replies[index * 2 + 1]!;
      // Another type under such a name is none of ours.
      if (length.kind === "error") continue;
      const ttl = requireNumber(replies[index * 2]!, "read", key);
      const size = requireNumber(length, "read", key);
      // −2: it ended since.
      if (ttl !== -2) yield { key, size, ttl, abandoned: ttl < ABANDONED_BELOW };
    }
  } while (cursor !== "0");
}

/**
 * Removes temporary keys and gives how many were there.
 *
 * @throws {RangeError} for any other key
 */
export async function removeTemporaryKeys(
  { client }: StoreContext,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!keys.every(isTemporaryKey)) throw new RangeError('"keys" must be temporary keys, got another one');
  if (keys.length === 0) return 0;
  return requireNumber(await client.command(["DEL", ...keys], { signal }), "remove", keys[0]!);
}
