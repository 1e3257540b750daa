/** The channels on which monitors of a runtime hear of requests, retries, fallbacks and slow waits; and who else is told. */
import { openChannel, type Channel } from "#channels";
import { emit, type EventListener, type TransportEvent } from "./events.ts";

/** Each HTTP request as it starts and ends: `RequestMessage`. */
export const requestChannel: Channel = openChannel("zstash:request");

const eventChannels: Readonly<Record<TransportEvent["type"], Channel>> = {
  retry: openChannel("zstash:retry"),
  fallback: openChannel("zstash:fallback"),
  wait: openChannel("zstash:wait"),
};

/** Milliseconds from which a wait is worth an event. */
export const SLOW_WAIT = 100;

/** A message of the channel "zstash:request". Times and sizes only: no key, no value, no URL. */
export interface RequestMessage {
  /** "start" before a request is sent; "end" when its reply has been read, or it has failed. */
  readonly phase: "start" | "end";
  /** The same for both; counted through a process. */
  readonly id: number;
  /** The command's name in upper case, or "pipeline" or "multi-exec". */
  readonly command: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Bytes of the request's body. */
  readonly sentSize: number;
  /** Bytes of the reply's body that were read. */
  readonly receivedSize?: number | undefined;
  /** The reply's HTTP status; absent if there was none. */
  readonly status?: number | undefined;
  /** Milliseconds from start to end. */
  readonly ms?: number | undefined;
  /** The error's code, or its name if it is none of ours; absent if the request succeeded. */
  readonly error?: string | undefined;
}

/** Tells the channel of an event and a listener. */
export function announce(event: TransportEvent, listener: EventListener | undefined): void {
  const channel = eventChannels[event.type];
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
