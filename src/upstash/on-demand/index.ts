/**
 * The parts of the wrapper that most clients never need, in one piece that is loaded with their first use: large
 * values, the check of `guard`, and requests that exceed a limit. It may be missing, as on an old page after a new
 * deployment: then everything else continues without it, and `guard` refuses what it cannot check.
 */
export { bringDictionaries, fetchDictionaries, hasDictionaries } from "./dictionaries.ts";
export { combineFailures, replyTooLarge } from "./failures.ts";
export { guardCommands } from "./guard.ts";
export { decodeLarge, encodeLargeCommands } from "./large-values.ts";
export { requireSize, sendInHalves, sendInParts } from "./size-limit.ts";
