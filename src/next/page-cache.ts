/** The handler of `cacheHandler`: pages, answers of route handlers, fetches and `unstable_cache`, each one value of Redis. */
import { readCacheOptions, type CacheHandlerOptions, type SharedCache } from "./options.ts";
import { timestamp } from "./tags.ts";

/** What Next.js says of the lifetime of a page, in seconds; `false`: for ever. */
export interface Lifetime {
  /** Seconds after which Next.js makes the entry anew, and shows the old one meanwhile. */
  readonly revalidate?: number | false;
  /** Seconds after which Next.js does not show the old one any more. */
  readonly expire?: number;
}

/** What Next.js keeps: a page, an answer or a fetch; its members are Next.js' own. */
export interface PageCacheValue {
  /** The headers of a page or of an answer; `x-next-cache-tags` lists its tags, separated by commas. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Of a fetch: seconds after which it is made anew; `false` for never. */
  readonly revalidate?: number | false;
}

/** An entry, as Next.js wants it back. */
export interface PageCacheEntry {
  /** When it was made, in milliseconds since 1970; −1 makes Next.js make it anew before it shows it. */
  readonly lastModified: number;
  /** The lifetime with which `set` was called; undefined if there was none. */
  readonly cacheControl?: Lifetime | undefined;
  /** What `set` was called with; null for a page that does not exist (404). */
  readonly value: PageCacheValue | null;
}

/** What Next.js says of an entry that it asks for. */
export interface PageCacheContext {
  /** The tags of a fetch. An entry that is older than the last revalidation of one of them is expired or stale. */
  readonly tags?: readonly string[];
  /** Tags that follow from the path of the page, which `revalidatePath` revalidates. */
  readonly softTags?: readonly string[];
  /** Of a fetch: seconds after which it is made anew; `false` for never. */
  readonly revalidate?: number | false;
}

/** What Next.js 14, 15 and 16 take as `cacheHandler`. */
export interface PageCacheHandler {
  /** Reads an entry; null if there is none, if one of its tags has expired, or if it cannot be read. */
  get(key: string, context?: PageCacheContext): Promise<PageCacheEntry | null>;
  /**
   * Keeps an entry for the options' `ttl` seconds, with the lifetime that Next.js gives it (`cacheControl`). What cannot be
   * written is not kept, and `onError` is told.
   */
  set(
    key: string,
    value: PageCacheValue | null,
    context?: { readonly cacheControl?: Lifetime },
  ): Promise<void>;
  /**
   * Expires tags for all servers, at once. With durations the tags are stale at once, which shows the old entry once more,
   * and expire after `expire` seconds, or never without it.
   *
   * @throws {ZstashError} REDIS, TIMEOUT: then the old entries may still be shown
   */
  revalidateTag(tags: string | readonly string[], durations?: { readonly expire?: number }): Promise<void>;
  /** Does nothing: there is no cache within a request. */
  resetRequestCache(): void;
}

/** Header in which Next.js keeps a page's tags. */
const TAGS_HEADER = "x-next-cache-tags";

/**
 * The class for the `cacheHandler` of Next.js 14, 15 and 16: what Next.js keeps of pages, route handlers, `fetch` and
 * `unstable_cache` lies in Redis, compressed, for all servers.
 *
 * An entry that cannot be read counts as not there, and one that cannot be written is not kept: a page never depends on Redis.
 * A tag that cannot be revalidated is an error. Clocks of the servers have to agree as well as a revalidation has to be quick.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 * @example
 * ```ts
 * // cache-handler.mjs, which next.config.mjs names: cacheHandler: …
 * import { createCacheHandler } from "zstash/next";
 *
 * export default createCacheHandler({ prefix: `next:${process.env.BUILD_ID}:` });
 * ```
 */
export function createCacheHandler(options: CacheHandlerOptions = {}): new () => PageCacheHandler {
  const cache = readCacheOptions(options);
  return class extends RedisPageCache {
    constructor() {
      super(cache);
    }
  };
}

class RedisPageCache implements PageCacheHandler {
  readonly #cache: SharedCache;

  constructor(cache: SharedCache) {
    this.#cache = cache;
  }

  async get(key: string, context: PageCacheContext = {}): Promise<PageCacheEntry | null> {
    const { store, tags, prefix, outage } = this.#cache;
    return outage.attempt(async () => {
      const text = await store.getText(prefix + key);
      if (text === null) return null;
      const entry = JSON.parse(text, revive) as PageCacheEntry;
      const ofPage = entry.value?.headers?.[TAGS_HEADER];
      const named = typeof ofPage === "string" ? ofPage.split(",") : [];
      const all = [...(context.tags ?? []), ...(context.softTags ?? []), ...named];
      const freshness = await tags.freshnessOf(all, entry.lastModified);
      if (freshness === "expired") return null;
      return freshness === "stale" ? staleEntry(entry, context) : entry;
    }, null);
  }

  async set(
    key: string,
    value: PageCacheValue | null,
    context: { readonly cacheControl?: Lifetime } = {},
  ): Promise<void> {
    const { store, prefix, ttl, outage } = this.#cache;
    await outage.attempt(async () => {
      const entry: PageCacheEntry = { lastModified: timestamp(), cacheControl: context.cacheControl, value };
      await store.put(prefix + key, JSON.stringify(entry, replace), { ttl, kind: "json" });
    }, undefined);
  }

  async revalidateTag(
    tags: string | readonly string[],
    durations?: { readonly expire?: number },
  ): Promise<void> {
    await this.#cache.tags.revalidate([tags].flat(), durations?.expire, durations !== undefined);
  }

  resetRequestCache(): void {}
}

/**
 * An entry that Next.js shows once more while it makes it anew: as old as its lifetime, and no older. One that lives for ever
 * is made anew before it is shown.
 */
function staleEntry(entry: PageCacheEntry, context: PageCacheContext): PageCacheEntry {
  const revalidate = context.revalidate || entry.value?.revalidate || entry.cacheControl?.revalidate;
  if (typeof revalidate !== "number") return { ...entry, lastModified: -1 };
  return { ...entry, lastModified: Math.min(entry.lastModified, timestamp() - revalidate * 1000 - 1) };
}

/** Bytes as characters of one byte each: what is text in them stays text. A Buffer is caught before it says itself in JSON. */
function replace(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const held = this[name];
  if (held instanceof Uint8Array) return { $bytes: Buffer.from(held).toString("latin1") };
  return held instanceof Map ? { $map: [...held] } : value;
}

function revive(_: string, value: unknown): unknown {
  const { $bytes, $map } = (value ?? {}) as { $bytes?: unknown; $map?: unknown };
  if (typeof $bytes === "string") return Buffer.from($bytes, "latin1");
  return Array.isArray($map) ? new Map($map as [unknown, unknown][]) : value;
}
