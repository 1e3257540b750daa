/** Tables of a run against the peers, in Markdown. A ratio above 1, in bold with "!", is a cell that zstash loses. */

/**
 * @typedef {import("../results.mjs").Against} Against
 * @typedef {import("../results.mjs").Cell} Cell
 * @typedef {import("../results.mjs").Operation} Operation
 */

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
export const markdownTable = (head, rows) =>
  [head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");

/** Three digits that count. @param {number} number */
export const figure = (number) =>
  number < 1000 ? `${Number(number.toPrecision(3))}` : Math.round(number).toLocaleString("en");

/** @param {number} size */
export const sizeName = (size) => size.toLocaleString("en");

/** @param {number} ratio */
const times = (ratio) => (ratio < 0.095 ? ratio.toFixed(3) : ratio.toFixed(ratio < 10 ? 2 : 0));

/** @param {number} ratio */
export const isLost = (ratio) => Number(times(ratio)) > 1;

/** @param {number} ratio */
export const markedRatio = (ratio) => (isLost(ratio) ? `**${times(ratio)} !**` : times(ratio));

/** Sides in the order of the first cell that has them. @param {readonly Cell[]} cells */
export function sidesOf(cells) {
  /** @type {Set<string>} */
  const names = new Set();
  for (const { sides } of cells) for (const name of Object.keys(sides)) names.add(name);
  return [...names];
}

/**
 * @param {Against} against
 * @param {Operation} operation
 * @param {number} level
 */
export const cellsOf = ({ cells }, operation, level) =>
  cells.filter((cell) => cell.operation === operation && cell.level === level);

/** @param {Against} against */
const valueNames = ({ values }) =>
  new Map(values.map(({ name, corpus, size }) => [name, `${corpus}, ${sizeName(size)}`]));

/**
 * Times of zstash, and of zstash over each peer's: median of the rounds, 10th to 90th percentile.
 *
 * @param {Against} against
 * @param {Operation} operation
 * @param {number} level
 */
export function ratioTable(against, operation, level) {
  const names = valueNames(against);
  const cells = cellsOf(against, operation, level);
  const own = sidesOf(cells).filter((name) =>
    cells.some(({ sides }) => sides[name]?.ratio === undefined && sides[name]),
  );
  const peers = sidesOf(cells).filter((name) => !own.includes(name));
  const rows = cells.map(({ value, sides }) => [
    names.get(value) ?? value,
    ...own.map((name) => {
      const us = sides[name]?.us;
      return us === undefined ? "" : `${figure(us[0])} / ${figure(us[1])}`;
    }),
    ...peers.map((name) => {
      const ratio = sides[name]?.ratio;
      return ratio === undefined ? "" : `${markedRatio(ratio[1])} (${times(ratio[2])}–${times(ratio[3])})`;
    }),
  ]);
  const head = [
    "value, bytes",
    ...own.map((name) => `${name}, µs`),
    ...peers.map((name) => (name === "Bun.zstd" ? "zstash on Bun / Bun.zstd" : `/ ${name}`)),
  ];
  return markdownTable(head, rows);
}

/** Bytes of each value and of what the sides make of it. @param {Against} against */
export function sizeTable(against) {
  const names = valueNames(against);
  const levels = [1, 3].map((level) => cellsOf(against, "compress", level));
  const shown = [
    ["zstash", 0, "zstash, level 1"],
    ["zstash", 1, "zstash, level 3"],
    ["klauspost in Go", 0, "klauspost, fastest"],
    ["klauspost in Go", 1, "klauspost, default"],
    ["node:zlib gzip", 0, "gzip"],
    ["node:zlib brotli", 0, "brotli, quality 4"],
  ];
  const rows = against.values.map(({ name, size }) => [
    names.get(name) ?? name,
    ...shown.map(([side, level]) => {
      const cell = levels[Number(level)].find(({ value }) => value === name);
      const bytes = cell?.sides[side]?.bytes;
      return bytes === undefined ? "" : `${sizeName(bytes)} (${((bytes / size) * 100).toFixed(0)} %)`;
    }),
  ]);
  return markdownTable(["value, bytes", ...shown.map(([, , title]) => `${title}`)], rows);
}

/** @param {readonly number[]} numbers */
const geometricMean = (numbers) =>
  Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);

/** In how many cells each peer is the faster one. @param {Against} against */
export function summaryTable(against) {
  const groups = /** @type {const} */ ([
    ["compress", 1],
    ["compress", 3],
    ["decompress", 1],
  ]);
  const peers = sidesOf(against.cells).filter((name) =>
    against.cells.some(({ sides }) => sides[name]?.ratio !== undefined),
  );
  const rows = peers.map((peer) => [
    peer,
    ...groups.map(([operation, level]) => {
      const ratios = cellsOf(against, operation, level).flatMap(({ sides }) => sides[peer]?.ratio?.[1] ?? []);
      if (ratios.length === 0) return "";
      const lost = ratios.filter(isLost).length;
      return `${markedRatio(geometricMean(ratios))}; loses ${lost} of ${ratios.length}`;
    }),
  ]);
  return markdownTable(
    [
      "zstash's time over that of",
      ...groups.map(([operation, level]) =>
        operation === "compress" ? `compress, level ${level}` : operation,
      ),
    ],
    rows,
  );
}

/** What was measured: values with their hashes. @param {Against} against */
export const hashTable = ({ values }) =>
  markdownTable(
    ["value", "holds", "bytes", "SHA-256"],
    values.map(({ name, holds, size, sha256 }) => [
      name,
      holds,
      sizeName(size),
      `\`${sha256.slice(0, 16)}…\``,
    ]),
  );

/** @param {number} number */
export const whole = (number) => Math.round(number).toLocaleString("en");

/** @param {number} bytes */
export const megabytes = (bytes) => `${figure(bytes / 1e6)} MB`;
