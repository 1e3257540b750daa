/** Estimates what compression would do for a database, from a sample of its values: for all keys and for each prefix. */
import type { Zstd } from "../../codec/zstd.ts";
import type { RestClient } from "../../rest/client.ts";
import { Failure } from "../command.ts";
import type { Scheme } from "../migrate/schemes.ts";
import { chooseCells, type Cell } from "./choose.ts";
import { gainOfDictionary, type Trainee } from "./dictionaries.ts";
import { measureValue, warmUp, type MeasureSettings, type ValueMeasure } from "./measure.ts";
import { learnPrefixes, OTHER } from "./prefixes.ts";
import { drawSample, readSample, readTypes, type OnProgress, type SampleSettings } from "./sample.ts";
import { estimateAfter, estimateBefore, estimateShare, lengthsSuffice } from "./statistics.ts";
import type { Interval, Pair, Stratum } from "./statistics.ts";

export interface EstimateSettings extends SampleSettings, MeasureSettings {
  /** The number of values that are read. */
  readonly sample: number;
  /** The most prefixes that are told apart. */
  readonly prefixes: number;
  /** True to train dictionaries; otherwise the column "dictionary" equals "raw". */
  readonly trains: boolean;
}

/** The ways to store values. */
export const WAYS = ["text", "raw", "dictionary"] as const;
export type Way = (typeof WAYS)[number];

/** The estimate for a prefix, or for all keys. Sums are over all of its keys. */
export interface Row {
  readonly prefix: string;
  readonly values: number;
  readonly now: Interval;
  /**
   * Bytes afterwards, for each way to store them. "dictionary" is the raw carrier, and includes the dictionary's own
   * bytes.
   */
  readonly after: Readonly<Record<Way, Interval>>;
  /** The share of the bytes that remains. */
  readonly share: Readonly<Record<Way, Interval>>;
}

export interface Estimate {
  readonly keys: number;
  readonly nameBytes: number;
  /** How many lengths were asked for, how many values were read, and their bytes. */
  readonly sampled: {
    readonly lengths: number;
    readonly values: number;
    readonly bytes: number;
    /** Values that were deleted or expired after their lengths were asked for, and before they were read. */
    readonly gone: number;
    /** Keys whose length or value the token may not read; they are in no figure. */
    readonly refused: number;
  };
  /** False where the lengths are a sample, and a few values hold so much that the intervals of sums cannot be trusted. */
  readonly lengthsSuffice: boolean;
  readonly total: Row;
  readonly rows: readonly Row[];
  /** Keys that do not hold a string, scaled up from the sample. */
  readonly otherTypes: number;
  /** Which types those are, by a sample of them: estimated numbers of keys. */
  readonly types: Readonly<Record<string, number>>;
  /** Why values stay in the text carrier: estimated numbers of values. */
  readonly left: Readonly<Record<string, number>>;
  /** Values that others have compressed, by the scheme that `zstash migrate --from` takes: estimated numbers. */
  readonly schemes: Readonly<Partial<Record<Scheme, number>>>;
  /**
   * Processor time on this machine: for all values once, and for one value. Null where no value that was read would be
   * compressed: then nothing was measured.
   */
  readonly processor: {
    readonly seconds: number;
    readonly compressMicroseconds: number;
    readonly decompressMicroseconds: number;
  } | null;
}

/** Values kept for dictionaries: larger ones gain nothing by one, and what is kept is bounded. */
const KEPT_VALUE: number = 64 << 10;
const KEPT_ALL: number = 32 << 20;

interface Read {
  readonly measure: ValueMeasure;
  readonly cell: Cell;
  /** It was read whatever the draw. */
  readonly isCertain: boolean;
  dictionary: number | undefined;
}

