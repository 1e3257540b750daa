/** Named channels of diagnostics, on runtimes that have none: nobody ever listens. */
import type { Channel } from "./node.ts";

export type { Channel } from "./node.ts";

const silent: Channel = { hasSubscribers: false, publish: () => undefined };

/** A channel that nobody can listen to. */
export function openChannel(_name: string): Channel {
  return silent;
}
