/** `zstash migrate`: compresses the values of a database in place, or takes that back. */
import { isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import type { Carrier } from "../../value/carrier.ts";
import type { Policy } from "../../value/policy.ts";
import type { MigrationSettings } from "../migrate/run.ts";
import type { Tally } from "../migrate/tally.ts";
import { SCHEMES, type Scheme } from "../migrate/schemes.ts";
import { readByteSize, readInteger } from "../numbers.ts";
import { serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { bytes, count } from "../text.ts";

/** The largest value that is migrated by default, in bytes: servers take requests and replies of 10 MB. */
const MAX_VALUE: number = 8 << 20;
const RATE = 1000;

export const MIGRATE_COMMAND: CliCommand = {
  summary: "Compress the values of a database in place, or undo it",
  options: {
    ...serverOptions("token that may read and write"),
    apply: { meaning: "write; without it the program reads, counts and writes nothing" },
    keys: { value: "pattern", meaning: "only keys that match this pattern of SCAN (default: all)" },
    undo: { meaning: "decompress: values become what they were before" },
    carrier: {
      value: "text|raw",
      meaning:
        "carrier of all frames; those in the other one are rewritten (default: text for new ones, others stay)",
    },
    "with-dictionaries": { meaning: "write with the dictionaries that the manifest names" },
    "without-dictionaries": { meaning: "rewrite values that need a dictionary without one" },
    from: {
      value: "schemes",
      meaning: `also values that are compressed otherwise: ${SCHEMES.join(",")} (brotli needs --keys)`,
    },
    hashes: { meaning: "also the fields of hashes; only if the server runs scripts" },
    binary: { meaning: "also values that are not text, which @upstash/redis cannot read anyway" },
    "min-size": {
      value: "size",
      meaning: "smallest size that is compressed (default: 1KiB, 128 with a dictionary)",
    },
    "max-value": { value: "size", meaning: "larger values are not fetched and stay (default: 8MiB)" },
    rate: { value: "number", meaning: `values a second, 0 for no limit (default: ${RATE})` },
    json: { meaning: "print one line of JSON: counts, bytes before and after" },
  },
  examples: [
    ["zstash migrate", "says what it would do"],
    ["zstash migrate --apply --keys 'session:*'", "compresses the values of these keys"],
    ["zstash migrate --apply --hashes", "compresses strings and the fields of hashes"],
    ["zstash migrate --apply --undo --hashes", "decompresses all"],
  ],
  async run({ values }, terminal) {
    const settings = readSettings(values);
    return withServer(values, { doing: "migrate", terminal }, (server) =>
      run(server, settings, isOn(values, "json"), terminal),
    );
  },
};

function readSettings(values: OptionValues): MigrationSettings {
  const carrier = textOf(values, "carrier");
  if (carrier !== undefined && carrier !== "text" && carrier !== "raw")
    throw new UsageError(`Cannot read --carrier: it must be text or raw, got ${JSON.stringify(carrier)}`);
  const [isWith, isWithout, undo] = ["with-dictionaries", "without-dictionaries", "undo"].map((name) =>
    isOn(values, name),
  );
  if (isWith && isWithout)
    throw new UsageError("Cannot migrate with and without dictionaries: give one of the two");
  const pattern = textOf(values, "keys");
  const schemes = readSchemes(textOf(values, "from"));
  const forward = ["carrier", "with-dictionaries", "without-dictionaries", "from", "binary", "min-size"];
  const needless = forward.find((name) => values[name] !== undefined && values[name] !== false);
  if (undo === true && needless !== undefined)
    throw new UsageError(`Cannot use --${needless} with --undo, which decompresses all frames: leave it out`);
  if (schemes.has("brotli") && pattern === undefined)
    throw new UsageError("Cannot tell brotli by its bytes alone: give --keys for the keys that hold it");
  const policy: { minSize?: number } = {};
  if (values["min-size"] !== undefined)
    policy.minSize = readByteSize(values, "min-size", { least: 0, most: 2 ** 30 }) ?? 0;
  return {
    apply: isOn(values, "apply"),
    undo: undo === true,
    carrier: carrier as Carrier | undefined,
    dictionaries: isWith === true ? "with" : isWithout === true ? "without" : undefined,
    schemes,
    hashes: isOn(values, "hashes"),
    binary: isOn(values, "binary"),
    policy: policy as Policy,
    maxValue: readByteSize(values, "max-value", { least: 1, most: 64 << 20 }) ?? MAX_VALUE,
    pattern,
    rate: readInteger(values, "rate", { least: 0, most: 1_000_000 }) ?? RATE,
  };
}

function readSchemes(text: string | undefined): ReadonlySet<Scheme> {
  if (text === undefined) return new Set();
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !SCHEMES.includes(name as Scheme));
  if (unknown === undefined) return new Set(names as Scheme[]);
  throw new UsageError(
    `Cannot read --from: it is one or more of ${SCHEMES.join(",")}, got ${JSON.stringify(unknown)}`,
  );
}

async function run(
  server: ServerAddress,
  settings: MigrationSettings,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  // Imported on demand: `zstash dev` starts without the codec.
  const [
    { loadZstd },
    { RestClient },
    { readRestOptions },
    { migrate },
    { describeMigration },
    { countKeys },
  ] = await Promise.all([
    import("../../codec/zstd.ts"),
    import("../../rest/client.ts"),
    import("../../rest/rest-options.ts"),
    import("../migrate/run.ts"),
    import("../migrate/report.ts"),
    import("../keyspace/scan.ts"),
  ]);
  const client = new RestClient(readRestOptions(server));
  const zstd = await loadZstd();
  let stopped = false;
  void terminal.untilStopped().then(() => (stopped = true));
  const total = settings.pattern === undefined ? await countKeys(client) : undefined;
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const result = await migrate(client, zstd, settings, {
    isStopped: () => stopped,
    onPage: (tally) => terminal.progress(progressOf(tally, total, seconds())),
  });
  terminal.progress(undefined);
  const { tally, method, complete, restarted, failure } = result;
  // What was written before a failure is worth knowing; where nothing was, the error says it all.
  const isSilent =
    failure !== undefined && (!settings.apply || Object.keys(tally.totals().written).length === 0);
  if (isSilent) throw failure.error;
  if (json) {
    terminal.print(
      JSON.stringify({
        applied: settings.apply,
        undo: settings.undo,
        complete,
        restarted,
        method: method ?? null,
        ...tally.totals(),
        seconds: Math.round(seconds() * 1000) / 1000,
      }),
    );
  } else terminal.print(describeMigration(result, settings));
  if (failure !== undefined) throw failure.error;
  return complete && !restarted && tally.failures === 0 ? 0 : 1;
}

/** "12000 of 50000 keys, 3.1 MiB → 1.0 MiB, 1900/s, 20 s left". */
function progressOf(
  { keys, fields, bytesBefore, bytesAfter }: Tally,
  total: number | undefined,
  seconds: number,
): string {
  const rate = keys / Math.max(seconds, 0.001);
  const isKnown = total !== undefined && total >= keys;
  const done = isKnown ? `${keys} of ${count(total, "key")}` : count(keys, "key");
  const left = isKnown && seconds > 1 ? `, ${Math.ceil((total - keys) / rate)} s left` : "";
  const more = fields === 0 ? "" : `, ${count(fields, "field")}`;
  return `${done}${more}, ${bytes(bytesBefore)} → ${bytes(bytesAfter)}, ${Math.round(rate)}/s${left}`;
}
