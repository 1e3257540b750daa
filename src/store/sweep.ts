/** Finds and removes temporary keys that uploads have left behind. */
import type { RespValue } from "../rest/resp.ts";
import { utf8Lossy } from "../text.ts";
import type { ScanOptions, StoreSettings } from "./options.ts";
import { requireBulk, requireItems, requireNumber } from "./reply.ts";
import { ABANDONED_BELOW, isTemporaryKey, TEMPORARY_PATTERN } from "./temporary-key.ts";

/** A temporary key of an upload that runs, or was left behind. */
export interface TemporaryKey {
  readonly key: string;
  /** Bytes of it so far. */
  readonly size: number;
  /** Milliseconds to live; −1 if it does not expire, which a running upload never leaves so. */
  readonly ttl: number;
  /** No running upload can own it: it does not expire, or was not renewed in time. */
  readonly abandoned: boolean;
}

/** Keys that a SCAN looks at with one request. */
const SCAN_COUNT = 1000;

/** Finds temporary keys, looking through all keys of the database. */
export async function* findTemporaryKeys(
  { client }: StoreSettings,
  { signal, onScan }: ScanOptions,
): AsyncGenerator<TemporaryKey, void, undefined> {
  const seen = new Set<string>();
  let scanned = 0;
  let cursor = "0";
  do {
    const scan = ["SCAN", cursor, "MATCH", TEMPORARY_PATTERN, "COUNT", SCAN_COUNT];
    const reply = await client.command(scan, { signal });
    const [next, found] = requireItems(reply, "scan", "*");
    scanned += SCAN_COUNT;
    onScan?.(scanned);
    cursor = requireText(next!);
    const keys = requireItems(found!, "scan", "*")
      .map(requireText)
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
      // A key of another type is not an upload's, whatever its name.
      if (length.kind === "error") continue;
      const ttl = requireNumber(replies[index * 2]!, "read", key);
      const size = requireNumber(length, "read", key);
      // −2: it is gone by now.
      if (ttl !== -2) yield { key, size, ttl, abandoned: ttl < ABANDONED_BELOW };
    }
  } while (cursor !== "0");
}

function requireText(reply: RespValue): string {
  return utf8Lossy(requireBulk(reply, "scan", "*") ?? new Uint8Array(0));
}

/**
 * Removes temporary keys and returns how many were there.
 *
 * @throws {RangeError} for any other key
 */
export async function removeTemporaryKeys(
  { client }: StoreSettings,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!keys.every(isTemporaryKey)) throw new RangeError('"keys" must be temporary keys, got another one');
  if (keys.length === 0) return 0;
  return requireNumber(await client.command(["DEL", ...keys], { signal }), "remove", keys[0]!);
}
