/**
 * Counts the values that need a dictionary: it looks at the first bytes of strings, fields and items of all keys, by
 * SCAN.
 */
import { ZstashError } from "../errors.ts";
import { base64Length } from "../format/base64.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt } from "../format/frame.ts";
import type { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import type { RestCommand } from "../rest/rest-command.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";
import { utf8Lossy } from "../text.ts";
import { headOf, isRawCarrier, isTextCarrier, TEXT_PREFIX_SIZE } from "../value/carrier.ts";
import { run, runOne, type Plain } from "./redis.ts";

/** The results of a SCAN of all keys. */
export interface References {
  /** How many values need each dictionary. */
  readonly byId: ReadonlyMap<number, number>;
  /** Incomplete uploads: it is not yet known what they will need. */
  readonly unfinished: number;
}

/** Keys that one SCAN looks at, and fields or items that one request returns. */
const SCAN_COUNT = 500;
const ITEMS = 100;
/** What the store writes before an upload is complete. */
const UNFINISHED = "zstash upload, not complete\n";
/** Enough for the header of a frame in the text carrier. */
const HEAD = TEXT_PREFIX_SIZE + base64Length(FRAME_HEADER_SIZE_MAX);

/**
 * Looks at every key. `onScan` is called with the number of keys so far.
 *
 * @throws {ZstashError} if Redis refuses to show one: it may be a value that needs a dictionary
 */
export async function countReferences(
  client: RestClient,
  signal: AbortSignal | undefined,
  onScan: (scannedKeys: number) => void,
): Promise<References> {
  const byId = new Map<number, number>();
  let unfinished = 0;
  let scanned = 0;
  const count = (head: Uint8Array): void => {
    if (utf8Lossy(head.subarray(0, UNFINISHED.length)) === UNFINISHED) unfinished += 1;
    const id = idIn(head);
    if (id !== 0) byId.set(id, (byId.get(id) ?? 0) + 1);
  };
  for await (const keys of scanKeys(client, signal)) {
    const types = await run(
      client,
      keys.map((key) => ["TYPE", key]),
      signal,
    );
    const refusal = types.find((type) => type instanceof ZstashError);
    if (refusal !== undefined) throw unseen(refusal);
    const of = (type: string): string[] => keys.filter((_, index) => types[index] === type);
    const heads = of("string").map((key): RestCommand => ["GETRANGE", key, 0, HEAD - 1]);
    if (heads.length > 0)
      for (const reply of await client.batch("pipeline", heads, { signal })) count(bytesOf(reply));
    for (const key of of("hash")) for await (const value of valuesOf(client, key, signal)) count(value);
    for (const key of of("list")) for await (const value of itemsOf(client, key, signal)) count(value);
    scanned += keys.length;
    onScan(scanned);
  }
  return { byId, unfinished };
}

/** All keys; some come twice. */
export async function* scanKeys(
  client: RestClient,
  signal: AbortSignal | undefined,
  pattern: string = "*",
): AsyncGenerator<string[], void, undefined> {
  let cursor = "0";
  do {
    const reply = await runOne(client, ["SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT], signal);
    const [next, keys] = (Array.isArray(reply) ? reply : []) as readonly Plain[];
    if (typeof next !== "string" || !Array.isArray(keys))
      throw new ZstashError("REDIS", "Cannot scan: the reply is of another kind");
    cursor = next;
    if (keys.length > 0) yield keys as string[];
  } while (cursor !== "0");
}

/** Throws for a value that cannot be looked at; a key that has another type by now does not count. */
function requireSeen(reply: RespValue | undefined): void {
  if (reply?.kind !== "error" || reply.text.startsWith("WRONGTYPE")) return;
  throw unseen(new ZstashError(serverErrorCode(reply.text), cleanServerText(reply.text)));
}

function unseen(error: ZstashError): ZstashError {
  const reason = error.message.replace(/^Cannot run the command: /, "");
  return error.with({ message: `Cannot count the values that need a dictionary: ${reason}` });
}

/** The bytes of a bulk reply; empty for any other. */
function bytesOf(reply: RespValue | undefined): Uint8Array {
  requireSeen(reply);
  return (reply?.kind === "bulk" ? reply.bytes : undefined) ?? new Uint8Array(0);
}

/** The items of a list in a reply; empty for any other. */
function itemsIn(reply: RespValue | undefined): readonly RespValue[] {
  requireSeen(reply);
  return (reply?.kind === "array" ? reply.items : undefined) ?? [];
}

/** The values of a hash. */
async function* valuesOf(
  client: RestClient,
  key: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let cursor = "0";
  do {
    const reply = await client.command(["HSCAN", key, cursor, "COUNT", ITEMS], { signal });
    const [next, pairs] = itemsIn(reply);
    for (const [index, item] of itemsIn(pairs).entries()) if (index % 2 === 1) yield bytesOf(item);
    cursor = utf8Lossy(bytesOf(next)) || "0";
  } while (cursor !== "0");
}

/** The items of a list. */
async function* itemsOf(
  client: RestClient,
  key: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let from = 0; ; from += ITEMS) {
    const items = itemsIn(await client.command(["LRANGE", key, from, from + ITEMS - 1], { signal }));
    for (const item of items) yield bytesOf(item);
    if (items.length < ITEMS) return;
  }
}

/** The id of the dictionary that a value needs, from the header of its first frame; 0 for none. */
function idIn(head: Uint8Array): number {
  try {
    if (isRawCarrier(head)) return readFrameHeaderAt(head, 0, 0).dictionaryId;
    const text = utf8Lossy(head.subarray(0, HEAD));
    return isTextCarrier(text) ? readFrameHeaderAt(headOf(text), 0, 0).dictionaryId : 0;
  } catch {
    return 0;
  }
}
