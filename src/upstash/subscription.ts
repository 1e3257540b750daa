/** The messages of a subscription, which the server sends as server-sent events while somebody listens. */
import type { HttpReply } from "../rest/exchange.ts";

/** A line of more characters that has not ended is not a message; the SDK has the same limit. */
const LINE_MAX = 1 << 20;
const DATA = "data: ";

/**
 * Passes each message on as it arrives, until the stream ends or the signal is aborted. Nobody awaits it, so a
 * failure is written to the console, as the SDK does.
 */
export async function deliverMessages(
  reply: HttpReply,
  onMessage: (data: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let chunk = await reply.read(); chunk !== undefined; chunk = await reply.read()) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > LINE_MAX) throw new RangeError(`a message may have ${LINE_MAX} characters, got more`);
      for (const line of lines) if (line.startsWith(DATA)) onMessage(line.slice(DATA.length));
    }
  } catch (error) {
    if (signal?.aborted !== true) console.error("Cannot read the messages of a subscription:", error);
  } finally {
    reply.close();
  }
}
