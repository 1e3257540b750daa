/** Which tags were revalidated and when, in one hash of Redis that all servers share. */
import { ZstashError } from "../errors.ts";
import type { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";
import { utf8Lossy } from "../text.ts";

/** How entries of a tag stand: still right, to be made anew while the old one is shown, or not to be shown. */
export type Freshness = "fresh" | "stale" | "expired";

/** Seconds by which the hash outlives the entries that it speaks of. */
const MARGIN = 3600;

/** Milliseconds since 1970, by the clock that Next.js gives its entries: not `Date`, which ends a prerender of Next.js. */
export const timestamp = (): number => performance.timeOrigin + performance.now();

/** The hash of tags: two fields for each, the moments from which older entries are stale and expired. */
export class Tags {
  readonly #client: RestClient;
  readonly #key: string;
  readonly #ttl: number;

  /** @param ttl the most seconds that an entry lives */
  constructor(client: RestClient, key: string, ttl: number) {
    this.#client = client;
    this.#key = key;
    this.#ttl = ttl;
  }

  /**
   * How an entry with these tags stands that was made at `created`.
   *
   * @throws {ZstashError} REDIS, TIMEOUT
   */
  async freshnessOf(tags: readonly string[], created: number): Promise<Freshness> {
    if (tags.length === 0) return "fresh";
    const fields = [...new Set(tags)].flatMap((tag) => [`expired:${tag}`, `stale:${tag}`]);
    const reply = required(await this.#client.command(["HMGET", this.#key, ...fields]));
    const times = reply.kind === "array" ? (reply.items ?? []).map(numberOf) : [];
    const now = timestamp();
    const isPast = (kind: number, test: (at: number) => boolean): boolean =>
      times.some((at, index) => index % 2 === kind && at > created && test(at));
    if (isPast(0, (at) => at <= now)) return "expired";
    return isPast(1, () => true) ? "stale" : "fresh";
  }

  /**
   * Revalidates tags: entries that are older expire at once, or with `expire` are stale at once and expire in so many seconds.
   *
   * @throws {ZstashError} REDIS, TIMEOUT
   */
  async revalidate(tags: readonly string[], expire: number | undefined, isStale: boolean): Promise<void> {
    if (tags.length === 0) return;
    const now = Math.round(timestamp());
    const fields = tags.flatMap((tag) => [
      ...(isStale ? [`stale:${tag}`, String(now)] : []),
      ...(!isStale || expire !== undefined ? [`expired:${tag}`, String(now + (expire ?? 0) * 1000)] : []),
    ]);
    const replies = await this.#client.batch("pipeline", [
      ["HMSET", this.#key, ...fields],
      ["EXPIRE", this.#key, String(this.#ttl + MARGIN)],
    ]);
    replies.forEach(required);
  }
}

/** A reply that is no error. */
function required(reply: RespValue): RespValue {
  if (reply.kind !== "error") return reply;
  throw new ZstashError(
    serverErrorCode(reply.text),
    `Cannot use the tags of the cache: ${cleanServerText(reply.text)}`,
  );
}

/** The moment in a reply; 0 for none. */
const numberOf = (reply: RespValue): number =>
  reply.kind === "bulk" && reply.bytes !== null ? Number(utf8Lossy(reply.bytes)) : 0;
