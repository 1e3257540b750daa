import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { toText, utf8 } from "./text.ts";
import { commandName } from "./rest-rules.ts";
import { Refusal } from "./request.ts";

export const EVENT_STREAM = "text/event-stream";

const FEEDS: readonly string[] = ["SUBSCRIBE", "PSUBSCRIBE", "MONITOR"];

/** Whether a request wants what a command in its path pushes, as server-sent events. */
export function wantsEvents(request: Request, command: CommandBytes): boolean {
  const accepted = (request.headers.get("accept") ?? "").toLowerCase().split(",");
  return (
    request.method !== "HEAD" &&
    FEEDS.includes(commandName(command)) &&
    accepted.some((type) => type.split(";")[0]?.trim() === EVENT_STREAM)
  );
}

/**
 * Answer SUBSCRIBE, PSUBSCRIBE or MONITOR with a stream of events: `data: message,channel,payload`. The response
 * is there when Redis has confirmed the first channel. The stream ends when the request's signal or `closing`
 * aborts, when its reader cancels it, and with the backend's feed; each of them releases the feed.
 */
export async function openEvents(
  backend: Backend,
  command: CommandBytes,
  request: Request,
  closing: AbortSignal,
): Promise<Response> {
  if (closing.aborted) throw new ZstashError("REDIS", "Cannot subscribe: the server is closed");
  const feed = (await backend.feed(command)).getReader();
  const first = await feed.read();
  if (first.done) throw new ZstashError("REDIS", "Cannot subscribe: the connection was lost");
  if (first.value.kind === "error") {
    await feed.cancel();
    throw new Refusal(400, first.value.text);
  }
  return new Response(toEvents(first.value, feed, request, closing), {
    headers: { "content-type": EVENT_STREAM, "cache-control": "no-cache, no-transform" },
  });
}

function toEvents(
  first: RespValue,
  feed: ReadableStreamDefaultReader<RespValue>,
  // Held as a whole: a request that is collected takes the link from its client to its signal with it.
  request: Request,
  closing: AbortSignal,
): ReadableStream<Uint8Array> {
  let end = (): void => undefined;
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(writeEvent(first));
      const onAbort = (): void => end();
      end = () => {
        end = () => undefined;
        request.signal.removeEventListener("abort", onAbort);
        closing.removeEventListener("abort", onAbort);
        feed.cancel().catch(() => undefined);
        if (!cancelled) controller.close();
      };
      request.signal.addEventListener("abort", onAbort);
      closing.addEventListener("abort", onAbort);
      if (request.signal.aborted || closing.aborted) end();
    },
    async pull(controller) {
      const next = await feed.read().catch(() => ({ done: true as const, value: undefined }));
      if (next.value === undefined) end();
      else controller.enqueue(writeEvent(next.value));
    },
    cancel: () => {
      cancelled = true;
      end();
    },
  });
}

/** One event. Line breaks in a payload begin a line of data each, as the format wants it. */
function writeEvent(pushed: RespValue): Uint8Array {
  const lines = describe(pushed).split(/\r\n|\r|\n/);
  return utf8(`${lines.map((line) => `data: ${line}\n`).join("")}\n`);
}

/** A push as Upstash writes it: its items with commas in between, MONITOR's OK in quotes. */
function describe(pushed: RespValue): string {
  switch (pushed.kind) {
    case "status":
      return pushed.text === "OK" ? '"OK"' : pushed.text;
    case "array":
      return (pushed.items ?? []).map(describe).join(",");
    case "bulk":
      return pushed.bytes === null ? "" : toText(pushed.bytes);
    case "integer":
      return `${pushed.value}`;
    case "error":
      return pushed.text;
  }
}
