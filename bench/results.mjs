/** The files in results/: what was measured, where, when and with what. Pages and pictures are made of the newest one alone. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { machineSlug } from "./machine.mjs";
import { parts } from "./sections.mjs";

const folder = fileURLToPath(new URL("results/", import.meta.url));

/**
 * @typedef {import("./against/measure.mjs").Summary} Summary
 * @typedef {"compress" | "decompress"} Operation
 * @typedef {{ name: string, corpus: string, holds: string, size: number, sha256: string }} ValueOfResult
 * @typedef {{ value: string, operation: Operation, level: number, sides: Readonly<Record<string, Summary>> }} Cell
 *
 * One run against the peers; `load` is the machine's load average when it began.
 *
 * @typedef {{
 *   date: string,
 *   machine: string,
 *   load: number,
 *   seconds: number,
 *   versions: Readonly<Record<string, string>>,
 *   values: readonly ValueOfResult[],
 *   cells: readonly Cell[],
 * }} Against
 *
 * A section that prints its own text; `data` is what some write as data as well, which files from before they did do not have.
 *
 * @typedef {{ title: string, about: string, date: string, machine: string, command: string, text: string, data?: unknown }} Section
 *
 * What sections write as data, by their names in sections.mjs.
 *
 * @typedef {{
 *   codec: import("./codec.mjs").CodecData,
 *   kernel: import("./kernel.mjs").KernelData,
 *   streams: import("./streams.mjs").StreamsData,
 * }} SectionData
 *
 * @typedef {{
 *   date: string,
 *   machine: string,
 *   against?: Against | undefined,
 *   scaling?: (import("./article/sections.mjs").Stamp & import("./scaling.mjs").Scaling) | undefined,
 *   article?: Readonly<Partial<import("./article/sections.mjs").Article>> | undefined,
 *   sections: readonly Section[],
 * }} Results
 */

/** A side in the file is a row, which is a third as long. */
const COLUMNS = [
  "bytes",
  ...["least", "median", "p10", "p90"].map((name) => `${name} µs`),
  ...["of the least", "median", "p10", "p90"].map((name) => `zstash's time / this: ${name}`),
];

/** @param {Summary} summary */
const packSummary = ({ bytes, us, ratio }) => [bytes ?? null, ...us, ...(ratio ?? [])];

/** @param {readonly (number | null)[]} row @returns {Summary} */
function unpackSummary([bytes, ...numbers]) {
  const four = (/** @type {number} */ start) =>
    /** @type {import("./against/measure.mjs").Four} */ (
      /** @type {unknown} */ (numbers.slice(start, start + 4))
    );
  return {
    bytes: bytes ?? undefined,
    us: four(0),
    ratio: numbers.length > 4 ? four(4) : undefined,
  };
}

/**
 * @template From, To
 * @param {readonly { sides: Readonly<Record<string, From>> }[]} cells
 * @param {(side: From) => To} change
 */
const mapSides = (cells, change) =>
  cells.map((cell) => ({
    ...cell,
    sides: Object.fromEntries(Object.entries(cell.sides).map(([name, side]) => [name, change(side)])),
  }));

/** What is measured begins with its date; the history of sizes is there as well. */
const DATED = /^\d{4}-\d\d-\d\d-.*\.json$/;

/** The newest file's path, if there is one. */
export function newestFile() {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => DATED.test(name)) : [];
  const last = names.sort().at(-1);
  return last === undefined ? undefined : `${folder}${last}`;
}

/**
 * @param {string} path
 * @returns {Results}
 */
export function readResults(path) {
  const { columns: _, against, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  return against === undefined
    ? rest
    : { ...rest, against: { ...against, cells: mapSides(against.cells, unpackSummary) } };
}

/**
 * Writes today's file of this machine.
 *
 * @param {Results} results
 * @param {string} [into] another folder
 * @returns {Promise<string>} its path
 */
export async function writeResults(results, into = folder) {
  mkdirSync(into, { recursive: true });
  const path = `${into}${results.date}-${machineSlug()}.json`;
  const { against } = results;
  const packed = {
    ...results,
    columns: COLUMNS,
    against: against && { ...against, cells: mapSides(against.cells, packSummary) },
  };
  writeFileSync(path, await format(JSON.stringify(packed), { parser: "json", printWidth: 110 }));
  return path;
}

/**
 * What a section has written as data, with where it was measured.
 *
 * @template {keyof SectionData} Name
 * @param {Results} results
 * @param {Name} name
 * @returns {(SectionData[Name] & Pick<Section, "date" | "machine">) | undefined}
 */
export function dataOf({ sections }, name) {
  const title = parts.find((part) => part.name === name)?.title;
  const section = sections.find((one) => one.title === title);
  if (section?.data === undefined) return undefined;
  const { date, machine } = section;
  return { .../** @type {SectionData[Name]} */ (section.data), date, machine };
}

/** @param {string} path */
export const nameOf = (path) => basename(path);
