/**
 * What became slower or larger between two files of results. Two runs meet different machines, or one machine under different
 * loads: a cell's time is compared beside those of its peers, which a change of the machine moves alike.
 */
import { deviation, percentile } from "./interleave.mjs";

/** Less than this is noise whatever the rounds say: placement of code and memory alone moves times by as much. */
const LEAST_NOISE = 0.05;
/** Of the peers' differences from their median: one or two of ten that had bad luck do not hide what is slower. */
const DISAGREEMENT = 0.75;
/** Of those between cells: what three deviations hold is no news. */
const DEVIATIONS = 3;
/** Frames are the same bytes on every machine; one byte more of a short one is no news. */
const LARGER = 0.005;

/**
 * @typedef {import("./results.mjs").Results} Results
 * @typedef {import("./results.mjs").Cell} Cell
 * @typedef {import("./against/measure.mjs").Summary} Summary
 *
 * `change` and `noise` are shares: 0.2 is a fifth slower.
 *
 * @typedef {{ what: "slower" | "larger", cell: string, side: string, before: number, after: number, change: number, noise: number }} Worse
 */

/** How far the middle of the rounds lies above the least. @param {Summary} summary */
const spread = ({ us: [least, median] }) => median / least - 1;

/**
 * @param {Results} before
 * @param {Results} after
 * @returns {{ worse: readonly Worse[], compared: number, different: readonly string[] }} `different`: values that are not the same
 * bytes in both files, which are not compared
 */
export function compareResults(before, after) {
  const [old, now] = [before.against, after.against];
  if (old === undefined || now === undefined)
    throw new Error("Cannot compare: a file has no run against the peers");
  const hashes = new Map(old.values.map(({ name, sha256 }) => [name, sha256]));
  const different = now.values
    .filter(({ name, sha256 }) => hashes.get(name) !== sha256)
    .map(({ name }) => name);
  /** @type {(Worse & { bytes: readonly [number | undefined, number | undefined] })[]} */
  const pairs = [];
  for (const cell of now.cells) {
    const same = old.cells.find(
      ({ value, operation, level }) =>
        value === cell.value && operation === cell.operation && level === cell.level,
    );
    if (same !== undefined && !different.includes(cell.value)) pairs.push(...compareCells(same, cell));
  }
  const between = deviation(pairs.map(({ change }) => change));
  /** @type {Worse[]} */
  const worse = [];
  for (const { bytes, ...pair } of pairs) {
    const noise = Math.max(pair.noise, DEVIATIONS * between);
    if (pair.change > noise) worse.push({ ...pair, noise });
    const [a, b] = bytes;
    if (a === undefined || b === undefined || b / a - 1 <= LARGER) continue;
    worse.push({ ...pair, what: "larger", before: a, after: b, change: b / a - 1, noise: LARGER });
  }
  return { worse: worse.sort((a, b) => b.change - a.change), compared: pairs.length, different };
}

/**
 * What zstash's times became in a cell, beside its peers'.
 *
 * @param {Cell} before
 * @param {Cell} after
 */
function compareCells(before, after) {
  const peers = Object.entries(after.sides).flatMap(([side, { us }]) => {
    const other = before.sides[side];
    return side.startsWith("zstash") || other === undefined ? [] : [us[0] / other.us[0]];
  });
  const machine = peers.length === 0 ? 1 : percentile(peers, 0.5);
  const differences = peers.map((peer) => Math.abs(peer / machine - 1));
  const disagreement = peers.length === 0 ? 0 : percentile(differences, DISAGREEMENT);
  return Object.entries(after.sides).flatMap(([side, summary]) => {
    const earlier = before.sides[side];
    if (!side.startsWith("zstash") || earlier === undefined) return [];
    const [a, b] = [earlier.us[0] * machine, summary.us[0]];
    // The medians of the rounds' ratios must say so too: the least time of a cell may be bad luck, and so may they.
    const ratios = Object.entries(after.sides).flatMap(([peer, { ratio }]) => {
      const other = before.sides[peer]?.ratio;
      const isOfBun = peer === "Bun.zstd";
      return ratio === undefined || other === undefined || isOfBun !== (side === "zstash on Bun")
        ? []
        : [ratio[1] / other[1]];
    });
    const paired = ratios.length === 0 ? Infinity : percentile(ratios, 0.5) - 1;
    return [
      {
        what: /** @type {const} */ ("slower"),
        cell: `${after.value}, ${after.operation}, level ${after.level}`,
        side,
        before: a,
        after: b,
        change: Math.min(b / a - 1, paired),
        noise: Math.max(LEAST_NOISE, spread(earlier), spread(summary), disagreement),
        bytes: /** @type {const} */ ([earlier.bytes, summary.bytes]),
      },
    ];
  });
}

/** Columns of a terminal. */
const WIDTH = 80;

/** A line in lines of a terminal's width, those after the first indented. @param {string} line */
function wrapped(line) {
  const lines = [""];
  for (const word of line.split(" ")) {
    const last = lines[lines.length - 1];
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join("\n");
}

/** @param {number} number */
const share = (number) => (Number.isFinite(number) ? `${(number * 100).toFixed(1)} %` : "from nothing");

/**
 * What became worse, a line each, no wider than a terminal.
 *
 * @param {ReturnType<typeof compareResults> | undefined} comparison undefined where one of the files has no run against the peers
 * @param {ReturnType<typeof import("./measures.mjs").compareMeasures>} [measures]
 * @returns {string}
 */
export function comparisonText(comparison, measures) {
  const verdict = (/** @type {number} */ number) =>
    number === 0
      ? "nothing is slower or larger by more than the noise"
      : `${number} worse by more than the noise`;
  const lines = [];
  if (comparison === undefined)
    lines.push("In one of the files alone, not compared: the run against the peers");
  else {
    const { worse, compared, different } = comparison;
    for (const { what, cell, side, before, after, change, noise } of worse) {
      const unit = what === "slower" ? "µs" : "bytes";
      const figure = (/** @type {number} */ number) => (what === "slower" ? number.toFixed(1) : `${number}`);
      lines.push(
        `${cell}: ${side} is ${share(change)} ${what}, ${figure(before)} → ${figure(after)} ${unit} (noise ${share(noise)})`,
      );
    }
    if (different.length > 0) lines.push(`Not the same bytes, not compared: ${different.join(", ")}`);
    lines.push(`${compared} times compared: ${verdict(worse.length)}`);
  }
  if (measures === undefined) return lines.map(wrapped).join("\n");
  const figure = (/** @type {number} */ number) =>
    Number.isInteger(number) ? number.toLocaleString("en") : number.toPrecision(3);
  for (const { section, name, before, after, change, noise } of measures.worse)
    lines.push(
      `${section}: ${name}: ${share(change)} more, ${figure(before)} → ${figure(after)} (noise ${share(noise)})`,
    );
  if (measures.sections.length > 0)
    lines.push(
      `${measures.compared} ratios and sizes compared of ${measures.sections.join(", ")}: ${verdict(measures.worse.length)}`,
    );
  if (measures.missing.length > 0)
    lines.push(`In one of the files alone, not compared: ${measures.missing.join(", ")}`);
  return lines.map(wrapped).join("\n");
}
