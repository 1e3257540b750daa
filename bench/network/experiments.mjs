import { blackHole } from "./experiments/black-hole.mjs";
import { clients } from "./experiments/clients.mjs";
import { firstByte } from "./experiments/first-byte.mjs";
import { paths } from "./experiments/paths.mjs";
import { perFrame } from "./experiments/per-frame.mjs";
import { requestCost } from "./experiments/request-cost.mjs";
import { uploads } from "./experiments/uploads.mjs";

/**
 * An experiment: the lab it needs, and what it does in the client's namespace. What `run` resolves to is written down
 * as JSON and is all that a renderer gets; a reason in `skipped` stands for it where the build lacks something.
 *
 * @typedef {{ name: string, title: string, lab: "direct" | "routed", run: (context: object) => Promise<object> }} Experiment
 */

/** @type {readonly Experiment[]} */
export const experiments = [clients, requestCost, firstByte, uploads, perFrame, paths, blackHole];
