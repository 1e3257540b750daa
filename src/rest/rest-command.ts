/** Turns commands into HTTP requests: bytes as the body itself, everything else as JSON. */
import { ZstashError } from "../errors.ts";
import type { Resp2Reader } from "./read-reply.ts";

/** An argument of a command: texts and numbers as JSON writes them, and bytes. */
export type RestArgument = string | number | boolean | Uint8Array;

/** A command: its name and its arguments. */
export type RestCommand = readonly RestArgument[];

/** The path and the body of one HTTP request. */
export interface RequestForm {
  /** Appended to the server's URL, with its query; empty for a command in JSON. */
  readonly path: string;
  readonly body: string | Uint8Array;
  /** True if the body is an argument itself. */
  readonly raw: boolean;
}

/** Options of one request. */
export interface SendOptions {
  /** Aborts the request, as the client's own signal does. */
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The same command without bytes, for a server that takes no raw bodies. */
  readonly asText?: (() => RestCommand) | undefined;
  /**
   * The path of the command with its bytes as the body, from `rawPath`; false if none of its arguments can be a body.
   */
  readonly rawPath?: string | false | undefined;
  /** Whether the command may run twice, if the caller knows better than the table of commands. */
  readonly repeatable?: boolean | undefined;
  /** Called after each failed attempt that the server may still carry out. */
  readonly onLost?: (() => void) | undefined;
  /** What is sent instead after a failed attempt: the same commands, asking for less. */
  readonly shorter?: (() => readonly RestCommand[]) | undefined;
  /**
   * Omits the read-your-writes token: the request reads nothing, and the token's 60 bytes decide whether it fits a
   * packet.
   */
  readonly withoutToken?: boolean | undefined;
  /** The most bytes of data in the reply. Default: what the commands may answer, 1 GiB if that is unknown. */
  readonly maxReplySize?: number | undefined;
  /** If Redis refuses a batch as a whole, each command gets that error as its reply, as a single command would. */
  readonly refusalAsReplies?: boolean | undefined;
}

/** One request: what is sent, and what kind of reply is expected. */
export interface Sending {
  readonly form: RequestForm;
  readonly commands: readonly RestCommand[];
  /** The kind of a batch; undefined for one command alone. */
  readonly batch: BatchKind | undefined;
  /** Whether it may run twice: asked after a failure, and until it is known how a server replies. */
  readonly repeatable: () => boolean;
  /** Reads a reply in RESP2; undefined for a reply that is read whole. */
  readonly readResp2: Resp2Reader | undefined;
  readonly options: SendOptions;
}

/**
 * The most bytes of a path and its query, percent-encoded. Servers and proxies limit a request's head to 8 to 16 KB.
 */
export const URL_MAX = 2000;

/**
 * The arguments between a command's name and the value that its body may be: the key, at most one field, an integer.
 * Nothing else goes into a URL, because proxies and monitors log URLs. LSET, for example, has a key and an index.
 */
const rawForms: Readonly<Record<string, readonly ("text" | "integer")[]>> = {
  SET: ["text"],
  SETNX: ["text"],
  GETSET: ["text"],
  APPEND: ["text"],
  MSET: ["text"],
  MSETNX: ["text"],
  LPUSH: ["text"],
  RPUSH: ["text"],
  LPUSHX: ["text"],
  RPUSHX: ["text"],
  SETEX: ["text", "integer"],
  PSETEX: ["text", "integer"],
  SETRANGE: ["text", "integer"],
  LSET: ["text", "integer"],
  HSET: ["text", "text"],
  HMSET: ["text", "text"],
  HSETNX: ["text", "text"],
};

/**
 * Options of SET that may follow the raw argument: each takes an integer, and a query is documented to carry only
 * pairs.
 */
const queryOptions: ReadonlySet<string> = new Set(["EX", "PX", "EXAT", "PXAT"]);

/** Options of HSETEX without an argument. */
const fieldConditions: ReadonlySet<string> = new Set(["FNX", "FXX", "KEEPTTL"]);

/**
 * The request for one command. Bytes are its body; the arguments before them are its path and the options after them
 * its query, of any length. A command without bytes is JSON. Undefined for bytes that no request can carry.
 */
