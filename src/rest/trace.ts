/**
 * Sends messages about a request to the channel "zstash:request" and to a listener. Called only while somebody
 * listens.
 */
import { ZstashError } from "../errors.ts";
import { requestChannel } from "../metrics/channels.ts";
import { emit, type EventListener, type RequestMessage } from "../metrics/events.ts";
import { utf8Length } from "../text.ts";
import { now } from "../timers.ts";
import type { HttpReply, ReplyObserver } from "./exchange.ts";

/** A request whose start was reported. */
export interface RequestTrace {
  /** Counts what is read of the reply, and reports its end. */
  watch(reply: HttpReply): void;
  /** Reports the end or a failure, unless the end was reported. */
  end(error?: unknown): void;
}

let requests = 0;

/** Reports a request's start to the channel, and its end to the channel and the listener. */
export function startTrace(
  command: string,
  attempt: number,
  body: string | Uint8Array,
  onEvent: EventListener | undefined,
): RequestTrace {
  const id = ++requests;
  const sentSize = typeof body === "string" ? utf8Length(body) : body.length;
  const since = now();
  let receivedSize = 0;
  let status: number | undefined;
  let ended = false;
  const end = (error?: unknown): void => {
    if (ended) return;
    ended = true;
    const ms = now() - since;
    const name = error === undefined ? undefined : nameOfError(error);
    const facts = { command, attempt, sentSize, receivedSize, status, ms, error: name };
    if (requestChannel.hasSubscribers)
      requestChannel.publish({ phase: "end", id, ...facts } satisfies RequestMessage);
    if (onEvent !== undefined) emit(onEvent, { type: "request", ...facts });
  };
  if (requestChannel.hasSubscribers) {
    const started: RequestMessage = { phase: "start", id, command, attempt, sentSize };
    requestChannel.publish(started);
  }
  const observer: ReplyObserver = { received: (size) => void (receivedSize += size), ended: end };
  return {
    end,
    watch(reply) {
      status = reply.status;
      reply.observer = observer;
    },
  };
}

/** The name of an error, which is not its message: our code, or its class. */
function nameOfError(error: unknown): string {
  if (error instanceof ZstashError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
