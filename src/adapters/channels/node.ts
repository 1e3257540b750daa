/** Named channels of diagnostics, on runtimes with Node's `diagnostics_channel`: Node, Bun and Deno. */
import { channel } from "node:diagnostics_channel";

/** A channel on which messages are published. */
export interface Channel {
  /** False if nobody listens: then no message need be made. */
  readonly hasSubscribers: boolean;
  /** Calls each subscriber at once; the process reports what they throw. */
  publish(message: object): void;
}

/** Opens the channel of a name: the same channel for every copy of the package. */
export function openChannel(name: string): Channel {
  return channel(name);
}
