/** The picture of the layers: the folders of src/ as boxes, and who imports whom as arrows. */
import { card, FAINT, fixed, INK, text } from "../../bench/svg.mjs";
import { importGraph, layers, unitOf } from "../../test/support/import-graph.mjs";

/** What a layer is, from the programs down to the ground, and whether its folders are drawn as one bar. */
const rows = [
  { layer: 6, name: "programs" },
  { layer: 5, name: "integrations" },
  { layer: 4, name: "values, transport" },
  { layer: 3, name: "the codec" },
  { layer: 2, name: "WebAssembly" },
  { layer: 1, name: "the format", bar: true },
  { layer: 0, name: "the ground", bar: true },
];

/**
 * Each folder and file at the top of src/: what it holds, and in which column it is drawn. Folders that import each
 * other lie near each other; `rest` has nothing below it, so that its arrow has a free way down.
 *
 * @type {Readonly<Record<string, { holds: string, column: number }>>}
 */
export const units = {
  cli: { holds: "the command `zstash`", column: 3 },
  dev: { holds: "the local server", column: 4 },
  next: { holds: "cache handlers of Next.js", column: 2 },
  "redis.ts": { holds: "the SDK's class, compressing", column: 0 },
  upstash: { holds: "the wrapper of the SDK's client", column: 1 },
  store: { holds: "values of any size", column: 2 },
  serve: { holds: "stored frames over HTTP", column: 3 },
  browser: { holds: "stored frames in a page", column: 6 },
  "life-cycle": { holds: "dictionaries, from publication to removal", column: 4 },
  train: { holds: "the trainer of dictionaries", column: 5 },
  "index.ts": { holds: "the exports of `zstash`", column: 0 },
  "decode.ts": { holds: "the exports of `zstash/decode`", column: 1 },
  value: { holds: "what is stored, and whether compressed", column: 2 },
  dictionaries: { holds: "dictionaries in Redis", column: 3 },
  rest: { holds: "the byte-exact transport", column: 4 },
  codec: { holds: "one-shot, streams, ranges", column: 1 },
  metrics: { holds: "events", column: 2 },
  adapters: { holds: "how a runtime hands us its module", column: 0 },
  engine: { holds: "memory, contexts and error codes of C", column: 1 },
  format: { holds: "frame header, block walk, seek table: pure bytes", column: 0 },
  "bytes.ts": { holds: "byte strings", column: 0 },
  "byte-buffer.ts": { holds: "a buffer that grows", column: 0 },
  "check.ts": { holds: "checks of arguments", column: 0 },
  "errors.ts": { holds: "the one error class", column: 0 },
  "limits.ts": { holds: "the shared numbers", column: 0 },
  "streams.ts": { holds: "types of byte streams", column: 0 },
  "timers.ts": { holds: "timers of each waiter", column: 0 },
  "signals.ts": { holds: "abort signals that are shared", column: 0 },
  "signs.ts": { holds: "signs of life of work", column: 0 },
  "text.ts": { holds: "UTF-8", column: 0 },
};

const WIDTH = 1258;
const LEFT = 154;
const TOP = 56;
const ROW = 92;
const BOX = { width: 136, height: 50 };
const COLUMN = 158;
const BAR_WIDTH = 6 * COLUMN + BOX.width;

/**
 * @typedef {import("../../test/support/import-graph.mjs").SourceFile} SourceFile
 * @typedef {{ x: number, y: number, width: number }} Box
 */

/**
 * Which folder imports which, without the ground, which all may import, and without what follows: where one imports
 * another that imports a third, there is no arrow from the first to the third.
 *
 * @param {readonly SourceFile[]} files
 * @returns {[from: string, to: string][]}
 */
export function arrowsOf(files) {
  /** @type {Map<string, Set<string>>} */
  const imports = new Map();
  for (const [path, targets] of importGraph(files)) {
    const from = unitOf(path);
    for (const to of [...targets].map(unitOf)) {
      if (to === from || layers[to] === 0) continue;
      imports.set(from, (imports.get(from) ?? new Set()).add(to));
    }
  }
  /** @type {(from: string, to: string) => boolean} */
  const reaches = (from, to) =>
    [...(imports.get(from) ?? [])].some((next) => next === to || reaches(next, to));
  return [...imports]
    .flatMap(([from, targets]) =>
      [...targets]
        .filter((to) => ![...targets].some((other) => other !== to && reaches(other, to)))
        .map((to) => /** @type {[string, string]} */ ([from, to])),
    )
    .sort(([a, b], [c, d]) => `${a} ${b}`.localeCompare(`${c} ${d}`, "en"));
}

/**
 * The units of a layer that there are, from left to right.
 *
 * @param {readonly SourceFile[]} files
 * @param {number} layer
 */
export function unitsOf(files, layer) {
  const found = new Set(files.map(({ path }) => unitOf(path)));
  return Object.keys(units).filter((unit) => found.has(unit) && layers[unit] === layer);
}

