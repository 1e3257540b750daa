/** Migrates the values of a database: reads a page of keys, plans each value, and replaces those that are to change. */
import { sameBytes } from "../../bytes.ts";
import { ZstashError } from "../../errors.ts";
import type { Zstd } from "../../codec/zstd.ts";
import type { RestClient } from "../../rest/client.ts";
import { utf8Encoder } from "../../text.ts";
import { isRawCarrier, toTextCarrier } from "../../value/carrier.ts";
import { Pace } from "../keyspace/pace.ts";
import { readValues, type Found } from "../keyspace/read.ts";
import { gatherPages, readRun, scanPages } from "../keyspace/scan.ts";
import { RunDictionaries } from "./dictionaries.ts";
import {
  dictionaryNeeded,
  isOwnKey,
  planValue,
  type PlanSettings,
  type PlanTools,
  type KeyedValue,
  type Written,
} from "./plan.ts";
import { Swapper, type Change, type Swapped } from "./swap.ts";
import { Tally } from "./tally.ts";

export interface MigrationSettings extends PlanSettings {
  /** True to write; otherwise everything is only counted. */
  readonly apply: boolean;
  /** The keys, as a pattern of Redis; undefined for all. */
  readonly pattern: string | undefined;
  /** Values a second; 0 means as fast as possible. */
  readonly rate: number;
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
}

/** Functions that are called during a migration. */
export interface Watcher {
  onPage(tally: Tally): void;
  isStopped(): boolean;
}

/** Keys of one page, and pages that are worked on at once. */
const PAGE = 250;
const PAGES = 3;
/** How often a value is read again that others keep changing. */
const ATTEMPTS = 6;
/** Bytes of new values that are held before they are written: decoding may expand values a thousandfold. */
const HELD: number = 8 << 20;

