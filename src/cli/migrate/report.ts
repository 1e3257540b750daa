/** The result of a migration in words, at most 80 columns wide. */
import { ZstashError } from "../../errors.ts";
import { bytes, count, cut, printable, table, wrap } from "../text.ts";
import type { Migration, MigrationSettings } from "./run.ts";
import type { Failed, LeftUnread, Totals } from "./tally.ts";
import type { Left, Written } from "./plan.ts";

const COLUMNS = 80;

const WRITTEN: Readonly<Record<Written, string>> = {
  compressed: "uncompressed before",
  uncompressed: "frames before",
  carrier: "frames in the other carrier before",
  dictionary: "frames with another dictionary, or with none, before",
  converted: "values of another scheme before",
};

const LEFT: Readonly<Record<Left | LeftUnread, string>> = {
  zstash: "compressed as they should be",
  uncompressed: "not compressed",
  small: "too small to be worth it: see --min-size",
  savings: "would hardly shrink",
  "already-compressed": "pictures, archives and the like",
  policy: "the policy says so",
  large: "above --max-value, and not fetched",
  store: "frames of the store or of another program",
  own: "dictionaries, the manifest and uploads",
  binary: "no text: see --binary",
  reserved: "look like a frame, or begin with a byte order mark",
  hyperloglog: "HyperLogLogs, whose bytes Redis reads",
  empty: "empty, or gone by now",
  "other-type": "no strings",
  "key-name": "their names are no UTF-8",
  "field-name": "fields whose names are no UTF-8",
};

const FAILED: Readonly<Record<Failed, string>> = {
  changed: "written by others each time: run it again",
  unreadable: "their frame is damaged, or its dictionary is gone",
  refused: "the token may not read or write them",
  unsent: "bytes that no request carries there: see --carrier text",
};

/** What a migration has done or would do, as lines. */
export function describeMigration(migration: Migration, settings: MigrationSettings): string {
  const { tally, method, complete, restarted, failure } = migration;
  const totals = tally.totals();
  const { written, left, types, failed, bytesBefore, bytesAfter } = totals;
  const head = settings.apply ? [] : ["Dry run: nothing was written. Add --apply to write"];
  const saved = bytesBefore === 0 ? 0 : Math.round((1 - bytesAfter / bytesBefore) * 100);
  const change = saved < 0 ? `${-saved} % more` : `${saved} % less`;
  const sizes = `${bytes(bytesBefore)} → ${bytes(bytesAfter)} (${change})`;
  if (totals.keys === 0 && complete)
    return settings.pattern === undefined ? "There are no keys" : "No keys match";
  const otherTypes = Object.entries(types)
    .map(([type, number]) => `${number} ${type}`)
    .join(", ");
  const hint = types["hash"] === undefined ? [] : ["", "Fields of hashes were not looked at: see --hashes"];
  return [
    ...head,
    ...(complete
      ? []
      : [
          `Stopped before the end${isFinal(failure) ? "" : ". Run it again: what is done is not done again"}`,
        ]),
    ...(restarted ? ["The server was started anew meanwhile, so keys may be missing. Run it again"] : []),
    wrap(
      `${headOf(totals)} ${sizes}${method === undefined ? "" : `, compared by ${METHODS[method]}`}`,
      COLUMNS,
    ),
    ...growth(tally.convertedGrowth, settings),
    ...section(settings.apply ? "written" : "would be written", written, WRITTEN),
    ...section("stay", left, LEFT, otherTypes),
    ...hint,
    ...section("failed, and stay", failed, FAILED),
    ...tally.examples.map(({ key, failed: kind, reason }) =>
      cut(
        `  ${kind}: ${printable(key)}${reason === undefined ? "" : `: ${printable(withoutKey(reason))}`}`,
        COLUMNS,
      ),
    ),
  ].join("\n");
}

/** Warns where values of another scheme take more bytes than before: base64 often adds more than zstd saves over gzip. */
function growth(grown: number, { apply, carrier }: MigrationSettings): string[] {
  if (grown <= 0) return [];
  const raw = `${apply ? "run it again with" : "add"} --carrier raw, which takes a quarter less`;
  const advice =
    carrier === "raw"
      ? "leave out --from, and let them expire"
      : `${raw}, if all readers are zstash/redis or the store`;
  const says = apply ? "have grown" : "would grow";
  return ["", wrap(`Warning: the values of --from ${says} by ${bytes(grown)}: ${advice}`, COLUMNS)];
}

/** Returns true for a failure that another run would only meet again. */
function isFinal(failure: Migration["failure"]): boolean {
  const error = failure?.error;
  return error instanceof ZstashError && (error.code === "UNSUPPORTED" || error.message.includes("NOPERM"));
}

/** "74 keys, strings", or "74 keys, strings and 600 fields of 3 hashes". */
function headOf({ keys, hashes, fields }: Totals): string {
  const more =
    hashes === 0 ? "" : ` and ${count(fields, "field")} of ${hashes} ${hashes === 1 ? "hash" : "hashes"}`;
  return `${count(keys, "key")}, strings${more}`;
}

const METHODS: Readonly<Record<string, string>> = {
  digest: "digest",
  script: "script",
  "temporary-key": "script and temporary key",
};

function section(
  title: string,
  counts: Readonly<Record<string, number>>,
  meanings: Readonly<Record<string, string>>,
  otherTypes = "",
): string[] {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return [];
  const cells = rows.map(([name, number]) => [
    `${number}`,
    name,
    name === "other-type" ? `no strings: ${otherTypes}` : (meanings[name] ?? ""),
  ]);
  const width = Math.max(...cells.map(([number]) => number!.length));
  const aligned = cells.map(([number, ...rest]) => [number!.padStart(width), ...rest]);
  return [
    "",
    `${title}:`,
    ...table(aligned)
      .split("\n")
      .map((line) => cut(line, COLUMNS)),
  ];
}

/** The reason in an error that names the key: "Cannot decode the value of "x" (GET): reason". */
function withoutKey(message: string): string {
  return message.replace(/^Cannot [^:]*(?:"(?:[^"\\]|\\.)*")?[^:]*: /, "");
}
