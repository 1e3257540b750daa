/** Plots of a run against the peers and of the history of sizes, for light and for dark pages. */
import { fixed, line, text } from "../svg.mjs";
import { cellsOf, sidesOf } from "./tables.mjs";

/** @typedef {import("../results.mjs").Against} Against */

/** Page, ink, faint ink, rule, zstash's line, and the peers' in turn. */
export const THEMES = {
  light: {
    page: "#ffffff",
    ink: "#1f2328",
    faint: "#59636e",
    rule: "#d1d9e0",
    own: "#0969da",
    peers: ["#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#57606a", "#0a7d91", "#cf222e"],
  },
  dark: {
    page: "#0d1117",
    ink: "#f0f6fc",
    faint: "#9198a1",
    rule: "#3d444d",
    own: "#4493f8",
    peers: ["#f0883e", "#3fb950", "#ab7df8", "#db61a2", "#d29922", "#9198a1", "#39c5cf", "#f85149"],
  },
};

export const THEME_NAMES = /** @type {const} */ (["light", "dark"]);
const [WIDTH, HEIGHT] = [760, 440];
const AREA = { left: 64, right: 540, top: 56, bottom: 396 };
const LABEL = 16;

/** `64 B`, `16 KB`, `1 MB`. @param {number} size */
function shortSize(size) {
  if (size < 1000) return `${size} B`;
  return size < 1_000_000 ? `${Math.round(size / 1000)} KB` : `${Math.round(size / 1e6)} MB`;
}

/**
 * Lines with their names beside their ends. `x` and `y` place numbers; a point is a pair of such.
 *
 * @param {{
 *   title: string,
 *   lines: readonly { name: string, points: readonly (readonly [x: number, y: number])[] }[],
 *   xTicks: readonly { at: number, label: string }[],
 *   yTicks: readonly number[],
 *   x: (value: number) => number,
 *   y: (value: number) => number,
 *   own?: string,
 * }} plot `own` is the line that is drawn bold
 * @param {(typeof THEME_NAMES)[number]} theme
 */
