/** zstash/dictionaries: the life cycle of dictionaries in Redis, from publication to removal. */
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptions,
  requireSignal,
  requireString,
} from "../check.ts";
import { PATTERN_LENGTH_MAX, type Manifest, type ManifestMode } from "../dictionaries/manifest.ts";
import { ID_MAX, ID_MIN } from "../dictionaries/stored.ts";
import { RestClient } from "../rest/client.ts";
import { readRestOptions, restOptionNames, type RestOptions } from "../rest/rest-options.ts";
import { wallClock } from "../timers.ts";
import { collect, type CollectResult } from "./collect.ts";
import { listDictionaries, showDictionary, type DictionaryFacts, type ShownDictionary } from "./list.ts";
import { publish, type PublishResult } from "./publish.ts";
import { changeManifest, readManifest } from "./redis.ts";
import { names, withCanary, withoutUse } from "./steps.ts";

export type { Fetch } from "../rest/exchange.ts";
export type { RestOptions, RetryOptions } from "../rest/rest-options.ts";
export type { Canary, Manifest, ManifestMode, PatternRule, Retired } from "../dictionaries/manifest.ts";
export type { CollectResult } from "./collect.ts";
export type { DictionaryFacts, DictionaryUse, ShownDictionary } from "./list.ts";
export type { PublishResult } from "./publish.ts";
export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";

/** Options of `publish`. */
export interface PublishOptions {
  /**
   * The keys that are to be written with the dictionary, as a pattern of Redis. The first pattern that matches a key
   * decides.
   */
  readonly pattern: string;
  /**
   * The share of these keys to begin with, 0…1, chosen by hash. With 1 the dictionary becomes the current one at
   * once. Default 0.1.
   */
  readonly share?: number;
  /**
   * Publish even under an `allkeys-*` eviction policy, which may remove the dictionary while values need it. Default
   * false.
   */
  readonly force?: boolean;
  /** Aborts the operation. */
  readonly signal?: AbortSignal;
}

/** Options of `promote`. */
export interface PromoteOptions {
  /** The new share of the keys. Default: all of them, and the dictionary becomes the current one. */
  readonly share?: number;
  /**
   * The id of the dictionary, which the pattern must name; a retired one can be reactivated so. Default: the canary.
   */
  readonly id?: number;
  /** Aborts the operation. */
  readonly signal?: AbortSignal;
}

/** Options of `collect`. */
export interface CollectOptions {
  /**
   * Seconds for which a dictionary must have been retired: writers use an old manifest for up to 5 minutes, and an
   * upload may take long. Default 3600, at least 600.
   */
  readonly minAge?: number;
  /** Only count, and remove nothing. Default false. */
  readonly dryRun?: boolean;
  /** Called with the number of keys that have been looked at. What it throws ends the operation. */
  readonly onScan?: (scannedKeys: number) => void;
  /** Aborts the operation. */
  readonly signal?: AbortSignal;
}

/** Options of methods that have no other options. */
export interface ManageOptions {
  /** Aborts the operation. */
  readonly signal?: AbortSignal;
}

/**
 * The dictionaries of one Redis. Each step is one compare-and-set of the manifest: if two clients take a step at
 * once, the second one fails with VALUE_CHANGED, and nothing of its step was done. Writers notice a step within a
 * minute if they write, and after five minutes at the latest.
 */
