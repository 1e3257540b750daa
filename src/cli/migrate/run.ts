/** Migrates the values of a database: reads a page of keys, plans each value, and replaces those that are to change. */
import type { Zstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import type { RestClient } from "../../rest/client.ts";
import { FieldScan, readFields } from "../keyspace/fields.ts";
import { Pace } from "../keyspace/pace.ts";
import { readValues } from "../keyspace/read.ts";
import { gatherPages, readRun, scanPages } from "../keyspace/scan.ts";
import { RunDictionaries } from "./dictionaries.ts";
import { findFieldMethod } from "./field-method.ts";
import { migratePage, type PageWorker } from "./page.ts";
import { isOwnKey, type PlanSettings } from "./plan.ts";
import { Swapper } from "./swap.ts";
import { Tally } from "./tally.ts";

export interface MigrationSettings extends PlanSettings {
  /** True to write; otherwise everything is only counted. */
  readonly apply: boolean;
  /** The keys, as a pattern of Redis; undefined for all. */
  readonly pattern: string | undefined;
  /** Values a second; 0 means as fast as possible. */
  readonly rate: number;
  /** Fields of hashes, too. */
  readonly hashes: boolean;
}

/** The result of a migration. */
export interface Migration {
  readonly tally: Tally;
  /** The method by which values were compared and set; undefined if none was written. */
  readonly method: string | undefined;
  /** False if it was stopped. */
  readonly complete: boolean;
  /** True if the server was restarted meanwhile, after which SCAN may miss keys. */
  readonly restarted: boolean;
  /** What ended it, if it could not go on; what was written before is in the tally. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Functions that are called during a migration. */
export interface Watcher {
  onPage(tally: Tally): void;
  isStopped(): boolean;
}

/** Keys of one page, and pages that are worked on at once. */
const PAGE = 250;
const PAGES = 3;

/** Migrates all values that the settings select. */
export async function migrate(
  client: RestClient,
  zstd: Zstd,
  settings: MigrationSettings,
  watcher: Watcher,
): Promise<Migration> {
  const tally = new Tally();
  const swapper = new Swapper(client);
  const pace = new Pace(settings.rate);
  const worker = { client, zstd, settings, tally, dictionaries: new RunDictionaries(client) };
  const strings = {
    hash: undefined,
    read: (keys: readonly string[]) => readValues(client, keys, settings.maxValue),
    swapper,
  };
  const hashes = new HashMigration(worker, pace, watcher);
  const before = await readRun(client);
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let complete = true;
  const scanned = scanPages(client, { pattern: settings.pattern, count: PAGE });
  try {
    for await (const { keys, unnamable } of gatherPages(scanned, PAGE / 2)) {
      if (watcher.isStopped() || failure !== undefined) {
        complete = false;
        break;
      }
      tally.keys += keys.length + unnamable;
      for (let number = 0; number < unnamable; number++) tally.left("key-name", 0);
      await pace.take(keys.length);
      const page: Promise<void> = migratePage(worker, strings, keys, settings.hashes ? "hash" : undefined)
        .then((found) => hashes.migrate(found))
        .then(
          () => watcher.onPage(tally),
          (error: unknown) => void (failure ??= { error }),
        )
        .finally(() => running.delete(page));
      running.add(page);
      if (running.size >= PAGES) await Promise.race(running);
    }
  } catch (error) {
    failure ??= { error };
  }
  await Promise.all(running);
  const after = before === undefined || failure !== undefined ? before : await readRun(client);
  const method = swapper.methodName ?? hashes.methodName;
  const isComplete = complete && !hashes.isCut && failure === undefined;
  return { tally, method, complete: isComplete, restarted: before !== after, failure };
}

/** Migrates the fields of hashes, a page of one hash at a time. */
class HashMigration {
  readonly #worker: PageWorker & { readonly client: RestClient; readonly settings: MigrationSettings };
  readonly #pace: Pace;
  readonly #watcher: Watcher;
  readonly #scan: FieldScan;
  readonly #swapper: Swapper;
  /** It was stopped within a hash. */
  isCut = false;

  constructor(
    worker: PageWorker & { readonly client: RestClient; readonly settings: MigrationSettings },
    pace: Pace,
    watcher: Watcher,
  ) {
    this.#worker = worker;
    this.#pace = pace;
    this.#watcher = watcher;
    this.#scan = new FieldScan(worker.client);
    this.#swapper = new Swapper(worker.client, findFieldMethod);
  }

  get methodName(): string | undefined {
    return this.#swapper.methodName;
  }

  async migrate(keys: readonly string[]): Promise<void> {
    const { tally } = this.#worker;
    for (const key of keys) {
      if (isOwnKey(key)) {
        tally.left("own", 0);
        continue;
      }
      tally.hashes += 1;
      try {
        await this.#migrateHash(key);
      } catch (error) {
        // The token may not read this one.
        if (!(error instanceof ZstashError) || !error.message.includes("NOPERM") || error.key !== key)
          throw error;
        tally.failed(key, "refused", 0);
      }
      if (this.isCut) return;
    }
  }

  async #migrateHash(key: string): Promise<void> {
    const { client, settings, tally } = this.#worker;
    const place = {
      hash: key,
      read: (fields: readonly string[]) => readFields(client, key, fields, settings.maxValue),
      swapper: this.#swapper,
    };
    for await (const { fields, unnamable } of this.#scan.pages(key)) {
      if (this.#watcher.isStopped()) {
        this.isCut = true;
        return;
      }
      tally.fields += fields.length + unnamable;
      for (let number = 0; number < unnamable; number++) tally.left("field-name", 0);
      await this.#pace.take(fields.length);
      await migratePage(this.#worker, place, fields);
      this.#watcher.onPage(tally);
    }
  }
}