/** @param {string} unit @param {readonly SourceFile[]} files */
const ownFiles = (unit, files) =>
  // What the build writes is there or not.
  files.filter(({ path }) => unitOf(path) === unit && !path.endsWith("/inlined.ts"));

/** @param {string} unit @param {readonly SourceFile[]} files */
const countOf = (unit, files) => ownFiles(unit, files).length;

/** @param {Box} box @param {string} fill */
const frame = ({ x, y, width }, fill) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${BOX.height}" rx="6" fill="${fill}" stroke="${INK}"/>`;

/** @param {string} name */
const shown = (name) => (name.endsWith(".ts") ? name : `${name}/`);

/**
 * An arrow from box to box: sideways within a layer, else from the bottom of the one to the top of the other.
 *
 * @param {Box} from
 * @param {Box} to
 */
function arrow(from, to) {
  if (from.y === to.y) {
    const side = from.x < to.x ? 1 : -1;
    const y = from.y + BOX.height / 2;
    const [start, end] = side > 0 ? [from.x + from.width, to.x] : [from.x, to.x + to.width];
    return path(`M ${start} ${y} L ${end - side * 7} ${y}`);
  }
  const x = from.x + from.width / 2;
  const y = from.y + BOX.height;
  // A bar is entered where the arrow comes from; a box in its middle, a little towards the side of the other.
  const isBar = to.width > BOX.width;
  const middle = to.x + to.width / 2;
  const end = isBar ? x : middle + Math.max(-40, Math.min(40, (x - middle) / 8));
  const bend = (to.y - y) / 2;
  return path(
    `M ${fixed(x)} ${y} C ${fixed(x)} ${y + bend} ${fixed(end)} ${to.y - bend} ${fixed(end)} ${to.y - 7}`,
  );
}

/** @param {string} line */
const path = (line) =>
  `<path d="${line}" fill="none" stroke="${FAINT}" stroke-width="1.4" marker-end="url(#head)"/>`;

/**
 * The picture as SVG.
 *
 * @param {readonly SourceFile[]} files All of src/.
 */
export function drawLayers(files) {
  /** @type {Map<string, Box>} */
  const boxes = new Map();
  const parts = [];
  for (const [index, { layer, name, bar }] of rows.entries()) {
    const y = TOP + index * ROW;
    parts.push(
      text(20, y + 22, `${layer}`, { size: 20, colour: FAINT, weight: 600 }),
      text(40, y + 21, name, { size: 12, colour: FAINT }),
    );
    const found = unitsOf(files, layer);
    if (bar === true) {
      const box = { x: LEFT, y, width: BAR_WIDTH };
      for (const unit of found) boxes.set(unit, box);
      const [first] = found;
      const isFolder = found.length === 1 && first !== undefined;
      const title = isFolder ? `${shown(first)} · ${countOf(first, files)} files` : found.join(" · ");
      const below = isFolder ? units[first].holds : "imported by every layer, so without arrows";
      parts.push(
        frame(box, "#f6f8fa"),
        text(LEFT + BAR_WIDTH / 2, y + 22, title, { anchor: "middle", weight: 600, size: 13 }),
        text(LEFT + BAR_WIDTH / 2, y + 39, below, { anchor: "middle", colour: FAINT, size: 11 }),
      );
      continue;
    }
    for (const unit of found) {
      const box = { x: LEFT + units[unit].column * COLUMN, y, width: BOX.width };
      boxes.set(unit, box);
      const count = countOf(unit, files);
      parts.push(
        frame(box, "#ddf4ff"),
        text(box.x + box.width / 2, y + 22, shown(unit), { anchor: "middle", weight: 600, size: 14 }),
        text(box.x + box.width / 2, y + 39, count === 1 ? "a file" : `${count} files`, {
          anchor: "middle",
          colour: FAINT,
          size: 11,
        }),
      );
    }
  }
  const arrows = arrowsOf(files).map(([from, to]) =>
    arrow(/** @type {Box} */ (boxes.get(from)), /** @type {Box} */ (boxes.get(to))),
  );
  const head = `<defs><marker id="head" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M 0 0 L 10 5 L 0 10 z" fill="${FAINT}"/></marker></defs>`;
  const height = TOP + rows.length * ROW - 12;
  const title = "An arrow says: imports. What follows from other arrows is left out.";
  // Arrows first: a box covers what would cross it.
  return card(WIDTH, height, title, [head, ...arrows, ...parts]);
}

/**
 * The folders as rows of a table: layer, folder, what it holds, how many files.
 *
 * @param {readonly SourceFile[]} files All of src/.
 */
export function folderRows(files) {
  return rows.flatMap(({ layer }) =>
    unitsOf(files, layer).map((unit) => [
      `${layer}`,
      `\`${shown(unit)}\``,
      units[unit].holds,
      `${countOf(unit, files)}`,
    ]),
  );
}
