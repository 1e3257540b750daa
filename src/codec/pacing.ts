/** An internal option of streams: what sets the speed of a stream, and so how long it may hold its context. */
import type { Pacing } from "../engine/engine.ts";

export type { Pacing };

/** Other engines do not know this option. */
export const pacing: unique symbol = Symbol("pacing");

/** What sets the speed of a stream with these options: its caller, unless they say otherwise. */
export function pacingOf(options: object): Pacing {
  return (options as { readonly [pacing]?: Pacing })[pacing] ?? "caller";
}
