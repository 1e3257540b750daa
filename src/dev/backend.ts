/** The interface of what executes commands, which `redis/` and `embedded/` implement, and the form of a command. */
import type { RespValue } from "../rest/resp.ts";
import { toText } from "./text.ts";

/** A command: its name and its arguments, as the bytes that Redis gets. */
export type CommandBytes = readonly Uint8Array[];

/** The command's name in upper case; empty for an empty command. */
export function commandName(command: CommandBytes): string {
  return toText(command[0] ?? new Uint8Array(0)).toUpperCase();
}

/** The three kinds of backend: a Redis by URL, a `redis-server` that was started, or the embedded keyspace. */
export type BackendKind = "redis-url" | "redis-server" | "embedded";

/** Commands that run a script or a function, which may not end. */
export const SCRIPTS: ReadonlySet<string> = new Set(
  "EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO".split(" "),
);

/** The rights of whoever sends commands. */
export interface Caller {
  readonly readOnly: boolean;
}

/**
 * Executes commands, in the order of the calls. A command that fails resolves to its error reply; a rejection is a
 * ZstashError REDIS and means that the backend itself failed.
 */
export interface Backend {
  readonly kind: BackendKind;
  /** A description for people, of what it is and where. Holds no password. */
  readonly description: string;
  /** Whether scripts of callers that may only read are kept from writing and from listing keys, here. */
  readonly restrictsScripts: boolean;
  execute(command: CommandBytes): Promise<RespValue>;
  /** Run one command after the other, also after one that fails. Resolves to a reply for each. */
  pipeline(commands: readonly CommandBytes[], caller: Caller): Promise<RespValue[]>;
  /** Run the commands between MULTI and EXEC. Resolves to EXEC's reply: an array, or an error if nothing ran. */
  transaction(commands: readonly CommandBytes[], caller?: Caller): Promise<RespValue>;
  /**
   * Start SUBSCRIBE, PSUBSCRIBE or MONITOR. The stream holds what Redis pushes, in order: first the confirmations, or
   * a single error. Cancelling it ends the subscription; it ends by itself with the connection, with close(), and when
   * too much waits for a slow reader.
   */
  feed(command: CommandBytes): Promise<ReadableStream<RespValue>>;
  /** Release everything: connections, processes, timers. Can be called twice. */
  close(): Promise<void>;
}
