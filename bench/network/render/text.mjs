/** Numbers and tables for Markdown. */

/**
 * Three digits that matter, and no thousandths of milliseconds.
 *
 * @param {number | undefined} value
 */
export function ms(value) {
  if (value === undefined) return "–";
  return value < 100 ? value.toFixed(1) : value.toLocaleString("en", { maximumFractionDigits: 0 });
}

/**
 * The median, and in brackets from the least to the 90th percentile.
 *
 * @param {Omit<import("../measure.mjs").Spread, "p10">} spread
 */
export function spread({ min, p50, p90 }) {
  return `${ms(p50)} (${ms(min)}–${ms(p90)})`;
}

/** @param {number} ratio */
export const times = (ratio) => `×${ratio.toFixed(ratio < 10 ? 2 : 0)}`;

/** @param {number} value */
export const count = (value) => value.toLocaleString("en");

/** @param {number} share */
export const percent = (share) =>
  `${share >= 0 ? "+" : "−"}${(Math.abs(share) * 100).toFixed(Math.abs(share) < 0.02 ? 2 : 1)} %`;

/**
 * `12 KiB`, `10 MiB`: JSON cut at so many characters may have a few bytes more.
 *
 * @param {number} bytes
 */
export function sizeName(bytes) {
  const [unit, name] =
    bytes >= 1 << 20 ? /** @type {const} */ ([1 << 20, "MiB"]) : /** @type {const} */ ([1024, "KiB"]);
  return `${Number((bytes / unit).toFixed(1))} ${name}`;
}

/**
 * `100 Mbit, 20 ms, 1 % loss`.
 *
 * @param {{ mbit: number, rtt: number, loss?: number }} link
 */
export function linkName({ mbit, rtt, loss = 0 }) {
  const rate = mbit >= 1000 ? `${mbit / 1000} Gbit` : `${mbit} Mbit`;
  return `${rate}, ${rtt} ms${loss > 0 ? `, ${loss} % loss` : ""}`;
}

/**
 * A Markdown table; the first column is text, the others are numbers.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  /** @param {readonly string[]} cells */
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join(
    "\n",
  );
}
