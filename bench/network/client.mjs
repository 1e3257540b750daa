// Runs one experiment in the client's namespace: told over IPC which and where, it reports progress and the result.
// It ends with its parent.
import { articleExperiments, experiments } from "./experiments.mjs";
import { openLink } from "./lab.mjs";
import { inTurn } from "./measure.mjs";

let requests = 0;
const plainFetch = globalThis.fetch;
// Every client under test goes through the global fetch, so this counts all their requests, retries included.
globalThis.fetch = (...call) => {
  requests += 1;
  return plainFetch(...call);
};

/** @type {(() => void) | undefined} */
let closed;
process.on("SIGINT", () => undefined);
process.once("disconnect", () => process.exit(1));
process.on("message", (message) => {
  const told = /** @type {Job | { closed: true }} */ (message);
  if ("closed" in told) closed?.();
  else void run(told);
});

/** @param {object} message */
const tell = (message) => process.send?.(message);

/**
 * @typedef {import("./experiments.mjs").Context} Context
 * @typedef {Pick<Context, "quick" | "lab"> & { name: string, server: Pick<Context, "warm" | "cold" | "secure" | "token"> }} Job
 *
 * @param {Job} job
 */
async function run({ name, quick, lab, server }) {
  const link = openLink(lab.control);
  try {
    const experiment = [...experiments, ...articleExperiments].find((one) => one.name === name);
    if (experiment === undefined) throw new Error(`there is no experiment ${name}`);
    const result = await experiment.run({
      quick,
      lab,
      link,
      ...server,
      /** Another link, and none of the connections that knew the last one. */
      async setLink(settings) {
        await link.set({});
        /** @type {Promise<void>} */
        const done = new Promise((resolve) => {
          closed = resolve;
        });
        tell({ close: true });
        await done;
        await new Promise((resolve) => setTimeout(resolve, 30));
        await link.set(settings);
      },
      inTurn: (sides, options) => inTurn(sides, { link, requests: () => requests }, options),
      progress: (done, total, text) => tell({ progress: { done, total, text } }),
    });
    tell({ result });
  } catch (error) {
    tell({ failure: error instanceof Error ? error.stack : String(error) });
  } finally {
    link.close();
  }
}
