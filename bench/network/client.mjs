// Runs one experiment in the client's namespace: told over IPC which and where, it reports progress and the result.
// It ends with its parent.
import { experiments } from "./experiments.mjs";
import { openLink } from "./lab.mjs";
import { inTurn } from "./measure.mjs";

let requests = 0;
const plainFetch = globalThis.fetch;
// Every client under test goes through the global fetch, so this counts all their requests, retries included.
globalThis.fetch = (...call) => {
  requests += 1;
  return plainFetch(...call);
};

let closed;
process.on("SIGINT", () => undefined);
process.once("disconnect", () => process.exit(1));
process.on("message", (message) => {
  if (message.closed) closed?.();
  else void run(message);
});

/** @param {{ name: string, quick: boolean, lab: object, server: { warm: string[], cold: string, token: string } }} job */
async function run({ name, quick, lab, server }) {
  const link = openLink(lab.control);
  try {
    const experiment = experiments.find((one) => one.name === name);
    const result = await experiment.run({
      quick,
      lab,
      link,
      ...server,
      /** Another link, and none of the connections that knew the last one. */
      async setLink(settings) {
        await link.set({});
        const done = new Promise((resolve) => {
          closed = resolve;
        });
        process.send({ close: true });
        await done;
        await new Promise((resolve) => setTimeout(resolve, 30));
        await link.set(settings);
      },
      inTurn: (sides, options) => inTurn(sides, { link, requests: () => requests }, options),
      progress: (done, total, text) => process.send({ progress: { done, total, text } }),
    });
    process.send({ result });
  } catch (error) {
    process.send({ failure: error?.stack ?? String(error) });
  } finally {
    link.close();
  }
}
