/** Plain-text tables, as wide as their cells. */

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @returns {string} The first column is left-aligned, the others right-aligned.
 */
export function table(head, rows) {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  /** @param {readonly string[]} cells */
  const line = (cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/**
 * A count with thousands separated.
 *
 * @param {number} number
 */
export const count = (number) => number.toLocaleString("en-US");

/**
 * Bytes with three digits that count, in powers of 1000 as Redis bills them.
 *
 * @param {number} number
 */
export function bytes(number) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  let size = number;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}

/** The mark of a cell in which the client without compression is the better one. */
export const LOST = " !";

/**
 * A cell, with the mark or with as much room.
 *
 * @param {string} text
 * @param {boolean} lost
 */
export const marked = (text, lost) => `${text}${lost ? LOST : " ".repeat(LOST.length)}`;
