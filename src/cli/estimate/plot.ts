/** Draws the estimate as an SVG for light and dark: the bytes of each prefix now and afterwards. */
import { bytes, printable } from "../text.ts";
import { WAYS, type Estimate, type Row } from "./estimate.ts";

const WIDTH = 760;
const LABELS = 170;
const VALUES = 90;
const BAR = 14;
const GAP = 3;
const GROUP: number = 4 * (BAR + GAP) + 18;
const TOP = 64;

const STYLE =
  ":root{--text:#1f2328;--faint:#59636e;--back:#fff;--now:#8c959f;--plain:#54aeff;--raw:#0969da;--dictionary:#1a7f37}" +
  "@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--faint:#9198a1;--back:#0d1117;--now:#6e7681;" +
  "--plain:#79c0ff;--raw:#1f6feb;--dictionary:#3fb950}}" +
  "text{font:12px system-ui,sans-serif;fill:var(--text)}.faint{fill:var(--faint)}.title{font-size:15px;font-weight:600}" +
  ".back{fill:var(--back)}.now{fill:var(--now)}.text{fill:var(--plain)}.raw{fill:var(--raw)}.dictionary{fill:var(--dictionary)}" +
  ".reach{stroke:var(--text);stroke-width:1.5}";

const KINDS = ["now", ...WAYS] as const;

/** The picture of an estimate. */
export function plotEstimate({ rows, total, keys }: Estimate): string {
  const all = rows.length > 1 ? [...rows, total] : [total];
  const most = Math.max(1, ...rows.flatMap((row) => intervalsOf(row).map(({ high }) => high)));
  // The total has a scale of its own, or it would make all other bars short.
  const mostOfAll = Math.max(1, ...intervalsOf(total).map(({ high }) => high));
  const height = TOP + all.length * GROUP + 12;
  const groups = all.map((row, index) => group(row, TOP + index * GROUP, row === total ? mostOfAll : most));
  const legend = KINDS.map(
    (kind, index) =>
      `<rect class="${kind}" x="${LABELS + index * 110}" y="36" width="12" height="12"/>` +
      `<text x="${LABELS + 17 + index * 110}" y="46">${kind}</text>`,
  );
  const title = `Bytes of ${keys} keys now and with zstash`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="12" y="22">${title}</text>`,
    ...legend,
    ...groups,
    "</svg>",
    "",
  ].join("\n");
}

const intervalsOf = (row: Row): Row["now"][] => [row.now, ...WAYS.map((way) => row.after[way])];

function group(row: Row, top: number, most: number): string {
  const width = WIDTH - LABELS - VALUES;
  const at = (value: number): number => LABELS + Math.round((value / most) * width * 10) / 10;
  const bars = intervalsOf(row).map(({ estimate, low, high }, index) => {
    const y = top + index * (BAR + GAP);
    const middle = y + BAR / 2;
    const reach =
      high - low > most / 500
        ? `<line class="reach" x1="${at(low)}" y1="${middle}" x2="${at(high)}" y2="${middle}"/>`
        : "";
    return (
      `<rect class="${KINDS[index]}" x="${LABELS}" y="${y}" width="${Math.max(1, at(estimate) - LABELS)}" height="${BAR}"/>` +
      reach +
      `<text class="faint" x="${Math.max(at(estimate), at(high)) + 6}" y="${y + 11}">${bytes(Math.round(estimate))}</text>`
    );
  });
  const name = row.prefix.length > 24 ? `${row.prefix.slice(0, 23)}…` : row.prefix;
  return (
    `<text x="${LABELS - 10}" y="${top + 12}" text-anchor="end">${escaped(name)}</text>` +
    `<text class="faint" x="${LABELS - 10}" y="${top + 29}" text-anchor="end">${row.values} values</text>` +
    bars.join("")
  );
}

const MARKS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Escapes a text for XML. */
function escaped(text: string): string {
  return printable(text).replace(/[&<>"]/g, (one) => MARKS[one]!);
}
