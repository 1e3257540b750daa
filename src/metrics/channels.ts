/** The channels on which monitors of a runtime hear of requests, retries, fallbacks and slow waits; and who else is told. */
import { openChannel, type Channel } from "#channels";
import { SLOW_WAIT } from "../limits.ts";
import { emit, type EventListener, type TransportEvent } from "./events.ts";

/** Each HTTP request as it starts and ends: `RequestMessage`. */
export const requestChannel: Channel = openChannel("zstash:request");

/** Tells the channel of an event and a listener. */
export function announce(event: TransportEvent, listener: EventListener | undefined): void {
  // Looked up each time: events are rare.
  const channel = openChannel(`zstash:${event.type}`);
  if (channel.hasSubscribers) channel.publish(event);
  if (listener !== undefined) emit(listener, event);
}

/** Tells of a wait that has ended, if it was slow. */
export function announceWait(
  reason: "memory" | "turn" | "order",
  ms: number,
  listener: EventListener | undefined,
): void {
  if (ms >= SLOW_WAIT) announce({ type: "wait", for: reason, ms }, listener);
}
