// Makes a release: `npm run release -- 1.2.3` checks that it may be made, writes the version and the date, runs what has to
// pass, commits and tags. `--dry-run` says what would be done and writes nothing. Nothing is pushed and nothing is
// published: the tag does that (.github/workflows/release.yml), with provenance.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { changed, obstacles, unreleased, versionedFiles } from "./plan.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: flags, positionals } = parseArgs({
  options: { "dry-run": { type: "boolean" } },
  allowPositionals: true,
});
const dry = flags["dry-run"] === true;
const [version = ""] = positionals;

/** What has to pass before a tag is set, in this order. */
const CHECKS = [
  ["npm", "run", "test:all"],
  ["npm", "publish", "--dry-run"],
];

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function output(command, args) {
  const { stdout, status, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (error || status !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
  return stdout.trim();
}

/** @param {readonly string[]} line */
function run(line) {
  console.log(`${dry ? "would run" : "runs"}  ${line.join(" ")}`);
  if (dry) return;
  const { status } = spawnSync(/** @type {string} */ (line[0]), line.slice(1), {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`${line.join(" ")} failed: nothing was tagged`);
}

/** @param {string} path */
const read = (path) => readFileSync(`${root}${path}`, "utf8");

try {
  const manifest = JSON.parse(read("package.json"));
  const changelog = read("CHANGELOG.md");
  const date = new Date().toISOString().slice(0, 10);
  const against = obstacles({
    version,
    date,
    manifest,
    changelog,
    clean: output("git", ["status", "--porcelain"]) === "",
    tags: output("git", ["tag", "--list"]).split("\n"),
  });
  for (const line of against) console.error(`not yet    ${line}`);
  if (against.length > 0 && !dry) throw new Error(`${against.length} of the conditions above are not met`);
  const paths = [...versionedFiles(root), "CHANGELOG.md"];
  const texts = Object.fromEntries(paths.map((path) => [path, read(path)]));
  for (const [path, text] of Object.entries(changed(texts, { version, date, from: manifest.version }))) {
    if (text === texts[path]) continue;
    console.log(`${dry ? "would write" : "writes"}  ${path}`);
    if (!dry) writeFileSync(`${root}${path}`, text);
  }
  console.log(
    `${unreleased(changelog).split("\n- ").length} lines of CHANGELOG.md become ${version} (${date})`,
  );
  for (const line of CHECKS) run(line);
  run(["git", "commit", "--all", "--message", `Release ${version}`]);
  run(["git", "tag", "--annotate", `v${version}`, "--message", `zstash ${version}`]);
  console.log(`next       git push --follow-tags: the tag publishes`);
  if (against.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(`Cannot release: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
