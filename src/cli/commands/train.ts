/** `zstash train`: makes a dictionary from files, records or values in Redis, and measures it. */
import type { TrainedDictionary } from "../../train/index.ts";
import { ZstashError } from "../../errors.ts";
import { Failure } from "../command.ts";
import type { CliCommand, CliOptions, Terminal } from "../command.ts";
import { progressOf } from "../progress-bar.ts";
import { serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { count, printable } from "../text.ts";
import type { FileSamples } from "./train-files.ts";
import type { KeySamples } from "./train-keys.ts";
import { requireWritable, writeWhole } from "./train-output.ts";
import { readPlan, type TrainPlan } from "./train-plan.ts";
import { describeFiles, describeKeys, describeText, describeTraining, percent } from "./train-report.ts";

const OPTIONS = {
  ndjson: {
    value: "file",
    multiple: true,
    meaning: "NDJSON file, each line of which is a sample; - is the standard input; repeatable",
  },
  keys: {
    value: "pattern",
    meaning: "train on the values of these keys in Redis, as session:*; it only reads",
  },
  "key-list": {
    value: "file",
    meaning: "train on the values of keys that this file names, a line each; for tokens that may not scan",
  },
  ...serverOptions("token that may read and scan"),
  samples: {
    value: "number",
    meaning: "take at most this many, at random (default 10000 of keys, 100000 of files)",
  },
  rate: {
    value: "number",
    meaning: "commands a second that Redis gets, at most; a scan of 100 keys counts as one (default 1000)",
  },
  scan: { value: "number", meaning: "look at no more than this many keys (default: all)" },
  "max-size": { value: "bytes", meaning: "largest size of the dictionary (default 64KB)" },
  level: { value: "number", meaning: "level at which values will be compressed (default 1)" },
  "min-samples": {
    value: "number",
    meaning: "use only content of at least this many different samples, 1 to 255 (default 3)",
  },
  raw: { meaning: "make raw content, for zstd -D and the option prefix" },
  out: { value: "file", meaning: "write the dictionary to this file" },
  force: { meaning: "replace the file of --out if it exists" },
  publish: {
    value: "pattern",
    meaning: "publish it for these keys, after showing its text and asking; needs a token that may write",
  },
  canary: { value: "share", meaning: "with --publish: share of the keys to begin with (default 10%)" },
  "allow-eviction": { meaning: "with --publish: also under a maxmemory-policy that may evict it" },
  yes: { meaning: "with --publish: do not show the text, and do not ask" },
  "min-gain": {
    value: "share",
    meaning: "refuse a dictionary that saves less of the stored bytes (default 10%)",
  },
  "show-text": { meaning: "print the text in the dictionary, which comes word for word from the samples" },
  json: { meaning: "print one line of JSON: id, size, report, and what was done with it" },
} satisfies CliOptions;

export const TRAIN_COMMAND: CliCommand = {
  summary: "Make a dictionary for small values, and show what it saves",
  options: OPTIONS,
  args: [{ usage: "[file...]", meaning: "files, each of which is a sample, and folders of them" }],
  examples: [
    ["zstash train --ndjson sessions.ndjson", "says what a dictionary would save"],
    ["zstash train samples/ --out sessions.dict", "keeps it"],
    ["zstash train --keys 'session:*' --publish 'session:*'", "trains on Redis' values, shows, asks"],
  ],
  async run(input, terminal) {
    const plan = readPlan(input, terminal);
    if (plan.out !== undefined) await requireWritable(plan.out, plan.force);
    try {
      if (plan.keys === undefined && plan.publish === undefined)
        return await train(plan, undefined, terminal);
      const use = { doing: "train", terminal, rights: rightsFor(plan) };
      return await withServer(input.values, use, (server) => train(plan, server, terminal));
    } finally {
      terminal.progress(undefined);
    }
  },
};

function rightsFor({ keys, publish }: TrainPlan): string {
  if (publish !== undefined) return "may read, scan and write";
  if (keys === undefined || !("pattern" in keys)) return "may read these keys";
  return "may scan, or name the keys in --key-list, which a read-only token may read";
}

async function train(
  plan: TrainPlan,
  server: ServerAddress | undefined,
  terminal: Terminal,
): Promise<number> {
  const gathered = await gather(plan, server, terminal);
  const { samples } = gathered;
  terminal.progress(`training on ${count(samples.length, "sample")}`);
  const { trainDictionary } = await import("../../train/index.ts");
  const { maxSize, level, minSamples, raw } = plan;
  const trained = await trainDictionary(samples, { maxSize, level, minSamples, raw }).catch(
    (error: unknown) => {
      throw advised(error, samples.length);
    },
  );
  terminal.progress(undefined);
  return finish(plan, { ...trained, gathered }, server, terminal);
}

type Gathered = KeySamples | FileSamples;

async function gather(
  { keys, files, ndjson, bounds, rate, scan }: TrainPlan,
  server: ServerAddress | undefined,
  terminal: Terminal,
): Promise<Gathered> {
  const show = progressOf(terminal);
  const { readFileSamples, readNames } = await import("./train-files.ts");
  if (keys === undefined) return readFileSamples({ paths: files, ndjson }, bounds, show);
  const { readKeySamples } = await import("./train-keys.ts");
  const source = "pattern" in keys ? keys : { names: readNames(keys.list, show) };
  return readKeySamples(server!, source, { ...bounds, rate, scan }, show);
}

/** A dictionary and the facts about its samples. */
interface Made extends TrainedDictionary {
  readonly gathered: Gathered;
}

/** Prints the report, then writes or publishes the dictionary. */
async function finish(
  plan: TrainPlan,
  made: Made,
  server: ServerAddress | undefined,
  terminal: Terminal,
): Promise<number> {
  const { dictionary, id, report, gathered } = made;
  const { level, raw, json, minGain, out, publish } = plan;
  const { textIn, describeDictionary } = await import("../../train/describe.ts");
  const text = raw ? textIn(dictionary) : describeDictionary(dictionary).text;
  // With --json the output is one line; the text that a person reads before the question goes to the standard error.
  const say = json ? terminal.log : terminal.print;
  const asks = publish !== undefined && !plan.yes;
  if ((plan.showText && !json) || asks) say(describeText(text));
  const source = "chosen" in gathered ? describeKeys(gathered) : describeFiles(gathered);
  const facts = { id, size: dictionary.length, level, raw };
  if (!json || asks)
    say([...(source === undefined ? [] : [source]), describeTraining(facts, report)].join("\n"));
  const result = { ...facts, sources: sourcesOf(gathered), minGain, report };
  const told = { ...result, text: plan.showText ? text : undefined };
  if (report.gain < minGain) {
    if (json) terminal.print(JSON.stringify({ ...told, out: null, published: null }));
    const saved = `saves ${percent(report.gain)} of the stored bytes, less than ${percent(minGain)}`;
    throw new Failure(
      `The dictionary ${saved}: it is not kept. Take values that are more alike, or lower --min-gain`,
    );
  }
  if (out !== undefined) await writeWhole(out, dictionary, plan.force);
  if (out !== undefined && !json) terminal.print(`\nWritten to ${printable(out)}`);
  const published = publish === undefined ? undefined : await publishIt(plan, dictionary, server!, terminal);
  if (json) {
    terminal.print(JSON.stringify({ ...told, out: out ?? null, published: published?.facts ?? null }));
  } else if (publish !== undefined) terminal.print(`\n${published?.text ?? "Not published"}`);
  else if (out === undefined) terminal.print(`\n${NEXT}`);
  return publish !== undefined && published === undefined ? 1 : 0;
}

const NEXT = 'Nothing was kept: add "--out FILE", or "--publish PATTERN"';

async function publishIt(
  { publish, yes }: TrainPlan,
  dictionary: Uint8Array,
  server: ServerAddress,
  terminal: Terminal,
): Promise<{ readonly text: string; readonly facts: object } | undefined> {
  const { pattern, share, force } = publish!;
  const question = `\nPublish it for ${printable(pattern)}? Whoever reads this Redis can read its text. [y/N] `;
  if (!yes && !/^y(es)?$/i.test((await terminal.ask!(question)).trim())) return undefined;
  const { publishDictionary } = await import("./dict-publish.ts");
  return publishDictionary(server, dictionary, { pattern, share, force });
}

function sourcesOf(gathered: Gathered): object {
  const { samples, ...rest } = gathered;
  return { ...rest, taken: samples.length };
}

/** Says what else to give if the samples were not enough. */
function advised(error: unknown, given: number): unknown {
  if (!(error instanceof ZstashError) || error.code !== "SAMPLES_UNSUITABLE") return error;
  const advice = error.message.includes("in common")
    ? "Take values that are alike, or --min-samples 1, which takes what one sample alone holds too"
    : given === 0
      ? "There were none: see what the files hold, or which keys the pattern matches"
      : "Give more samples: some hundreds at least";
  return error.with({ message: `${error.message}. ${advice}` });
}