export interface DictionaryManager {
  /**
   * Stores a dictionary and names it in the manifest for a share of a pattern's keys. Its id is replaced by one that
   * follows from its content, so that readers can verify it.
   *
   * @throws {ZstashError} DICTIONARY_INVALID for bytes that are not a dictionary, or more than 512 KiB;
   * COMMAND_REFUSED under an eviction policy that may remove it; VALUE_CHANGED if another client changed the
   * manifest, or if the key holds something else; CORRUPT if the manifest is damaged
   * @throws {TypeError | RangeError} for wrong arguments
   * @example
   * ```ts
   * const bytes = await readFile("sessions.dict");
   * const { id, manifest } = await manager.publish(bytes, { pattern: "session:*" });
   * manifest.patterns; // → [{ pattern: "session:*", canary: { id, share: 0.1 }, retired: [] }]
   * ```
   */
  publish(bytes: Uint8Array, options: PublishOptions): Promise<PublishResult>;
  /**
   * Uses a pattern's canary for more keys, or for all of them: then the current dictionary is retired.
   *
   * @throws {ZstashError} VALUE_CHANGED if another client changed the manifest; CORRUPT if it is damaged
   * @throws {RangeError} if the pattern has no such dictionary
   * @example
   * ```ts
   * const bytes = await readFile("sessions.dict");
   * const { id } = await manager.publish(bytes, { pattern: "session:*" });
   * const { patterns } = await manager.promote("session:*");
   * patterns; // → [{ pattern: "session:*", current: id, retired: [] }]
   * ```
   */
  promote(pattern: string, options?: PromoteOptions): Promise<Manifest>;
  /**
   * Retires a dictionary: nobody writes with it any more, and everybody still reads with it.
   *
   * @throws {ZstashError} VALUE_CHANGED if another client changed the manifest; CORRUPT if it is damaged
   * @throws {RangeError} if no pattern uses it
   * @example
   * ```ts
   * const bytes = await readFile("sessions.dict");
   * const { id } = await manager.publish(bytes, { pattern: "session:*", share: 1 });
   * const { patterns } = await manager.retire(id);
   * patterns[0]?.retired.map((one) => one.id); // → [id]
   * ```
   */
  retire(id: number, options?: ManageOptions): Promise<Manifest>;
  /**
   * Removes retired dictionaries that no value needs any more, and those that the manifest does not name. It first
   * looks at every key, by SCAN, and removes no dictionary that is needed; a value that is renamed or restored
   * meanwhile may be overlooked.
   *
   * @throws {ZstashError} VALUE_CHANGED if another client changed the manifest; CORRUPT if it is damaged
   * @example
   * ```ts
   * const { removed, kept } = await manager.collect({ dryRun: true });
   * [removed, kept]; // → [[], []]
   * ```
   */
  collect(options?: CollectOptions): Promise<CollectResult>;
  /**
   * Reads the manifest: the patterns, in the order in which they decide, and the kill switch.
   *
   * @throws {ZstashError} CORRUPT if it is damaged
   * @example
   * ```ts
   * const { mode, patterns } = await manager.manifest();
   * [mode, patterns]; // → ["on", []]
   * ```
   */
  manifest(options?: ManageOptions): Promise<Manifest>;
  /**
   * Lists the dictionaries that are in Redis or that the manifest names.
   *
   * @throws {ZstashError} CORRUPT if the manifest is damaged
   * @example
   * ```ts
   * const { id } = await manager.publish(await readFile("sessions.dict"), { pattern: "session:*" });
   * (await manager.list()).map((facts) => facts.id); // → [id]
   * ```
   */
  list(options?: ManageOptions): Promise<DictionaryFacts[]>;
  /**
   * Reads a dictionary with its bytes and the text in it, which comes word for word from values; null if there is
   * none.
   *
   * @throws {ZstashError} DICTIONARY_INVALID if its key holds another one
   * @example
   * ```ts
   * const { id } = await manager.publish(await readFile("sessions.dict"), { pattern: "session:*" });
   * const shown = await manager.show(id);
   * shown?.text.includes('"theme"'); // → true
   * ```
   */
  show(id: number, options?: ManageOptions): Promise<ShownDictionary | null>;
  /**
   * Sets the kill switch: with "off" writers compress without a dictionary, with "read-only" they compress nothing.
   *
   * @throws {ZstashError} VALUE_CHANGED if another client changed the manifest; CORRUPT if it is damaged
   * @example
   * ```ts
   * const { mode } = await manager.setMode("off");
   * mode; // → "off"
   * ```
   */
  setMode(mode: ManifestMode, options?: ManageOptions): Promise<Manifest>;
}

/**
 * Makes a manager for the dictionaries of a Redis, which uses zstash's own transport.
 *
 * @throws {TypeError | RangeError} for a wrong option; the message names it
 * @example
 * ```ts
 * import { createDictionaryManager } from "zstash/dictionaries";
 *
 * const manager = createDictionaryManager({ url, token });
 * await manager.list(); // → []
 * ```
 */