function linePlot({ title, lines, xTicks, yTicks, x, y, own: ownName }, theme) {
  const { page, ink, faint, rule, own, peers } = THEMES[theme];
  const grid = yTicks.flatMap((value) => [
    line([AREA.left, y(value)], [AREA.right, y(value)], rule),
    text(AREA.left - 8, y(value) + 4, value.toLocaleString("en"), { anchor: "end", colour: faint }),
  ]);
  const ticks = xTicks.map(({ at, label }) =>
    text(x(at), AREA.bottom + 20, label, { anchor: "middle", colour: faint }),
  );
  const coloured = lines.map((one, index) => ({
    ...one,
    colour: one.name === ownName ? own : peers[(index + peers.length - 1) % peers.length],
    dash: index >= peers.length + (ownName === undefined ? 0 : 1) ? ' stroke-dasharray="5 4"' : "",
    end: y(one.points[one.points.length - 1][1]),
  }));
  // Labels stand beside the ends of their lines, moved apart where they would cover one another.
  let free = AREA.top - LABEL;
  const labels = coloured
    .toSorted((a, b) => a.end - b.end)
    .map(({ name, colour, dash, end }) => {
      free = Math.max(end, free + LABEL);
      const sample = `<path d="M${AREA.right + 14} ${fixed(free)}h22" stroke="${colour}" stroke-width="2"${dash}/>`;
      return sample + text(AREA.right + 44, free + 4, name, { colour, weight: name === ownName ? 700 : 400 });
    });
  const curves = coloured.map(({ name, points, colour, dash }) => {
    const path = points.map(([at, value]) => `${fixed(x(at))},${fixed(y(value))}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${name === ownName ? 3.5 : 1.5}"${dash}/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>${title}</title>
<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="${page}"/>
${[text(16, 28, title, { size: 15, weight: 600, colour: ink }), ...grid, ...ticks, ...curves, ...labels].join("\n")}
</svg>
`;
}

/**
 * Megabytes of plain JSON a second at level 1, by the length of the value; both scales are logarithmic.
 *
 * @param {Against} against
 * @param {"compress" | "decompress"} operation
 * @param {(typeof THEME_NAMES)[number]} theme
 */
export function throughputPlot(against, operation, theme) {
  const sizes = new Map(
    against.values.filter(({ corpus }) => corpus === "json").map(({ name, size }) => [name, size]),
  );
  const cells = cellsOf(against, operation, 1).filter(({ value }) => sizes.has(value));
  const lines = sidesOf(cells)
    // Those of keyv have three lengths alone; zstash on Bun is the same code as on Node.
    .filter((name) => !name.startsWith("@keyv") && name !== "zstash on Bun")
    .map((name) => ({
      name,
      points: cells.flatMap(({ value, sides }) => {
        const side = sides[name];
        const size = sizes.get(value) ?? 0;
        return side === undefined ? [] : [/** @type {[number, number]} */ ([size, size / side.us[0]])];
      }),
    }))
    .filter(({ points }) => points.length > 0);
  const rates = lines.flatMap(({ points }) => points.map(([, rate]) => rate));
  const [low, high] = [Math.floor(Math.log10(Math.min(...rates))), Math.ceil(Math.log10(Math.max(...rates)))];
  const [first, last] = [Math.min(...sizes.values()), Math.max(...sizes.values())];
  const x = (/** @type {number} */ size) =>
    AREA.left + ((AREA.right - AREA.left) * Math.log(size / first)) / Math.max(1e-9, Math.log(last / first));
  const y = (/** @type {number} */ rate) =>
    AREA.bottom - ((AREA.bottom - AREA.top) * (Math.log10(rate) - low)) / Math.max(1, high - low);

  return linePlot(
    {
      title: `${operation === "compress" ? "Compressing" : "Decompressing"} JSON at level 1: MB of plain JSON a second, by bytes of the value`,
      lines,
      xTicks: [...sizes.values()].map((size) => ({ at: size, label: shortSize(size) })),
      yTicks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
      x,
      y,
      own: "zstash",
    },
    theme,
  );
}

/**
 * Budgets of what users load, change by change; the scale of bytes is logarithmic.
 *
 * @param {readonly import("../sizes.mjs").SizeChange[]} changes
 * @param {(typeof THEME_NAMES)[number]} theme
 */
export function sizePlot(changes, theme) {
  const names = new Set(changes.flatMap(({ changed }) => Object.keys(changed)));
  const lines = [...names].map((name) => {
    /** @type {[number, number][]} */
    const points = [];
    let bytes = /** @type {number | null | undefined} */ (undefined);
    for (const [index, { changed }] of changes.entries()) {
      const before = bytes;
      if (name in changed) bytes = changed[name];
      // A step: the line stays until the change, then goes up or down.
      if (typeof before === "number" && before !== bytes) points.push([index, before]);
      if (typeof bytes === "number") points.push([index, bytes]);
    }
    if (typeof bytes === "number") points.push([changes.length, bytes]);
    return { name: name.replace(/^zstash, /, "zstash: ").replace(/, .*/, ""), points };
  });
  const values = lines.flatMap(({ points }) => points.map(([, bytes]) => bytes));
  const [low, high] = [Math.log2(Math.min(...values)), Math.log2(Math.max(...values))].map((exponent, end) =>
    end === 0 ? Math.floor(exponent) : Math.ceil(exponent),
  );
  const days = changes.flatMap(({ date }, index) =>
    date === changes[index - 1]?.date ? [] : [{ at: index, label: date.slice(5) }],
  );
  return linePlot(
    {
      title: "Budgets of what loads first, bytes minified and gzipped, by change",
      lines,
      xTicks: days,
      yTicks: Array.from({ length: high - low + 1 }, (_, index) => 2 ** (low + index)),
      x: (index) => AREA.left + ((AREA.right - AREA.left) * index) / changes.length,
      y: (bytes) =>
        AREA.bottom - ((AREA.bottom - AREA.top) * (Math.log2(bytes) - low)) / Math.max(1, high - low),
    },
    theme,
  );
}
