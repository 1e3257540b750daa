/** The packages that ship the corpus's files, and how a file of theirs is read. None of them is ever imported. */
import { readFileSync, readdirSync } from "node:fs";

const modules = new URL("../../node_modules/", import.meta.url);

/**
 * What each package is here for. The corpus's digest depends on exactly these versions.
 *
 * @type {Readonly<Record<string, { version: string, licence: string, holds: string }>>}
 */
export const sources = {
  "vega-datasets": { version: "3.2.1", licence: "BSD-3-Clause", holds: "tables, GeoJSON, TopoJSON, images" },
  "@readme/oas-examples": { version: "8.2.2", licence: "MIT", holds: "OpenAPI documents" },
  "devtools-protocol": { version: "0.0.1734725", licence: "BSD-3-Clause", holds: "a large API description" },
};

/** @type {Set<string>} */
const checked = new Set();

/**
 * Proves once per package that what is installed is the version the figures were measured on.
 *
 * @param {string} name
 */
function checkVersion(name) {
  if (checked.has(name)) return;
  const { version } = sources[name];
  let found;
  try {
    found = JSON.parse(readFileSync(new URL(`${name}/package.json`, modules), "utf8")).version;
  } catch (cause) {
    throw new Error(`Cannot read the corpus: ${name}@${version} is not installed (npm ci brings it)`, {
      cause,
    });
  }
  if (found !== version) {
    throw new Error(`Cannot read the corpus: it is defined on ${name}@${version}, got ${found}`);
  }
  checked.add(name);
}

/**
 * A file of a source package, as bytes.
 *
 * @param {string} name A key of `sources`.
 * @param {string} path Below the package's folder.
 * @returns {Uint8Array}
 */
export function readBytes(name, path) {
  checkVersion(name);
  return new Uint8Array(readFileSync(new URL(`${name}/${path}`, modules)));
}

/**
 * A file of a source package, as text.
 *
 * @param {string} name A key of `sources`.
 * @param {string} path Below the package's folder.
 * @returns {string}
 */
export function readText(name, path) {
  checkVersion(name);
  return readFileSync(new URL(`${name}/${path}`, modules), "utf8");
}

/**
 * A JSON file of a source package, parsed.
 *
 * @param {string} name A key of `sources`.
 * @param {string} path Below the package's folder.
 * @returns {any}
 */
export function readJson(name, path) {
  return JSON.parse(readText(name, path));
}

/**
 * The names in a folder that end so, in code-unit order, which no locale and no file system changes.
 *
 * @param {string} name A key of `sources`.
 * @param {string} folder Below the package's folder.
 * @param {string} ending
 * @returns {string[]}
 */
export function listFiles(name, folder, ending) {
  checkVersion(name);
  const names = readdirSync(new URL(`${name}/${folder}/`, modules));
  return names.filter((file) => file.endsWith(ending)).sort();
}
