/**
 * Pictures as SVG text, written by hand. Each brings its own light card, so that it can be read on any page: the media
 * query for dark pages asks the system, not the page.
 */

export const INK = "#1f2328";
export const FAINT = "#59636e";
export const RULE = "#d1d9e0";
const FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\"";

/** @param {string | number} text */
export const escape = (text) =>
  `${text}`.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
/** @param {number} number */
export const fixed = (number) => `${Math.round(number * 10) / 10}`;

/**
 * @param {number} x
 * @param {number} y
 * @param {string | number} content
 * @param {{ size?: number, anchor?: string, colour?: string, weight?: number, turn?: number }} style
 */
export function text(
  x,
  y,
  content,
  { size = 12, anchor = "start", colour = INK, weight = 400, turn = 0 } = {},
) {
  const place = turn === 0 ? "" : ` transform="rotate(${turn} ${fixed(x)} ${fixed(y)})"`;
  return `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" text-anchor="${anchor}" fill="${colour}" font-weight="${weight}"${place}>${escape(content)}</text>`;
}

/**
 * @typedef {[x: number, y: number]} Point
 * @param {Point} from
 * @param {Point} to
 */
export const line = ([x1, y1], [x2, y2], colour = RULE, width = 1) =>
  `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${colour}" stroke-width="${width}"/>`;

/**
 * @param {number} width
 * @param {number} height
 * @param {string} title
 * @param {readonly string[]} parts
 */
export function card(width, height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ${FONT}>
<title>${escape(title)}</title>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="${RULE}"/>
${text(20, 28, title, { size: 15, weight: 600 })}
${parts.join("\n")}
</svg>
`;
}
