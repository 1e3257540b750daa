// The table of docs/readers.md from the recorded results.

import { columns } from "./values.mjs";

/** @typedef {import("./run.mjs").Outcome} Outcome */
/** @typedef {{ name: string, call: string, version: string, outcomes: Readonly<Record<string, Outcome>> }} Row */
/** @typedef {{ date: string, size: number, readers: readonly Row[] }} Results */

const count = (number) => number.toLocaleString("en-US");

/** What is silently wrong is bold. @param {Outcome} outcome */
function cell(outcome) {
  if (outcome === "all" || outcome === "error") return outcome;
  return typeof outcome === "number" ? `**${count(outcome)} bytes**` : `**${outcome}**`;
}

/** @param {Results} results */
export function readersTable({ date, size, readers }) {
  const head = ["reader", "by", ...Object.values(columns)];
  const rows = readers.map(({ name, version, call, outcomes }) => [
    `${name} ${version}`,
    call,
    ...Object.keys(columns).map((layout) => cell(outcomes[layout])),
  ]);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    `A value of ${count(size)} bytes; recorded on ${date}.`,
    "",
    ...[head, head.map(() => "---"), ...rows].map(line),
  ].join("\n");
}
