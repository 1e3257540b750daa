/**
 * Publishes slow waits inside a codec on the channel "zstash:wait". A codec is shared, so no single client's listener
 * is called.
 */
import { openChannel } from "#channels";

/** Publishes a slow wait that has ended. */
export function tellWait(reason: "memory" | "turn", ms: number): void {
  const channel = openChannel("zstash:wait");
  if (channel.hasSubscribers) channel.publish({ type: "wait", for: reason, ms });
}