export async function estimateDatabase(
  client: RestClient,
  zstd: Zstd,
  settings: EstimateSettings,
  onProgress: OnProgress,
): Promise<Estimate> {
  const { keys: listed, nameBytes, drawn, refused } = await drawSample(client, settings, onProgress);
  // What the token may not see is left out of the sums.
  const keys = refused === 0 ? listed : Math.round((listed * drawn.length) / (drawn.length + refused));
  const weighed = drawn.map(({ key, size = 0 }) => ({ key, size }));
  const prefixes = learnPrefixes(weighed, settings.prefixes);
  const cells = chooseCells(drawn, prefixes, settings);
  const chosen = new Map<
    string,
    { readonly cell: Cell; readonly hash: number; readonly isCertain: boolean }
  >();
  for (const cell of cells) {
    for (const { key, hash } of cell.certain) chosen.set(key, { cell, hash, isCertain: true });
    for (const { key, hash } of cell.drawn) chosen.set(key, { cell, hash, isCertain: false });
  }
  warmUp(zstd, settings);
  const reads: Read[] = [];
  const gone = new Set<string>();
  const unread = new Set<string>();
  const kept = new Map<string, Trainee[]>();
  let [bytes, keptBytes] = [0, 0];
  for await (const found of readSample(client, [...chosen.keys()], settings)) {
    for (const one of found) {
      const { cell, hash, isCertain } = chosen.get(one.key)!;
      if (one.kind === "empty") gone.add(one.key);
      if (one.kind === "refused") unread.add(one.key);
      if (one.kind !== "value") continue;
      const measure = measureValue(one, zstd, settings);
      bytes += measure.now;
      if (settings.trains && measure.now <= KEPT_VALUE && keptBytes + measure.now <= KEPT_ALL) {
        keptBytes += measure.now;
        const its = kept.get(cell.prefix) ?? [];
        kept.set(cell.prefix, its);
        its.push({ key: one.key, bytes: one.bytes, hash, index: reads.length, raw: measure.raw });
      }
      reads.push({ measure, cell, isCertain, dictionary: measure.raw });
    }
    onProgress("values read", reads.length, chosen.size);
  }
  if (refused + unread.size > 0 && reads.length === 0)
    throw new Failure(
      `Cannot estimate: the token may read none of the ${refused + unread.size} values that were chosen. ` +
        "It has to be allowed SCAN, STRLEN, GETRANGE and TYPE on these keys",
    );
  const dictionaryBytes = new Map<string, number>();
  for (const [prefix, trainees] of kept) {
    onProgress("prefixes tried with a dictionary", dictionaryBytes.size, kept.size);
    const gain = await gainOfDictionary(trainees, zstd, settings);
    dictionaryBytes.set(prefix, gain?.storedSize ?? 0);
    if (gain === undefined) continue;
    // The values that it was trained on do not show what it does for others.
    for (const { index } of trainees) reads[index]!.dictionary = gain.sizes.get(index);
  }
  const weight = drawn.length === 0 ? 0 : keys / drawn.length;
  const byCell = new Map<Cell, Read[]>(cells.map((cell) => [cell, []]));
  for (const read of reads) byCell.get(read.cell)!.push(read);
  const row = (prefix: string, its: readonly Cell[]): Row => {
    const isIts = (one: string): boolean => prefix === ALL || one === prefix;
    const stored = [...dictionaryBytes]
      .filter(([one]) => isIts(one))
      .reduce((sum, [, size]) => sum + size, 0);
    return rowOf(prefix, { cells: its, byCell, stored, weight, keys });
  };
  const isUsed = (prefix: string): boolean =>
    cells.some((cell) => cell.prefix === prefix && cell.members.some(({ size }) => size !== undefined));
  const used = [...prefixes, OTHER].filter(isUsed);
  const others = drawn.filter(({ size }) => size === undefined).map(({ key }) => key);
  const types = await readTypes(client, others, settings);
  return {
    keys,
    nameBytes,
    sampled: {
      lengths: drawn.length,
      values: reads.length,
      bytes,
      gone: gone.size,
      refused: refused + unread.size,
    },
    lengthsSuffice: lengthsSuffice(
      drawn.map(({ size = 0 }) => size),
      keys,
    ),
    total: row(ALL, cells),
    rows: used.map((prefix) =>
      row(
        prefix,
        cells.filter((cell) => cell.prefix === prefix),
      ),
    ),
    otherTypes: Math.round(weight * others.length),
    types: Object.fromEntries(
      [...types].map(([type, share]) => [type, Math.round(weight * others.length * share)]),
    ),
    left: leftOf(cells, byCell, weight),
    schemes: schemesOf(byCell, weight),
    processor: processorOf(byCell, weight),
  };
}

/** The name of the row for all keys. */
export const ALL = "all";

interface RowData {
  readonly cells: readonly Cell[];
  readonly byCell: ReadonlyMap<Cell, readonly Read[]>;
  /** Bytes of the dictionaries. */
  readonly stored: number;
  readonly weight: number;
  readonly keys: number;
}

