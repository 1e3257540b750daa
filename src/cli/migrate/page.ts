/** Migrates values of which the names are known, strings or fields of one hash: reads, plans, and replaces those that are to change. */
import { sameBytes } from "../../bytes.ts";
import { ZstashError } from "../../errors.ts";
import type { Zstd } from "../../codec/zstd.ts";
import { utf8Encoder } from "../../text.ts";
import { isRawCarrier, toTextCarrier } from "../../value/carrier.ts";
import type { Found } from "../keyspace/read.ts";
import type { RunDictionaries } from "./dictionaries.ts";
import {
  dictionaryNeeded,
  isOwnKey,
  planValue,
  type PlanSettings,
  type PlanTools,
  type KeyedValue,
  type Written,
} from "./plan.ts";
import type { Change, Swapped, Swapper } from "./swap.ts";
import type { Tally } from "./tally.ts";

/** How often a value is read again that others have changed. */
const ATTEMPTS = 6;
/** Bytes of new values that are written before more are made: values may expand a thousandfold when they are decoded. */
const HELD: number = 8 << 20;

/** What migrating takes. */
export interface PageWorker {
  readonly zstd: Zstd;
  readonly settings: PlanSettings & { readonly apply: boolean };
  readonly tally: Tally;
  readonly dictionaries: RunDictionaries;
}

/** Where the values lie. */
export interface Place {
  /** The hash whose fields they are; undefined for strings, whose names are keys. */
  readonly hash: string | undefined;
  /** Reads what lies under names. */
  read(names: readonly string[]): AsyncIterable<Found[]>;
  readonly swapper: Swapper;
}

/** A change that was planned, and tried without success where it is to be tried again. */
interface PlannedChange extends Change {
  readonly what: Written;
  /** The reply was lost: it may have been carried out. */
  readonly isLost: boolean;
}

/** Changes that were tried, by name. */
type Tried = ReadonlyMap<string, PlannedChange>;

/**
 * Migrates what lies under names. Keys that hold the type `apart` are not counted, but given back.
 *
 * @throws {ZstashError} where the server refuses to go on
 */
export async function migratePage(
  worker: PageWorker,
  place: Place,
  names: readonly string[],
  apart?: string,
): Promise<string[]> {
  const { tally } = worker;
  const { swapper } = place;
  let left: readonly string[] = [...new Set(names)];
  let tried: Tried = new Map();
  const others: string[] = [];
  for (let attempt = 1; left.length > 0; attempt++) {
    const again: PlannedChange[] = [];
    for await (const found of place.read(left)) {
      const isApart = (one: Found): boolean => one.kind === "other" && one.type === apart;
      others.push(...found.filter(isApart).map(({ key }) => key));
      const its = found.filter((one) => !isApart(one));
      again.push(...(await migrateFound(worker, place, its, tried)));
    }
    if (attempt === ATTEMPTS) {
      // Replies that are lost every time are the server's doing, not another writer's.
      if (again.some(({ isLost }) => isLost) && swapper.lost !== undefined) throw swapper.lost;
      for (const change of again) tally.failed(titleOf(change), "changed", change.old.length);
      break;
    }
    left = again.map(nameOf);
    tried = new Map(again.map((change) => [nameOf(change), change]));
  }
  return others;
}

/** The name under which a value is read. */
const nameOf = ({ key, field }: Change): string => field ?? key;
/** A value's name for people. */
const titleOf = ({ key, field }: Pick<Change, "key" | "field">): string =>
  field === undefined ? key : `${key} ${field}`;

/** Migrates what was found, and gives the changes that are to be tried again. */
async function migrateFound(
  worker: PageWorker,
  place: Place,
  found: readonly Found[],
  tried: Tried,
): Promise<PlannedChange[]> {
  const { tally, settings } = worker;
  const { hash } = place;
  const values = found.filter((one) => one.kind === "value" && !wasDone(one, tried, tally)) as KeyedValue[];
  for (const one of found) countUnread(one, tally);
  // Policies and dictionaries go by the key.
  const tools = await toolsFor(
    worker,
    values.map(({ key, bytes }) => ({ key: hash ?? key, bytes })),
  );
  const again: PlannedChange[] = [];
  let changes: PlannedChange[] = [];
  let held = 0;
  for (const { key: name, bytes } of values) {
    const key = hash ?? name;
    const field = hash === undefined ? undefined : name;
    try {
      const { write, what, left } = planValue({ key, bytes }, settings, tools);
      if (write === undefined) tally.left(left, bytes.length);
      else changes.push({ key, field, old: bytes, value: write, what, isLost: false });
      held += write?.length ?? 0;
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      tally.failed(titleOf({ key, field }), "unreadable", bytes.length, error.message);
    }
    if (held < HELD) continue;
    again.push(...(await carryOut(worker, place, changes)));
    [changes, held] = [[], 0];
  }
  again.push(...(await carryOut(worker, place, changes)));
  return again;
}

/** Writes, or only counts; gives the changes that are to be tried again. */
async function carryOut(
  { settings, tally }: PageWorker,
  { swapper }: Place,
  changes: readonly PlannedChange[],
): Promise<PlannedChange[]> {
  const again: PlannedChange[] = [];
  const asText: PlannedChange[] = [];
  const count = (change: PlannedChange, result: Swapped): void => {
    const { old, value, what } = change;
    if (result === "done") tally.written(what, old.length, value.length);
    else if (result === "changed" || result === "lost") again.push({ ...change, isLost: result === "lost" });
    else if (result === "refused" || !isRawCarrier(value)) tally.failed(titleOf(change), result, old.length);
    else if (what === "carrier") tally.left("zstash", old.length);
    else asText.push({ ...change, value: utf8Encoder.encode(toTextCarrier(value)) });
  };
  const results = settings.apply ? await swapper.swap(changes) : changes.map(() => "done" as const);
  for (const [index, change] of changes.entries()) count(change, results[index]!);
  // As the wrapper does where the server takes no bytes, or a URL does not carry the key.
  const worthIt = asText.filter(({ what, old, value }) => what !== "compressed" || value.length < old.length);
  for (const change of asText) if (!worthIt.includes(change)) tally.left("savings", change.old.length);
  const second = await swapper.swap(worthIt);
  for (const [index, change] of worthIt.entries()) count(change, second[index]!);
  return again;
}

/** Counts a value whose change was carried out although the reply to it was lost. */
function wasDone({ key, bytes }: KeyedValue, tried: Tried, tally: Tally): boolean {
  const before = tried.get(key);
  if (before === undefined || !sameBytes(before.value, bytes)) return false;
  tally.written(before.what, before.old.length, before.value.length);
  return true;
}

/** Counts a key of which no value was read. */
function countUnread(one: Found, tally: Tally): void {
  if (one.kind === "other") tally.otherType(one.type);
  else if (one.kind === "large") tally.left(isOwnKey(one.key) ? "own" : "large", one.size);
  else if (one.kind === "refused") tally.failed(one.key, "refused", 0);
  else if (one.kind === "empty") tally.left("empty", 0);
}

/** What planning these values needs: the dictionaries that they were written with, and are to be written with. */
async function toolsFor(
  { zstd, settings, dictionaries }: PageWorker,
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
