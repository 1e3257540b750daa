/** The interface of what executes commands, which `redis/` and `embedded/` implement, and the form of a command. */
import type { RespValue } from "../rest/resp.ts";
import { toText } from "./text.ts";

/** A command: its name and its arguments, as the bytes that Redis receives. */
export type CommandBytes = readonly Uint8Array[];

/** Returns the command's name in upper case; empty for an empty command. */
export function commandName(command: CommandBytes): string {
  return toText(command[0] ?? new Uint8Array(0)).toUpperCase();
}

/** The three kinds of backend: a Redis by URL, a `redis-server` that was started, or the embedded keyspace. */
export type BackendKind = "redis-url" | "redis-server" | "embedded";

/** Commands that run a script or a function, which may run forever. */
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
  /** A description for people: what the backend is, and where. It contains no password. */
  readonly description: string;
  /** True if this backend keeps scripts of read-only callers from writing and from listing keys. */
  readonly restrictsScripts: boolean;
  execute(command: CommandBytes): Promise<RespValue>;
  /** Runs the commands one after another, even after one that fails. Resolves to one reply for each. */
  pipeline(commands: readonly CommandBytes[], caller: Caller): Promise<RespValue[]>;
  /** Runs the commands between MULTI and EXEC. Resolves to EXEC's reply: an array, or an error if nothing ran. */
  transaction(commands: readonly CommandBytes[], caller?: Caller): Promise<RespValue>;
  /**
   * Starts SUBSCRIBE, PSUBSCRIBE or MONITOR. The stream contains what Redis pushes, in order: first the
   * confirmations, or a single error. Cancelling it ends the subscription. It also ends with the connection, with
   * close(), and when too much waits for a slow reader.
   */
  feed(command: CommandBytes): Promise<ReadableStream<RespValue>>;
  /** Releases everything: connections, processes, timers. May be called twice. */
  close(): Promise<void>;
}
