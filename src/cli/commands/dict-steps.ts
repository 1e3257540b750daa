/** `zstash dict promote`, `retire` and `mode`: the steps of a dictionary's life after it was published. */
import type { DictionaryManager, Manifest, ManifestMode, PatternRule } from "../../life-cycle/index.ts";
import { similarName } from "../../check.ts";
import { Failure, textOf, UsageError } from "../command.ts";
import type { CliCommand, CliOptions } from "../command.ts";
import { readShare } from "../numbers.ts";
import { serverOptions } from "../server.ts";
import { printable } from "../text.ts";
import { firstOf, meant, printResult, requireId, withManager } from "./dict-manager.ts";
import { notesOn, shareOf } from "./dict-publish.ts";
import { percent } from "./train-report.ts";

const SERVER: CliOptions = serverOptions("token that may read and write");

export const PROMOTE_COMMAND: CliCommand = {
  summary: "Write more keys with a dictionary, or all keys",
  args: [{ usage: "<pattern>", meaning: "a pattern that a dictionary is published for" }],
  options: {
    share: {
      value: "share",
      meaning: "new share of the canary, such as 50% (default: all; it becomes current)",
    },
    id: { value: "id", meaning: "the dictionary, which may be a retired one (default: the canary)" },
    ...SERVER,
    json: { meaning: "print one line of JSON: pattern, id, share, version" },
  },
  examples: [["zstash dict promote 'session:*'", "all these keys are written with the canary from now on"]],
  async run(input, terminal) {
    const { values } = input;
    const pattern = firstOf(input);
    const share = readShare(values, "share") ?? 1;
    const text = textOf(values, "id");
    const given = text === undefined ? undefined : requireId(text, { command: "promote" });
    const use = { doing: "promote a dictionary", command: "promote" };
    return withManager(values, use, terminal, async (manager) => {
      const id = chooseId(await manager.manifest(), pattern, given);
      const manifest = await manager.promote(pattern, { share, id });
      const now = shareOf(manifest, pattern, id);
      const facts = { pattern, id, share: now, version: manifest.version };
      const keys = `${now === 1 ? "all" : percent(now)} of the keys ${printable(pattern)}`;
      const lines = [`Dictionary ${id} is now for ${keys}`, ...notesOn(manifest, pattern)];
      return printResult(terminal, values, () => lines.join("\n"), facts);
    });
  },
};

/** The dictionary to promote. Throws a Failure if the pattern has no such dictionary. */
function chooseId({ patterns }: Manifest, pattern: string, given: number | undefined): number {
  const rule = patterns.find((one) => one.pattern === pattern);
  const shown = printable(pattern);
  if (rule === undefined) {
    const hint = meant(
      pattern,
      patterns.map((one) => one.pattern),
    );
    throw new Failure(`Cannot promote: no dictionary is published for ${shown}. ${hint}`);
  }
  const ids = idsIn(rule);
  if (given !== undefined && !ids.includes(given)) {
    const hint = meant(`${given}`, ids.map(String));
    throw new Failure(`Cannot promote ${given}: it was never published for ${shown}. ${hint}`);
  }
  const id = given ?? rule.canary?.id;
  if (id !== undefined) return id;
  const retired = ids.filter((one) => one !== rule.current);
  const back = retired.length === 0 ? "" : `. A retired one comes back with --id: ${retired.join(", ")}`;
  throw new Failure(`Cannot promote: there is no canary for ${shown}${back}`);
}

const idsIn = ({ current, canary, retired }: PatternRule): number[] =>
  [canary?.id, current, ...retired.map(({ id }) => id)].filter((id) => id !== undefined);

export const RETIRE_COMMAND: CliCommand = {
  summary: "Retire a dictionary: nobody writes with it, everybody can read with it",
  args: [{ usage: "<id>", meaning: "its id" }],
  options: { ...SERVER, json: { meaning: "print one line of JSON: id, version" } },
  examples: [
    ["zstash dict retire 1730934283", "nobody writes with it any more, everybody still reads with it"],
  ],
  async run(input, terminal) {
    const id = requireId(firstOf(input), { command: "retire" });
    const use = { doing: "retire a dictionary", command: "retire" };
    return withManager(input.values, use, terminal, async (manager) => {
      await requireUsed(manager, id);
      const { version } = await manager.retire(id);
      const text = `Dictionary ${id} is retired: writers stop within five minutes\nIts values stay readable; "zstash dict gc" says how many there are`;
      return printResult(terminal, input.values, () => text, { id, version });
    });
  },
};

async function requireUsed(manager: DictionaryManager, id: number): Promise<void> {
  const { patterns } = await manager.manifest();
  const used = patterns
    .flatMap(({ current, canary }) => [current, canary?.id])
    .filter((one) => one !== undefined);
  if (used.includes(id)) return;
  const isRetired = patterns.some((rule) => idsIn(rule).includes(id));
  const reason = isRetired ? "it is retired already" : "no pattern uses it";
  throw new Failure(`Cannot retire ${id}: ${reason}. ${meant(`${id}`, used.map(String))}`);
}

const MODES: readonly ManifestMode[] = ["on", "read-only", "off"];

export const MODE_COMMAND: CliCommand = {
  summary: "Show or set the kill switch of clients with dictionaries",
  args: [
    {
      usage: "[mode]",
      meaning:
        "on; read-only: nothing is compressed; off: compressed without dictionaries (default: show it)",
    },
  ],
  options: { ...SERVER, json: { meaning: "print one line of JSON: mode, version" } },
  examples: [
    ["zstash dict mode read-only", "clients with dictionaries compress nothing from five minutes on"],
  ],
  async run({ values, args }, terminal) {
    const [text] = args;
    const mode = MODES.find((one) => one === text);
    if (text !== undefined && mode === undefined) {
      const similar = similarName(text, MODES);
      const hint = similar === undefined ? "" : `. Did you mean "${similar}"?`;
      throw new UsageError(`Cannot set the mode "${text}": it is one of ${MODES.join(", ")}${hint}`);
    }
    const use = { doing: mode === undefined ? "show the mode" : "set the mode", command: "mode" };
    return withManager(values, use, terminal, async (manager) => {
      const manifest = mode === undefined ? await manager.manifest() : await manager.setMode(mode);
      const { mode: now, version } = manifest;
      const others = now === "on" ? "" : "; others, and stores, go on";
      const from = `\nIt is for clients with dictionaries: "auto"${others}`;
      const within = mode === undefined ? "" : "\nThey know it within five minutes";
      const told = `The mode is ${now}: ${MEANINGS[now]}${from}${within}`;
      return printResult(terminal, values, () => told, { mode: now, version });
    });
  },
};

const MEANINGS: Readonly<Record<ManifestMode, string>> = {
  on: "values are compressed, with the dictionaries of their keys",
  "read-only": "nothing is compressed, and everything is read",
  off: "values are compressed without dictionaries",
};
