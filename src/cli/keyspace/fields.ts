/** Lists the fields of a hash and reads their values, in few requests, none of which fetches a value above a limit. */
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { readUtf8, utf8Lossy } from "../../text.ts";
import { groups, pipeline, readGroup, type Found } from "./read.ts";
import { bytesOf, itemsOf } from "./scan.ts";

/** Some fields. HSCAN gives every field that is there all the while at least once, and some twice. */
export interface FieldPage {
  readonly fields: readonly string[];
  /** Fields whose name is no UTF-8: requests in JSON cannot name them. */
  readonly unnamable: number;
}

/** Fields that one HSCAN looks at, and where it gives their values too: then a page may be large. */
const COUNT = 250;
const COUNT_WITH_VALUES = 20;

/**
 * The ways to list fields: NOVALUES of HSCAN (Redis 7.4), a script that leaves the values out, and with the values, of which one reply may
 * not hold as many as there are.
 */
type Way = "no-values" | "script" | "values";
const NAMES_SCRIPT =
  "local r=redis.call('HSCAN',KEYS[1],ARGV[1],'COUNT',ARGV[2]) local n={} " +
  "for i=1,#r[2],2 do n[#n+1]=r[2][i] end return {r[1],n}";

/** Lists fields of hashes of one server. */
export class FieldScan {
  readonly #client: RestClient;
  /** The best way that the server has not refused. */
  #way: Way = "no-values";

  constructor(client: RestClient) {
    this.#client = client;
  }

  /**
   * The fields of a hash, page by page; nothing where it is gone, or is no hash any more.
   *
   * @throws {ZstashError} REDIS where the token may not read it, and for every other refusal
   */
  async *pages(key: string): AsyncGenerator<FieldPage, void, undefined> {
    let cursor = "0";
    do {
      const [reply, way] = await this.#scan(key, cursor);
      if (reply.kind === "error") {
        if (reply.text.includes("WRONGTYPE")) return;
        throw serverError("list the fields of a hash", reply.text, { key });
      }
      const [next, items] = itemsOf(reply);
      cursor = utf8Lossy(bytesOf(next));
      const all = itemsOf(items).map(bytesOf);
      const names = way === "values" ? all.filter((_, index) => index % 2 === 0) : all;
      const named = names.map((name) => readUtf8(name)).filter((name) => name !== undefined);
      yield { fields: [...new Set(named)], unnamable: names.length - named.length };
    } while (cursor !== "0");
  }

  /** A page, by the first way that the server takes. */
  async #scan(key: string, cursor: string): Promise<readonly [RespValue, Way]> {
    for (;;) {
      const way = this.#way;
      const reply = await this.#client.command(commandOf(way, key, cursor));
      // Servers name what they lack in words of their own; where it is something else the last way fails too.
      const isFinal = reply.kind !== "error" || reply.text.includes("WRONGTYPE");
      if (isFinal || way === "values") return [reply, way];
      this.#way = way === "no-values" ? "script" : "values";
    }
  }
}

function commandOf(way: Way, key: string, cursor: string): RestCommand {
  if (way === "script") return ["EVAL", NAMES_SCRIPT, 1, key, cursor, COUNT];
  const scan: RestCommand = ["HSCAN", key, cursor, "COUNT", way === "values" ? COUNT_WITH_VALUES : COUNT];
  return way === "values" ? scan : [...scan, "NOVALUES"];
}

/** What lies under fields, in groups of a few MiB; `key` of each is its field. */
export async function* readFields(
  client: RestClient,
  key: string,
  fields: readonly string[],
  maxValue: number,
): AsyncGenerator<Found[], void, undefined> {
  const replies = await pipeline(
    client,
    fields.map((field): RestCommand => ["HSTRLEN", key, field]),
  );
  const sized = replies.map((reply, index) => ({ key: fields[index]!, size: lengthOf(reply, key) }));
  const unread = sized
    .filter(({ size }) => size === 0 || size > maxValue)
    .map((one): Found => (one.size === 0 ? { kind: "empty", key: one.key } : { kind: "large", ...one }));
  if (unread.length > 0) yield unread;
  for (const group of groups(sized.filter(({ size }) => size > 0 && size <= maxValue))) {
    yield await readGroup(group, async (some) => {
      const reply = await client.command(["HMGET", key, ...some.map((one) => one.key)]);
      if (reply.kind === "error" && !reply.text.startsWith("WRONGTYPE"))
        throw serverError("read the fields of a hash", reply.text, { key });
      const values = reply.kind === "array" ? (reply.items ?? []) : [];
      return some.map((one, index): Found => {
        const value = values[index];
        const bytes = value?.kind === "bulk" ? value.bytes : null;
        if (bytes === null || bytes.length === 0) return { kind: "empty", key: one.key };
        if (bytes.length > maxValue) return { kind: "large", key: one.key, size: bytes.length };
        return { kind: "value", key: one.key, bytes };
      });
    });
  }
}

/** A reply to HSTRLEN: 0 for a field that is gone. */
function lengthOf(reply: RespValue, key: string): number {
  if (reply.kind === "integer") return Number(reply.value);
  if (reply.kind === "error" && !reply.text.startsWith("WRONGTYPE"))
    throw serverError("read the fields of a hash", reply.text, { key });
  return 0;
}
