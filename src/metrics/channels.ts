/**
 * The channels on which monitors of a runtime receive requests, retries, fallbacks and slow waits, and the listeners
 * that receive them too.
 */
import { openChannel, type Channel } from "#channels";
import { SLOW_WAIT } from "../limits.ts";
import { emit, type EventListener, type TransportEvent } from "./events.ts";

/** Messages about each HTTP request, when it starts and when it ends: `RequestMessage`. */
export const requestChannel: Channel = openChannel("zstash:request");

/** Sends an event to its channel and to a listener. */
export function announce(event: TransportEvent, listener: EventListener | undefined): void {
  // Looked up each time: events are rare.
  const channel = openChannel(`zstash:${event.type}`);
  if (channel.hasSubscribers) channel.publish(event);
  if (listener !== undefined) emit(listener, event);
}

/** Reports a wait that has ended, if it was slow. */
export function announceWait(
  reason: "memory" | "turn" | "order",
  ms: number,
  listener: EventListener | undefined,
): void {
  if (ms >= SLOW_WAIT) announce({ type: "wait", for: reason, ms }, listener);
}
