/** Reads the command line of `zstash train`: what is wrong in it is reported before any work. */
import { PATTERN_LENGTH_MAX } from "../../dictionaries/manifest.ts";
import { DICTIONARY_MAX } from "../../dictionaries/stored.ts";
import { DICTIONARY_SIZE_MAX } from "../../format/dictionary.ts";
import { LEVEL_MAX, LEVEL_MIN } from "../../limits.ts";
import { isOn, textOf, textsOf, UsageError } from "../command.ts";
import type { CliInput, OptionValues, Terminal } from "../command.ts";
import { readByteSize, readInteger, readShare } from "../numbers.ts";
import type { SampleBounds } from "../random-sample.ts";

/** What to train on, how, and what to do with the dictionary. */
export interface TrainPlan {
  readonly files: readonly string[];
  readonly ndjson: readonly string[];
  readonly keys: { readonly pattern: string } | { readonly list: string } | undefined;
  readonly bounds: SampleBounds;
  readonly rate: number;
  readonly scan: number;
  readonly maxSize: number;
  readonly level: number;
  readonly minSamples: number;
  readonly raw: boolean;
  readonly minGain: number;
  readonly out: string | undefined;
  readonly force: boolean;
  readonly publish: PublishPlan | undefined;
  readonly yes: boolean;
  readonly showText: boolean;
  readonly json: boolean;
}

/** The keys for which a dictionary is published. */
export interface PublishPlan {
  readonly pattern: string;
  readonly share: number;
  readonly force: boolean;
}

/** The default number of samples, and the largest. */
const KEY_SAMPLES = 10_000;
const FILE_SAMPLES = 100_000;
const SAMPLES_MAX = 1_000_000;
/** Bytes of all samples: five hundred times the usual dictionary, which takes 160 MiB of memory to train. */
const SAMPLES_SIZE: number = 32 << 20;
const RATE = 1000;
const DICTIONARY_SIZE = 65_536;
const MIN_GAIN = 0.1;
const CANARY = 0.1;

/** @throws {UsageError} saying what to do */
export function readPlan({ values, args }: CliInput, terminal: Terminal): TrainPlan {
  const ndjson = textsOf(values, "ndjson") ?? [];
  const keys = readKeys(values);
  requireSources(args, ndjson, keys);
  const publish = readPublish(values, terminal);
  const samples = readInteger(values, "samples", { least: 10, most: SAMPLES_MAX });
  const plan: TrainPlan = {
    files: args,
    ndjson,
    keys,
    bounds: { count: samples ?? (keys === undefined ? FILE_SAMPLES : KEY_SAMPLES), size: SAMPLES_SIZE },
    rate: readInteger(values, "rate", { least: 1, most: 1_000_000 }) ?? RATE,
    scan: readInteger(values, "scan", { least: 1, most: Number.MAX_SAFE_INTEGER }) ?? Infinity,
    maxSize: readByteSize(values, "max-size", { least: 1024, most: DICTIONARY_SIZE_MAX }) ?? DICTIONARY_SIZE,
    level: readInteger(values, "level", { least: LEVEL_MIN, most: LEVEL_MAX }) ?? 1,
    minSamples: readInteger(values, "min-samples", { least: 1, most: 255 }) ?? 3,
    raw: isOn(values, "raw"),
    minGain: readShare(values, "min-gain") ?? MIN_GAIN,
    out: readOut(values),
    force: isOn(values, "force"),
    publish,
    yes: isOn(values, "yes"),
    showText: isOn(values, "show-text"),
    json: isOn(values, "json"),
  };
  refuseUseless(values, plan);
  return plan;
}

function readKeys(values: OptionValues): TrainPlan["keys"] {
  const pattern = textOf(values, "keys");
  const list = textOf(values, "key-list");
  if (pattern !== undefined && list !== undefined)
    throw new UsageError("Cannot use --keys together with --key-list: leave out one of them");
  if (pattern === "") throw new UsageError("Cannot use --keys: a pattern is expected, as session:*");
  if (list === "") throw new UsageError("Cannot use --key-list: a file is expected");
  if (pattern !== undefined) return { pattern };
  return list === undefined ? undefined : { list };
}

function requireSources(files: readonly string[], ndjson: readonly string[], keys: TrainPlan["keys"]): void {
  if (files.includes("") || ndjson.includes(""))
    throw new UsageError("Cannot train on a file without a name");
  const isLocal = files.length + ndjson.length > 0;
  if (isLocal && keys !== undefined)
    throw new UsageError("Cannot train on files and on keys at once: leave out one of them");
  if (isLocal || keys !== undefined) return;
  throw new UsageError(
    'Cannot train without samples: name files or folders, or use --ndjson or --keys. See "zstash train --help"',
  );
}

function readPublish(values: OptionValues, terminal: Terminal): PublishPlan | undefined {
  const pattern = textOf(values, "publish");
  if (pattern === undefined) return undefined;
  if (pattern === "" || pattern.length > PATTERN_LENGTH_MAX)
    throw new UsageError(
      `Cannot use --publish: a pattern of 1 to ${PATTERN_LENGTH_MAX} characters is expected`,
    );
  if (isOn(values, "raw"))
    throw new UsageError(
      "Cannot publish raw content, which frames do not name: leave out --raw or --publish",
    );
  if (!isOn(values, "yes") && terminal.ask === undefined) {
    throw new UsageError(
      "Cannot publish where nobody can be asked: read the text (--show-text) first, then add --yes",
    );
  }
  return { pattern, share: readShare(values, "canary") ?? CANARY, force: isOn(values, "allow-eviction") };
}

function readOut(values: OptionValues): string | undefined {
  const out = textOf(values, "out");
  if (out === "" || out === "-") throw new UsageError("Cannot use --out: a file is expected");
  return out;
}

/** Refuses options that have no effect, and a training whose dictionary would go nowhere. */
function refuseUseless(values: OptionValues, { keys, out, publish, maxSize }: TrainPlan): void {
  if (publish !== undefined && maxSize > DICTIONARY_MAX)
    throw new UsageError(
      `Cannot publish more than ${DICTIONARY_MAX} bytes: give --max-size less, or leave out --publish`,
    );
  const needed: readonly (readonly [needed: string, isThere: boolean, names: readonly string[]])[] = [
    ["--keys or --key-list", keys !== undefined, ["rate"]],
    ["--keys", keys !== undefined && "pattern" in keys, ["scan"]],
    ["--out", out !== undefined, ["force"]],
    ["--publish", publish !== undefined, ["canary", "allow-eviction", "yes"]],
  ];
  for (const [option, isThere, names] of needed) {
    const useless = isThere
      ? undefined
      : names.find((name) => values[name] !== undefined && values[name] !== false);
    if (useless !== undefined) throw new UsageError(`Cannot use --${useless} without ${option}`);
  }
}
