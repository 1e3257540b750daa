/**
 * The parts of the wrapper that most clients never need, in one piece that is loaded with the first use of one of them:
 * large values, the judge of guard, and requests that pass a limit. It may be missing, as on an old page after a new
 * deployment, and then all else goes on without it; guard refuses what it cannot judge.
 */
export { bringDictionaries, fetchDictionaries, hasDictionaries } from "./dictionaries.ts";
export { combineFailures, replyTooLarge } from "./failures.ts";
export { guardCommands } from "./guard.ts";
export { decodeLarge, encodeLargeCommands } from "./large-values.ts";
export { requireSize, sendInHalves, sendInParts } from "./size-limit.ts";
