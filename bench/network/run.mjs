// Measures zstash over links with rate, delay and loss, in network namespaces of this machine, and writes the results
// to bench/network/results/ and docs/network.md. Linux and root, gcc, iproute2, openssl, /dev/net/tun and redis-server; never in CI.
//
//   node bench/network/run.mjs [--quick] [--only NAME[,NAME…]]
//
// --quick is a smoke run: one cell of each experiment, nothing written. --only replaces these experiments' results in
// today's file and keeps the others. A whole run takes about a quarter of an hour.

import { parseArgs } from "node:util";
import { experiments } from "./experiments.mjs";
import { interruption, runIn } from "./in-lab.mjs";
import { labNeeds } from "./lab.mjs";
import { renderAll } from "./render.mjs";
import { mergeResults } from "./results.mjs";

const { values: flags } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" } } });
const names = flags.only?.split(",") ?? experiments.map(({ name }) => name);
const unknown = names.filter((name) => !experiments.some((experiment) => experiment.name === name));
if (unknown.length > 0) {
  console.error(
    `Cannot run ${unknown.join(", ")}: expected ${experiments.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const needs = labNeeds();
if (needs !== undefined) {
  console.error(`Cannot run: the network laboratory needs ${needs}`);
  process.exit(1);
}

const interrupted = interruption();

/**
 * A bar that is drawn over itself on a terminal, and a line for each step elsewhere.
 *
 * @param {string} title
 * @param {{ done: number, total: number, text: string }} progress
 */
function drawProgress(title, { done, total, text }) {
  const width = 24;
  const filled = Math.round((done / total) * width);
  const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
  const line = `${title.padEnd(42)} ${bar} ${done}/${total} ${text}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * A line for good.
 *
 * @param {string} text
 */
function say(text) {
  process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${text}\n`);
}

const options = {
  quick: flags.quick === true,
  interrupted,
  progress: drawProgress,
  done: (/** @type {string} */ title, /** @type {number} */ seconds) => say(`${title}: ${seconds} s`),
  failed(/** @type {string} */ title, /** @type {unknown} */ error) {
    say(`${title}: failed. ${messageOf(error)}`);
    process.exitCode = 1;
  },
};
try {
  /** @type {Record<string, import("./results.mjs").Measured>} */
  const results = {};
  for (const kind of /** @type {const} */ (["direct", "routed"])) {
    const chosen = experiments.filter(({ name, lab }) => lab === kind && names.includes(name));
    if (chosen.length > 0) Object.assign(results, await runIn(kind, chosen, options));
  }
  if (flags.quick) console.log(JSON.stringify(results, null, 1));
  else if (Object.keys(results).length > 0) await renderAll(await mergeResults(results));
} catch (error) {
  console.error(`Cannot finish the run: ${messageOf(error)}`);
  process.exitCode = interrupted.aborted ? 130 : 1;
}
