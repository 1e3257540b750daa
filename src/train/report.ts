/** Measures a dictionary on samples that it was not trained on. */
import type { CompressOptions } from "../codec/compress-options.ts";
import type { DecompressOptions } from "../codec/decompress-options.ts";
import type { Zstd } from "../codec/zstd.ts";
import { now } from "../timers.ts";

/** The sizes and times of all values together. */
export interface CodingReport {
  /** Bytes that would be stored: for each value its frame, or the value itself if that is smaller. */
  readonly bytes: number;
  /**
   * The mean processor time for compressing and for decompressing a value, in microseconds; absent if the clock
   * stands still.
   */
  readonly compressTime?: number | undefined;
  /** The same for decompressing a value. */
  readonly decompressTime?: number | undefined;
}

/** The effect of a dictionary on values in a range of sizes. */
export interface SizeClassReport {
  /** The range of sizes in bytes, half-open: `from` or more, and less than `to`. */
  readonly from: number;
  /** The first size above the range; Infinity for the last range. */
  readonly to: number;
  /** How many values were measured. */
  readonly count: number;
  /** Their uncompressed bytes. */
  readonly bytes: number;
  /** How the values are stored without a dictionary, at the same level. */
  readonly without: CodingReport;
  /** How they are stored with the dictionary. Its own bytes are not counted. */
  readonly with: CodingReport;
  /** The share of stored bytes that the dictionary saves, −∞…1; 0 if nothing was measured. */
  readonly gain: number;
}

/** The effect of a dictionary on samples that it was not trained on: every tenth different one. */
export interface TrainingReport extends Omit<SizeClassReport, "from" | "to"> {
  /** The number of samples, and how many of them are different and not empty: the others were left out. */
  readonly samples: number;
  /** How many samples are different and not empty. */
  readonly different: number;
  /** The same by size of the values; ranges without values are left out. */
  readonly classes: readonly SizeClassReport[];
}

/** Bounds between classes, in bytes. */
const BOUNDS = [0, 256, 1024, 4096, 16_384, Infinity] as const;
/**
 * Times are the best of this many rounds: the first rounds of a new module are slow, and a busy machine delays the
 * short rounds of a small class (up to ten times, in all of three rounds).
 */
const ROUNDS = 10;
/** Bytes that all rounds of a class process together: enough for a mean; 16 MB in each round would take a second. */
const ROUNDS_SIZE: number = 2 << 20;

/** The codec and options of a measurement. */
export interface Measured {
  readonly zstd: Pick<Zstd, "compress" | "decompress">;
  /** The dictionary, as options of both directions. */
  readonly compressing: CompressOptions;
  readonly decompressing: DecompressOptions;
  readonly level: number;
}

/** Measures the values by classes of their size. `pause` is awaited between classes. */
export async function measure(
  measured: Measured,
  values: readonly Uint8Array[],
  pause: () => Promise<void>,
): Promise<Omit<TrainingReport, "samples" | "different">> {
  const classes: SizeClassReport[] = [];
  for (const [index, from] of BOUNDS.slice(0, -1).entries()) {
    const to = BOUNDS[index + 1]!;
    const ofSize = values.filter(({ length }) => length >= from && length < to);
    if (ofSize.length === 0) continue;
    classes.push({ from, to, ...measureClass(measured, ofSize) });
    await pause();
  }
  const count = sumOf(classes, (one) => one.count);
  const [without, withIt] = [together(classes, "without"), together(classes, "with")];
  const bytes = sumOf(classes, (one) => one.bytes);
  return { count, bytes, without, with: withIt, gain: gainOf(without, withIt), classes };
}

function measureClass(
  { zstd, compressing, decompressing, level }: Measured,
  values: readonly Uint8Array[],
): Omit<SizeClassReport, "from" | "to"> {
  const codeWithout = (): CodingReport => code(zstd, values, { level }, {});
  const codeWith = (): CodingReport => code(zstd, values, { level, ...compressing }, decompressing);
  const bytes = sumOf(values, ({ length }) => length);
  const rounds = Math.max(1, Math.min(ROUNDS, Math.floor(ROUNDS_SIZE / bytes)));
  let [without, withIt] = [codeWithout(), codeWith()];
  for (let round = 1; round < rounds; round++) {
    without = faster(without, codeWithout());
    withIt = faster(withIt, codeWith());
  }
  return { count: values.length, bytes, without, with: withIt, gain: gainOf(without, withIt) };
}

function code(
  zstd: Measured["zstd"],
  values: readonly Uint8Array[],
  compressing: CompressOptions,
  decompressing: DecompressOptions,
): CodingReport {
  const started = now();
  const frames = values.map((value) => zstd.compress(value, compressing));
  const compressed = now();
  for (const [index, frame] of frames.entries())
    zstd.decompress(frame, { ...decompressing, maxSize: values[index]!.length });
  const decompressed = now();
  const mean = (ms: number): number | undefined => (ms > 0 ? (ms * 1000) / values.length : undefined);
  return {
    bytes: sumOf(frames, ({ length }, index) => Math.min(length, values[index]!.length)),
    compressTime: mean(compressed - started),
    decompressTime: mean(decompressed - compressed),
  };
}

function faster(one: CodingReport, other: CodingReport): CodingReport {
  const least = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
  return {
    bytes: one.bytes,
    compressTime: least(one.compressTime, other.compressTime),
    decompressTime: least(one.decompressTime, other.decompressTime),
  };
}

/** All classes as one: bytes are added, times are means over all values. */
function together(classes: readonly SizeClassReport[], side: "with" | "without"): CodingReport {
  const count = sumOf(classes, (one) => one.count);
  const mean = (time: "compressTime" | "decompressTime"): number | undefined => {
    const sum = sumOf(classes, (one) => (one[side][time] ?? NaN) * one.count);
    return sum > 0 ? sum / count : undefined;
  };
  return {
    bytes: sumOf(classes, (one) => one[side].bytes),
    compressTime: mean("compressTime"),
    decompressTime: mean("decompressTime"),
  };
}

function gainOf(without: CodingReport, withIt: CodingReport): number {
  return without.bytes === 0 ? 0 : 1 - withIt.bytes / without.bytes;
}

function sumOf<T>(list: readonly T[], of: (one: T, index: number) => number): number {
  return list.reduce((sum, one, index) => sum + of(one, index), 0);
}
