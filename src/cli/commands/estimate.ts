/** `zstash estimate`: what compression would do for a live database, from a sample. It only reads. */
import { writeFile } from "node:fs/promises";
import { Failure, isOn, textOf } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import type { EstimateSettings } from "../estimate/estimate.ts";
import type { KnownUsage } from "../estimate/report.ts";
import { readByteSize, readInteger } from "../numbers.ts";
import { serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";

const MAX_VALUE: number = 1 << 20;
const SAMPLE = 2000;
/** Nearly always the lengths of all keys: then no large value is missed. 20 cents at pay as you go, and 100 seconds. */
const LENGTHS = 100_000;
const RATE = 1000;
const PREFIXES = 8;

export const ESTIMATE_COMMAND: CliCommand = {
  summary: "Estimate what compression would save, from a sample of a live database",
  options: {
    ...serverOptions("token that may read and list keys"),
    keys: { value: "pattern", meaning: "only keys that match this pattern of SCAN (default: all)" },
    sample: { value: "number", meaning: `values to read (default: ${SAMPLE})` },
    lengths: { value: "number", meaning: `lengths to ask for, at most (default: ${LENGTHS})` },
    "max-value": { value: "size", meaning: "larger values are not read, only counted (default: 1MiB)" },
    rate: { value: "number", meaning: `keys a second, 0 for no limit (default: ${RATE})` },
    prefixes: { value: "number", meaning: `prefixes to tell apart (default: ${PREFIXES})` },
    binary: { meaning: "also values that are not text" },
    "min-size": {
      value: "size",
      meaning: "smallest size that is compressed (default: 1KiB, 128 with a dictionary)",
    },
    "no-dictionary": { meaning: "train no dictionaries, which takes most of the time" },
    commands: { value: "number", meaning: "commands a month, for the cost" },
    bandwidth: { value: "size", meaning: "traffic a month, for the cost" },
    seed: { value: "number", meaning: "another number draws another sample (default: 1)" },
    plot: { value: "file", meaning: "write a picture to this file, as SVG" },
    json: { meaning: "print one line of JSON" },
  },
  examples: [
    ["zstash estimate", "reads 2000 values and says what to expect"],
    ["zstash estimate --keys 'session:*' --plot sessions.svg", "only for these keys, with a picture"],
  ],
  async run({ values }, terminal) {
    const settings = readSettings(values);
    const known: KnownUsage = {
      commands: givenInteger(values, "commands"),
      bandwidth: readByteSize(values, "bandwidth", ANY),
    };
    return withServer(values, { doing: "estimate", terminal }, (server) =>
      run(server, { settings, known, plot: textOf(values, "plot"), json: isOn(values, "json") }, terminal),
    );
  },
};

const ANY = { least: 0, most: Number.MAX_SAFE_INTEGER };

const givenInteger = (values: OptionValues, name: string): number | undefined =>
  readInteger(values, name, { ...ANY, most: 1e12 });

function readSettings(values: OptionValues): EstimateSettings {
  const number = (name: string, least: number, most: number, fallback: number): number =>
    readInteger(values, name, { least, most }) ?? fallback;
  const policy: { minSize?: number } = {};
  const minSize = readByteSize(values, "min-size", { ...ANY, most: 2 ** 30 });
  if (minSize !== undefined) policy.minSize = minSize;
  return {
    pattern: textOf(values, "keys"),
    sample: number("sample", 10, 1_000_000, SAMPLE),
    lengths: number("lengths", 10, 1_000_000, LENGTHS),
    maxValue: readByteSize(values, "max-value", { least: 1, most: 8 << 20 }) ?? MAX_VALUE,
    rate: number("rate", 0, 1_000_000, RATE),
    prefixes: number("prefixes", 0, 40, PREFIXES),
    seed: number("seed", 0, 2 ** 31, 1),
    binary: isOn(values, "binary"),
    trains: !isOn(values, "no-dictionary"),
    policy,
  };
}

interface Wishes {
  readonly settings: EstimateSettings;
  readonly known: KnownUsage;
  /** The file for the picture. */
  readonly plot: string | undefined;
  readonly json: boolean;
}

async function run(
  server: ServerAddress,
  { settings, known, plot, json }: Wishes,
  terminal: Terminal,
): Promise<number> {
  // Imported on demand: `zstash dev` starts without the codec.
  const [{ loadZstd }, { RestClient }, { readRestOptions }, { estimateDatabase }, report, { plotEstimate }] =
    await Promise.all([
      import("../../codec/zstd.ts"),
      import("../../rest/client.ts"),
      import("../../rest/rest-options.ts"),
      import("../estimate/estimate.ts"),
      import("../estimate/report.ts"),
      import("../estimate/plot.ts"),
    ]);
  const client = new RestClient(readRestOptions(server));
  const estimate = await estimateDatabase(client, await loadZstd(), settings, (what, done, total) =>
    terminal.progress(total === undefined ? `${done} ${what}` : `${done} of ${total} ${what}`),
  );
  terminal.progress(undefined);
  if (plot !== undefined) await write(plot, plotEstimate(estimate));
  if (json) terminal.print(JSON.stringify({ ...estimate, costs: report.costsOf(estimate, known) }));
  else terminal.print(report.describeEstimate(estimate, known));
  return estimate.sampled.refused === 0 ? 0 : 1;
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "it failed";
    throw new Failure(`Cannot write the picture to ${file}: ${reason}. See --plot`);
  }
}
