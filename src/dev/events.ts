/** Answers SUBSCRIBE, PSUBSCRIBE and MONITOR with a stream of server-sent events. */
import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { readPathCommand, Refusal } from "./request.ts";
import type { Target } from "./request.ts";
import { toText, utf8 } from "./text.ts";

const EVENT_STREAM = "text/event-stream";

const FEED_COMMANDS: readonly string[] = ["SUBSCRIBE", "PSUBSCRIBE", "MONITOR"];

/** Reads the command of a request that asks for server-sent events; undefined for any other request. */
export function readFeedCommand(request: Request, { path }: Target): CommandBytes | undefined {
  const name = path.split("/", 2)[1] ?? "";
  if (!FEED_COMMANDS.includes(name.toUpperCase()) || !acceptsEvents(request)) return undefined;
  // The body and the query are not part of it.
  return readPathCommand({ path, query: "" }, new Uint8Array(0));
}

function acceptsEvents(request: Request): boolean {
  const accepted = (request.headers.get("accept") ?? "").toLowerCase().split(",");
  return request.method !== "HEAD" && accepted.some((type) => type.split(";")[0]?.trim() === EVENT_STREAM);
}

/**
 * Opens the stream: `data: message,channel,payload`. Resolves when Redis has confirmed the first channel. The stream
 * ends when the request's signal or `closing` aborts, when its reader cancels it, and with the backend's feed. Each
 * of these ends the feed.
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
  // The request itself, not only its signal: when a request is collected, its client no longer reaches its signal.
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

/** One event. Each line of a payload needs a `data:` line of its own. */
function writeEvent(push: RespValue): Uint8Array {
  const lines = pushText(push).split(/\r\n|\r|\n/);
  return utf8(`${lines.map((line) => `data: ${line}\n`).join("")}\n`);
}

/** The text of a push as Upstash writes it: items separated by commas, MONITOR's OK in quotes. */
function pushText(push: RespValue): string {
  switch (push.kind) {
    case "status":
      return push.text === "OK" ? '"OK"' : push.text;
    case "array":
      return (push.items ?? []).map(pushText).join(",");
    case "bulk":
      return push.bytes === null ? "" : toText(push.bytes);
    case "integer":
      return `${push.value}`;
    case "error":
      return push.text;
  }
}
