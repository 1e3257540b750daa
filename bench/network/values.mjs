/** Cuts the corpus into many values of one length, for pipelines in the network laboratory. */
import { jsonOfSize } from "../json-of-size.mjs";

/**
 * Texts of one length, cut one after the other out of the corpus' JSON.
 *
 * @param {number} count
 * @param {number} size characters of each
 */
export function valuesOf(count, size) {
  const text = jsonOfSize(count * size);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size));
}
