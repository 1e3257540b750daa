/** Estimates what compression would do for a database, from a sample of its values: for all keys and for each prefix. */
import type { Zstd } from "../../codec/zstd.ts";
import type { RestClient } from "../../rest/client.ts";
import { gainOfDictionary, type Trainee } from "./dictionaries.ts";
import { measureValue, type MeasureSettings, type ValueMeasure } from "./measure.ts";
import { learnPrefixes, OTHER, prefixOf } from "./prefixes.ts";
import { drawSample, readSample, type Measured, type OnProgress, type SampleSettings } from "./sample.ts";
import { estimateAfter, estimateBefore, estimateShare, type Interval, type Stratum } from "./statistics.ts";

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
  /** How many lengths were asked for, how many values were read, and how many bytes these had. */
  readonly sampled: { readonly lengths: number; readonly values: number; readonly bytes: number };
  readonly total: Row;
  readonly rows: readonly Row[];
  /** Keys that do not hold a string, scaled up from the sample. */
  readonly otherTypes: number;
  /** Why values would stay as they are in the text carrier: estimated numbers of values by reason. */
  readonly left: Readonly<Record<string, number>>;
  /** Processor time on this machine: for all values once, and for one value. */
  readonly processor: {
    readonly seconds: number;
    readonly compressMicroseconds: number;
    readonly decompressMicroseconds: number;
  };
}

/** The fewest values that are read of a stratum. A stratum's sizes lie between two powers of four. */
const READ_MIN = 8;
/** Values that are kept for dictionaries: larger ones gain nothing, and the memory is bounded. */
const KEPT_VALUE: number = 64 << 10;
const KEPT_ALL: number = 32 << 20;

interface Cell extends Pick<Stratum, "isKnown"> {
  readonly prefix: string;
  readonly members: Measured[];
}

interface Read {
  readonly measure: ValueMeasure;
  readonly cell: Cell;
  dictionary: number | undefined;
}

export async function estimateDatabase(
  client: RestClient,
  zstd: Zstd,
  settings: EstimateSettings,
  onProgress: OnProgress,
): Promise<Estimate> {
  const { keys, nameBytes, drawn } = await drawSample(client, settings, onProgress);
  const weighed = drawn.map(({ key, size = 0 }) => ({ key, size }));
  const prefixes = learnPrefixes(weighed, settings.prefixes);
  const cells = stratify(drawn, prefixes, settings.maxValue);
  const chosen = chooseValues(cells, settings.sample);
  const reads: Read[] = [];
  const kept = new Map<string, Trainee[]>();
  let [bytes, keptBytes] = [0, 0];
  for await (const found of readSample(client, [...chosen.keys()], settings)) {
    for (const one of found) {
      const { cell, hash } = chosen.get(one.key)!;
      if (one.kind !== "value") continue;
      const measure = measureValue(one, zstd, settings);
      bytes += measure.now;
      if (settings.trains && measure.now <= KEPT_VALUE && keptBytes + measure.now <= KEPT_ALL) {
        keptBytes += measure.now;
        const its = kept.get(cell.prefix) ?? [];
        kept.set(cell.prefix, its);
        its.push({ key: one.key, bytes: one.bytes, hash, index: reads.length, raw: measure.raw });
      }
      reads.push({ measure, cell, dictionary: measure.raw });
    }
    onProgress("values read", reads.length, chosen.size);
  }
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
  const row = (prefix: string, its: readonly Cell[]): Row => {
    const isIts = (one: string): boolean => prefix === ALL || one === prefix;
    const stored = [...dictionaryBytes]
      .filter(([one]) => isIts(one))
      .reduce((sum, [, size]) => sum + size, 0);
    return rowOf(prefix, { cells: its, reads, stored, weight, keys });
  };
  const isUsed = (prefix: string): boolean =>
    cells.some((cell) => cell.prefix === prefix && cell.members.some(({ size }) => size !== undefined));
  const used = [...prefixes, OTHER].filter(isUsed);
  return {
    keys,
    nameBytes,
    sampled: { lengths: drawn.length, values: reads.length, bytes },
    total: row(ALL, cells),
    rows: used.map((prefix) =>
      row(
        prefix,
        cells.filter((cell) => cell.prefix === prefix),
      ),
    ),
    otherTypes: Math.round(weight * drawn.filter(({ size }) => size === undefined).length),
    left: leftOf(cells, reads, weight),
    processor: processorOf(reads, weight),
  };
}

