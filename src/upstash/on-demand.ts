/**
 * What most clients never need, in one piece that is loaded when the first does: the raw carrier's transport, values
 * that are large, requests that pass a limit, and `guard`. Several pieces would cut the rest into as many as they
 * share: 9 instead of 3, 1.5 KB more to load.
 */
export { encodeLargeCommands } from "./encode-large.ts";
export { guarded } from "./guard.ts";
export { RawTransport } from "./raw-transport.ts";
export { requireSize, sendInHalves, sendInParts } from "./size-limit.ts";
export { decompressLargeText } from "../codec/large-text.ts";
