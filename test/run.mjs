// Runs what says whether this checkout is good: types, then lint, format and tests under vitest, the package and the
// runtimes that start fast; it prints what it leaves out. `--rest` runs what that is, `--all` everything, `--list` names
// the parts; other arguments go to vitest (file names). The last line is "N passed, N failed, N skipped" over all of it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slowTests, withoutSlowTests } from "./support/slow-tests.mjs";
import { addUp, failures, summarize, summaryLine } from "./support/summary.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const folder = mkdtempSync(join(tmpdir(), "zstash-test-"));
const report = join(folder, "report.json");
const skips = join(folder, "skips.txt");

/** What failed, a line each: said once more at the end, where a long run's reader looks first. */
const failed = /** @type {string[]} */ ([]);

const known = ["--all", "--rest", "--list"];

/**
 * The flags of this script, and what goes to vitest.
 *
 * @param {readonly string[]} args
 */
const readArguments = (args) => ({
  flags: new Set(args.filter((arg) => known.includes(arg))),
  files: args.filter((arg) => !known.includes(arg)),
});

/**
 * Runs one of the tools that are dev dependencies, on this Node.
 *
 * @param {string} script
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} env
 */
function run(script, args, env = {}) {
  const { status, error } = spawnSync(process.execPath, [join(modules, script), ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ZSTASH_SKIPS: skips, ...env },
  });
  if (error) console.error(error.message);
  return status === 0;
}

/**
 * A check that either holds or does not counts as one test.
 *
 * @param {boolean} good
 */
const verdict = (good) => ({ passed: Number(good), failed: Number(!good), skipped: 0 });

/**
 * The types of one project.
 *
 * @param {readonly string[]} args
 */
const runTypes = (...args) => verdict(run("typescript/bin/tsc", ["--noEmit", ...args]));

/**
 * Runs vitest and adds up what it reports.
 *
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} env
 */
function runTests(args, env = {}) {
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const good = run("vitest/vitest.mjs", ["run", ...reporters, ...args], env);
  if (!existsSync(report)) return verdict(false);
  const results = JSON.parse(readFileSync(report, "utf8"));
  const summary = summarize(results);
  failed.push(...failures(results));
  // vitest may fail without a failed test: an unhandled rejection, no test found.
  if (!good && summary.failed === 0) summary.failed++;
  return summary;
}

/**
 * The verdict on what cannot run because a folder's packages are not installed; undefined where they are.
 *
 * @param {string} folder
 * @param {string} what
 */
function withoutPackages(folder, what) {
  if (existsSync(join(root, folder, "node_modules"))) return undefined;
  const missing = process.env.CI ? "MISSING" : "SKIPPED";
  console.log(`${missing} ${what}: its packages are not installed (npm ci --prefix ${folder})`);
  return process.env.CI ? verdict(false) : { passed: 0, failed: 0, skipped: 1 };
}

/** Tests beside the libraries that people use with Upstash, which are packages of test/libraries alone. */
function runLibraries() {
  const config = "test/libraries/vitest.config.ts";
  return withoutPackages("test/libraries", "libraries") ?? runTests(["--config", config]);
}

/**
 * Scripts below test/, which report their counts by themselves; they need packages of their own.
 *
 * @param {string} script
 * @param {readonly string[]} args
 */
