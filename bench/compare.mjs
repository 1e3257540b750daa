/**
 * What became slower or larger between two files of results. Two runs meet different machines, or one machine under different
 * loads: a cell's time is compared beside those of its peers, which a change of the machine moves alike.
 */
import { percentile } from "./interleave.mjs";

/** Less than this is noise whatever the rounds say: placement of code and memory alone moves times by as much. */
const LEAST_NOISE = 0.05;
/** Of the peers' differences from their median: one or two of ten that had bad luck do not hide what is slower. */
const DISAGREEMENT = 0.75;
/** Frames are the same bytes on every machine; one byte more of a short one is no news. */
const LARGER = 0.005;

/**
 * @typedef {import("./results.mjs").Results} Results
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
  /** @type {Worse[]} */
  const worse = [];
  let compared = 0;
  for (const cell of now.cells) {
    const name = `${cell.value}, ${cell.operation}, level ${cell.level}`;
    const same = old.cells.find(
      ({ value, operation, level }) =>
        value === cell.value && operation === cell.operation && level === cell.level,
    );
    if (same === undefined || different.includes(cell.value)) continue;
    const peers = Object.entries(cell.sides).flatMap(([side, { us }]) => {
      const other = same.sides[side];
      return side.startsWith("zstash") || other === undefined ? [] : [us[0] / other.us[0]];
    });
    const machine = peers.length === 0 ? 1 : percentile(peers, 0.5);
    const disagreement = peers.map((peer) => Math.abs(peer / machine - 1));
    for (const [side, summary] of Object.entries(cell.sides)) {
      const earlier = same.sides[side];
      if (!side.startsWith("zstash") || earlier === undefined) continue;
      compared++;
      const [a, b] = [earlier.us[0] * machine, summary.us[0]];
      const change = b / a - 1;
      const noise = Math.max(
        LEAST_NOISE,
        spread(earlier),
        spread(summary),
        disagreement.length === 0 ? 0 : percentile(disagreement, DISAGREEMENT),
      );
      if (change > noise)
        worse.push({ what: "slower", cell: name, side, before: a, after: b, change, noise });
      if (earlier.bytes === undefined || summary.bytes === undefined) continue;
      const growth = summary.bytes / earlier.bytes - 1;
      if (growth > LARGER)
        worse.push({
          what: "larger",
          cell: name,
          side,
          before: earlier.bytes,
          after: summary.bytes,
          change: growth,
          noise: LARGER,
        });
    }
  }
  return { worse: worse.sort((a, b) => b.change - a.change), compared, different };
}

/**
 * @param {ReturnType<typeof compareResults>} comparison
 * @returns {string}
 */
export function comparisonText({ worse, compared, different }) {
  const share = (/** @type {number} */ number) => `${(number * 100).toFixed(1)} %`;
  const lines = worse.map(({ what, cell, side, before, after, change, noise }) => {
    const unit = what === "slower" ? "µs" : "bytes";
    const figure = (/** @type {number} */ number) => (what === "slower" ? number.toFixed(1) : `${number}`);
    return `${cell}: ${side} is ${share(change)} ${what}, ${figure(before)} → ${figure(after)} ${unit} (noise ${share(noise)})`;
  });
  if (different.length > 0) lines.push(`Not the same bytes, not compared: ${different.join(", ")}`);
  const verdict =
    worse.length === 0
      ? "nothing is slower or larger by more than the noise"
      : `${worse.length} worse by more than the noise`;
  return [...lines, `${compared} times compared: ${verdict}`].join("\n");
}
