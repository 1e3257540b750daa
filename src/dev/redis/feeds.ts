/** Feeds of a Redis: the streams behind SUBSCRIBE, PSUBSCRIBE and MONITOR. */
import { writeCommand } from "../../rest/resp-writer.ts";
import type { RespValue } from "../../rest/resp.ts";
import type { CommandBytes } from "../backend.ts";
import { replySize } from "../reply.ts";
import { BusyReply, closeSession, openSession, unreachable } from "./session.ts";
import type { RedisAddress, Session } from "./session.ts";

/** MONITOR writes a command in one line, with up to four characters for each byte. */
const MAX_LINE_LENGTH = 2 ** 30;
/**
 * The bytes of pushes that wait here. Further ones wait in the socket, and then in Redis, which disconnects a reader
 * that is too slow.
 */
const MAX_WAITING = 65_536;

/** The feeds of one Redis. Each has a connection of its own, because Redis pushes on it without being asked. */
export class RedisFeeds {
  readonly #address: RedisAddress;
  readonly #timeout: number;
  readonly #sessions = new Set<Session>();
  #closed = false;

  constructor(address: RedisAddress, timeout: number) {
    this.#address = address;
    this.#timeout = timeout;
  }

  /** Implements Backend.feed. */
  async open(command: CommandBytes): Promise<ReadableStream<RespValue>> {
    if (this.#closed) throw unreachable(this.#address, "the client is closed");
    let onClose = (): void => undefined;
    const session = await openSession(this.#address, {
      timeout: this.#timeout,
      limits: { maxLineLength: MAX_LINE_LENGTH },
      onClose: () => onClose(),
    }).catch((error: unknown) => {
      if (error instanceof BusyReply) return error;
      throw error;
    });
    if (session instanceof BusyReply) return single({ kind: "error", text: session.message });
    this.#sessions.add(session);
    onClose = () => void this.#sessions.delete(session);
    if (this.#closed || session.socket.destroyed) {
      await closeSession(session);
      this.#sessions.delete(session);
      throw unreachable(this.#address, "the connection was lost");
    }
    session.socket.write(writeCommand(command));
    return toStream(session);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#sessions, closeSession));
  }
}

function toStream(session: Session): ReadableStream<RespValue> {
  const { socket } = session;
  let cancelled = false;
  return new ReadableStream<RespValue>(
    {
      start(controller) {
        session.onPush = (reply) => {
          if (cancelled) return;
          controller.enqueue(reply);
          if ((controller.desiredSize ?? 0) <= 0) socket.pause();
        };
        socket.once("close", () => {
          if (!cancelled) controller.close();
        });
      },
      pull: () => void socket.resume(),
      async cancel() {
        cancelled = true;
        await closeSession(session);
      },
    },
    // A push without a payload counts too: there may be many of them.
    { highWaterMark: MAX_WAITING, size: (push) => 64 + replySize(push) },
  );
}

function single(reply: RespValue): ReadableStream<RespValue> {
  return new ReadableStream<RespValue>({
    start(controller) {
      controller.enqueue(reply);
      controller.close();
    },
  });
}
