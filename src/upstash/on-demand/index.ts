/**
 * The parts of the wrapper that most clients never need, in one piece that is loaded with the first use of one of them:
 * the raw carrier's transport, large values, requests that pass a limit, replies in which several values fail, and
 * `guard`. Several pieces would cut the rest into as many as they share: 9 instead of 3, 1.5 KB more to load.
 */
export { combineFailures } from "./failures.ts";
export { guardCommands } from "./guard.ts";
export { decodeLarge, encodeLargeCommands } from "./large-values.ts";
export { RawTransport } from "./raw-transport.ts";
export { requireSize, sendInHalves, sendInParts } from "./size-limit.ts";
