/** The subpath "zstash/train": makes dictionaries, and describes them. */
export type * from "../index.ts";
export type { DictionaryParts } from "../format/dictionary-tables.ts";
export { describeDictionary, type DictionaryDescription } from "./describe.ts";
export type { CodingReport, SizeClassReport, TrainingReport } from "./report.ts";
export type { SampleSource } from "./samples.ts";
export { trainDictionary, type TrainedDictionary, type TrainOptions } from "./train.ts";
