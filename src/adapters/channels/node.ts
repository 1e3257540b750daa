/** Named channels of diagnostics, on runtimes with Node's `diagnostics_channel`: Node, Bun and Deno. */
import { channel } from "node:diagnostics_channel";

/** A channel on which messages are published. */
export interface Channel {
  /** False where nobody listens, so that no message need be made. */
  readonly hasSubscribers: boolean;
  /** Calls each subscriber at once; what they throw is the process's to report. */
  publish(message: object): void;
}

/** The channel of a name: the same one for every copy of the package. */
export function openChannel(name: string): Channel {
  return channel(name);
}
