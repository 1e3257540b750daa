/** What zstd's functions do, by their names: the groups that flame graphs are coloured and tables are made by. */

/** In the order of tables and legends; the last takes what no other does. */
export const GROUPS = /** @type {const} */ ([
  "finding matches",
  "statistics and tables",
  "writing bits",
  "table reduction",
  "checksum",
  "JavaScript, copies in and out",
  "other",
]);
/** @typedef {(typeof GROUPS)[number]} Group */

/** What all functions of JavaScript are called in a tree. */
export const JAVASCRIPT = "zstd.compress in JavaScript";

/** @type {readonly (readonly [Group, RegExp])[]} */
const patterns = [
  ["table reduction", /^ZSTD_reduce(Table|Index)/],
  ["checksum", /XXH/],
  [
    "statistics and tables",
    /^(HIST_|FSE_|HUF_(build|write|optimal|sort|set|validate|estimate|minTable)|ZSTD_build(CTable|SequencesStatistics)|ZSTD_(selectEncodingType|crossEntropy|entropyCost|fseBitCost))/,
  ],
  ["writing bits", /^(HUF_compress|HUF_encode|ZSTD_encodeSequences|ZSTD_entropyCompress)/],
  [
    "finding matches",
    /^ZSTD_(compressBlock|buildSeqStore|insert|bt|Bt|DUBT|Row|row|HcFind|search|opt|litLength|rawLiteralsCost|rescale|updateStats|updateTree|setBasePrices|initStats|safecopyLiterals|safecopy|count|fill|update)/,
  ],
  ["JavaScript, copies in and out", /^zstd\.compress/],
];

/** @param {string} name @returns {Group} */
export const groupOf = (name) => patterns.find(([, pattern]) => pattern.test(name))?.[0] ?? "other";

/**
 * The stack as trees and tables show it: JavaScript's functions are one, and what V8 or the linker has put between or behind names
 * is gone.
 *
 * @param {readonly import("./record.mjs").Frame[]} frames
 * @returns {string[] | undefined} undefined where the codec is not in it
 */
export function namesOf(frames) {
  const first = frames.findIndex(({ url }) => url.includes("/dist/"));
  if (first < 0) return undefined;
  const names = frames
    .filter(({ url }, index) => url.startsWith("wasm:") && index > first)
    .map(({ functionName }) => functionName.replace(/\.\d+$/, ""))
    // The module's own door to ZSTD_compressStream2, which V8 shows where it has not inlined it.
    .filter((name) => !name.startsWith("js-to-wasm") && name !== "zstash_compress");
  return [JAVASCRIPT, ...names];
}
