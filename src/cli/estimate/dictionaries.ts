/**
 * Estimates what a dictionary for each prefix would save: it is trained on one half of the values read, and measured
 * on the other.
 */
import type { Zstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import { readDictionary } from "../../format/dictionary.ts";
import { base64Length } from "../../format/base64.ts";
import { CARRIER_HEAD_SIZE } from "../../value/carrier.ts";
import { formOf } from "../../value/form.ts";
import { DICTIONARY_MIN_SIZE } from "../../value/policy.ts";
import { measureWith, type MeasureSettings } from "./measure.ts";

/** A value that was read, with the hash by which it was drawn and the index of its measure. */
export interface Trainee {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly index: number;
  /** The size of the value in the raw carrier without a dictionary. */
  readonly raw: number;
}

/** What a dictionary does: the sizes of those values that it was not trained on, by their index. */
export interface DictionaryGain {
  /** The size of the dictionary in Redis, in bytes. */
  readonly storedSize: number;
  readonly sizes: ReadonlyMap<number, number>;
}

/** A prefix with fewer values than this gets no dictionary: they predict too little. */
const VALUES_MIN = 60;
const SIZE_MAX = 65_536;
const SIZE_MIN = 1024;
/** A dictionary is at most this part of its training data, because here there is only a sample. */
const SHARE = 10;

/** Trains a dictionary on every other value; undefined if it would save nothing, or if there are too few values. */
export async function gainOfDictionary(
  all: readonly Trainee[],
  zstd: Zstd,
  settings: MeasureSettings,
): Promise<DictionaryGain | undefined> {
  const fit = all.filter(
    ({ bytes }) =>
      bytes.length >= DICTIONARY_MIN_SIZE && formOf(bytes.subarray(0, CARRIER_HEAD_SIZE)) === "plain",
  );
  if (fit.length < VALUES_MIN) return undefined;
  // They are in the order of their hashes, so every other one is a random half.
  const ordered = [...fit].sort((a, b) => a.hash - b.hash);
  const trained = ordered.filter((_, index) => index % 2 === 0);
  const total = trained.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const maxSize = Math.min(SIZE_MAX, Math.max(SIZE_MIN, Math.floor(total / SHARE)));
  const { trainDictionary } = await import("../../train/index.ts");
  let made: Uint8Array;
  try {
    ({ dictionary: made } = await trainDictionary(
      trained.map(({ bytes }) => bytes),
      { maxSize },
    ));
  } catch (error) {
    if (error instanceof ZstashError && error.code === "SAMPLES_UNSUITABLE") return undefined;
    throw error;
  }
  const dictionary = readDictionary(made);
  const isTrained = new Set(trained);
  const sizes = new Map<number, number>();
  let saved = 0;
  for (const one of all) {
    if (isTrained.has(one)) continue;
    const size = measureWith(one, zstd, dictionary, settings);
    sizes.set(one.index, size);
    saved += one.raw - size;
  }
  return saved > 0 ? { storedSize: base64Length(dictionary.bytes.length), sizes } : undefined;
}
