/** JSON of any length, as benchmarks store it. */
import { dataSets } from "./corpus.mjs";

/** Characters below which the corpus has few documents or none. */
const SHORT = 1024;

/**
 * Real JSON text of the corpus, documents of many sets in turn, cut at `size` characters.
 *
 * @param {number} size
 */
export function jsonOfSize(size) {
  const lists = dataSets
    .filter(({ kind }) => kind === "json")
    .map(({ values }) =>
      values.filter(({ text }) => text !== undefined && text.length < Math.max(SHORT, size * 2)),
    );
  const parts = [];
  let length = 1;
  for (let index = 0; length < size; index++) {
    for (const list of lists) {
      const text = list[index % Math.max(1, list.length)]?.text;
      if (text === undefined) continue;
      parts.push(text);
      length += text.length + 1;
      if (length >= size) break;
    }
  }
  return `[${parts.join(",")}`.slice(0, size);
}