/** The name of the row for all keys. */
export const ALL = "all";

/** Divides keys by prefix and by size. Keys of which nothing has to be read are a stratum of their own. */
function stratify(drawn: readonly Measured[], prefixes: readonly string[], maxValue: number): Cell[] {
  const cells = new Map<string, Cell>();
  for (const one of drawn) {
    const prefix = prefixOf(one.key, prefixes);
    const size = one.size ?? 0;
    const isKnown = size === 0 || size > maxValue;
    const kind = isKnown ? "known" : `${Math.floor(Math.log2(size) / 2)}`;
    const name = `${kind} ${prefix}`;
    let cell = cells.get(name);
    if (cell === undefined) cells.set(name, (cell = { prefix, members: [], isKnown }));
    cell.members.push(one);
  }
  return [...cells.values()];
}

/** Chooses the values to read: from each stratum a number in proportion to its bytes, those with the lowest hashes. */
function chooseValues(
  cells: readonly Cell[],
  most: number,
): ReadonlyMap<string, { readonly cell: Cell; readonly hash: number }> {
  const open = cells.filter(({ isKnown }) => !isKnown);
  const total = open.reduce((sum, { members }) => sum + bytesOf(members), 0);
  const chosen = new Map<string, { readonly cell: Cell; readonly hash: number }>();
  for (const cell of open) {
    const share = Math.round((most * bytesOf(cell.members)) / Math.max(1, total));
    for (const { key, hash } of cell.members.slice(0, Math.max(READ_MIN, share)))
      chosen.set(key, { cell, hash });
  }
  return chosen;
}

const bytesOf = (members: readonly Measured[]): number =>
  members.reduce((sum, { size = 0 }) => sum + size, 0);

interface RowData {
  readonly cells: readonly Cell[];
  readonly reads: readonly Read[];
  /** The bytes of the dictionaries. */
  readonly stored: number;
  readonly weight: number;
  readonly keys: number;
}

function rowOf(prefix: string, { cells, reads, stored, weight, keys }: RowData): Row {
  const drawn = cells.reduce((sum, { members }) => sum + members.length, 0);
  const values = cells.reduce(
    (sum, { members }) => sum + members.filter(({ size }) => size !== undefined).length,
    0,
  );
  const own = prefix === ALL ? keys : weight * drawn;
  const strataOf = (way: Way): Stratum[] =>
    cells.map((cell) => ({
      sizes: cell.members.map(({ size = 0 }) => size),
      isKnown: cell.isKnown,
      read: reads
        .filter((one) => one.cell === cell)
        .map((one) => [one.measure.now, way === "dictionary" ? one.dictionary : one.measure[way]] as const)
        .filter((pair): pair is readonly [number, number] => pair[1] !== undefined),
    }));
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

/** Gives each value that was read with the number of values that it stands for. */
function* weightedReads(
  reads: readonly Read[],
  weight: number,
): Generator<readonly [ValueMeasure, number], void, undefined> {
  const counts = new Map<Cell, number>();
  for (const { cell } of reads) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  for (const { cell, measure } of reads) yield [measure, (weight * cell.members.length) / counts.get(cell)!];
}

function leftOf(cells: readonly Cell[], reads: readonly Read[], weight: number): Record<string, number> {
  const left = new Map<string, number>();
  const add = (name: string, number: number): void => void left.set(name, (left.get(name) ?? 0) + number);
  for (const [{ left: why }, number] of weightedReads(reads, weight)) if (why !== undefined) add(why, number);
  for (const { members, isKnown } of cells)
    if (isKnown)
      for (const { size } of members)
        add(size === undefined ? "other-type" : size === 0 ? "empty" : "large", weight);
  return Object.fromEntries([...left].map(([name, number]) => [name, Math.round(number)]));
}

function processorOf(reads: readonly Read[], weight: number): Estimate["processor"] {
  let [total, compress, decompress, values] = [0, 0, 0, 0];
  for (const [{ compressMs, decompressMs, left }, number] of weightedReads(reads, weight)) {
    total += compressMs * number;
    if (left !== undefined) continue;
    compress += compressMs * number;
    decompress += decompressMs * number;
    values += number;
  }
  const mean = (sum: number): number => (values === 0 ? 0 : (sum / values) * 1000);
  return {
    seconds: total / 1000,
    compressMicroseconds: mean(compress),
    decompressMicroseconds: mean(decompress),
  };
}
