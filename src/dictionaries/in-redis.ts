/**
 * The dictionaries that lie in Redis, as one isolate knows them: for writers the manifest, for readers what they fetch.
 * Nobody waits for another's request: what one has fetched is data, at which others look by timers of their own.
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

/** Whoever needs something of Redis: how it is had, and who is told of what failed. */
export interface Caller {
  readonly send: SendCommands;
  readonly onEvent: EventListener | undefined;
}

/** Milliseconds after which a write refreshes the manifest, without waiting for it. */
const REFRESH_AGE = 60_000;
/** Milliseconds after which the manifest is not used any more: what it names may have been removed since. */
export const MANIFEST_AGE_MAX: number = 5 * 60_000;
/** Milliseconds after which whoever was at it is taken for gone: on Workers it may have ended without a word. */
const CLAIM_AGE = 2_000;
/** Milliseconds after a failure within which writes do not ask again. */
const RETRY_PAUSE = 5_000;
/** Dictionaries that a refresh asks for: whether they are still there. */
const LOOKED_AFTER = 64;

/** Times by the clock that goes on while a machine sleeps. */
export type Clock = () => number;

/** The dictionaries of one Redis. */
export class RedisDictionaries implements DictionaryLookup {
  readonly #cache = new DictionaryCache();
  readonly #clock: Clock;
  #manifest: Manifest = emptyManifest;
  /** When the manifest was read; long ago if it never was. */
  #readAt = -Infinity;
  /** When somebody began to read it who has not come back. */
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

  /** The dictionary that a key is written with, if it is here. */
  choose(key: string): Dictionary | undefined {
    const id = this.#idFor(key);
    return id === undefined ? undefined : this.#cache.get(id);
  }

  /** The kill switch, as it was read last. */
  get mode(): ManifestMode {
    return this.#manifest.mode;
  }

  /** True if the ids are here, or are known not to be had. */
  knows(ids: Iterable<number>): boolean {
    for (const id of ids) if (!this.#cache.has(id) && this.#cache.whyMissing(id) === undefined) return false;
    return true;
  }

  /** True if writes to these keys have nothing to wait for. */
  isReady(keys: readonly string[]): boolean {
    if (this.#clock() - this.#failedAt < RETRY_PAUSE) return true;
    return this.#isCurrent() && this.knows(this.#idsFor(keys));
  }

  /**
   * Brings what writes to these keys need, and waits for it up to `wait` ms: after that they go without. Never rejects.
   */
  async prepare(keys: readonly string[], caller: Caller, wait: number): Promise<void> {
    const until = now() + wait;
    // Somebody is at it: their request may end, so only what they leave here is waited for.
    for (let pause = 1; this.#isClaimed() && now() < until; pause = nextPause(pause)) {
      await delay(Math.min(pause, Math.max(1, until - now())));
    }
    if (this.isReady(keys) || this.#isClaimed()) return;
    const done = new AbortController();
    const bringing = this.#bring(keys, caller).finally(() => done.abort());
    await Promise.race([bringing, delay(Math.max(0, until - now()), done.signal).catch(() => undefined)]);
  }

  /** Reads the manifest anew if it is old, without being waited for. */
  refreshIfOld(caller: () => Caller): void {
    const time = this.#clock();
    if (time - this.#readAt < REFRESH_AGE || this.#isClaimed() || time - this.#failedAt < RETRY_PAUSE) return;
    void this.#bring([], caller());
  }

  /** Fetches dictionaries for a reader: those that are not here, in as few requests as they take. Never rejects. */
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
        // What Redis has not is known for a while; what failed is left alone as long.
        if (!this.knows([id])) this.#failedAt = this.#clock();
      }
    } catch (error) {
      this.#failedAt = this.#clock();
      failed(error);
    } finally {
      if (this.#claimedAt === claim) this.#claimedAt = -Infinity;
    }
  }

  /** Reads the manifest, and puts back dictionaries that it names, that are here, and that Redis has no more. */
  async #readManifest(caller: Caller): Promise<void> {
    const before = this.#manifest;
    const held = [...idsOf(before)].filter((id) => this.#cache.has(id)).slice(0, LOOKED_AFTER);
    const looks = held.map((id): DictionaryCommand => ["EXISTS", dictionaryKey(id)]);
    const results = await caller.send([["GETRANGE", MANIFEST_KEY, 0, MANIFEST_SIZE_MAX], ...looks]);
    const [text, ...there] = results;
    const manifest = parseManifest(typeof text === "string" ? text : "no string");
    // What took the place of a dictionary that is in use comes first: no write has to wait for it.
    await this.fetch(this.#successors(before, manifest), caller);
    this.#manifest = manifest;
    this.#readAt = this.#clock();
    const named = idsOf(manifest);
    await this.#putBack(
      held.filter((id, index) => there[index] === 0 && named.has(id)),
      caller,
    );
  }

  /** The ids that a manifest names for patterns of which a dictionary is here. */
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

/** Redis servers whose dictionaries are kept: an isolate has few. */
const SERVERS_MAX = 8;
const byUrl = new Map<string, RedisDictionaries>();

/**
 * The dictionaries of a server, the same for every client of this isolate: Workers make a client for each request. Those
 * of a client whose address is not known are its own.
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
