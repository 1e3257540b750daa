/** Texts of characters of chosen widths, for tests of what encodes and decodes them. */

/** A text by the widths of its characters in UTF-8, different at each place. */
export function textOf(widths: readonly number[], length: number): string {
  let text = "";
  for (let at = 0; text.length < length; at++) {
    const width = widths[at % widths.length]!;
    const first = [0x20, 0xa0, 0x900, 0x1f300][width - 1]!;
    text += String.fromCodePoint(first + ((at * 7) % 90));
  }
  return text.slice(0, length);
}

export const shapes: readonly (readonly number[])[] = [
  [1],
  [2],
  [3],
  [4],
  [1, 2],
  [1, 1, 1, 3],
  [1, 2, 3, 4],
  [2, 3, 3, 1, 2],
  [3, 4],
  [4, 1],
];
