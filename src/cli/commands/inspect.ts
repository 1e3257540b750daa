/** `zstash inspect`: tells whether a value is compressed, by which writer and how, and whether it is intact. */
import { statSync } from "node:fs";
import type { Dictionary } from "../../format/dictionary.ts";
import type { StoreSettings } from "../../store/options.ts";
import { isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import type { Facts, FindDictionary } from "../inspect/facts.ts";
import type { Source } from "../inspect/source.ts";
import { hasServer, serverOptions, withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";

/** The prefix of a file's name that keeps it from being taken for a key. */
const FILE_PREFIX = "file:";
/** The most parts of a value that the JSON lists. */
const LISTED_MAX = 1000;

/** What is to be inspected. */
type Target =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "key"; readonly key: string; readonly field: string | undefined };

export const INSPECT_COMMAND: CliCommand = {
  summary: "Tell whether a value is compressed, how, and whether it is intact",
  args: [
    {
      usage: "<key|file>",
      meaning:
        "a key, or a file: what begins with file:, and a path that exists where --key does not say otherwise",
    },
  ],
  options: {
    ...serverOptions("token that may read"),
    file: { meaning: "the argument is a file" },
    key: { meaning: "the argument is a key, even if a file of that name exists" },
    field: { value: "name", meaning: "the field of a hash" },
    whole: { meaning: "read all of a value of more than 1 MiB, and check its checksums" },
    json: { meaning: "print one line of JSON" },
  },
  examples: [
    ["zstash inspect session:7", "says whether it is compressed, and draws its frames"],
    ["zstash inspect dump --whole", "checks that a large value is intact"],
    ["zstash inspect ./backup.zst", "does the same with a file"],
  ],
  run({ values, args: [name = ""] }, terminal) {
    const target = readTarget(values, name);
    const doing = { doing: "inspect", terminal };
    if (target.kind === "file" && !hasServer(values))
      return inspectFile(target.path, undefined, values, terminal);
    return withServer(values, doing, (server) =>
      target.kind === "file"
        ? inspectFile(target.path, server, values, terminal)
        : inspectKey(target, server, values, terminal),
    );
  },
};

function readTarget(values: OptionValues, name: string): Target {
  const [file, key, field] = [isOn(values, "file"), isOn(values, "key"), textOf(values, "field")];
  if (file && key) throw new UsageError("Cannot use --file together with --key: leave out one of them");
  if (file && field !== undefined)
    throw new UsageError("Cannot use --field together with --file: files have none");
  if (!key && field === undefined) {
    if (name.startsWith(FILE_PREFIX) && !file) return { kind: "file", path: name.slice(FILE_PREFIX.length) };
    if (file || statSync(name, { throwIfNoEntry: false })?.isFile() === true)
      return { kind: "file", path: name };
  }
  return { kind: "key", key: name, field };
}

async function inspectFile(
  path: string,
  server: ServerAddress | undefined,
  values: OptionValues,
  terminal: Terminal,
): Promise<number> {
  const { openFileSource } = await import("../inspect/source.ts");
  const settings = server === undefined ? undefined : await openServer(server);
  return report(await openFileSource(path), finder(settings), values, terminal);
}

async function inspectKey(
  { key, field }: Extract<Target, { readonly kind: "key" }>,
  server: ServerAddress,
  values: OptionValues,
  terminal: Terminal,
): Promise<number> {
  const settings = await openServer(server);
  const { openFieldSource, openKeySource } = await import("../inspect/source.ts");
  const source = field === undefined ? openKeySource(settings, key) : openFieldSource(settings, key, field);
  return report(await source, finder(settings), values, terminal);
}

async function openServer(server: ServerAddress): Promise<StoreSettings> {
  const { readStoreOptions } = await import("../../store/options.ts");
  return readStoreOptions({ ...server, retry: { retries: 2 } });
}

async function report(
  source: Source,
  findDictionary: FindDictionary,
  values: OptionValues,
  terminal: Terminal,
): Promise<number> {
  const [{ readFacts }, { describeValue, isDamaged }] = await Promise.all([
    import("../inspect/facts.ts"),
    import("../inspect/describe.ts"),
  ]);
  const facts = await readFacts(source, { whole: isOn(values, "whole"), findDictionary });
  terminal.print(
    isOn(values, "json") ? toJson(source, facts, isDamaged(facts)) : describeValue(source, facts, terminal),
  );
  return isDamaged(facts) ? 1 : 0;
}

/** Finds dictionaries in Redis, where there is a server. */
function finder(settings: StoreSettings | undefined): FindDictionary {
  return async (id) => {
    if (settings === undefined) return "not looked for: no server is given (--url and --token)";
    const [{ dictionaryKey, fromStoredText }, { utf8Lossy }] = await Promise.all([
      import("../../dictionaries/stored.ts"),
      import("../../text.ts"),
    ]);
    const key = dictionaryKey(id);
    const reply = await settings.client.command(["GET", key]);
    if (reply.kind !== "bulk" || reply.bytes === null)
      return `NOT in Redis (${key}): without it nobody reads the value; publish it again`;
    try {
      const dictionary: Dictionary = fromStoredText(utf8Lossy(reply.bytes), id);
      return dictionary;
    } catch (error) {
      return `in Redis as ${key}, where it is damaged: ${(error as Error).message.replace(/^Cannot [^:]*: /, "")}`;
    }
  };
}

function toJson(source: Source, facts: Facts, damaged: boolean): string {
  const { kind, name, field, size: storedSize, ttl, memory } = source;
  const common = { [kind]: name, field, storedSize, ttl, memory, damaged };
  if (facts.form === "uncompressed") return JSON.stringify({ ...common, compressed: false, ...facts.why });
  const { form, parts, partsLeftOut, blocks: _, ...rest } = facts;
  const listed = parts.slice(0, LISTED_MAX);
  const more = parts.length - listed.length + partsLeftOut;
  return JSON.stringify({
    ...common,
    compressed: true,
    carrier: form,
    ...rest,
    parts: listed,
    partsLeftOut: more,
  });
}
