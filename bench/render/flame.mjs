/** Flame graphs of what zstd does at a level, for light and for dark pages: width is time, what is above was called by what is below. */
import { placesOf } from "../profile/tree.mjs";
import { groupOf, GROUPS } from "../profile/zstd-functions.mjs";
import { escape, fixed, text } from "../svg.mjs";
import { THEMES } from "./plot.mjs";

const WIDTH = 960;
const [MARGIN, ROW] = [16, 19];
const HEAD = 78;
/** Pixels of a letter of the labels, the widest of common fonts. */
const LETTER = 6.9;

/** A colour for each group, and what is written on it. */
const COLOURS = {
  light: ["#ffb77c", "#a8d5ff", "#b4e8bd", "#ff9a94", "#e2c5ff", "#d5dbe1", "#ece3bd"],
  dark: ["#9a4a10", "#1f5694", "#23672f", "#9e2f2a", "#6a3fa8", "#4a535d", "#6b5a18"],
};

/**
 * @param {readonly import("../profile/tree.mjs").Line[]} tree
 * @param {string} title
 * @param {"light" | "dark"} theme
 */
export function flameGraph(tree, title, theme) {
  const { page, ink, faint } = THEMES[theme];
  const places = placesOf(tree);
  const all = places.filter(({ depth }) => depth === 0).reduce((sum, { total }) => sum + total, 0);
  const rows = Math.max(...places.map(({ depth }) => depth)) + 1;
  const bottom = HEAD + rows * ROW;
  const height = bottom + MARGIN;
  const scale = (WIDTH - 2 * MARGIN) / all;
  const colourOf = (/** @type {import("../profile/zstd-functions.mjs").Group} */ group) =>
    COLOURS[theme][GROUPS.indexOf(group)];

  const boxes = places.flatMap(({ depth, name, self, start, total }) => {
    const width = total * scale;
    if (width < 1) return [];
    const [x, y] = [MARGIN + start * scale, bottom - (depth + 1) * ROW];
    const letters = Math.floor((width - 8) / LETTER);
    const label = name.length <= letters ? name : letters < 6 ? "" : `${name.slice(0, letters - 1)}…`;
    const share = (/** @type {number} */ us) => `${((us / all) * 100).toFixed(1)} %`;
    const box = `<rect x="${fixed(x)}" y="${y}" width="${fixed(Math.max(0.5, width - 0.5))}" height="${ROW - 1}" rx="2" fill="${colourOf(groupOf(name))}"/>`;
    return [
      `<g><title>${escape(`${name}: ${share(total)}, itself ${share(self)}`)}</title>${box}${label === "" ? "" : text(x + 4, y + 13, label, { size: 11, colour: ink })}</g>`,
    ];
  });
  const shown = GROUPS.filter((group) => places.some(({ name }) => groupOf(name) === group));
  let x = MARGIN;
  const legend = shown.map((group) => {
    const part = `<rect x="${fixed(x)}" y="48" width="12" height="12" rx="2" fill="${colourOf(group)}"/>${text(x + 18, 58, group, { size: 11, colour: faint })}`;
    x += 18 + group.length * LETTER + 14;
    return part;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>${escape(title)}</title>
<rect width="${WIDTH}" height="${height}" rx="8" fill="${page}"/>
${[text(MARGIN, 28, title, { size: 15, weight: 600, colour: ink }), ...legend, ...boxes].join("\n")}
</svg>
`;
}
