/** CPU profiles by V8's sampling profiler: how long each function was on top, and below whom. */
import { Session } from "node:inspector/promises";

/**
 * A function as V8 names it; its line counts from 0, its URL is empty where it is native code.
 *
 * @typedef {{ functionName: string, url: string, lineNumber: number }} Frame
 *
 * Microseconds that the last frame of a stack was on top; the first is the outermost.
 *
 * @typedef {{ frames: readonly Frame[], us: number }} Stack
 */

/** What V8 calls time in which the process waited. */
const IDLE = "(idle)";

/**
 * The stacks that were seen while `work` ran, without those in which the process was idle.
 *
 * @param {() => unknown} work
 * @param {number} interval microseconds between two samples
 * @returns {Promise<Stack[]>}
 */
export async function recordStacks(work, interval = 200) {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval });
    await session.post("Profiler.start");
    await work();
    const { profile } = await session.post("Profiler.stop");
    return stacksOf(profile).filter(({ frames }) => frames.at(-1)?.functionName !== IDLE);
  } finally {
    session.disconnect();
  }
}

/** @param {import("node:inspector").Profiler.Profile} profile @returns {Stack[]} */
function stacksOf({ nodes, samples = [], timeDeltas = [] }) {
  /** @type {Map<number, number>} */
  const times = new Map();
  // A sample stands for the time up to the next one; the last one's is not known.
  for (let index = 0; index + 1 < samples.length; index++) {
    const id = samples[index];
    times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1]));
  }
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node])));
  return nodes.flatMap((node) => {
    const us = times.get(node.id) ?? 0;
    if (us === 0) return [];
    const frames = [];
    for (let at = /** @type {typeof node | undefined} */ (node); at; at = parents.get(at.id))
      frames.unshift(at.callFrame);
    return [{ frames: frames.slice(1), us }];
  });
}
