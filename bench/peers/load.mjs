/** Packages of this folder, which has a lock of its own: they are loaded when a benchmark runs, so that types need no install. */
import { existsSync, readFileSync } from "node:fs";

const modules = new URL("node_modules/", import.meta.url);

export const installed = () => existsSync(modules);

/**
 * A package's exports, as the caller says that they are.
 *
 * @template Exports
 * @param {string} name
 * @returns {Promise<Exports>}
 */
export async function loadPeer(name) {
  if (!installed()) throw new Error("Cannot load the peers: run npm ci --prefix bench/peers first");
  return /** @type {Exports} */ (await import(name));
}

/** @param {string} name */
export const versionOf = (name) =>
  /** @type {string} */ (JSON.parse(readFileSync(new URL(`${name}/package.json`, modules), "utf8")).version);
