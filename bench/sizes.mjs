/** The history of test/size.json, kept as data in results/sizes.json, since a clone may be without the history. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = fileURLToPath(new URL("results/sizes.json", import.meta.url));
const BUDGETS = "test/size.json";

/**
 * What a commit changed of the budgets, in bytes by subpath; null for one that it removed. Without a commit it is what has not been
 * committed yet.
 *
 * @typedef {{ date: string, commit?: string | undefined, changed: Readonly<Record<string, number | null>> }} SizeChange
 */

/** @param {string} text @returns {Record<string, number>} */
const budgetsOf = (text) =>
  Object.fromEntries(Object.entries(JSON.parse(text)).map(([name, { budget }]) => [name, budget]));

/**
 * What became of the budgets from one state to the next.
 *
 * @param {Readonly<Record<string, number>>} before
 * @param {Readonly<Record<string, number>>} after
 * @returns {Record<string, number | null>}
 */
export function changesOf(before, after) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...names].filter((name) => before[name] !== after[name]).map((name) => [name, after[name] ?? null]),
  );
}

/**
 * The changes of the budgets along the first parents of the checked out branch, the oldest first.
 *
 * @param {string} folder the repository's
 * @returns {SizeChange[]}
 */
export function sizeHistory(folder) {
  /** @param {readonly string[]} words */
  const git = (...words) => execFileSync("git", words, { cwd: folder, encoding: "utf8" });
  if (git("rev-parse", "--is-shallow-repository").trim() === "true")
    throw new Error("Cannot read the history of sizes: this clone is shallow; run git fetch --unshallow");
  const log = git("log", "--first-parent", "--reverse", "--format=%H %cs", "--", BUDGETS).trim().split("\n");
  const states = log.map((line) => {
    const [commit, date] = line.split(" ");
    return { commit: commit.slice(0, 10), date, budgets: budgetsOf(git("show", `${commit}:${BUDGETS}`)) };
  });
  const today = { date: new Date().toISOString().slice(0, 10), commit: undefined };
  let before = /** @type {Record<string, number>} */ ({});
  return [...states, { ...today, budgets: budgetsOf(readFileSync(join(folder, BUDGETS), "utf8")) }].flatMap(
    ({ budgets, ...when }) => {
      const changed = changesOf(before, budgets);
      before = budgets;
      return Object.keys(changed).length === 0 ? [] : [{ ...when, changed }];
    },
  );
}

/** Writes the history down. */
export async function writeSizes() {
  writeFileSync(file, await format(JSON.stringify(sizeHistory(root)), { parser: "json", printWidth: 110 }));
}

/** What was written down last. @returns {SizeChange[]} */
export const readSizes = () => JSON.parse(readFileSync(file, "utf8"));
