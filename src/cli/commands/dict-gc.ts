/** `zstash dict gc`: counts the values that need each retired dictionary, and removes those that none needs. */
import type { CollectResult } from "../../life-cycle/index.ts";
import { isOn } from "../command.ts";
import type { CliCommand } from "../command.ts";
import { readInteger } from "../numbers.ts";
import { progressOf } from "../progress-bar.ts";
import { serverOptions } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { table } from "../text.ts";
import { countDictionaries, printResult, withManager } from "./dict-manager.ts";

/** The minimum of `collect` and its default, in seconds. */
const MIN_AGE = 600;
const DEFAULT_AGE = 3600;

export const GC_COMMAND: CliCommand = {
  summary: "Count the values of retired dictionaries; remove unused dictionaries",
  options: {
    delete: { meaning: "remove the dictionaries that no value needs (default: only say which)" },
    "min-age": {
      value: "seconds",
      meaning: `only those that were retired this many seconds ago, at least ${MIN_AGE} (default ${DEFAULT_AGE})`,
    },
    ...serverOptions("token that may read all keys, and write with --delete"),
    json: { meaning: "print one line of JSON: deleted, removed, kept, unfinishedUploads" },
  },
  examples: [
    ["zstash dict gc", "looks at every key, and says what it would remove"],
    ["zstash dict gc --delete", "looks again, and removes it"],
  ],
  run({ values }, terminal) {
    const minAge = readInteger(values, "min-age", { least: MIN_AGE, most: 1e9 }) ?? DEFAULT_AGE;
    const isDeleting = isOn(values, "delete");
    const use = { doing: "collect dictionaries", command: "gc", rights: "may read all keys" };
    return withManager(values, use, terminal, async (manager, server) => {
      const total = await countKeys(server);
      const show = progressOf(terminal);
      const onScan = (scanned: number): void => {
        const of = total === undefined ? "" : ` of about ${total}`;
        show(`${scanned}${of} keys looked at`, scanned, total);
      };
      const result = await manager.collect({ minAge, dryRun: !isDeleting, onScan });
      terminal.progress(undefined);
      const text = (): string => describeResult(result, isDeleting);
      return printResult(terminal, values, text, { deleted: isDeleting, ...result });
    });
  },
};

/** The number of keys; undefined if the token may not ask for it. */
async function countKeys(server: ServerAddress): Promise<number | undefined> {
  const { RestClient } = await import("../../rest/client.ts");
  const { readRestOptions } = await import("../../rest/rest-options.ts");
  const reply = await new RestClient(readRestOptions({ ...server })).command(["DBSIZE"]);
  return reply.kind === "integer" ? Number(reply.value) : undefined;
}

function describeResult({ removed, kept, unfinishedUploads }: CollectResult, isDeleting: boolean): string {
  const uploads =
    unfinishedUploads === 0
      ? []
      : [
          `Nothing is removed while there are uploads that are not complete (${unfinishedUploads}): what they need is not`,
          'to be seen yet. "zstash sweep" shows those that were left behind',
        ];
  if (removed.length + kept.length === 0)
    return ["No dictionary is retired or unused: there is nothing to remove", ...uploads].join("\n");
  const rows = [
    ...removed.map((id) => [`${id}`, "0", isDeleting ? "removed" : "would be removed"]),
    ...kept.map(({ id, references }) => [`${id}`, `${references}`, stateOf(references, unfinishedUploads)]),
  ];
  const next = isDeleting || removed.length === 0 ? [] : ["", 'Add "--delete" to remove what no value needs'];
  const head = `${countDictionaries(rows.length)} retired or unused`;
  const cells = table([["id", "values", "state"], ...rows]);
  return [head, "", cells, ...(uploads.length > 0 ? ["", ...uploads] : []), ...next].join("\n");
}

function stateOf(references: number, unfinishedUploads: number): string {
  if (references > 0) return "kept: values need it";
  return unfinishedUploads > 0 ? "kept: uploads may need it" : "kept: retired too recently, see --min-age";
}