function rowOf(prefix: string, { cells, byCell, stored, weight, keys }: RowData): Row {
  const drawn = cells.reduce((sum, { members }) => sum + members.length, 0);
  const values = cells.reduce(
    (sum, { members }) => sum + members.filter(({ size }) => size !== undefined).length,
    0,
  );
  const own = prefix === ALL ? keys : weight * drawn;
  const strataOf = (way: Way): Stratum[] =>
    cells.map((cell) => {
      const pairs: { readonly certain: Pair[]; readonly drawn: Pair[] } = { certain: [], drawn: [] };
      for (const { measure, isCertain, dictionary } of byCell.get(cell) ?? []) {
        const after = way === "dictionary" ? dictionary : measure[way];
        if (after !== undefined) pairs[isCertain ? "certain" : "drawn"].push([measure.now, after]);
      }
      return { sizes: cell.members.map(({ size = 0 }) => size), isKnown: cell.isKnown, ...pairs };
    });
  const before = estimateBefore(strataOf("raw"), own);
  const after = {} as Record<Way, Interval>;
  const share = {} as Record<Way, Interval>;
  for (const way of WAYS) {
    const strata = strataOf(way);
    const extra = way === "dictionary" ? stored : 0;
    after[way] = shifted(estimateAfter(strata, own), extra);
    share[way] = shifted(estimateShare(strata, own), before.estimate === 0 ? 0 : extra / before.estimate);
  }
  return { prefix, values: Math.round(weight * values), now: before, after, share };
}

const shifted = ({ estimate, low, high }: Interval, by: number): Interval => ({
  estimate: estimate + by,
  low: low + by,
  high: high + by,
});

/** Each value that was read, and for how many it stands: a drawn one for those of its stratum that are not certain, by its chance. */
function* weightedReads(
  byCell: ReadonlyMap<Cell, readonly Read[]>,
  weight: number,
): Generator<readonly [ValueMeasure, number], void, undefined> {
  for (const [{ members }, reads] of byCell) {
    const certain = reads.filter(({ isCertain }) => isCertain).length;
    const chances = reads.reduce((sum, { isCertain, measure }) => sum + (isCertain ? 0 : 1 / measure.now), 0);
    // Where none was drawn, those that are certain stand for what is left.
    const each = chances > 0 ? 1 : members.length / Math.max(1, certain);
    for (const { measure, isCertain } of reads)
      yield [measure, weight * (isCertain ? each : (members.length - certain) / measure.now / chances)];
  }
}

function leftOf(
  cells: readonly Cell[],
  byCell: ReadonlyMap<Cell, readonly Read[]>,
  weight: number,
): Record<string, number> {
  const left = new Map<string, number>();
  const add = (name: string, number: number): void => void left.set(name, (left.get(name) ?? 0) + number);
  for (const [{ left: why }, number] of weightedReads(byCell, weight))
    if (why !== undefined) add(why, number);
  for (const { members, isKnown } of cells)
    if (isKnown)
      for (const { size } of members)
        add(size === undefined ? "other-type" : size === 0 ? "empty" : "large", weight);
  return Object.fromEntries([...left].map(([name, number]) => [name, Math.round(number)]));
}

function schemesOf(byCell: ReadonlyMap<Cell, readonly Read[]>, weight: number): Estimate["schemes"] {
  const schemes = new Map<Scheme, number>();
  for (const [{ scheme }, number] of weightedReads(byCell, weight))
    if (scheme !== undefined) schemes.set(scheme, (schemes.get(scheme) ?? 0) + number);
  return Object.fromEntries([...schemes].map(([name, number]) => [name, Math.round(number)]));
}

function processorOf(byCell: ReadonlyMap<Cell, readonly Read[]>, weight: number): Estimate["processor"] {
  let [total, compress, decompress, values] = [0, 0, 0, 0];
  for (const [{ compressMs, decompressMs, left }, number] of weightedReads(byCell, weight)) {
    total += compressMs * number;
    if (left !== undefined) continue;
    compress += compressMs * number;
    decompress += decompressMs * number;
    values += number;
  }
  if (values === 0) return null;
  const mean = (sum: number): number => (sum / values) * 1000;
  return {
    seconds: total / 1000,
    compressMicroseconds: mean(compress),
    decompressMicroseconds: mean(decompress),
  };
}
