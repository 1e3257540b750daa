// What a release is made of, without doing it: whether it may be made, and the texts of the files that it changes.

import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Who owns the project fills these in once; a wrong one makes publishing with provenance fail. */
const OWNED = /** @type {const} */ (["repository", "homepage", "bugs"]);

/**
 * What the release reads.
 *
 * @typedef {{ version: string, [field: string]: unknown }} Manifest
 * @typedef {{
 *   version: string,
 *   date: string,
 *   manifest: Manifest,
 *   changelog: string,
 *   clean: boolean,
 *   tags: readonly string[],
 * }} Situation
 */

/** @param {string} version */
const numbers = (version) => version.split(/[.-]/).map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/**
 * Whether the first version is above the second, by the numbers of semantic versioning.
 *
 * @param {string} first
 * @param {string} second
 */
export function isAbove(first, second) {
  const [a, b] = [numbers(first), numbers(second)];
  for (let at = 0; at < 3; at++) if (a[at] !== b[at]) return Number(a[at]) > Number(b[at]);
  // 1.0.0-rc.1 comes before 1.0.0.
  return a.length < b.length || (a.length === b.length && String(a.slice(3)) > String(b.slice(3)));
}

/**
 * The lines under "Unreleased".
 *
 * @param {string} changelog
 */
export function unreleased(changelog) {
  return (/^## Unreleased\n([^]*?)(?=^## |(?![^]))/m.exec(changelog)?.[1] ?? "").trim();
}

/**
 * The versions that the change log has a part for.
 *
 * @param {string} changelog
 */
const headings = (changelog) => [...changelog.matchAll(/^## (\d\S*)/gm)].map(([, version]) => version);

/**
 * What stands against the release, a sentence each that says what to do.
 *
 * @param {Situation} situation
 * @returns {string[]}
 */
export function obstacles({ version, manifest, changelog, clean, tags }) {
  const found = [];
  if (!/^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(version))
    found.push(`"${version}" is no version: write 1.2.3 or 1.2.3-rc.1`);
  else if (isAbove(manifest.version, version)) found.push(`${version} is below ${manifest.version}`);
  if (tags.includes(`v${version}`) || headings(changelog).includes(version))
    found.push(
      `${version} has been released (its tag or its part of CHANGELOG.md is there): take another version`,
    );
  for (const field of OWNED) {
    if (manifest[field] === undefined)
      found.push(`package.json has no "${field}": the owner sets it, npm pkg set ${advice(field)}`);
  }
  if (unreleased(changelog) === "") found.push('CHANGELOG.md has nothing under "Unreleased"');
  if (!clean) found.push("there are changes that are not committed");
  return found;
}

/** @param {(typeof OWNED)[number]} field */
const advice = (field) =>
  ({
    repository: "repository.type=git repository.url=git+https://HOST/OWNER/zstash.git",
    homepage: "homepage=https://HOST/OWNER/zstash",
    bugs: "bugs.url=https://HOST/OWNER/zstash/issues",
  })[field];

/**
 * What names the version in a file that is no change log, given the version.
 *
 * @param {string} path
 * @returns {(version: string) => string}
 */
function nameIn(path) {
  if (path === "src/redis.ts") return (version) => `"zstash@${version}"`;
  if (path.startsWith("examples/")) return (version) => `"zstash": "^${version}"`;
  return (version) => `"version": "${version}"`;
}

/** @param {string} path */
const isLock = (path) => path === "package-lock.json";

/**
 * The files that name the version: the manifests, the telemetry of the client, and what each example asks for.
 *
 * @param {string} root the checkout, with a slash at the end
 * @returns {string[]}
 */
export function versionedFiles(root) {
  const examples = readdirSync(`${root}examples`)
    .map((name) => `examples/${name}/package.json`)
    .filter((path) => existsSync(root + path) && readFileSync(root + path, "utf8").includes('"zstash":'));
  return ["package.json", "package-lock.json", "deno.json", "src/redis.ts", ...examples];
}

/**
 * The texts of the files by path, as the release has them. package.json may name the version before it is released; then
 * the date in CHANGELOG.md is all that changes.
 *
 * @param {Readonly<Record<string, string>>} texts of `versionedFiles` and of CHANGELOG.md
 * @param {{ version: string, date: string, from: string }} release
 * @returns {Record<string, string>}
 */
export function changed(texts, { version, date, from }) {
  return Object.fromEntries(
    Object.entries(texts).map(([path, before]) => {
      if (path === "CHANGELOG.md")
        return [path, before.replace("## Unreleased\n", `## Unreleased\n\n## ${version} (${date})\n`)];
      const [old, name] = [nameIn(path)(from), nameIn(path)(version)];
      const found = isLock(path) ? before.match(lockVersion(from)) : before.includes(old);
      if (!found) throw new Error(`Cannot release: ${path} does not name the version ${from}`);
      return [
        path,
        isLock(path) ? before.replaceAll(lockVersion(from), `$1${name}`) : before.replace(old, name),
      ];
    }),
  );
}

/** @param {string} version */
const lockVersion = (version) =>
  new RegExp(`("name": "zstash",\\s+)"version": "${version.replaceAll(".", "\\.")}"`, "g");
