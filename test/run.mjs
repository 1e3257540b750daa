// Runs everything that says whether this checkout is good: types, then lint, format and tests under vitest. Arguments
// go to vitest (file names). The last line printed is "N passed, N failed, N skipped" over all of it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addUp, summarize, summaryLine } from "./support/summary.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const folder = mkdtempSync(join(tmpdir(), "zstash-test-"));
const report = join(folder, "report.json");
const skips = join(folder, "skips.txt");

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
  const summary = summarize(JSON.parse(readFileSync(report, "utf8")));
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
 * @param {string} packages the folder that has them
 */
function runScript(script, packages = "test/runtimes") {
  const missing = withoutPackages(packages, script);
  if (missing !== undefined) return missing;
  const counts = join(folder, "counts.json");
  rmSync(counts, { force: true });
  const { status } = spawnSync(process.execPath, [join(root, "test", script)], {
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

/** @typedef {[name: string, run: () => import("./support/summary.mjs").Summary]} Part */

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

/** @type {readonly Part[]} What runs only where no file of tests is named. */
const others = [
  ["tests over fetch", runTwins],
  ["fetch or node:http", () => runScript("runtimes/platform-fetch.mjs")],
  ["packaging", () => runScript("runtimes/packaging.mjs")],
  ["runtimes", () => runScript("runtimes/run.mjs")],
  ["large values", () => runScript("runtimes/large-value.mjs")],
  ["a Worker under load", () => runScript("runtimes/workers-under-load.mjs")],
  ["fixture projects", () => runScript("runtimes/fixtures/run.mjs")],
  // It says by itself which versions' packages are missing, but packs with what the runtimes need.
  ["Next.js", () => runScript("next/run.mjs")],
  ["libraries", runLibraries],
];
/** @type {readonly Part[]} */
const parts = [
  ["types of src/", () => verdict(run("typescript/bin/tsc", ["--noEmit", "--emitDeclarationOnly", "false"]))],
  ["types of test/", () => verdict(run("typescript/bin/tsc", ["--noEmit", "--project", "test"]))],
  ["types of scripts", () => verdict(run("typescript/bin/tsc", ["--noEmit", "--project", "bench"]))],
  ["tests", () => runTests(process.argv.slice(2))],
  ...(process.argv.length > 2 ? [] : others),
];

let total = verdict(false);
/** @type {string[]} */
const seconds = [];
try {
  const summaries = parts.map(([name, part]) => {
    const start = performance.now();
    const summary = part();
    seconds.push(
      `${((performance.now() - start) / 1000).toFixed(1).padStart(7)} s  ${name}: ${summaryLine(summary)}`,
    );
    return summary;
  });
  total = addUp(summaries);
  console.log(seconds.join("\n"));
  if (existsSync(skips))
    console.log([...new Set(readFileSync(skips, "utf8").trim().split("\n"))].sort().join("\n"));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(summaryLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