export function findForm(command: RestCommand, most: number = Infinity): RequestForm | undefined {
  const at = command.findIndex((argument) => argument instanceof Uint8Array);
  if (at === -1) return jsonForm(command);
  const bytes = command[at] as Uint8Array;
  // Servers take an empty body for no body.
  if (bytes.length === 0) return findForm(command.map((one, index) => (index === at ? "" : one)));
  const path = rawPath(command, at, most);
  return path === undefined ? undefined : { path, body: bytes, raw: true };
}

/** The request for one command in JSON, as the SDK itself writes it. */
export function jsonForm(command: RestCommand): RequestForm {
  return { path: "", body: JSON.stringify(command), raw: false };
}

/**
 * The request for one command, as `findForm` gives it.
 *
 * @throws {ZstashError} UNSUPPORTED for bytes that no request can carry
 */
export function commandForm(command: RestCommand): RequestForm {
  const form = findForm(command);
  if (form !== undefined) return form;
  const reason = "its bytes do not fit a request of their own";
  throw new ZstashError("UNSUPPORTED", `Cannot run ${nameOf(command)}: ${reason}`);
}

/**
 * Path and query of a command whose argument `at` is the body, in at most `most` bytes; undefined if there is no such
 * request. It contains only the command's name, its key, one field and options, and only texts and integers that a
 * URL carries unchanged: empty segments, `.`, `..` and lone surrogates do not survive in a URL.
 */
export function rawPath(command: RestCommand, at: number, most: number = URL_MAX): string | undefined {
  if (typeof command[0] !== "string") return undefined;
  const name = command[0].toUpperCase();
  const kinds = name === "HSETEX" ? fieldsForm(command) : rawForms[name];
  if (kinds?.length !== at - 1 || (command.length > at + 1 && name !== "SET")) return undefined;
  let path = `/${command[0]}`;
  for (const [index, kind] of kinds.entries()) {
    const segment = segmentOf(command[index + 1], kind, most);
    if (segment === undefined) return undefined;
    path += `/${segment}`;
  }
  for (let index = at + 1; index < command.length; index += 2) {
    const option = String(command[index]).toUpperCase();
    const value = segmentOf(command[index + 1], "integer", most);
    if (!queryOptions.has(option) || value === undefined) return undefined;
    path += `${index === at + 1 ? "?" : "&"}${option}=${value}`;
  }
  return path.length > most ? undefined : path;
}

/**
 * The arguments of HSETEX before its value, if it sets one field: `key [FNX | FXX] [EX seconds | …] FIELDS 1 field`.
 */
function fieldsForm(command: RestCommand): readonly ("text" | "integer")[] | undefined {
  const kinds: ("text" | "integer")[] = ["text"];
  let index = 2;
  for (; index < command.length - 4; index++) {
    const option = String(command[index]).toUpperCase();
    kinds.push("text");
    if (queryOptions.has(option)) {
      kinds.push("integer");
      index += 1;
    } else if (!fieldConditions.has(option)) return undefined;
  }
  const isOne = String(command[index]).toUpperCase() === "FIELDS" && String(command[index + 1]) === "1";
  return isOne && index === command.length - 4 ? [...kinds, "text", "integer", "text"] : undefined;
}

/** An argument as a segment of a path; undefined if a URL would change it, or if it has the wrong kind. */
function segmentOf(argument: unknown, kind: "text" | "integer", most: number): string | undefined {
  if (typeof argument === "number") return Number.isSafeInteger(argument) ? `${argument}` : undefined;
  if (typeof argument !== "string" || argument.length > most) return undefined;
  if (kind === "integer") return /^-?\d{1,19}$/.test(argument) ? argument : undefined;
  if (argument === "" || argument === "." || argument === "..") return undefined;
  try {
    // A path may contain a colon (RFC 3986 §3.3), and keys are full of them.
    return encodeURIComponent(argument).replaceAll("%3A", ":");
  } catch {
    // A lone surrogate, which UTF-8 cannot represent.
    return undefined;
  }
}

/** The request for several commands, none of which may hold bytes. */
export function batchForm(kind: BatchKind, commands: readonly RestCommand[]): RequestForm {
  return { path: `/${kind}`, body: JSON.stringify(commands), raw: false };
}

/** How several commands run: one after another, or all or none. */
export type BatchKind = "pipeline" | "multi-exec";

/** The name of a command for messages, if it is a word; arguments are never shown. */
export function nameOf(command: RestCommand): string {
  const name = String(command[0]).toUpperCase();
  return /^[A-Z][A-Z._]{0,30}$/.test(name) ? name : "the command";
}
