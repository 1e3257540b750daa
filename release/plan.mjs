// What a release is made of, without doing it: whether it may be made, and the texts of the files that it changes.

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
 * What stands against the release, a sentence each that says what to do.
 *
 * @param {Situation} situation
 * @returns {string[]}
 */
export function obstacles({ version, manifest, changelog, clean, tags }) {
  const found = [];
  if (!/^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(version))
    found.push(`"${version}" is no version: write 1.2.3 or 1.2.3-rc.1`);
  else if (!isAbove(version, manifest.version)) found.push(`${version} is not above ${manifest.version}`);
  if (tags.includes(`v${version}`)) found.push(`the tag v${version} is there: take another version`);
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
 * The changed files by path, given their texts.
 *
 * @param {Readonly<Record<string, string>>} texts
 * @param {{ version: string, date: string, from: string }} release
 * @returns {Record<string, string>}
 */
export function changed(texts, { version, date, from }) {
  /** @type {Record<string, (text: string) => string>} */
  const edits = {
    "package.json": (text) => text.replace(`"version": "${from}"`, `"version": "${version}"`),
    "package-lock.json": (text) => text.replaceAll(lockVersion(from), `$1"version": "${version}"`),
    "deno.json": (text) => text.replace(`"version": "${from}"`, `"version": "${version}"`),
    "src/redis.ts": (text) => text.replace(`zstash@${from}`, `zstash@${version}`),
    "CHANGELOG.md": (text) => text.replace("## Unreleased\n", `## Unreleased\n\n## ${version} (${date})\n`),
  };
  return Object.fromEntries(
    Object.entries(edits).map(([path, edit]) => {
      const [before = "", after = ""] = [texts[path], edit(texts[path] ?? "")];
      if (before === after) throw new Error(`Cannot release: ${path} does not name the version ${from}`);
      return [path, after];
    }),
  );
}

/** @param {string} version */
const lockVersion = (version) =>
  new RegExp(`("name": "zstash",\\s+)"version": "${version.replaceAll(".", "\\.")}"`, "g");
