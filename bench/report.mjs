// Runs the benchmarks, writes what they measure to bench/results/, and makes docs/benchmarks.md, its pictures and the tables of
// docs/alternatives.md of that file. Without a flag the short form, at most three minutes on a quiet machine: the peers and
// the codec. `--full` runs every section and what docs/article.md is made of (`--only article`); `--only NAME,NAME` those of these names; the other sections stay as they were.
// `--quick` tries the short form in seconds and writes to .cache/bench/ alone. `--pages` makes the pages again, and measures nothing;
// `--sizes` reads the history of test/size.json first, which takes a clone that has it.
// `--compare FILE [FILE]` says what the second file, or else the newest, is slower in than the first, and exits 1 if there is any.
// The peers need `npm ci --prefix bench/peers`. A Node that has no zstd hands over to the one of test/runtimes.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { articleSections } from "./article/sections.mjs";
import { comparisonText, compareResults } from "./compare.mjs";
import { machineName } from "./machine.mjs";
import { labNeeds } from "./network/lab.mjs";
import { installed } from "./peers/load.mjs";
import { alternativesTable } from "./render/alternatives.mjs";
import { articlePage, articlePictures } from "./render/article.mjs";
import { replaceBlock } from "./render/block.mjs";
import { benchmarkPage, benchmarkPictures } from "./render/page.mjs";
import { scalingPage } from "./render/scaling.mjs";
import { nameOf, newestFile, readResults, writeResults } from "./results.mjs";
import { node24, parts } from "./sections.mjs";
import { readSizes, writeSizes } from "./sizes.mjs";

/** @typedef {import("./results.mjs").Results} Results */

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = `${root}.cache/bench/`;
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    full: { type: "boolean" },
    quick: { type: "boolean" },
    pages: { type: "boolean" },
    sizes: { type: "boolean" },
    compare: { type: "string" },
  },
});
const only = flags.only?.split(",");
const hasZstd = process.versions["zstd"] !== undefined;
const node = hasZstd || !existsSync(`${root}${node24}`) ? process.execPath : `${root}${node24}`;
const date = new Date().toISOString().slice(0, 10);

/**
 * What a program of the benchmark prints.
 *
 * @param {readonly string[]} command
 */
function run(command) {
  const { status, stdout } = spawnSync(node, command, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`Cannot write the report: node ${command.join(" ")} failed`);
  return stdout;
}

/**
 * What a program measures that writes JSON, with where and when.
 *
 * @param {readonly string[]} command
 */
function measured(command) {
  mkdirSync(cache, { recursive: true });
  const file = `${cache}measured-${process.pid}.json`;
  const [load] = loadavg();
  const start = performance.now();
  try {
    run([...command, "--json", file, ...(flags.quick ? ["--quick"] : [])]);
    const result = JSON.parse(readFileSync(file, "utf8"));
    const seconds = Math.round((performance.now() - start) / 1000);
    return { date, machine: machineName(), load: Number(load.toFixed(2)), seconds, ...result };
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
async function writePages(file) {
  const [results, sizes] = [readResults(file), readSizes()];
  writeFileSync(`${root}docs/benchmarks.md`, await benchmarkPage(results, nameOf(file), sizes));
  const pictures = { ...benchmarkPictures(results, sizes), ...(await articlePictures(results)) };
  for (const [name, picture] of Object.entries(pictures)) {
    mkdirSync(dirname(`${root}docs/${name}`), { recursive: true });
    writeFileSync(`${root}docs/${name}`, picture);
  }
  if (results.scaling !== undefined) {
    const page = `${root}docs/scaling.md`;
    writeFileSync(page, await scalingPage(readFileSync(page, "utf8"), results.scaling, nameOf(file)));
  }
  if (results.against === undefined) return;
  const page = `${root}docs/alternatives.md`;
  const table = await alternativesTable(results.against);
  if (results.article !== undefined)
    writeFileSync(`${root}docs/article.md`, await articlePage(results, nameOf(file)));
  writeFileSync(page, replaceBlock(readFileSync(page, "utf8"), "alternatives", table));
}

/** @param {string} first */
function compare(first) {
  const second = positionals[0] ?? newestFile();
  if (second === undefined) throw new Error("Cannot compare: there are no results yet");
  const comparison = compareResults(readResults(first), readResults(second));
  console.log(`${first} → ${second}\n${comparisonText(comparison)}`);
  if (comparison.worse.length > 0) process.exitCode = 1;
}

/**
 * Writes what has been measured so far; the other sections stay as they were.
 *
 * @param {Results} results
 */
async function save(results) {
  const sections = parts.flatMap(({ title }) => results.sections.find((one) => one.title === title) ?? []);
  const file = await writeResults({ ...results, sections }, flags.quick ? cache : undefined);
  if (flags.quick) process.stderr.write(`${file}\n`);
  else await writePages(file);
}

async function measure() {
  const newest = newestFile();
  /** @type {Results} */
  let results = {
    ...(newest === undefined ? { sections: [] } : readResults(newest)),
    date,
    machine: machineName(),
  };
  const chosenOf = (/** @type {string[]} */ names, /** @type {boolean} */ otherwise) =>
    only?.some((one) => names.includes(one)) ?? otherwise;
  const article = articleSections.filter(({ name }) =>
    chosenOf(["article", `article/${name}`], flags.full ?? false),
  );
  const isAgainst = chosenOf(["against"], true);
  if ((isAgainst || article.length > 0) && !installed())
    console.error("against and article: left out, run npm ci --prefix bench/peers");
  else {
    if (isAgainst) {
      process.stderr.write("against …\n");
      results = { ...results, against: measured(["bench/against.mjs"]) };
      await save(results);
    }
    for (const { name, flags: nodeFlags = [], inLab = false } of article) {
      const needs = inLab ? labNeeds() : undefined;
      if (needs !== undefined) {
        console.error(`article/${name}: left out, the network laboratory needs ${needs}`);
        continue;
      }
      process.stderr.write(`article/${name} …\n`);
      const part = measured([...nodeFlags, "bench/article.mjs", name]);
      results = { ...results, article: { ...results.article, [name]: part } };
      await save(results);
    }
  }
  if (chosenOf(["scaling"], flags.full ?? false)) {
    process.stderr.write("scaling …\n");
    results = { ...results, scaling: measured(["bench/scaling.mjs"]) };
    await save(results);
  }
  for (const { name, title, command, short, about, needs } of parts) {
    const chosen =
      only?.some((one) => one === name || command.some((argument) => argument.endsWith(`${one}.mjs`))) ??
      (flags.full || short);
    if (!chosen) continue;
    if (needs !== undefined && !existsSync(`${root}${needs}`)) {
      console.error(`${title}: left out, ${needs} is missing`);
      continue;
    }
    process.stderr.write(`${title} …\n`);
    const text = run(flags.quick && short ? [...command, "--quick"] : command).trim();
    const section = {
      title,
      about,
      date,
      machine: machineName(),
      command: `node ${command.join(" ")}`,
      text,
    };
    results = { ...results, sections: [...results.sections.filter((one) => one.title !== title), section] };
    await save(results);
  }
}

try {
  if (flags.compare !== undefined) compare(flags.compare);
  else if (flags.pages || flags.sizes) {
    if (flags.sizes) await writeSizes();
    const file = newestFile();
    if (file === undefined) throw new Error("Cannot write the pages: there are no results yet");
    await writePages(file);
  } else await measure();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
