/** Finds and removes temporary keys that uploads have left behind. */
import type { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import { utf8Lossy } from "../text.ts";
import type { ScanOptions, StoreSettings } from "./options.ts";
import { requireBulk, requireItems, requireNumber } from "./reply.ts";
import { report } from "./report.ts";
import { ABANDONED_BELOW, isTemporaryKey, isUpload, PROOF_SIZE, TEMPORARY_PATTERN } from "./temporary-key.ts";

/** A temporary key of an upload that is running, or was left behind. */
export interface TemporaryKey {
  /** Its whole name in Redis; `removeTemporaryKeys` takes it. */
  readonly key: string;
  /** Its size so far, in bytes. */
  readonly size: number;
  /** Milliseconds to live; −1 if it does not expire, which is never so during an upload. */
  readonly ttl: number;
  /** True if no running upload can own it: it does not expire, or was not renewed in time. */
  readonly abandoned: boolean;
}

/** Keys that one request of SCAN looks at. */
const SCAN_COUNT = 1000;

/** Finds temporary keys among all keys of the database. */
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
    report(onScan, scanned);
    cursor = requireText(next!);
    const keys = requireItems(found!, "scan", "*")
      .map(requireText)
      .filter((key) => isTemporaryKey(key) && !seen.has(key));
    for (const key of keys) seen.add(key);
    if (keys.length === 0) continue;
    yield* await readUploads(client, keys, signal);
  } while (cursor !== "0");
}

/** The keys that hold data of an upload, whatever their names. */
async function readUploads(
  client: RestClient,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly TemporaryKey[]> {
  const commands = keys.flatMap((key) => [
    ["PTTL", key],
    ["STRLEN", key],
    ["GETRANGE", key, 0, PROOF_SIZE - 1],
  ]);
  const replies = await client.batch("pipeline", commands, { signal });
  const found: TemporaryKey[] = [];
  for (const [index, key] of keys.entries()) {
    const [lifetime, length, start] = replies.slice(index * 3, index * 3 + 3);
    // A key of another type is not an upload's, whatever its name.
    if (length!.kind === "error") continue;
    const ttl = requireNumber(lifetime!, "read", key);
    const size = requireNumber(length!, "read", key);
    const head = requireBulk(start!, "read", key) ?? new Uint8Array(0);
    // −2: the key no longer exists.
    if (ttl === -2 || !isUpload(head, size, ttl)) continue;
    found.push({ key, size, ttl, abandoned: ttl < ABANDONED_BELOW });
  }
  return found;
}

function requireText(reply: RespValue): string {
  return utf8Lossy(requireBulk(reply, "scan", "*") ?? new Uint8Array(0));
}

/**
 * Removes temporary keys and returns how many there were. A key that holds something else by now stays.
 *
 * @throws {RangeError} for a key that is not a temporary one
 */
export async function removeTemporaryKeys(
  { client }: StoreSettings,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!keys.every(isTemporaryKey)) throw new RangeError('"keys" must be temporary keys, got another one');
  if (keys.length === 0) return 0;
  const uploads = await readUploads(client, keys, signal);
  if (uploads.length === 0) return 0;
  const names = uploads.map(({ key }) => key);
  return requireNumber(await client.command(["DEL", ...names], { signal }), "remove", names[0]!);
}
