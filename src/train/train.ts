/** `trainDictionary`: makes a dictionary in zstd's format from samples, and measures it. */
import { loadModule as loadPackagedModule } from "#wasm/trainer";
import { requireBoolean, requireInteger, requireLevel, requireOptions, requireSignal } from "../check.ts";
import { readModule, type ModuleSource } from "../codec/module.ts";
import { loadZstd } from "../codec/zstd.ts";
import { explainFailure } from "../engine/exports.ts";
import { DICTIONARY_SIZE_MAX, readDictionary } from "../format/dictionary.ts";
import { dictionaryIdOf } from "../format/dictionary-id.ts";
import { readDictionaryParts } from "../format/dictionary-tables.ts";
import { macrotask } from "../timers.ts";
import { measure, type TrainingReport } from "./report.ts";
import { gatherSamples, requireSamples, type SampleSource } from "./samples.ts";
import { train, Trainer, type Samples } from "./trainer.ts";

/** Options of `trainDictionary`. */
export interface TrainOptions {
  /**
   * The largest size of the dictionary in bytes, 1,024…16 MiB. Default 65,536: at level 1 a larger one gains nothing.
   */
  readonly maxSize?: number;
  /**
   * The id by which frames name the dictionary, 1…2^31 − 1. Default: a hash of the dictionary's bytes, in 32768…2^31
   * − 1, so that the same dictionary has the same id everywhere. An id below 65,536 saves two bytes in every frame,
   * one below 256 three.
   */
  readonly id?: number;
  /** The level at which values will be compressed, −7…22. Default 1. */
  readonly level?: number;
  /**
   * In how many different samples content must occur to be used, 1…255. Default 3: a dictionary holds pieces of its
   * samples word for word, and content that occurs once is often about one person. 1 uses anything.
   */
  readonly minSamples?: number;
  /**
   * Make raw content, without an id and tables, which both sides pass as `prefix`, or to `zstd -D`. Frames do not
   * name it, and each call reads all of it, so frames are larger and calls slower than with a dictionary. Cannot be
   * combined with `id`. Default false.
   */
  readonly raw?: boolean;
  /** Aborts the training; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * The compiled `zstash-trainer.wasm` or its bytes, for callers that load modules themselves. Default: the module
   * that the package's conditions choose.
   */
  readonly module?: ModuleSource;
}

/** A dictionary, and its effect. */
export interface TrainedDictionary {
  /** The file in zstd's format, for `readDictionary` and for `zstd -D`. With `raw`, the content alone. */
  readonly dictionary: Uint8Array<ArrayBuffer>;
  /** The id by which frames name it; 0 with `raw`. */
  readonly id: number;
  /** What the dictionary saves on samples that it was not trained on: publish it only if `gain` is worth it. */
  readonly report: TrainingReport;
}

const names: readonly string[] = ["maxSize", "id", "level", "minSamples", "raw", "signal", "module"];

const SIZE_MIN = 1024;
const DEFAULT_SIZE = 65_536;
const DEFAULT_MIN_SAMPLES = 3;

/**
 * Trains a dictionary on samples of the values that it is for. Some thousands of samples, or a hundred times the
 * dictionary's size, are enough. Repeated samples count once, and only the first 128 KiB of each are used. The same
 * samples in the same order with the same options give the same bytes on every runtime.
 *
 * A dictionary holds pieces of its samples word for word: look at it with `describeDictionary` before you pass it on.
 *
 * @throws {ZstashError} SAMPLES_UNSUITABLE (fewer than ten different samples, or nothing in common), SIZE_LIMIT (over 64 MiB
 * or 1,048,576 samples), WASM_UNAVAILABLE, OUT_OF_MEMORY
 * @throws {TypeError | RangeError} for wrong samples or options
 * @example
 * ```ts
 * import { trainDictionary } from "zstash/train";
 *
 * const samples = records.map((record) => JSON.stringify(record));
 * const { dictionary, report } = await trainDictionary(samples, { maxSize: 16_384 });
 * if (report.gain > 0.2) await writeFile("records.dict", dictionary);
 * report.gain > 0.2; // → true
 * ```
 */
export async function trainDictionary(
  samples: SampleSource,
  options: TrainOptions = {},
): Promise<TrainedDictionary> {
  requireOptions(options, names);
  requireSamples(samples);
  const {
    maxSize = DEFAULT_SIZE,
    id,
    level = 1,
    minSamples = DEFAULT_MIN_SAMPLES,
    raw = false,
    signal,
  } = options;
  requireInteger("maxSize", maxSize, SIZE_MIN, DICTIONARY_SIZE_MAX);
  if (id !== undefined) requireInteger("id", id, 1, 2 ** 31 - 1);
  requireBoolean("raw", raw);
  if (raw && id !== undefined)
    throw new TypeError('"id" and "raw" exclude each other: raw content has no id');
  requireLevel(level);
  requireInteger("minSamples", minSamples, 1, 255);
  if (signal !== undefined) requireSignal("signal", signal);
  const loadModule = options.module === undefined ? loadPackagedModule : readModule(options.module);

  const pause = async (): Promise<void> => {
    signal?.throwIfAborted();
    await macrotask();
    signal?.throwIfAborted();
  };
  const gathered = await gatherSamples(samples, signal);
  const settings = { maxSize, level, minSamples };
  const trainer = await explainFailure(async () => new Trainer(await loadModule(), settings));
  const { dictionary, different, heldOut } = await train(trainer, gathered, pause);
  const values = heldOut.map((index) => sampleOf(gathered, index));
  if (raw) {
    const content = contentOf(dictionary);
    const prefix = { prefix: content };
    const measured = { zstd: await loadZstd(), compressing: prefix, decompressing: prefix, level };
    const report = await measure(measured, values, pause);
    return { dictionary: content, id: 0, report: { samples: gathered.ends.length, different, ...report } };
  }
  const chosen = id ?? dictionaryIdOf(dictionary);
  new DataView(dictionary.buffer).setUint32(4, chosen, true);
  const read = readDictionary(dictionary);
  const zstd = await loadZstd({ dictionaries: [read] });
  const measured = { zstd, compressing: { dictionary: read }, decompressing: {}, level };
  const report = await measure(measured, values, pause);
  return {
    dictionary,
    id: chosen,
    report: { samples: gathered.ends.length, different, ...report },
  };
}

/** The content of a dictionary, which follows its tables. */
function contentOf(dictionary: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return dictionary.slice(dictionary.length - readDictionaryParts(dictionary).content);
}

function sampleOf({ bytes, ends }: Samples, index: number): Uint8Array {
  return bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
}
