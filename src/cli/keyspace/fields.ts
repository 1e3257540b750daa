/** Lists the fields of a hash and reads their values, in few requests, none of which fetches a value above a limit. */
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { serverError } from "../../rest/server-error.ts";
import { readUtf8, utf8Lossy } from "../../text.ts";
import { groups, pipeline, type Found } from "./read.ts";
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

/** Lists fields of hashes of one server. */
export class FieldScan {
  readonly #client: RestClient;
  /** Whether the server knows NOVALUES of HSCAN (Redis 7.4); undefined until it was asked. */
  #namesAlone: boolean | undefined;

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
      const reply = await this.#scan(key, cursor);
      if (reply.kind === "error") {
        if (reply.text.startsWith("WRONGTYPE")) return;
        throw serverError("list the fields of a hash", reply.text, { key });
      }
      const [next, items] = itemsOf(reply);
      cursor = utf8Lossy(bytesOf(next));
      const all = itemsOf(items).map(bytesOf);
      const names = this.#namesAlone === true ? all : all.filter((_, index) => index % 2 === 0);
      const named = names.map((name) => readUtf8(name)).filter((name) => name !== undefined);
      yield { fields: [...new Set(named)], unnamable: names.length - named.length };
    } while (cursor !== "0");
  }

  async #scan(key: string, cursor: string): Promise<RespValue> {
    if (this.#namesAlone !== false) {
      const reply = await this.#client.command(["HSCAN", key, cursor, "COUNT", COUNT, "NOVALUES"]);
      const isRefused = reply.kind === "error" && !/^(WRONGTYPE|NOPERM)/.test(reply.text);
      if (!isRefused) {
        if (reply.kind !== "error") this.#namesAlone = true;
        return reply;
      }
      // Servers name what they lack in words of their own; where it is something else the next one fails too.
      this.#namesAlone = false;
    }
    try {
      return await this.#client.command(["HSCAN", key, cursor, "COUNT", COUNT_WITH_VALUES]);
    } catch (error) {
      // The values of a page are more than a reply may have.
      if (!(error instanceof ZstashError) || error.code !== "SIZE_LIMIT") throw error;
      return this.#client.command(["HSCAN", key, cursor, "COUNT", 1]);
    }
  }
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
    const reply = await client.command(["HMGET", key, ...group.map((one) => one.key)]);
    if (reply.kind === "error" && !reply.text.startsWith("WRONGTYPE"))
      throw serverError("read the fields of a hash", reply.text, { key });
    const values = reply.kind === "array" ? (reply.items ?? []) : [];
    yield group.map((one, index): Found => {
      const value = values[index];
      const bytes = value?.kind === "bulk" ? value.bytes : null;
      if (bytes === null || bytes.length === 0) return { kind: "empty", key: one.key };
      if (bytes.length > maxValue) return { kind: "large", key: one.key, size: bytes.length };
      return { kind: "value", key: one.key, bytes };
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