function runScript(script, args = []) {
  const missing = withoutPackages("test/runtimes", script);
  if (missing !== undefined) return missing;
  const counts = join(folder, "counts.json");
  rmSync(counts, { force: true });
  const { status } = spawnSync(process.execPath, [join(root, "test", script), ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ZSTASH_COUNTS: counts },
  });
  if (!existsSync(counts)) return verdict(false);
  const summary = addUp(
    readFileSync(counts, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
  if (status !== 0 && summary.failed === 0) summary.failed++;
  return summary;
}

const long = process.env.ZSTASH_LONG === "1";
/**
 * Tests of what goes over HTTP: they run over `node:http` with the others, and once more over `fetch`. The store's whole
 * folder, which takes four minutes, does so in the long form only.
 */
const twins = ["test/unit/rest", "test/integration/rest"];
const storeTwins = ["store", "faults-requests", "faults-refusals", "resume-pieces", "streams"];
const storeFolder = "test/integration/store";
twins.push(...(long ? [storeFolder] : storeTwins.map((name) => `${storeFolder}/${name}.test.ts`)));

/** Runs the twins, and says what of them is left out. */
function runTwins() {
  if (!long) console.log(`left out over fetch: the other tests of ${storeFolder} (ZSTASH_LONG=1 runs them)`);
  return runTests(twins, { ZSTASH_HTTP: "fetch" });
}

/**
 * One of the suites; `rest`: too long for every change, `npm test` leaves it to `npm run test:rest`.
 *
 * @typedef {{ name: string, run: () => import("./support/summary.mjs").Summary, rest?: boolean }} Part
 */

const { flags, files } = readArguments(process.argv.slice(2));

/** @type {readonly Part[]} */
const types = [
  { name: "types of src/", run: () => runTypes("--emitDeclarationOnly", "false") },
  { name: "types of test/", run: () => runTypes("--project", "test") },
  { name: "types of scripts", run: () => runTypes("--project", "bench") },
];
/** @type {readonly Part[]} Where files of tests are named, they are all that runs beside the types. */
const ofFiles = [{ name: "tests", run: () => runTests(files) }];
const slowNames = slowTests
  .map((path) => path.replace(/^test\/(unit\/|integration\/)?|\.test\.ts$/g, ""))
  .join(", ");
/** @type {readonly Part[]} */
const suites = [
  { name: "tests", run: () => runTests(withoutSlowTests) },
  { name: `slow tests: ${slowNames}`, run: () => runTests(slowTests), rest: true },
  { name: "packaging", run: () => runScript("runtimes/packaging.mjs") },
  { name: "fetch or node:http", run: () => runScript("runtimes/platform-fetch.mjs") },
  { name: "libraries", run: runLibraries },
  { name: "runtimes, the fastest of each kind", run: () => runScript("runtimes/run.mjs", ["--quick"]) },
  { name: "runtimes, all others", run: () => runScript("runtimes/run.mjs", ["--rest"]), rest: true },
  { name: "tests over fetch", run: runTwins, rest: true },
  { name: "large values", run: () => runScript("runtimes/large-value.mjs"), rest: true },
  { name: "a Worker under load", run: () => runScript("runtimes/workers-under-load.mjs"), rest: true },
  { name: "stored values in browsers", run: () => runScript("runtimes/pages.mjs"), rest: true },
  { name: "fixture projects", run: () => runScript("runtimes/fixtures/run.mjs"), rest: true },
  { name: "examples", run: () => runScript("examples/run.mjs"), rest: true },
  { name: "a newcomer's walks", run: () => runScript("walks/run.mjs"), rest: true },
  { name: "the example's page in browsers", run: () => runScript("examples/browsers.mjs"), rest: true },
  // It says by itself which versions' packages are missing, but packs with what the runtimes need.
  { name: "Next.js", run: () => runScript("next/run.mjs"), rest: true },
];
const every = [...types, ...(files.length > 0 ? ofFiles : suites)];
const chosen = every.filter(({ rest = false }) => flags.has("--all") || flags.has("--rest") === rest);
const leftOut = flags.has("--rest") ? [] : every.filter((part) => !chosen.includes(part));

if (flags.has("--list")) {
  for (const { name } of chosen) console.log(name);
  process.exit();
}

let total = verdict(false);
/** @type {string[]} */
const seconds = [];
try {
  const summaries = chosen.map(({ name, run: runPart }) => {
    const start = performance.now();
    const named = failed.length;
    const summary = runPart();
    if (summary.failed > 0 && failed.length === named) failed.push(`${name}: ${summaryLine(summary)}`);
    seconds.push(
      `${((performance.now() - start) / 1000).toFixed(1).padStart(7)} s  ${name}: ${summaryLine(summary)}`,
    );
    return summary;
  });
  total = addUp(summaries);
  console.log(seconds.join("\n"));
  if (leftOut.length > 0) {
    console.log("left out (npm run test:rest runs it, npm run test:all everything):");
    for (const { name } of leftOut) console.log(`           ${name}`);
  }
  if (!long) console.log("left out: the long forms of these tests (ZSTASH_LONG=1 runs them)");
  if (existsSync(skips))
    console.log([...new Set(readFileSync(skips, "utf8").trim().split("\n"))].sort().join("\n"));
  for (const line of failed) console.log(`FAILED ${line}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(summaryLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