/** Migrates all values that the settings select. */
export async function migrate(
  client: RestClient,
  zstd: Zstd,
  settings: MigrationSettings,
  watcher: Watcher,
): Promise<Migration> {
  const tally = new Tally();
  const swapper = new Swapper(client);
  const worker = { client, zstd, settings, tally, swapper, dictionaries: new RunDictionaries(client) };
  const pace = new Pace(settings.rate);
  const before = await readRun(client);
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let complete = true;
  const scanned = scanPages(client, { pattern: settings.pattern, count: PAGE });
  for await (const { keys, unnamable } of gatherPages(scanned, PAGE / 2)) {
    if (watcher.isStopped() || failure !== undefined) {
      complete = false;
      break;
    }
    tally.keys += keys.length + unnamable;
    for (let number = 0; number < unnamable; number++) tally.left("key-name", 0);
    await pace.take(keys.length);
    const page: Promise<void> = migratePage(worker, keys)
      .then(
        () => watcher.onPage(tally),
        (error: unknown) => void (failure ??= { error }),
      )
      .finally(() => running.delete(page));
    running.add(page);
    if (running.size >= PAGES) await Promise.race(running);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  const after = before === undefined ? undefined : await readRun(client);
  return { tally, method: await swapper.methodName(), complete, restarted: before !== after };
}

interface Worker {
  readonly client: RestClient;
  readonly zstd: Zstd;
  readonly settings: MigrationSettings;
  readonly tally: Tally;
  readonly swapper: Swapper;
  readonly dictionaries: RunDictionaries;
}

/** A planned change; if it is to be tried again, one that was tried without success. */
interface PlannedChange extends Change {
  readonly what: Written;
  /** True if the reply was lost: the change may have been carried out. */
  readonly isLost: boolean;
}

/** Changes that were tried, by key. */
type Tried = ReadonlyMap<string, PlannedChange>;

async function migratePage(worker: Worker, keys: readonly string[]): Promise<void> {
  const { client, settings, tally, swapper } = worker;
  let left: readonly string[] = [...new Set(keys)];
  let tried: Tried = new Map();
  for (let attempt = 1; left.length > 0; attempt++) {
    const again: PlannedChange[] = [];
    for await (const found of readValues(client, left, settings.maxValue))
      again.push(...(await migrateFound(worker, found, tried)));
    if (attempt === ATTEMPTS) {
      // If replies are lost every time, the server is the cause and not another writer.
      if (again.some(({ isLost }) => isLost) && swapper.lost !== undefined) throw swapper.lost;
      for (const { key, old } of again) tally.failed(key, "changed", old.length);
      return;
    }
    left = again.map(({ key }) => key);
    tried = new Map(again.map((change) => [change.key, change]));
  }
}

/** Migrates what was found, and returns the changes that are to be tried again. */
async function migrateFound(worker: Worker, found: readonly Found[], tried: Tried): Promise<PlannedChange[]> {
  const { tally, settings } = worker;
  const values = found.filter((one) => one.kind === "value" && !wasDone(one, tried, tally)) as KeyedValue[];
  for (const one of found) countUnread(one, tally);
  const tools = await toolsFor(worker, values);
  const again: PlannedChange[] = [];
  let changes: PlannedChange[] = [];
  let held = 0;
  for (const { key, bytes } of values) {
    try {
      const { write, what, left } = planValue({ key, bytes }, settings, tools);
      if (write === undefined) tally.left(left, bytes.length);
      else changes.push({ key, old: bytes, value: write, what, isLost: false });
      held += write?.length ?? 0;
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      tally.failed(key, "unreadable", bytes.length, error.message);
    }
    if (held < HELD) continue;
    again.push(...(await carryOut(worker, changes)));
    [changes, held] = [[], 0];
  }
  again.push(...(await carryOut(worker, changes)));
  return again;
}

/** Writes or only counts; returns the changes that are to be tried again. */
async function carryOut(
  { swapper, settings, tally }: Worker,
  changes: readonly PlannedChange[],
): Promise<PlannedChange[]> {
  const again: PlannedChange[] = [];
  const asText: PlannedChange[] = [];
  const count = (change: PlannedChange, result: Swapped): void => {
    const { key, old, value, what } = change;
    if (result === "done") tally.written(what, old.length, value.length);
    else if (result === "changed" || result === "lost") again.push({ ...change, isLost: result === "lost" });
    else if (result === "refused" || !isRawCarrier(value)) tally.failed(key, result, old.length);
    else if (what === "carrier") tally.left("zstash", old.length);
    else asText.push({ ...change, value: utf8Encoder.encode(toTextCarrier(value)) });
  };
  const results = settings.apply ? await swapper.swap(changes) : changes.map(() => "done" as const);
  for (const [index, change] of changes.entries()) count(change, results[index]!);
  // As the wrapper does if the server takes no bytes, or if the key does not fit into a URL.
  const worthIt = asText.filter(({ what, old, value }) => what !== "compressed" || value.length < old.length);
  for (const change of asText) if (!worthIt.includes(change)) tally.left("savings", change.old.length);
  const second = await swapper.swap(worthIt);
  for (const [index, change] of worthIt.entries()) count(change, second[index]!);
  return again;
}

/** Counts a value whose change was carried out although its reply was lost. */
function wasDone({ key, bytes }: KeyedValue, tried: Tried, tally: Tally): boolean {
  const before = tried.get(key);
  if (before === undefined || !sameBytes(before.value, bytes)) return false;
  tally.written(before.what, before.old.length, before.value.length);
  return true;
}

/** Counts a key whose value was not read. */
function countUnread(one: Found, tally: Tally): void {
  if (one.kind === "other") tally.otherType(one.type);
  else if (one.kind === "large") tally.left(isOwnKey(one.key) ? "own" : "large", one.size);
  else if (one.kind === "refused") tally.failed(one.key, "refused", 0);
  else if (one.kind === "empty") tally.left("empty", 0);
}

/**
 * What planning these values needs: the dictionaries that they were written with, and those that they will be written
 * with.
 */
async function toolsFor(
  { zstd, settings, dictionaries }: Worker,
  values: readonly KeyedValue[],
): Promise<PlanTools> {
  const readsFrames = settings.undo || settings.dictionaries !== undefined;
  if (settings.dictionaries === "with" && !settings.undo && values.length > 0)
    await dictionaries.prepare(values.map(({ key }) => key));
  const ids = new Set(readsFrames ? values.map(dictionaryNeeded) : []);
  ids.delete(0);
  const lookup = await dictionaries.fetch(ids);
  return { zstd, lookup, choose: (key) => dictionaries.choose(key) };
}
