import type { CommandArguments } from "./commands.ts";

/** A request of the SDK, as far as it matters here: one command, or an array of commands, already serialised. */
export interface CommandRequest {
  body?: unknown;
}

/** The reply to one command. */
export interface CommandReply<Result = unknown> {
  result?: Result;
  error?: string;
}

/** Sends a request on; a request of several commands is answered by an array of replies. */
export type SendRequest = (request: CommandRequest) => Promise<CommandReply>;

/** One command, several in order, or all or none. */
export type RequestKind = "command" | "pipeline" | "multi-exec";

/** A request read: its kind, and its commands in any case as a list. */
export interface Commands {
  readonly kind: RequestKind;
  readonly commands: readonly CommandArguments[];
}

/** What else the SDK's requests may hold. */
export interface SdkRequest extends CommandRequest {
  readonly path?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly isStreaming?: boolean;
}

/** The commands of a request; undefined for what holds none, such as a subscription. */
export function readRequest({ body, path, isStreaming }: SdkRequest): Commands | undefined {
  if (!Array.isArray(body) || body.length === 0 || isStreaming === true) return undefined;
  const items: readonly unknown[] = body;
  if (items.some(Array.isArray) && !items.every(Array.isArray)) return undefined;
  if (!Array.isArray(items[0])) return { kind: "command", commands: [items] };
  const kind = path?.[0] === "multi-exec" ? "multi-exec" : "pipeline";
  return { kind, commands: items as readonly CommandArguments[] };
}
