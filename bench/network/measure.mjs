/** Measures sides in turn: time, bytes and packets on the wire, requests. */
import { percentile } from "../interleave.mjs";

/**
 * Runs the sides in turn, round by round and each round in another order, so that what else the machine does hits all
 * of them alike; notes time, wire and requests of every run.
 *
 * A round that would begin after `budget` ms is not begun, but `least` rounds are. A side whose first run took longer
 * than `patience` ms runs once.
 *
 * @param {Record<string, Side>} sides What a side returns as `firstMs` is kept; `prepare` is not measured.
 * @param {{ link: ReturnType<typeof import("./lab.mjs").openLink>, requests: () => number }} meters
 * @param {TurnOptions} options
 * @returns {Promise<Record<string, Summary>>}
 */
export async function inTurn(
  sides,
  { link, requests },
  { least = 3, most = 15, budget = 4_000, patience = Infinity } = {},
) {
  const names = Object.keys(sides);
  /** @type {Record<string, Run[]>} */
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < most; round++) {
    if (round >= least && performance.now() - start > budget) break;
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length];
      if (runs[name].length > 0 && runs[name][0].ms > patience) continue;
      const side = sides[name];
      const { prepare, run } = typeof side === "function" ? { run: side } : side;
      await prepare?.();
      const [wire, sent] = [await link.stats(), requests()];
      const begin = performance.now();
      const result = /** @type {{ firstMs?: number } | undefined} */ (await run());
      const ms = performance.now() - begin;
      const after = await link.stats();
      runs[name].push({
        ms,
        firstMs: result?.firstMs,
        requests: requests() - sent,
        upBytes: after.upBytes - wire.upBytes,
        downBytes: after.downBytes - wire.downBytes,
        upPackets: after.upPackets - wire.upPackets,
        downPackets: after.downPackets - wire.downPackets,
      });
    }
  }
  return Object.fromEntries(names.map((name) => [name, summary(runs[name])]));
}

/**
 * @typedef {{ least?: number, most?: number, budget?: number, patience?: number }} TurnOptions
 * @typedef {(() => Promise<unknown>) | { prepare?: () => Promise<unknown>, run: () => Promise<unknown> }} Side
 * @typedef {{ ms: number, firstMs: number | undefined, requests: number, upBytes: number, downBytes: number, upPackets: number, downPackets: number }} Run
 * @typedef {{ n: number, ms: Spread, firstMs?: Spread | undefined, requests: number, upBytes: number, downBytes: number, upPackets: number, downPackets: number }} Summary
 * Medians of bytes, packets and requests.
 * @typedef {{ min: number, p10: number, p50: number, p90: number }} Spread
 */

/**
 * @param {Run[]} runs
 * @returns {Summary}
 */
function summary(runs) {
  /** @param {Exclude<keyof Run, "firstMs">} field */
  const median = (field) =>
    percentile(
      runs.map((run) => run[field]),
      0.5,
    );
  const first = runs.map(({ firstMs }) => firstMs).filter((ms) => ms !== undefined);
  return {
    n: runs.length,
    ms: spread(runs.map(({ ms }) => ms)),
    firstMs: first.length > 0 ? spread(first) : undefined,
    requests: median("requests"),
    upBytes: median("upBytes"),
    downBytes: median("downBytes"),
    upPackets: median("upPackets"),
    downPackets: median("downPackets"),
  };
}

/**
 * Milliseconds to a tenth.
 *
 * @param {readonly number[]} samples
 * @returns {Spread}
 */
function spread(samples) {
  /** @param {number} ms */
  const round = (ms) => Math.round(ms * 10) / 10;
  return {
    min: round(Math.min(...samples)),
    p10: round(percentile(samples, 0.1)),
    p50: round(percentile(samples, 0.5)),
    p90: round(percentile(samples, 0.9)),
  };
}
