// Runs the benchmarks, writes what they measure to bench/results/, and makes docs/benchmarks.md, its pictures and the tables of
// docs/alternatives.md of that file. Without a flag the short form, at most three minutes on a quiet machine: the peers and
// the codec. `--full` runs every section, what docs/article.md and docs/scaling.md are made of (`--only article`,
// `--only scaling`), and `--sizes`; `--only NAME,NAME` those of these names; the other sections stay as they were.
// `--quick` tries it in seconds (with `--full` too) and writes to .cache/bench/ alone. `--pages` makes the pages again, and measures nothing;
// `--sizes` reads the history of test/size.json first, which takes a clone that has it.
// `--compare FILE [FILE]` says what the second file, or else the newest, is slower in than the first, and exits 1 if there is any.
// A section that fails does not end a run: what the others measured is saved, the failed ones are named at its end, and it
// exits 1. A section that is left out, as what it needs is missing, is named there too.
// The peers need `npm ci --prefix bench/peers`. A Node that has no zstd hands over to the one of test/runtimes.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { articleSections } from "./article/sections.mjs";
import { comparisonText, compareResults } from "./compare.mjs";
import { machineName } from "./machine.mjs";
import { compareMeasures } from "./measures.mjs";
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
  if (status !== 0) throw new Error(`node ${command.join(" ")} failed`);
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
  if (results.article !== undefined)
    writeFileSync(`${root}docs/article.md`, await articlePage(results, nameOf(file)));
  const page = `${root}docs/alternatives.md`;
  const table = await alternativesTable(results.against);
  writeFileSync(page, replaceBlock(readFileSync(page, "utf8"), "alternatives", table));
}

/** @param {string} first */
function compare(first) {
  const second = positionals[0] ?? newestFile();
  if (second === undefined) throw new Error("Cannot compare: there are no results yet");
  const [before, after] = [readResults(first), readResults(second)];
  const both = before.against !== undefined && after.against !== undefined;
  const [times, measures] = [
    both ? compareResults(before, after) : undefined,
    compareMeasures(before, after),
  ];
  if (times === undefined && measures.compared === 0)
    throw new Error(
      `Cannot compare: ${nameOf(first)} and ${nameOf(second)} have no figures in common; texts of sections are not compared`,
    );
  console.log(`${nameOf(first)} →\n  ${nameOf(second)}\n${comparisonText(times, measures)}`);
  if ((times?.worse.length ?? 0) + measures.worse.length > 0) process.exitCode = 1;
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

/** What could not be measured, and what was left out: the run goes on with the rest, and says so at its end. */
const failed = /** @type {string[]} */ ([]);
const leftOut = /** @type {string[]} */ ([]);

/** @param {string} name @param {string} why */
function leaveOut(name, why) {
  console.error(`${name}: left out, ${why}`);
  leftOut.push(`${name} (${why})`);
}

/** What a section that prints its own text gives. @param {(typeof parts)[number]} part @returns {import("./results.mjs").Section} */
function printed({ title, about, command, data, quick = [] }) {
  const file = `${cache}printed-${process.pid}.json`;
  const words = [
    ...command,
    ...(flags.quick ? quick.filter((word) => !command.includes(word)) : []),
    ...(data ? ["--json", file] : []),
  ];
  mkdirSync(cache, { recursive: true });
  try {
    const text = run(words).trim();
    return {
      title,
      about,
      date,
      machine: machineName(),
      command: `node ${command.join(" ")}`,
      text,
      ...(data ? { data: JSON.parse(readFileSync(file, "utf8")) } : {}),
    };
  } finally {
    rmSync(file, { force: true });
  }
}

/** What is to be measured, in this order: each gives what replaces its part of the results. */
function chosenSteps() {
  /** @type {{ name: string, run(results: Results): Results }[]} */
  const steps = [];
  const isChosen = (/** @type {string[]} */ names, /** @type {boolean} */ otherwise) =>
    only?.some((one) => names.includes(one)) ?? otherwise;
  const full = flags.full ?? false;
  const noPeers = installed() ? undefined : "run npm ci --prefix bench/peers";
  if (isChosen(["against"], true)) {
    if (noPeers !== undefined) leaveOut("against", noPeers);
    else
      steps.push({
        name: "against",
        run: (results) => ({ ...results, against: measured(["bench/against.mjs"]) }),
      });
  }
  for (const { name, flags: nodeFlags = [], inLab = false } of articleSections) {
    if (!isChosen(["article", `article/${name}`], full)) continue;
    const needs = noPeers ?? (inLab ? labNeeds() : undefined);
    if (needs !== undefined) {
      leaveOut(`article/${name}`, noPeers ?? `the network laboratory needs ${needs}`);
      continue;
    }
    steps.push({
      name: `article/${name}`,
      run: (results) => ({
        ...results,
        article: { ...results.article, [name]: measured([...nodeFlags, "bench/article.mjs", name]) },
      }),
    });
  }
  if (isChosen(["scaling"], full))
    steps.push({
      name: "scaling",
      run: (results) => ({ ...results, scaling: measured(["bench/scaling.mjs"]) }),
    });
  for (const part of parts) {
    const files = part.command.filter((word) => word.endsWith(".mjs"));
    const names = [part.name, ...files.map((file) => basename(file, ".mjs"))];
    if (!isChosen(names, full || (part.short ?? false))) continue;
    if (part.needs !== undefined && !existsSync(`${root}${part.needs}`))
      leaveOut(part.name, `${part.needs} is missing`);
    else if (flags.quick && part.quick === undefined) leaveOut(part.name, "it has no quick form");
    else
      steps.push({
        name: part.name,
        run(results) {
          const section = printed(part);
          const others = results.sections.filter(({ title }) => title !== part.title);
          return { ...results, sections: [...others, section] };
        },
      });
  }
  return steps;
}

async function measure() {
  const newest = newestFile();
  /** @type {Results} */
  let results = {
    ...(newest === undefined ? { sections: [] } : readResults(newest)),
    date,
    machine: machineName(),
  };
  const steps = chosenSteps();
  if (steps.length === 0 && leftOut.length === 0)
    throw new Error(`Cannot measure: there is no ${flags.only}`);
  for (const { name, run: step } of steps) {
    process.stderr.write(`${name} …\n`);
    try {
      results = step(results);
      await save(results);
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      failed.push(name);
    }
  }
  if (flags.full && !flags.quick) {
    try {
      await writeSizes();
    } catch (error) {
      leaveOut("sizes", error instanceof Error ? error.message : String(error));
    }
    const file = newestFile();
    if (file !== undefined) await writePages(file);
  }
  if (leftOut.length > 0) console.error(`Left out: ${leftOut.join("; ")}`);
  if (failed.length === 0) return;
  console.error(`Failed: ${failed.join(", ")}. What was measured besides is saved.`);
  process.exitCode = 1;
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
