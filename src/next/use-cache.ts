/** The handler of `cacheHandlers`: results of functions with "use cache", each one value of Redis, its facts in its first line. */
import { toHex } from "../bytes.ts";
import { giveSigns, hasEnded, type Work } from "../signs.ts";
import { utf8Encoder, utf8Lossy } from "../text.ts";
import { now } from "../timers.ts";
import { readCacheOptions, type CacheHandlerOptions } from "./options.ts";

/** An entry of a cache, as Next.js hands it over and wants it back. */
export interface UseCacheEntry {
  /** What the function returned, in React's own format; read once. */
  readonly value: ReadableStream<Uint8Array>;
  /** The tags by which `revalidateTag` and `updateTag` find it (`cacheTag` in the function). */
  readonly tags: string[];
  /** Seconds for which a browser uses it without asking the server. */
  readonly stale: number;
  /** When it was made, in milliseconds since 1970. */
  readonly timestamp: number;
  /** Seconds after which it is not used any more; 0 or less is never stored. */
  readonly expire: number;
  /** Seconds after which Next.js makes it anew, and uses the old one meanwhile; −1 for at once. */
  readonly revalidate: number;
}

/** What Next.js 16 takes as one of `cacheHandlers`, and Next.js 15 as one of `experimental.cacheHandlers`. */
export interface UseCacheHandler {
  /**
   * Reads an entry; undefined if there is none, if one of its tags or of the path's tags has expired, or if it cannot be
   * read. Waits up to 30 s for a write of this server that has begun.
   */
  get(cacheKey: string, softTags: readonly string[]): Promise<UseCacheEntry | undefined>;
  /**
   * Keeps an entry when it is complete, for its own `expire` seconds, at most the options' `ttl`. What cannot be written is
   * not kept, and `onError` is told.
   */
  set(cacheKey: string, pendingEntry: Promise<UseCacheEntry>): Promise<void>;
  /** Does nothing: `get` asks Redis for tags. */
  refreshTags(): Promise<void>;
  /** Infinity: `get` looks at the soft tags itself. */
  getExpiration(): Promise<number>;
  /**
   * Expires tags for all servers, at once. With durations the tags are stale at once, which uses the old entry once more,
   * and expire after `expire` seconds, or never without it. Next.js 16 calls it.
   *
   * @throws {ZstashError} REDIS, TIMEOUT: then the old entries may still be used
   */
  updateTags(tags: readonly string[], durations?: { readonly expire?: number }): Promise<void>;
  /**
   * Expires tags for all servers, at once. Next.js 15 calls it.
   *
   * @throws {ZstashError} REDIS, TIMEOUT: then the old entries may still be used
   */
  expireTags(...tags: string[]): Promise<void>;
}

/** Longer keys hold arguments of functions: they are named by their hash. */
const KEY_MAX = 200;
const NEWLINE = 10;
/** The most milliseconds that a read waits for a write of this server that has begun. */
const PENDING_MAX = 30_000;

/**
 * A handler for the `cacheHandlers` of Next.js 16: what functions with "use cache" give lies in Redis, compressed, for all servers.
 *
 * An entry that cannot be read counts as not there, and one that cannot be written is not kept: a page never depends on Redis.
 * A tag that cannot be revalidated is an error. Clocks of the servers have to agree as well as a revalidation has to be quick.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 * @example
 * ```ts
 * // use-cache-handler.mjs, which next.config.mjs names: cacheHandlers: { default: … }
 * import { createUseCacheHandler } from "zstash/next";
 *
 * export default createUseCacheHandler();
 * ```
 */
