/** Tells the channel "zstash:wait" of slow waits inside a codec: it is shared, so no client's listener is told of them. */
import { openChannel } from "#channels";

/** Tells of a slow wait that has ended. */
export function tellWait(reason: "memory" | "turn", ms: number): void {
  const channel = openChannel("zstash:wait");
  if (channel.hasSubscribers) channel.publish({ type: "wait", for: reason, ms });
}
