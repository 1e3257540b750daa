/** `zstash dict list` and `show`: the dictionaries in Redis and what they are for, and what is in one. */
import { readFile } from "node:fs/promises";
import type { DictionaryFacts, DictionaryUse, Manifest, ShownDictionary } from "../../life-cycle/index.ts";
import type { DictionaryDescription } from "../../train/index.ts";
import { Failure, isOn, textOf } from "../command.ts";
import type { CliCommand, OptionValues, Terminal } from "../command.ts";
import { serverOptions } from "../server.ts";
import { bytes, cut, printable, table } from "../text.ts";
import {
  advised,
  countDictionaries,
  firstOf,
  meant,
  printResult,
  readId,
  withManager,
} from "./dict-manager.ts";
import { unreadable } from "./train-files.ts";
import { requireWritable, writeWhole } from "./train-output.ts";
import { describeText, percent } from "./train-report.ts";

export const LIST_COMMAND: CliCommand = {
  summary: "List the dictionaries in Redis, and the keys they are for",
  options: {
    ...serverOptions("token that may read and scan"),
    json: { meaning: "print one line of JSON: version, mode, dictionaries" },
  },
  examples: [["zstash dict list", "lists them"]],
  run({ values }, terminal) {
    const use = { doing: "list dictionaries", command: "list", rights: "may read and scan" };
    return withManager(values, use, terminal, async (manager) => {
      const manifest = await manager.manifest();
      const dictionaries = await manager.list();
      const { version, mode } = manifest;
      const text = (): string => describeList(manifest, dictionaries, terminal.columns);
      return printResult(terminal, values, text, { version, mode, dictionaries });
    });
  },
};

const HEAD = ["id", "keys", "role", "share", "stored"];
const KEYS_COLUMN = HEAD.indexOf("keys");
/** Columns of a line that are not the pattern's: the other columns, and the spaces between them. */
const OTHER_COLUMNS = 2 + 10 + 8 + 7 + 9 + 4 * 2;
const NONE = 'There are no dictionaries. "zstash train" makes one, "zstash dict publish" puts it here';

function describeList(
  { version, mode, patterns }: Manifest,
  dictionaries: readonly DictionaryFacts[],
  columns: number | undefined,
): string {
  const state = version === 0 ? "" : `\nMode ${mode}, version ${version} of the manifest`;
  if (dictionaries.length === 0) return NONE + state;
  const place = (pattern: string): number => patterns.findIndex((one) => one.pattern === pattern);
  const uses = dictionaries
    .flatMap((one) => (one.uses.length === 0 ? [undefined] : one.uses).map((use) => ({ one, use })))
    .sort((a, b) => orderOf(a.use, place) - orderOf(b.use, place));
  const rows = uses.map(({ one, use }) => rowOf(one, use));
  const most = columns === undefined ? Infinity : Math.max(8, columns - OTHER_COLUMNS);
  const cells = rows.map((row) =>
    row.map((cell, column) => (column === KEYS_COLUMN ? cut(cell, most) : cell)),
  );
  const gone = dictionaries.filter(({ storedSize }) => storedSize === undefined);
  const lost = gone.map(({ id }) => `${id} is gone, and values that name it with it: publish its file again`);
  const head = `${countDictionaries(dictionaries.length)}, mode ${mode}, version ${version} of the manifest`;
  return [head, "", table([HEAD, ...cells]), ...(lost.length === 0 ? [] : ["", ...lost])].join("\n");
}

const ROLES = ["current", "canary", "retired"];

/**
 * Orders by pattern, in the order in which patterns decide, and then by role; dictionaries that no pattern names come
 * last.
 */
function orderOf(use: DictionaryUse | undefined, place: (pattern: string) => number): number {
  return use === undefined ? Infinity : place(use.pattern) * ROLES.length + ROLES.indexOf(use.role);
}

function rowOf({ id, storedSize }: DictionaryFacts, use: DictionaryUse | undefined): string[] {
  const stored = storedSize === undefined ? "gone" : bytes(storedSize);
  if (use === undefined) return [`${id}`, "-", "unused", "-", stored];
  const share = use.role === "retired" ? "-" : percent(use.share);
  return [`${id}`, printable(use.pattern), use.role, share, stored];
}

export const SHOW_COMMAND: CliCommand = {
  summary: "Show what is in a dictionary, which comes from its samples",
  args: [{ usage: "<id>", meaning: "the id of one in Redis, or a file" }],
  options: {
    out: { value: "file", meaning: "write it to this file, for zstd -D" },
    force: { meaning: "replace the file of --out if it exists" },
    ...serverOptions("token that may read"),
    json: { meaning: "print one line of JSON: id, size, parts, uses, text" },
  },
  examples: [
    ["zstash dict show 1730934283", "shows one in Redis"],
    ["zstash dict show sessions.dict", "shows a file before it is published"],
  ],
  async run(input, terminal) {
    const { values } = input;
    const name = firstOf(input);
    const out = textOf(values, "out");
    if (out !== undefined) await requireWritable(out, isOn(values, "force"));
    const id = readId(name);
    if (id === undefined) return showFile(name, values, terminal);
    const use = { doing: "show a dictionary", command: "show", rights: "may read" };
    return withManager(values, use, terminal, async (manager) => {
      const shown = await manager.show(id);
      if (shown !== null) return show(shown, shown, values, terminal);
      const ids = await manager
        .manifest()
        .then(({ patterns }) =>
          patterns.flatMap(({ current, canary, retired }) => [
            current,
            canary?.id,
            ...retired.map((one) => one.id),
          ]),
        );
      throw new Failure(`There is no dictionary ${id}. ${meant(`${id}`, ids.map(String))}`);
    });
  },
};

async function showFile(file: string, values: OptionValues, terminal: Terminal): Promise<number> {
  const content = await readFile(file).catch((error: unknown) => {
    throw unreadable(printable(file), error);
  });
  try {
    return await show({ bytes: content }, undefined, values, terminal);
  } catch (error) {
    throw advised(error, "show a dictionary");
  }
}

async function show(
  { bytes: content }: { readonly bytes: Uint8Array },
  stored: ShownDictionary | undefined,
  values: OptionValues,
  terminal: Terminal,
): Promise<number> {
  const { describeDictionary } = await import("../../train/describe.ts");
  const described = describeDictionary(content);
  const out = textOf(values, "out");
  if (out !== undefined) await writeWhole(out, content, isOn(values, "force"));
  const { storedSize, uses = [] } = stored ?? {};
  if (isOn(values, "json")) terminal.print(JSON.stringify({ ...described, storedSize, uses, out }));
  else terminal.print(describeContent(described, uses));
  if (out !== undefined && !isOn(values, "json")) terminal.print(`\nWritten to ${printable(out)}`);
  return 0;
}

function describeContent(
  { id, size, parts, text }: DictionaryDescription,
  uses: readonly DictionaryUse[],
): string {
  const roles = uses.map(({ pattern, role, share }) =>
    role === "retired"
      ? `Retired for ${printable(pattern)}`
      : `For ${share === 1 ? "all" : percent(share)} of the keys ${printable(pattern)}`,
  );
  return [
    `Dictionary ${id} of ${bytes(size)}: ${bytes(size - parts.content)} of tables, ${bytes(parts.content)} of content`,
    ...roles,
    describeText(text),
  ].join("\n");
}
