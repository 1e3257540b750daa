/** What paths of different MTU do to single requests of several sizes. */
import { percentile } from "../../interleave.mjs";
import { get, post } from "../rest.mjs";
import { pathKinds, setPath } from "../routes.mjs";

const SIZES = [1000, 1200, 4096, 12_288];
const TIMEOUT_MS = 6_000;
/** Above this a request is not repeated. */
const SLOW_MS = 1_000;

/**
 * Milliseconds, or null for no answer in time.
 *
 * @param {(signal: AbortSignal) => Promise<unknown>} work
 */
async function timed(work) {
  const start = performance.now();
  try {
    await work(AbortSignal.timeout(TIMEOUT_MS));
    return performance.now() - start;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") return null;
    throw error;
  }
}

/**
 * The median of some rounds; null as soon as one has no answer.
 *
 * @param {number} rounds
 * @param {(signal: AbortSignal) => Promise<unknown>} work
 */
async function median(rounds, work) {
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    const ms = await timed(work);
    if (ms === null) return null;
    samples.push(ms);
    if (ms > SLOW_MS) break;
  }
  return Math.round(percentile(samples, 0.5) * 10) / 10;
}

/**
 * Requests on new connections over paths that treat large packets differently.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const paths = {
  name: "paths",
  title: "MTU, MSS and black holes",
  lab: "routed",
  async run({ quick, lab, cold, token, link, progress }) {
    const where = { url: cold, token };
    await link.set({ mbit: 100, rtt: 20 });
    setPath(lab, {});
    for (const size of SIZES) await post(where, ["set", `size:${size}`], new Uint8Array(size).fill(120));
    const kinds = quick ? pathKinds.slice(0, 2) : pathKinds;
    const rows = [];
    for (const [index, kind] of kinds.entries()) {
      progress(index, kinds.length, kind.name);
      setPath(lab, kind);
      /** @type {{ path: string, set: Record<number, number | null>, get: Record<number, number | null> }} */
      const row = { path: kind.name, set: {}, get: {} };
      for (const size of quick ? [1000, 4096] : SIZES) {
        const body = new Uint8Array(size).fill(120);
        const rounds = quick ? 1 : 5;
        row.set[size] = await median(rounds, (signal) =>
          post({ ...where, signal }, ["set", `new:${size}`], body),
        );
        row.get[size] = await median(rounds, (signal) => get({ ...where, signal }, `size:${size}`));
      }
      rows.push(row);
    }
    return { timeoutMs: TIMEOUT_MS, sizes: SIZES, rows };
  },
};
