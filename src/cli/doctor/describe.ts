/**
 * Prints what `zstash doctor` has found: a row for each check, what zstash will use, and how many rows need
 * attention.
 */
import { docsPage } from "../docs-page.ts";
import { count, printable, wrap } from "../text.ts";
import type { Learned, Row, RowState } from "./row.ts";

/** Columns if the output is not a terminal. */
const DEFAULT_COLUMNS = 80;
const COLOURS: Readonly<Record<RowState, number>> = { ok: 32, warn: 33, fail: 31, skip: 90 };
/** The width of the longest state. */
const STATE_WIDTH = 4;

/** The form of the output. */
export interface Look {
  readonly columns: number | undefined;
  readonly colours: boolean;
}

/** A row in lines: state, name, finding, and below it what to do. */
export function describeRow(
  row: Row,
  nameWidth: number,
  { columns = DEFAULT_COLUMNS, colours }: Look,
): string {
  const { name, found, advice } = row;
  const state = (row.state === "skip" ? "-" : row.state).padEnd(STATE_WIDTH);
  const before = STATE_WIDTH + nameWidth + 4;
  const gap = `\n${" ".repeat(before)}`;
  const beside = Math.max(20, columns - before);
  const lines = [found, ...(advice === undefined ? [] : [`→ ${advice}`])]
    .map((text) => wrap(printable(text), beside).replaceAll("\n", gap))
    .join(gap);
  const shown = colours ? `\x1b[${COLOURS[row.state]}m${state}\x1b[39m` : state;
  return `${shown}  ${name.padEnd(nameWidth)}  ${lines}`;
}

/** What zstash will use of the server, and why. */
export function describeUse(learned: Learned): readonly string[] {
  const { rawBodies, resp2, base64, scripts, transactions, writes, requestSize } = learned;
  const down =
    resp2 === true ? "RESP2, as they are" : base64 === true ? "base64 in JSON, a third longer" : "text alone";
  const up =
    rawBodies === true ? "as a request's body, as they are" : "in base64 (the text carrier), a third longer";
  const parts = scripts === true ? "by EVAL_RO" : transactions === true ? "by transactions" : "not at all";
  const large =
    transactions !== true || rawBodies === false
      ? `only up to 2 MiB compressed: ${rawBodies === false ? "raw bodies" : "transactions"} are missing`
      : `in pieces under a temporary key, published by a transaction${requestSize === undefined ? "" : "; a piece fits the limit above"}`;
  return [
    ...(rawBodies === undefined ? [] : [`values go up ${up}`]),
    ...(resp2 === undefined ? [] : [`values come down in ${down}`]),
    `ranges of values are read ${parts}`,
    ...(writes === undefined ? ["how values go up was not tried (--read-only)"] : []),
    writes === false ? "nothing is written with this token" : `large values are stored ${large}`,
  ];
}

/** "12 ok, 2 warnings, 1 failure". */
export function summary(rows: readonly Row[]): string {
  const of = (state: RowState): number => rows.filter((row) => row.state === state).length;
  const [warnings, failures] = [of("warn"), of("fail")];
  return `${of("ok")} ok, ${count(warnings, "warning")}, ${count(failures, "failure")}`;
}

/** All of it. */
export function describeRows(rows: readonly Row[], learned: Learned | undefined, look: Look): string {
  const { columns = DEFAULT_COLUMNS } = look;
  const width = Math.max(...rows.map(({ name }) => name.length));
  const uses = learned === undefined ? [] : describeUse(learned);
  return [
    ...rows.map((row) => describeRow(row, width, look)),
    ...(uses.length === 0 ? [] : ["", "zstash will use:"]),
    ...uses.map((use) => `  ${wrap(use, columns - 2).replaceAll("\n", "\n  ")}`),
    "",
    wrap(`${summary(rows)}. What each row means:`, columns),
    docsPage("doctor.md"),
  ].join("\n");
}
