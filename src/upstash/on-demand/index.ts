/**
 * The parts of the wrapper that most clients never need, in one piece that is loaded with the first use of one of them:
 * large values, and requests that pass a limit. Nothing that makes an error is in it: it may be missing, as on an old page
 * after a new deployment, and then all else goes on without it.
 */
export { decodeLarge, encodeLargeCommands } from "./large-values.ts";
export { requireSize, sendInHalves, sendInParts } from "./size-limit.ts";
