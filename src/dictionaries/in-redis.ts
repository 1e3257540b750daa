/**
 * The dictionaries in Redis, as one isolate knows them: the manifest for writers, and fetched dictionaries for
 * readers. Nobody waits for another's request: what one request has fetched is plain data, and others look at it by
 * their own timers.
 */
import { emit, type EventListener } from "../metrics/events.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import type { FrameHeader } from "../format/frame.ts";
import type { ZstashError } from "../errors.ts";
import { delay, nextPause, now, wallClock } from "../timers.ts";
import { DictionaryCache } from "./cache.ts";
import {
  fetchDictionaries,
  usable,
  whyUnusable,
  type DictionaryCommand,
  type FetchedDictionaries,
  type SendCommands,
} from "./fetch.ts";
import {
  chooseId,
  emptyManifest,
  idsOf,
  MANIFEST_SIZE_MAX,
  parseManifest,
  type Manifest,
  type ManifestMode,
} from "./manifest.ts";
import { dictionaryKey, MANIFEST_KEY, toStoredText } from "./stored.ts";

/** The caller: how it reaches Redis, and who is told about failures. */
export interface Caller {
  readonly send: SendCommands;
  readonly onEvent: EventListener | undefined;
}

/** Milliseconds after which a write refreshes the manifest without waiting for it. */
const REFRESH_AGE = 60_000;
/**
 * Milliseconds after which the manifest is no longer used: the dictionaries that it names may have been removed
 * since.
 */
export const MANIFEST_AGE_MAX: number = 5 * 60_000;
/**
 * Milliseconds after which a request that was reading the manifest counts as ended: on Workers it may end without
 * notice.
 */
const CLAIM_AGE = 2_000;
/** Milliseconds after a failure during which writes do not ask again. */
const RETRY_PAUSE = 5_000;
/** The most dictionaries that a refresh checks for existence. */
const LOOKED_AFTER = 64;

/** Returns the time of the clock that moves on while a machine sleeps. */
export type Clock = () => number;

/** The dictionaries of one Redis. */
export class RedisDictionaries implements DictionaryLookup {
  readonly #cache = new DictionaryCache();
  readonly #clock: Clock;
  #manifest: Manifest = emptyManifest;
  /** When the manifest was read; −Infinity if never. */
  #readAt = -Infinity;
  /** When somebody began to read it who has not finished. */
  #claimedAt = -Infinity;
  #failedAt = -Infinity;

  constructor(clock: Clock = wallClock) {
    this.#clock = clock;
  }

