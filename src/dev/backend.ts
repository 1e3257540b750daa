import type { RespValue } from "../rest/resp.ts";

/** A command: its name and its arguments, bytes as they are sent to Redis. */
export type CommandBytes = readonly Uint8Array[];

/** Which of the three a server runs on. */
export type BackendKind = "redis-url" | "redis-server" | "embedded";

/**
 * What executes commands: a Redis, or the embedded keyspace. Commands are started in the order of the calls.
 * A failed command is a value, an error reply; a rejection is a ZstashError REDIS and means that the backend
 * itself failed.
 */
export interface Backend {
  readonly kind: BackendKind;
  /** For people: what it is and where. Holds no password. */
  readonly description: string;
  execute(command: CommandBytes): Promise<RespValue>;
  /** Run the commands between MULTI and EXEC. Resolves to EXEC's reply: an array, or an error if nothing ran. */
  transaction(commands: readonly CommandBytes[]): Promise<RespValue>;
  /**
   * Start SUBSCRIBE, PSUBSCRIBE or MONITOR. The stream holds what is pushed, in order: the confirmations first, or
   * the one error that there is nothing more after. Cancelling it ends the subscription; it ends by itself with the
   * connection, with close(), and for a reader that is so slow that too much waits for it.
   */
  feed(command: CommandBytes): Promise<ReadableStream<RespValue>>;
  /** Release everything: connections, processes, timers. Can be called twice. */
  close(): Promise<void>;
}
