/** What a request for every frame of packet size costs, against one request for all of them. */
import { loadZstd } from "zstash";
import { jsonOfSize } from "../../json-of-size.mjs";
import { get, post } from "../rest.mjs";

/** Bytes of a frame: one segment on most paths. */
const FRAME = 1300;
const PARALLEL = 6;

/**
 * Runs the works, at most `limit` at a time.
 *
 * @param {readonly (() => Promise<unknown>)[]} works
 * @param {number} limit
 */
async function all(works, limit) {
  const queue = works.values();
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const work of queue) await work();
    }),
  );
}

/**
 * @param {string} text
 * @param {number} maxFrameSize
 */
async function framesOf(text, maxFrameSize) {
  const zstd = await loadZstd();
  const frames = [];
  for await (const frame of new Blob([text]).stream().pipeThrough(zstd.compressFrames({ maxFrameSize }))) {
    frames.push(frame);
  }
  return frames;
}

/**
 * The negative control: a request for every packet-sized frame against one request for all of them.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const perFrame = {
  name: "per-frame",
  title: "One request a packet",
  lab: "direct",
  async run({ quick, warm, token, setLink, inTurn, progress }) {
    const frames = await framesOf(jsonOfSize(quick ? 64 << 10 : 1 << 20), FRAME);
    const whole = new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (frames)).arrayBuffer());
    const links = quick
      ? [{ mbit: 100, rtt: 20 }]
      : [
          { mbit: 1000, rtt: 1 },
          { mbit: 100, rtt: 20 },
          { mbit: 100, rtt: 20, loss: 1 },
        ];
    const [one, sequence, parallel] = warm.map((url) => ({ url, token }));
    const cells = [];
    for (const [index, link] of links.entries()) {
      progress(index, links.length, `${link.mbit} Mbit, ${link.rtt} ms, ${link.loss ?? 0} % loss`);
      await setLink(link);
      for (const where of [one, sequence, parallel]) await post(where, ["set", "small"], "x");
      /** @param {{ url: string, token: string }} where */
      const put = (where) => frames.map((frame, at) => () => post(where, ["set", `frame:${at}`], frame));
      /** @param {{ url: string, token: string }} where */
      const take = (where) => frames.map((_, at) => () => get(where, `frame:${at}`));
      const sides = {
        "put: one request": () => post(one, ["set", "whole"], whole),
        "put: one a frame, in sequence": () => all(put(sequence), 1),
        [`put: one a frame, ${PARALLEL} at a time`]: () => all(put(parallel), PARALLEL),
        "get: one request": () => get(one, "whole"),
        "get: one a frame, in sequence": () => all(take(sequence), 1),
        [`get: one a frame, ${PARALLEL} at a time`]: () => all(take(parallel), PARALLEL),
      };
      const options = quick ? { least: 1, most: 1 } : { least: 3, most: 5, budget: 10_000, patience: 5_000 };
      cells.push({ ...link, sides: await inTurn(sides, options) });
    }
    return { frames: frames.length, bytes: whole.length, cells };
  },
};
