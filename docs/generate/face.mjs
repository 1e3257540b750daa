// The generated parts of README.md: its first figures, the table and the picture of SET and GET over a real link, and the
// line about what bundles weigh. All of it comes from the files of results, never from memory.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readResults } from "../../bench/network/results.mjs";
import { count, ms, sizeName } from "../../bench/network/render/text.mjs";
import { escape, fixed } from "../../bench/svg.mjs";

const folder = fileURLToPath(new URL("../../bench/network/results/", import.meta.url));

/** A database in the same country over an ordinary line: the link of the README. */
const LINK = { mbit: 100, rtt: 20, loss: 0 };
const SIZES = [1024, 102_400, 1_048_576, 10_485_760];

/**
 * A row: a value of JSON, its ratio, and the medians of the stock client and of zstash in ms.
 *
 * @typedef {{ size: number, ratio: number, set: readonly [number, number], get: readonly [number, number] }} Row
 *
 * @typedef {{ date: string, machine: string, node: string, versions: Record<string, string>, rows: readonly Row[] }} Measured
 */

/**
 * The newest file of results.
 *
 * @returns {Measured}
 */
export function readNetwork() {
  const newest = readdirSync(folder).sort().at(-1);
  const { date, machine, node, versions, experiments } = readResults(`${folder}${newest}`);
  /** @type {any} */
  const { cells, ratios } = experiments["clients"];
  const rows = SIZES.map((size) => {
    const cell = cells.find(
      (/** @type {any} */ one) =>
        one.size === size && Object.entries(LINK).every(([name, value]) => one[name] === value),
    );
    /** @param {string} side */
    const median = (side) => cell.sides[side].ms.p50;
    return {
      size,
      ratio: ratios[size],
      set: /** @type {const} */ ([median("stock set"), median("raw set")]),
      get: /** @type {const} */ ([median("stock get"), median("raw get")]),
    };
  });
  return { date, machine, node, versions, rows };
}

/** @param {readonly [number, number]} pair */
const times = ([stock, own]) => `${(stock / own).toFixed(1)}×`;

/**
 * The first sentence, with the figures of its table.
 *
 * @param {Measured} measured
 */
export function leadLine({ rows }) {
  const large = rows.filter(({ size }) => size > 12_288);
  /** @param {readonly number[]} values */
  const range = (values) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
  const smaller = range(large.map(({ ratio }) => ratio));
  const faster = range(large.map(({ get }) => get[0] / get[1]));
  return `**Redis over HTTP (Upstash) that stores JSON of 100 KiB to 10 MiB in ${smaller} times less space and reads it ${faster} times as fast, by changing one import.**`;
}

/**
 * The table, at most 100 characters wide.
 *
 * @param {Measured} measured
 */
export function networkTable({ date, machine, node, rows }) {
  const shown = rows.map(({ size, ratio, set, get }) => {
    /** @param {readonly [number, number]} pair */
    const cell = (pair) => `${ms(pair[0])} → ${ms(pair[1])} | ${times(pair)}`;
    return `| ${sizeName(size)} | ${count(Math.round(size / ratio))} | ${cell(set)} | ${cell(get)} |`;
  });
  return [
    "| JSON of | bytes stored | SET, ms | | GET, ms | |",
    "| --- | --: | --: | --: | --: | --: |",
    ...shown,
    "",
    `Medians of the stock client → \`zstash/redis\`, over a link of ${LINK.mbit} Mbit/s and ${LINK.rtt} ms (${machine.replace(/, Linux.*/, "")}, Node ${node.slice(1)}, ${date}).`,
  ].join("\n");
}

/** Colours of a theme: page, ink, faint ink, the stock client's bars and zstash's. */
const THEMES = {
  light: { page: "#ffffff", ink: "#1f2328", faint: "#59636e", stock: "#c8d1da", own: "#0969da" },
  dark: { page: "#0d1117", ink: "#f0f6fc", faint: "#9198a1", stock: "#3d444d", own: "#4493f8" },
};

/**
 * The picture: for each size the bytes stored and the time of GET, beside those of the stock client.
 *
 * @param {Measured} measured
 * @param {keyof typeof THEMES} theme
 */
export function gainPicture({ rows }, theme) {
  const { page, ink, faint, stock, own } = THEMES[theme];
  const [width, left, bar, gap] = [760, 84, 250, 76];
  const top = 72;
  const height = top + rows.length * 52 + 8;
  /**
   * @param {number} x
   * @param {number} y
   * @param {string} content
   * @param {{ size?: number, colour?: string, weight?: number }} style
   */
  const text = (x, y, content, { size = 13, colour = ink, weight = 400 } = {}) =>
    `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" fill="${colour}" font-weight="${weight}">${escape(content)}</text>`;
  /**
   * @param {number} x
   * @param {number} y
   * @param {number} share
   * @param {string} colour
   */
  const rect = (x, y, share, colour) =>
    `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(Math.max(2, bar * share))}" height="14" rx="3" fill="${colour}"/>`;
  const panels = [
    {
      x: left,
      title: "Bytes in Redis",
      pair: (/** @type {Row} */ { size, ratio }) => [sizeName(size), sizeName(Math.round(size / ratio))],
      share: (/** @type {Row} */ { ratio }) => 1 / ratio,
    },
    {
      x: left + bar + gap,
      title: `GET at ${LINK.mbit} Mbit/s, ${LINK.rtt} ms`,
      pair: (/** @type {Row} */ { get }) => [`${ms(get[0])} ms`, `${ms(get[1])} ms`],
      share: (/** @type {Row} */ { get }) => get[1] / get[0],
    },
  ];
  const parts = panels.flatMap(({ x, title, pair, share }) => [
    text(x, 56, title, { weight: 600 }),
    ...rows.flatMap((row, index) => {
      const y = top + index * 52;
      const [before, after] = pair(row);
      return [
        rect(x, y, 1, stock),
        text(x + bar + 6, y + 12, before, { size: 12, colour: faint }),
        rect(x, y + 18, share(row), own),
        text(x + bar * share(row) + 8, y + 30, after, { size: 12, weight: 600 }),
      ];
    }),
  ]);
  const sizes = rows.map(({ size }, index) => text(16, top + index * 52 + 21, sizeName(size)));
  const legend = [
    `<rect x="16" y="18" width="12" height="12" rx="3" fill="${stock}"/>`,
    text(34, 28, "@upstash/redis", { colour: faint }),
    `<rect x="150" y="18" width="12" height="12" rx="3" fill="${own}"/>`,
    text(168, 28, "zstash/redis", { colour: faint }),
  ];
  const title = "JSON in Redis over HTTP, stored and read, without and with zstash";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>${title}</title>
<rect width="${width}" height="${height}" rx="8" fill="${page}"/>
${[...legend, ...sizes, ...parts].join("\n")}
</svg>
`;
}

/**
 * What bundles weigh in one sentence, from the rows of `measureWeights`: stock, `zstash/redis`, `withCompression`.
 *
 * @param {Readonly<Record<string, readonly number[]>>} rows
 */
export function weightLine(rows) {
  /** @param {string} name */
  const added = (name) => {
    const [stock = 0, own = 0] = rows[name] ?? [];
    return Math.round((own - stock) / 1000);
  };
  return `**It weighs**, gzipped and beside the SDK: ${added("Worker: script")} KB of script and a module of ${added("Worker: WebAssembly")} KB in a Worker, ${added("Node: script")} KB in a Node bundle, ${added("browser: script")} KB in a browser, where the bundler splits code ([all bundles](docs/runtimes.md#what-it-weighs)).`;
}
