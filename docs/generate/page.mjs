/** The generated parts of the docs: the folders, the count of hops, the files on four ways, and the metrics. */
import { folderRows } from "./picture.mjs";

/**
 * @typedef {import("../../test/support/import-graph.mjs").SourceFile} SourceFile
 * @typedef {Readonly<Record<string, import("../../bench/hops/ways.mjs").Way>>} Ways
 */

/** The ways whose files are listed, and what each of them is. */
export const shownWays = /** @type {const} */ ({
  "text SET": "A SET of 8 KB of JSON through the SDK's client (text carrier)",
  "text GET": "Its GET",
  put: "A put of 100 KB into the store",
  range: "A kilobyte out of a seekable value of 8 MB",
});

const WIDTH = 106;

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {number} numbers Columns at the end that are numbers.
 */
function table(head, rows, numbers) {
  const rule = head.map((_, index) => (index >= head.length - numbers ? "--:" : "---"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @param {readonly SourceFile[]} files */
export function folderTable(files) {
  return table(["layer", "folder", "holds", "files"], folderRows(files), 1);
}

/** @param {Ways} ways */
export function hopTable(ways) {
  const rows = Object.entries(ways).map(([name, { files, hops }]) => [name, `${files}`, `${hops}`]);
  return table(["way of a value", "files", "hops"], rows, 2);
}

/**
 * The families of metrics, from the text that Prometheus scrapes.
 *
 * @param {string} text
 */
export function metricsTable(text) {
  const rows = [...text.matchAll(/^# HELP (\S+) (.+)\n# TYPE \S+ (\S+)\n\S+?(?:\{(\S*)\})? /gm)].map(
    ([, name, help, type, labels = ""]) => {
      const names = [...labels.matchAll(/(\w+)="/g)]
        .map(([, label]) => label)
        .filter((label) => label !== "le");
      return [`\`${name}\``, type, names.map((label) => `\`${label}\``).join(", "), help];
    },
  );
  return table(["metric", "type", "labels", "counts"], rows, 0);
}

/**
 * Each way as the files in the order in which it enters them first.
 *
 * @param {Ways} ways
 */
export function wayLists(ways) {
  return Object.entries(shownWays)
    .map(([name, title]) => {
      const files = [...new Set(ways[name]?.trace ?? [])];
      return `**${title}:** ${wrapped(files.map((path) => `\`${path}\``)).join("\n")}`;
    })
    .join("\n\n");
}

/** @param {readonly string[]} words */
function wrapped(words) {
  const lines = [""];
  for (const [index, word] of words.entries()) {
    const part = index === words.length - 1 ? `${word}.` : `${word} →`;
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + part.length > WIDTH) lines.push(part);
    else lines[lines.length - 1] = line === "" ? part : `${line} ${part}`;
  }
  return ["", ...lines];
}

export { replaceBlock } from "../../bench/render/block.mjs";
