/** Finds out what a dictionary of its own would do for each prefix: trained on one half of the values read, measured on the other. */
import type { Zstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import { readDictionary } from "../../format/dictionary.ts";
import { base64Length } from "../../format/base64.ts";
import { CARRIER_HEAD_SIZE } from "../../value/carrier.ts";
import { formOf } from "../../value/form.ts";
import { DICTIONARY_MIN_SIZE } from "../../value/policy.ts";
import { measureWith, type MeasureSettings } from "./measure.ts";

/** A value that was read, with the hash that drew it and the place of its measure. */
export interface Trainee {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly index: number;
  /** Bytes of it in the raw carrier without a dictionary. */
  readonly raw: number;
}

/** What a dictionary does: bytes of those values that it was not trained on, by their index. */
export interface DictionaryGain {
  /** Bytes of the dictionary in Redis. */
  readonly storedSize: number;
  readonly sizes: ReadonlyMap<number, number>;
}

/** Fewer values of a prefix say nothing of the next ones. */
const VALUES_MIN = 60;
const SIZE_MAX = 65_536;
const SIZE_MIN = 1024;
/** A dictionary is a tenth of what it is trained on, at most: here there is only a sample of it. */
const SHARE = 10;

/** Trains a dictionary on every other value; undefined where it would save nothing, or there are too few. */
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
  // They come by hash, so every other one is a half at random.
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
