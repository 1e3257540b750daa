/** Lists the keys of a database by SCAN, page by page. */
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import { serverError } from "../../rest/server-error.ts";
import { readUtf8, utf8Lossy } from "../../text.ts";

/** Some keys. SCAN gives every key that exists throughout at least once, and some keys twice. */
export interface Page {
  readonly keys: readonly string[];
  /** Keys whose names are not valid UTF-8: requests in JSON cannot name them. */
  readonly unnamable: number;
}

export interface ScanSettings {
  /** A pattern as Redis takes it; undefined for all keys. */
  readonly pattern: string | undefined;
  /** The number of keys that one SCAN looks at. */
  readonly count: number;
}

/** The keys of a database, page by page. */
export async function* scanPages(
  client: RestClient,
  { pattern, count }: ScanSettings,
): AsyncGenerator<Page, void, undefined> {
  const match = pattern === undefined ? [] : ["MATCH", pattern];
  let cursor = "0";
  do {
    const reply = await client.command(["SCAN", cursor, ...match, "COUNT", count]);
    if (reply.kind === "error") throw serverError("list the keys", reply.text);
    const [next, keys] = itemsOf(reply);
    const names = itemsOf(keys).map((key) => readUtf8(bytesOf(key)));
    cursor = utf8Lossy(bytesOf(next));
    const named = names.filter((name) => name !== undefined);
    yield { keys: named, unnamable: names.length - named.length };
  } while (cursor !== "0");
}

/** The same keys in pages of at least `size` keys: with a pattern, SCAN gives few at a time. */
export async function* gatherPages(
  pages: AsyncIterable<Page>,
  size: number,
): AsyncGenerator<Page, void, undefined> {
  let keys: string[] = [];
  let unnamable = 0;
  for await (const page of pages) {
    keys.push(...page.keys);
    unnamable += page.unnamable;
    if (keys.length < size) continue;
    yield { keys, unnamable };
    [keys, unnamable] = [[], 0];
  }
  if (keys.length + unnamable > 0) yield { keys, unnamable };
}

/** The number of keys; undefined if the server does not tell. */
export async function countKeys(client: RestClient): Promise<number | undefined> {
  const reply = await client.command(["DBSIZE"]);
  return reply.kind === "integer" ? Number(reply.value) : undefined;
}

/** Identifies one run of a server; undefined if the server does not tell. A restart may make SCAN miss keys. */
export async function readRun(client: RestClient): Promise<string | undefined> {
  const reply = await client.command(["INFO", "server"]);
  const text = reply.kind === "bulk" && reply.bytes !== null ? utf8Lossy(reply.bytes) : "";
  return /^run_id:([0-9a-f]+)/m.exec(text)?.[1];
}

/** The items of a reply that is an array. */
export function itemsOf(reply: RespValue | undefined): readonly RespValue[] {
  if (reply?.kind === "array" && reply.items !== null) return reply.items;
  throw unexpected();
}

/** The bytes of a reply that is a string. */
export function bytesOf(reply: RespValue | undefined): Uint8Array {
  if (reply?.kind === "bulk" && reply.bytes !== null) return reply.bytes;
  throw unexpected();
}

function unexpected(): ZstashError {
  return new ZstashError(
    "REDIS",
    "Cannot list keys or fields: the reply of SCAN or HSCAN is of another kind",
  );
}
