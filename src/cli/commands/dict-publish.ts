/** `zstash dict publish`: puts a dictionary into Redis, and starts to use it for a share of a pattern's keys. */
import { readFile } from "node:fs/promises";
import { matchesGlob } from "../../dictionaries/glob.ts";
import { asBytes } from "../../dictionaries/stored.ts";
import type { DictionaryManager, Manifest, PublishResult } from "../../life-cycle/index.ts";
import { isOn, textOf, UsageError } from "../command.ts";
import type { CliCommand } from "../command.ts";
import { readShare } from "../numbers.ts";
import { serverOptions } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { bytes, printable } from "../text.ts";
import { advised, firstOf, printResult, withManager } from "./dict-manager.ts";
import { unreadable } from "./train-files.ts";
import type { PublishPlan } from "./train-plan.ts";
import { percent } from "./train-report.ts";

const USE = { doing: "publish a dictionary", command: "publish" };
/** The share of the keys that a new dictionary starts with. */
const CANARY = 0.1;

export const PUBLISH_COMMAND: CliCommand = {
  summary: "Publish a dictionary for the keys of a pattern",
  args: [{ usage: "<file>", meaning: "the dictionary, of zstash train or zstd --train" }],
  options: {
    keys: { value: "pattern", meaning: "keys that are to be written with it, as session:*; must be given" },
    canary: { value: "share", meaning: "share of the keys to begin with, 100% for all (default 10%)" },
    "allow-eviction": { meaning: "also under a maxmemory-policy that may evict it: keep the file then" },
    ...serverOptions("token that may read and write"),
    json: { meaning: "print one line of JSON: id, size, pattern, share, eviction policy, version" },
  },
  examples: [["zstash dict publish sessions.dict --keys 'session:*'", "for a tenth of these keys"]],
  async run(input, terminal) {
    const { values } = input;
    const pattern = textOf(values, "keys") ?? "";
    if (pattern === "")
      throw new UsageError("Cannot publish a dictionary without its keys: give --keys, as 'session:*'");
    const share = readShare(values, "canary") ?? CANARY;
    const plan = { pattern, share, force: isOn(values, "allow-eviction") };
    const file = firstOf(input);
    const content = await readFile(file).catch((error: unknown) => {
      throw unreadable(printable(file), error);
    });
    return withManager(values, USE, terminal, async (manager) => {
      const { text, facts } = await publishWith(manager, content, plan);
      return printResult(terminal, values, () => text, facts);
    });
  },
};

/** What was published, as text and for JSON. */
export interface Published {
  readonly text: string;
  readonly facts: object;
}

/** Publishes a trained dictionary. */
export async function publishDictionary(
  server: ServerAddress,
  content: Uint8Array,
  plan: PublishPlan,
): Promise<Published> {
  const { createDictionaryManager } = await import("../../life-cycle/index.ts");
  try {
    return await publishWith(createDictionaryManager(server), content, plan);
  } catch (error) {
    throw advised(error, USE.doing);
  }
}

async function publishWith(
  manager: DictionaryManager,
  content: Uint8Array,
  plan: PublishPlan,
): Promise<Published> {
  const result = await manager.publish(content, plan);
  const { id, size, evictionPolicy, manifest } = result;
  const share = shareOf(manifest, plan.pattern, id);
  const facts = { id, size, pattern: plan.pattern, share, evictionPolicy, version: manifest.version };
  return { text: describePublished(result, plan.pattern, share), facts };
}

/** The share of a pattern's keys that are written with a dictionary. */
export function shareOf({ patterns }: Manifest, pattern: string, id: number): number {
  const rule = patterns.find((one) => one.pattern === pattern);
  if (rule?.canary?.id === id) return rule.canary.share;
  return rule?.current === id ? 1 - (rule.canary?.share ?? 0) : 0;
}

function describePublished(
  { id, size, evictionPolicy = "", manifest }: PublishResult,
  pattern: string,
  share: number,
): string {
  const keys = `${share === 1 ? "all" : percent(share)} of the keys ${printable(pattern)}`;
  const lines = [`Dictionary ${id} of ${bytes(size)} is published, for ${keys}`];
  lines.push(...notesOn(manifest, pattern));
  if (evictionPolicy.startsWith("allkeys-"))
    lines.push(`Keep the file: the eviction policy is ${evictionPolicy}, which may remove the dictionary`);
  if (share < 1) lines.push(`For all of them: zstash dict promote ${quoted(pattern)}`);
  return lines.join("\n");
}

/** Notes about what keeps a dictionary from being used. */
export function notesOn({ mode, patterns }: Manifest, pattern: string): string[] {
  const before = patterns.slice(
    0,
    patterns.findIndex((one) => one.pattern === pattern),
  );
  // A pattern that matches this pattern's text takes most of its keys.
  const first = before.find((one) => matchesGlob(asBytes(one.pattern), asBytes(pattern)));
  return [
    ...(first === undefined
      ? []
      : [`It is not used where ${printable(first.pattern)} matches too: that pattern was there before`]),
    ...(mode === "on" ? [] : [`It is not used as long as the mode is ${mode}: zstash dict mode on`]),
  ];
}

/** Quotes a pattern so that the user can copy it into a command line. */
export function quoted(pattern: string): string {
  return /^[\w:.@%+-]+$/.test(pattern)
    ? pattern
    : `'${printable(pattern).replaceAll("'", String.raw`'\''`)}'`;
}
