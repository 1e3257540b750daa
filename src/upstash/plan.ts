/** Reads the SDK's requests and plans which arguments are encoded and which replies are decoded. */
import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { Carrier } from "../value/carrier.ts";
import { LARGE_TEXT, planWrite, type ValueWrite } from "../value/encode.ts";
import {
  findCommand,
  keyOfArgument,
  timeToLive,
  valuePositions,
  valueReply,
  type CommandArguments,
  type ValueReply,
} from "./commands.ts";
import { listMode } from "./lists.ts";
import type { compressedMark } from "./mark.ts";
import type { CompressionMode } from "./mode.ts";
import type { Settings } from "./settings.ts";

/** A request of the SDK, as far as it matters here: one command, or an array of commands, already serialised. */
export interface CommandRequest {
  /**
   * One command as an array of its name and its arguments, `["SET", key, value]`, or an array of such commands. It is
   * never changed: a compressed value goes into a copy.
   */
  body?: unknown;
}

/** The reply to one command. */
export interface CommandReply<Result = unknown> {
  /** What the command returned, as the transport read it: null for a key that does not exist. */
  result?: Result;
  /** The server's error text, where a command among several has failed; its neighbours have results. */
  error?: string;
}

/** Sends a request on; a request of several commands is answered by an array of replies. */
export type SendRequest = (request: CommandRequest) => Promise<CommandReply>;

/** A request with the other members that the SDK sets. */
export interface SdkRequest extends CommandRequest {
  readonly path?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly isStreaming?: boolean;
  /** True if another middleware handles its values. */
  readonly [compressedMark]?: unknown;
  /** Called with each message of a subscription. */
  readonly onMessage?: (data: string) => void;
}

/** One command; several that run in order; or a transaction, which runs completely or not at all. */
export type RequestKind = "command" | "pipeline" | "multi-exec";

/** The commands of a request, always as a list. */
export interface RequestCommands {
  readonly kind: RequestKind;
  readonly mode: CompressionMode;
  readonly commands: readonly CommandArguments[];
}

/** A value among the arguments, and its position. */
export interface PlannedWrite {
  readonly commandIndex: number;
  readonly position: number;
  readonly value: ValueWrite;
}

/** A command whose reply contains values. */
export interface PlannedReply {
  readonly command: CommandArguments;
  /** The command's name in upper case. */
  readonly name: string;
  readonly reply: ValueReply;
}

/** The work that a request and its replies need. */
export interface RequestPlan extends RequestCommands {
  readonly writes: readonly PlannedWrite[];
  /** True if the values are so large that encoding them at once would block the event loop. */
  readonly large: boolean;
  /** True if the request may exceed its size limit, so that it has to be divided or refused. */
  readonly mayNeedParts: boolean;
  /** By the index of the command; undefined if no reply contains values. */
  readonly reads: readonly (PlannedReply | undefined)[] | undefined;
}

/** Commands that are ready to be sent: their values are encoded. */
export interface Outgoing {
  readonly commands: readonly CommandArguments[];
  /** The index of the first of them in the original request. Default 0. */
  readonly offset?: number | undefined;
  /** Set if the only command contains bytes. */
  readonly raw?: RawForm | undefined;
}

/** A command with bytes as an HTTP request of its own. */
export interface RawForm {
  /** The path of the request whose body is the bytes. */
  readonly path: string;
  /** The same command with its value as text, for a server that takes no raw bodies. */
  readonly asText: () => CommandArguments;
}

/** Sends commands as one request; the answer is a reply, or a list of replies for several commands. */
export type Send = (outgoing: Outgoing) => Promise<unknown>;

/** The transport of the raw carrier: values are sent as bytes, and frames come back as bytes. */
export interface Transport {
  /**
   * The path of a request whose body is argument `position`, for which a policy may have asked for a carrier;
   * undefined if the argument can be sent only as text.
   */
  rawPath(command: CommandArguments, position: number, asked: Carrier | undefined): string | undefined;
  /** The request with the client's own signal, which holds for all that it needs. */
  withSignal(request: SdkRequest): SdkRequest;
  /** Sends one command. With `hasValues`, raw frames in its reply stay bytes. */
  command(outgoing: Outgoing, request: SdkRequest, hasValues: boolean): Promise<CommandReply>;
  /** Sends several commands. `hasValues` tells by index whether raw frames in a reply stay bytes. */
  batch(
    kind: Exclude<RequestKind, "command">,
    commands: readonly CommandArguments[],
    request: SdkRequest,
    hasValues: (index: number) => boolean,
  ): Promise<CommandReply[]>;
  /** Sends a request without commands. */
  other(request: SdkRequest): Promise<CommandReply | CommandReply[]>;
}

