/** The experiments of the network benchmark, in the order of the report, those of docs/article.md, and what each is given. */
import { blackHole } from "./experiments/black-hole.mjs";
import { clients } from "./experiments/clients.mjs";
import { firstByte } from "./experiments/first-byte.mjs";
import { manyValues } from "./experiments/many-values.mjs";
import { noDelay } from "./experiments/no-delay.mjs";
import { paths } from "./experiments/paths.mjs";
import { perFrame } from "./experiments/per-frame.mjs";
import { requestCost } from "./experiments/request-cost.mjs";
import { segments } from "./experiments/segments.mjs";
import { uploads } from "./experiments/uploads.mjs";

/**
 * What an experiment is given: a lab with a server, and the means to measure.
 *
 * @typedef {{
 *   quick: boolean,
 *   lab: import("./lab.mjs").Lab,
 *   link: import("./lab.mjs").Link,
 *   warm: string[],
 *   cold: string,
 *   secure: string[],
 *   token: string,
 *   setLink(settings: import("./lab.mjs").LinkSettings): Promise<void>,
 *   inTurn(sides: Record<string, import("./measure.mjs").Side>, options: import("./measure.mjs").TurnOptions): Promise<Sides>,
 *   progress(done: number, total: number, text: string): void,
 * }} Context `warm` are URLs whose connections are kept, each for one client; `cold` is the URL where none is,
 * `secure` are such over TLS.
 *
 * @typedef {Record<string, import("./measure.mjs").Summary>} Sides By name.
 */

/**
 * An experiment: the lab it needs, and what it does in the client's namespace. What `run` resolves to is written down
 * as JSON and is all that a renderer gets.
 *
 * @template [Result=object]
 * @typedef {{ name: string, title: string, lab: "direct" | "routed", run(context: Context): Promise<Result> }} Experiment
 */

/** @type {readonly Experiment[]} */
export const experiments = [clients, requestCost, firstByte, uploads, perFrame, paths, blackHole];

/** Those whose results are sections of docs/article.md. @type {readonly Experiment[]} */
export const articleExperiments = [segments, manyValues, noDelay];
