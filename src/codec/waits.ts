/** Tells the channel "zstash:wait" of slow waits inside a codec: it is shared, so no client's listener is told of them. */
import { openChannel } from "#channels";
import { SLOW_WAIT } from "../limits.ts";

/** Tells of a wait that has ended, if it was slow. */
export function tellWait(reason: "memory" | "turn", ms: number): void {
  if (ms < SLOW_WAIT) return;
  const channel = openChannel("zstash:wait");
  if (channel.hasSubscribers) channel.publish({ type: "wait", for: reason, ms });
}
