/** Tells the channel "zstash:request" and a listener of a request: only called while somebody listens. */
import { ZstashError } from "../errors.ts";
import { requestChannel } from "../metrics/channels.ts";
import { emit, type EventListener, type RequestMessage } from "../metrics/events.ts";
import { utf8Length } from "../text.ts";
import { now } from "../timers.ts";
import type { HttpReply } from "./exchange.ts";

/** A request whose start was told. */
export interface RequestTrace {
  /** Counts what is read of the reply, and tells of its end. */
  watch(reply: HttpReply): void;
  /** Tells of the end or of a failure, unless the end was told. */
  end(error?: unknown): void;
}

let requests = 0;

/** Tells the channel of a request's start, and both of its end. */
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
  const tell = (message: RequestMessage): void => {
    if (requestChannel.hasSubscribers) requestChannel.publish(message);
  };
  const end = (error?: unknown): void => {
    if (ended) return;
    ended = true;
    const ms = now() - since;
    const name = error === undefined ? undefined : nameOfError(error);
    const facts = { command, attempt, sentSize, receivedSize, status, ms, error: name };
    tell({ phase: "end", id, ...facts });
    if (onEvent !== undefined) emit(onEvent, { type: "request", ...facts });
  };
  tell({ phase: "start", id, command, attempt, sentSize });
  return {
    end,
    watch(reply) {
      status = reply.status;
      const own = {
        read: reply.read.bind(reply),
        text: reply.text.bind(reply),
        close: reply.close.bind(reply),
      };
      const settle = async <T>(step: Promise<T>): Promise<T> => {
        try {
          return await step;
        } catch (error) {
          end(error);
          throw error;
        }
      };
      // Written over in place: a copy would lose what an adapter's own class keeps.
      Object.assign(reply, {
        async read() {
          const chunk = await settle(own.read());
          if (chunk === undefined) end();
          else receivedSize += chunk.length;
          // Whoever knows that this was the last asks for no more.
          if (reply.ended === true) end();
          return chunk;
        },
        async text() {
          const before = receivedSize;
          const text = await settle(own.text());
          // A text that was read around `read`.
          if (receivedSize === before) receivedSize += utf8Length(text);
          end();
          return text;
        },
        close() {
          own.close();
          end();
        },
      } satisfies Partial<HttpReply>);
    },
  };
}

/** Of an error, what is no message: our code, or its class. */
function nameOfError(error: unknown): string {
  if (error instanceof ZstashError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