export function createDictionaryManager(options: RestOptions): DictionaryManager {
  requireOptions(options, restOptionNames);
  const client = new RestClient(readRestOptions(options, undefined, undefined));
  return {
    async publish(bytes, publishOptions) {
      requireOptions(publishOptions, ["pattern", "share", "force", "signal"]);
      const { pattern, share = 0.1, force = false, signal } = publishOptions;
      requirePattern(pattern);
      requireNumber("share", share, 0, 1);
      requireBoolean("force", force);
      return publish(client, bytes, { pattern, share, force }, readSignal(signal));
    },
    async promote(pattern, promoteOptions = {}) {
      requireOptions(promoteOptions, ["share", "id", "signal"]);
      requirePattern(pattern);
      const { share = 1, id, signal } = promoteOptions;
      requireNumber("share", share, 0, 1);
      if (id !== undefined) requireId(id);
      const read = await readManifest(client, readSignal(signal));
      const rule = read.manifest.patterns.find((one) => one.pattern === pattern);
      const chosen = id ?? rule?.canary?.id;
      if (rule === undefined || chosen === undefined || !names(rule, chosen)) {
        const what = id === undefined ? "with a canary" : "with this id";
        throw new RangeError(`"pattern" must be one of the manifest ${what}, got ${JSON.stringify(pattern)}`);
      }
      return changeManifest(
        client,
        read,
        (old) => withCanary(old, pattern, chosen, share, nowInSeconds()),
        signal,
      );
    },
    async retire(id, retireOptions) {
      requireId(id);
      const signal = readOnlySignal(retireOptions);
      const read = await readManifest(client, signal);
      const isUsed = read.manifest.patterns.some(
        ({ current, canary }) => current === id || canary?.id === id,
      );
      if (!isUsed) throw new RangeError(`"id" must be that of a dictionary in use, got ${id}`);
      return changeManifest(client, read, (old) => withoutUse(old, id, nowInSeconds()), signal);
    },
    async collect(collectOptions = {}) {
      requireOptions(collectOptions, ["minAge", "dryRun", "onScan", "signal"]);
      const { minAge = 3600, dryRun = false, onScan = () => undefined, signal } = collectOptions;
      requireInteger("minAge", minAge, MIN_AGE, Number.MAX_SAFE_INTEGER);
      requireBoolean("dryRun", dryRun);
      requireFunction("onScan", onScan);
      const retiredBefore = nowInSeconds() - minAge;
      return collect(client, { retiredBefore, dryRun, onScan }, readSignal(signal));
    },
    manifest: async (manifestOptions) =>
      (await readManifest(client, readOnlySignal(manifestOptions))).manifest,
    list: async (listOptions) => listDictionaries(client, readOnlySignal(listOptions)),
    async show(id, showOptions) {
      requireId(id);
      return showDictionary(client, id, readOnlySignal(showOptions));
    },
    async setMode(mode, modeOptions) {
      requireOneOf("mode", mode, ["on", "off", "read-only"]);
      const signal = readOnlySignal(modeOptions);
      return changeManifest(client, await readManifest(client, signal), (old) => ({ ...old, mode }), signal);
    },
  };
}

/** Seconds: twice the time for which writers use an old manifest. */
const MIN_AGE = 600;

const nowInSeconds = (): number => Math.floor(wallClock() / 1000);

function requirePattern(pattern: unknown): asserts pattern is string {
  requireString("pattern", pattern);
  if (pattern === "" || pattern.length > PATTERN_LENGTH_MAX)
    throw new RangeError(`"pattern" must have 1 to ${PATTERN_LENGTH_MAX} characters`);
}

function requireId(id: unknown): asserts id is number {
  requireInteger("id", id, ID_MIN, ID_MAX);
}

function readSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined) requireSignal("signal", signal);
  return signal;
}

/** The signal of options that have no other member. */
function readOnlySignal(options: ManageOptions = {}): AbortSignal | undefined {
  requireOptions(options, ["signal"]);
  return readSignal(options.signal);
}
