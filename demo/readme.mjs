// Puts the demo's real output into the README: a few rows as a table near the top, all of it as printed further down.
// `--from FILE` takes an output that was saved before. Instead of that, `--runtimes FILE` puts in the table of
// `node test/runtimes/run.mjs --json FILE`, and `--weights` what bundles weigh.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureWeights, weightTable } from "../bench/weights.mjs";

const { values: flags } = parseArgs({
  options: { from: { type: "string" }, runtimes: { type: "string" }, weights: { type: "boolean" } },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const readme = `${root}/README.md`;
/** Sets of the short table: from the largest gain to none. */
const shown = [
  "large-documents",
  "flight-pages",
  "geojson-pages",
  "movie-pages",
  "api-paths",
  "short-strings",
];

function runDemo() {
  const { status, stdout } = spawnSync(process.execPath, [`${root}/demo/demo.mjs`], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error("the demo failed");
  return stdout;
}

/**
 * The cells of a row that begins with the name; columns are two spaces apart or more.
 *
 * @param {string} output
 * @param {string} name
 * @param {number} nth
 */
function row(output, name, nth) {
  const line = output.split("\n").filter((text) => text.startsWith(`${name} `))[nth];
  if (line === undefined) throw new Error(`the demo printed no row for ${name}`);
  return line.trim().replaceAll(" !", "").split(/ {2,}/);
}

/** @param {string} output */
function shortTable(output) {
  const rows = shown.map((name) => {
    const [title, values, asIs, text, textRatio, raw, rawRatio] = row(output, name, 0);
    const times = row(output, name, 1);
    const [set, get] = [2, 8].map((at) => times.slice(at, at + 3).join(" → "));
    const [, holds] = /\((.*)\)/.exec(title) ?? [];
    const stored = `${text} (${textRatio}) | ${raw} (${rawRatio})`;
    return `| ${holds} | ${values} | ${asIs} | ${stored} | ${set} | ${get} |`;
  });
  const [, machine] = /^machine +(.*)$/m.exec(output) ?? [];
  return [
    "| values | n | as is | stored, text | stored, raw | SET p50, ms | GET p50, ms |",
    "| --- | --: | --: | --: | --: | --: | --: |",
    ...rows,
    "",
    `Text and raw are the two carriers: base64, and with \`zstash/redis\` the frame itself. Times are the stock client's`,
    `→ text → raw, against a local server over loopback, where there is no network to save on (${machine}).`,
  ].join("\n");
}

/**
 * How each runtime gets its WebAssembly, and where a project of its kind is.
 *
 * @type {Readonly<Record<string, readonly [adapter: string, example: string]>>}
 */
const adapters = {
  Node: ["node: by node:zlib", "node"],
  Deno: ["inline", "deno"],
  Bun: ["node: by node:zlib", "bun"],
  workerd: ["workerd: `import` of the .wasm", "worker"],
  "Edge runtime": ["edge-light: `import` of the .wasm?module", "vercel-edge"],
  Chromium: ["inline", "browser"],
  Firefox: ["inline", "browser"],
  WebKit: ["inline", "browser"],
};

/**
 * What test/runtimes/run.mjs reports of a runtime.
 *
 * @typedef {{ name: string, version?: string, count: number, hash: string, failures: string[], skipped: string[] }} Report
 *
 * @param {readonly Report[]} reports
 */
function runtimeTable(reports) {
  const rows = reports.map(({ name, version, count, hash, failures, skipped }) => {
    const [adapter, example] = adapters[name] ?? adapters[name.split(" ")[0]];
    const passed = `${count - failures.length - skipped.length} of ${count}`;
    return `| ${name}${version ? ` (${version})` : ""} | ${adapter} | [examples/${example}](examples/${example}) | ${passed} | \`${hash}\` |`;
  });
  return [
    "| runtime | adapter | example | cases passed | hash of their names |",
    "| --- | --- | --- | --: | --- |",
    ...rows,
  ].join("\n");
}

/**
 * @param {string} text
 * @param {string} name
 * @param {string} content
 */
function replace(text, name, content) {
  const block = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!block.test(text)) throw new Error(`README.md has no markers for ${name}`);
  return text.replace(block, (_, start, end) => `${start}\n${content}\n\n${end}`);
}

try {
  if (flags.weights) {
    const table = weightTable(await measureWeights());
    writeFileSync(readme, replace(readFileSync(readme, "utf8"), "weights", table));
    process.exit();
  }
  if (flags.runtimes !== undefined) {
    const reports = JSON.parse(readFileSync(flags.runtimes, "utf8"));
    writeFileSync(readme, replace(readFileSync(readme, "utf8"), "runtimes", runtimeTable(reports)));
    process.exit();
  }
  const output = flags.from === undefined ? runDemo() : readFileSync(flags.from, "utf8");
  const text = readFileSync(readme, "utf8");
  const withTable = replace(text, "results", shortTable(output));
  writeFileSync(readme, replace(withTable, "demo", `\`\`\`text\n${output.trimEnd()}\n\`\`\``));
} catch (error) {
  console.error(`Cannot update the README: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
