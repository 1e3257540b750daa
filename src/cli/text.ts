/** Text for terminals: wrapping and cutting at a width, tables, sizes, and strings of users that cannot act on a terminal. */

/** Characters that terminals draw two columns wide: East Asian scripts and emoji. */
const WIDE: RegExp =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
/** Marks that are drawn over the preceding character. */
const COMBINING: RegExp = /^\p{M}$/u;
/** Characters that control a terminal, or hide or reorder text: controls, formats, line separators, lone surrogates. */
const UNSAFE: RegExp = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** The columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Cuts a text at `columns`, with an ellipsis at its end if it was longer. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let [kept, width] = ["", 0];
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Breaks a text at spaces into lines of at most `columns`; a longer word stands alone. Existing line breaks stay. */
export function wrap(text: string, columns: number): string {
  return text
    .split("\n")
    .map((line) => wrapLine(line, columns))
    .join("\n");
}

function wrapLine(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (current !== "" && widthOf(longer) > columns) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current].join("\n");
}

/** Escapes every character that would control a terminal. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (one) => {
    const escaped = JSON.stringify(one).slice(1, -1);
    return escaped === one ? `\\u{${one.codePointAt(0)!.toString(16)}}` : escaped;
  });
}

/** Writes a number of bytes in at most ten columns: "512 B", "1.5 KiB". */
export function bytes(size: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let [value, unit] = [size, 0];
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A number with its noun, in the plural unless the number is one. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Aligns the columns of rows, indented by two spaces. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column]!))));
  return rows
    .map((row) => `  ${row.map((cell, column) => pad(cell, widths[column]!)).join("  ")}`.trimEnd())
    .join("\n");
}

function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}