  get(id: number, header?: FrameHeader): Dictionary | undefined {
    return usable(this.#cache.get(id), header);
  }

  whyMissing(id: number): ZstashError | undefined {
    return whyUnusable(this.#cache, id);
  }

  /** The dictionary with which a key is written, if it is loaded. */
  choose(key: string): Dictionary | undefined {
    const id = this.#idFor(key);
    return id === undefined ? undefined : this.#cache.get(id);
  }

  /** The kill switch, as it was last read. */
  get mode(): ManifestMode {
    return this.#manifest.mode;
  }

  /** Returns true if the dictionaries of the ids are loaded, or known to be missing. */
  knows(ids: Iterable<number>): boolean {
    for (const id of ids) if (!this.#cache.has(id) && this.#cache.whyMissing(id) === undefined) return false;
    return true;
  }

  /** Returns true if writes to these keys have nothing to wait for. */
  isReady(keys: readonly string[]): boolean {
    if (this.#clock() - this.#failedAt < RETRY_PAUSE) return true;
    return this.#isCurrent() && this.knows(this.#idsFor(keys));
  }

  /**
   * Loads what writes to these keys need, and waits for it up to `wait` ms: after that they are written without.
   * Never rejects.
   */
  async prepare(keys: readonly string[], caller: Caller, wait: number): Promise<void> {
    const until = now() + wait;
    // Somebody else is loading: their request may end, so this waits only for the data that they leave here.
    for (let pause = 1; this.#isClaimed() && now() < until; pause = nextPause(pause)) {
      await delay(Math.min(pause, Math.max(1, until - now())));
    }
    if (this.isReady(keys) || this.#isClaimed()) return;
    const done = new AbortController();
    const bringing = this.#bring(keys, caller).finally(() => done.abort());
    await Promise.race([bringing, delay(Math.max(0, until - now()), done.signal).catch(() => undefined)]);
  }

  /** Reads the manifest again if it is old; the caller does not wait for it. */
  refreshIfOld(caller: () => Caller): void {
    const time = this.#clock();
    if (time - this.#readAt < REFRESH_AGE || this.#isClaimed() || time - this.#failedAt < RETRY_PAUSE) return;
    void this.#bring([], caller());
  }

  /**
   * Fetches the dictionaries that a reader needs and that are not loaded, in as few requests as possible. Never
   * rejects.
   */
  fetch(ids: Iterable<number>, { send }: Caller): Promise<FetchedDictionaries> {
    return fetchDictionaries(this.#cache, ids, send);
  }

  #idFor(key: string): number | undefined {
    return this.#isCurrent() ? chooseId(this.#manifest, key) : undefined;
  }

  #idsFor(keys: readonly string[]): ReadonlySet<number> {
    return new Set(keys.map((key) => this.#idFor(key)).filter((id) => id !== undefined));
  }

  #isCurrent(): boolean {
    return this.#clock() - this.#readAt < MANIFEST_AGE_MAX;
  }

  #isClaimed(): boolean {
    return this.#clock() - this.#claimedAt < CLAIM_AGE;
  }

  /** Reads the manifest if it is old, and the dictionaries of the keys. Never rejects. */
  async #bring(keys: readonly string[], caller: Caller): Promise<void> {
    const claim = this.#clock();
    this.#claimedAt = claim;
    const failed = (error: unknown): void => {
      if (caller.onEvent !== undefined) emit(caller.onEvent, { type: "dictionaries-failed", error });
    };
    try {
      if (claim - this.#readAt >= REFRESH_AGE) await this.#readManifest(caller);
      const ids = this.#idsFor(keys);
      const found = await this.fetch(ids, caller);
      for (const id of ids) {
        if (found.get(id) !== undefined) continue;
        failed(found.whyMissing(id));
        // What is missing in Redis is remembered for a while; what failed is left alone as long.
        if (!this.knows([id])) this.#failedAt = this.#clock();
      }
    } catch (error) {
      this.#failedAt = this.#clock();
      failed(error);
    } finally {
      if (this.#claimedAt === claim) this.#claimedAt = -Infinity;
    }
  }

  /** Reads the manifest, and puts back dictionaries that it names, that are loaded here, and that Redis has lost. */
  async #readManifest(caller: Caller): Promise<void> {
    const before = this.#manifest;
    const held = [...idsOf(before)].filter((id) => this.#cache.has(id)).slice(0, LOOKED_AFTER);
    const looks = held.map((id): DictionaryCommand => ["EXISTS", dictionaryKey(id)]);
    const results = await caller.send([["GETRANGE", MANIFEST_KEY, 0, MANIFEST_SIZE_MAX], ...looks]);
    const [text, ...there] = results;
    const manifest = parseManifest(typeof text === "string" ? text : "no string");
    // The successors of dictionaries in use are fetched first, so that no write has to wait for them.
    await this.fetch(this.#successors(before, manifest), caller);
    this.#manifest = manifest;
    this.#readAt = this.#clock();
    const named = idsOf(manifest);
    await this.#putBack(
      held.filter((id, index) => there[index] === 0 && named.has(id)),
      caller,
    );
  }

  /** The ids that a manifest names for patterns of which a dictionary is loaded. */
  #successors(before: Manifest, after: Manifest): readonly number[] {
    const isUsed = (id: number | undefined): boolean => id !== undefined && this.#cache.has(id);
    const used = new Set(
      before.patterns
        .filter(({ current, canary }) => isUsed(current) || isUsed(canary?.id))
        .map(({ pattern }) => pattern),
    );
    return after.patterns
      .filter(({ pattern }) => used.has(pattern))
      .flatMap(({ current, canary }) => [current, canary?.id])
      .filter((id) => id !== undefined);
  }

  async #putBack(ids: readonly number[], { send, onEvent }: Caller): Promise<void> {
    const dictionaries = ids.map((id) => this.#cache.get(id)).filter((one) => one !== undefined);
    if (dictionaries.length === 0) return;
    const commands = dictionaries.map((one) => ["SET", dictionaryKey(one.id), toStoredText(one), "NX"]);
    const results = await send(commands);
    if (onEvent === undefined) return;
    for (const [index, { id }] of dictionaries.entries())
      if (results[index] === "OK") emit(onEvent, { type: "dictionary-restored", dictionaryId: id });
  }
}

/** The most Redis servers whose dictionaries are kept: an isolate uses few. */
const SERVERS_MAX = 8;
const byUrl = new Map<string, RedisDictionaries>();

/**
 * The dictionaries of a server, shared by all clients of this isolate: Workers make a client for each request. A
 * client whose address is unknown has its own.
 */
export function dictionariesAt(url: string | undefined, clock?: Clock): RedisDictionaries {
  if (url === undefined) return new RedisDictionaries(clock);
  const known = byUrl.get(url) ?? new RedisDictionaries(clock);
  byUrl.delete(url);
  byUrl.set(url, known);
  for (const oldest of byUrl.keys()) {
    if (byUrl.size <= SERVERS_MAX) break;
    byUrl.delete(oldest);
  }
  return known;
}