export function createUseCacheHandler(options: CacheHandlerOptions = {}): UseCacheHandler {
  const { store, tags, prefix, ttl, outage } = readCacheOptions(options);
  const writes = new PendingWrites();
  return {
    async get(cacheKey, softTags) {
      await writes.settled(cacheKey, () => outage.isOn);
      return outage.attempt(async () => {
        const key = await keyOf(prefix, cacheKey);
        // Whole, so that what is damaged or was replaced meanwhile is no entry, and not half a page.
        const stored = await store.getBytes(key);
        if (stored === null) return undefined;
        const entry = readEntry(stored);
        const freshness = await tags.freshnessOf([...entry.tags, ...softTags], entry.timestamp);
        if (freshness === "expired") return undefined;
        // Next.js shows it once more, and makes it anew.
        return freshness === "stale" ? { ...entry, revalidate: -1 } : entry;
      }, undefined);
    },
    async set(cacheKey, pendingEntry) {
      await writes.during(cacheKey, async () => {
        // A function that fails has no entry, and Next.js tells of it.
        const entry = await pendingEntry.catch(() => undefined);
        if (entry === undefined) return;
        const { value, ...facts } = entry;
        // A function that fails half-way has no entry either.
        let isBroken = false;
        // What expires at once is never read.
        if (facts.expire > 0) {
          await outage.attempt(
            async () => {
              const parts = linesOf(`${JSON.stringify(facts)}\n`, value, () => (isBroken = true));
              const key = await keyOf(prefix, cacheKey);
              await store.put(key, parts, { ttl: Math.min(ttl, facts.expire), kind: "text" });
            },
            undefined,
            () => isBroken,
          );
        }
        // What was not read of it goes. Its other half is the page's, and may take as long as that likes.
        if (!value.locked) value.cancel().catch(() => undefined);
      });
    },
    refreshTags: () => Promise.resolve(),
    getExpiration: () => Promise.resolve(Infinity),
    updateTags: (names, durations) => tags.revalidate(names, durations?.expire, durations !== undefined),
    expireTags: (...names) => tags.revalidate(names, undefined, false),
  };
}

/** Writes of one key, as data: on Workers the request of a write may end before it, and nobody would hear of that. */
interface Writes extends Work {
  count: number;
}

/** The writes of this server that have begun: Next.js asks for entries that are still being made. */
class PendingWrites {
  readonly #byKey = new Map<string, Writes>();

  /** Runs a write of a key. */
  async during(key: string, write: () => Promise<void>): Promise<void> {
    const writes = this.#byKey.get(key) ?? { seen: now(), count: 0 };
    this.#byKey.set(key, writes);
    writes.count += 1;
    const stop = giveSigns(writes);
    try {
      await write();
    } finally {
      stop();
      writes.count -= 1;
      if (writes.count === 0) this.#forget(key, writes);
    }
  }

  /** Waits, with a timer of its own, until nobody writes a key any more or `isOff` is true. */
  async settled(key: string, isOff: () => boolean): Promise<void> {
    const writes = this.#byKey.get(key);
    if (writes === undefined) return;
    const end = now() + PENDING_MAX;
    const isUnderWay = (): boolean => this.#byKey.get(key) === writes && now() < end && !isOff();
    if (!(await hasEnded(writes, isUnderWay))) this.#forget(key, writes);
  }

  #forget(key: string, writes: Writes): void {
    if (this.#byKey.get(key) === writes) this.#byKey.delete(key);
  }
}

async function keyOf(prefix: string, cacheKey: string): Promise<string> {
  if (cacheKey.length <= KEY_MAX) return prefix + cacheKey;
  const digest = await crypto.subtle.digest("SHA-256", utf8Encoder.encode(cacheKey));
  return prefix + toHex(new Uint8Array(digest));
}

/** A line, and then what a stream holds; `onBroken` is told of a stream that fails. */
async function* linesOf(
  line: string,
  stream: ReadableStream<Uint8Array>,
  onBroken: () => void,
): AsyncGenerator<Uint8Array> {
  yield utf8Encoder.encode(line);
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        onBroken();
        throw error;
      });
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) reader.cancel().catch(() => undefined);
  }
}

/** The entry in stored bytes: its facts as a line of JSON, then its value. */
function readEntry(stored: Uint8Array<ArrayBuffer>): UseCacheEntry {
  const end = stored.indexOf(NEWLINE);
  const facts = JSON.parse(utf8Lossy(stored.subarray(0, end))) as Omit<UseCacheEntry, "value">;
  const value = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(stored.subarray(end + 1));
      controller.close();
    },
  });
  return { ...facts, value };
}