/** Sends a request of the SDK, which promises its caller's type for any answer of the server. */
export type SdkSend = <Result = unknown>(request: CommandRequest) => Promise<CommandReply<Result>>;

/** The commands of a request; undefined for a request without commands, such as a subscription. */
export function readRequest(request: SdkRequest, { mode }: Settings): RequestCommands | undefined {
  const { body, path, isStreaming } = request;
  if (!Array.isArray(body) || body.length === 0 || isStreaming === true) return undefined;
  const items: readonly unknown[] = body;
  const several = Array.isArray(items[0]);
  if (!items.every((item) => Array.isArray(item) === several)) {
    // Neither one command nor a list of commands.
    return undefined;
  }
  return {
    kind: several ? (path?.[0] === "multi-exec" ? "multi-exec" : "pipeline") : "command",
    mode: typeof mode === "function" ? mode() : mode,
    commands: several ? (items as readonly CommandArguments[]) : [items],
  };
}

/**
 * Finds the values of the commands and decides about each; no codec is needed yet. With `bytes`, elements of lists
 * may come as raw frames.
 */
export function planRequest(
  { kind, mode, commands }: RequestCommands,
  settings: Settings,
  bytes: boolean,
): RequestPlan {
  const compression = mode === "on" || mode === "shadow" ? mode : "off";
  const writes: PlannedWrite[] = [];
  let size = 0;
  let wrapped = 0;
  let reads: (PlannedReply | undefined)[] | undefined;
  for (const [commandIndex, command] of commands.entries()) {
    const known = findCommand(command);
    if (known === undefined) continue;
    const { name, row } = known;
    const reply = mode === "passthrough" ? undefined : valueReply(command, row);
    if (reply !== undefined && mayHoldValues(reply, settings, bytes))
      (reads ??= [])[commandIndex] = { command, name, reply };
    if (row.values === undefined) continue;
    const writing = row.values.elements !== true || listMode(settings, name, String(command[1]));
    if (writing === false) continue;
    // Only a policy function asks for it.
    const ttl = typeof settings.policy === "function" ? timeToLive(command, row) : undefined;
    const positions = valuePositions(command, row);
    const alone = commands.length === 1 && positions.length === 1 && kind !== "multi-exec";
    const carrier = alone ? settings.carrier : "text";
    for (const position of positions) {
      const text = command[position];
      // Numbers and booleans are sent unchanged, so that INCR and similar commands work on them.
      if (typeof text !== "string") continue;
      const key = keyOfArgument(command, row, position);
      const value = planWrite(
        { command: name, key, text, ttl, carrier },
        writing === true ? compression : "off",
        settings,
      );
      if (value === undefined) continue;
      writes.push({ commandIndex, position, value });
      if (value.wrap) wrapped += 1;
      size += text.length;
    }
  }
  return {
    kind,
    mode,
    commands,
    writes,
    large: size >= LARGE_TEXT,
    mayNeedParts: mayNeedParts(commands, kind, settings.maxRequestSize, wrapped * WRAP_SIZE),
    reads,
  };
}

/** Returns false if nothing in a reply is decoded for this client. */
function mayHoldValues(reply: ValueReply, settings: Settings, bytes: boolean): boolean {
  if (reply.shape === "any") return settings.scripts === "decode";
  return reply.elements !== true || bytes || settings.lists;
}

/**
 * Returns true if commands, and `more` bytes, may exceed a request limit that is ours to check: because they can be
 * divided, or because a limit was given.
 */
export function mayNeedParts(
  commands: readonly CommandArguments[],
  kind: RequestKind,
  maxRequestSize: number | undefined,
  more: number = 0,
): boolean {
  if (maxRequestSize === undefined && (kind !== "pipeline" || commands.length === 1)) return false;
  return mayExceed(commands, (maxRequestSize ?? DEFAULT_REQUEST_SIZE) - more);
}

/** The most bytes by which a short text in a frame exceeds six a character. */
const WRAP_SIZE = 64;

/** Returns true if commands may take more than `limit` bytes in JSON, at six a character, without writing the JSON. */
function mayExceed(commands: readonly CommandArguments[], limit: number): boolean {
  let size = 2;
  for (const command of commands) {
    size += 3;
    for (const argument of command) {
      size += 3 + mostBytes(argument);
      if (size > limit) return true;
    }
  }
  return false;
}

/** The most bytes that an argument takes in JSON, or as bytes. */
function mostBytes(argument: unknown): number {
  if (typeof argument === "string") return 6 * argument.length;
  // Else it is a number, a boolean or null.
  return argument instanceof Uint8Array ? argument.length : 30;
}
