import { ZstashError } from "../errors.ts";

/** What an argument may be: texts and numbers as they are written in JSON, and bytes. */
export type RestArgument = string | number | boolean | Uint8Array;

/** A command: its name and its arguments. */
export type RestCommand = readonly RestArgument[];

/** What goes into one HTTP request. */
export interface RequestForm {
  /** Behind the server's URL, with its query; empty for a command in JSON. */
  readonly path: string;
  readonly body: string | Uint8Array;
  /** Whether the body is an argument itself. */
  readonly raw: boolean;
}

/**
 * Options of SET that may follow the raw argument: each takes a value, which is all that a query is documented to carry.
 * Behind the value of any other command come more fields or keys, which may be called anything.
 */
const queryOptions: ReadonlySet<string> = new Set(["EX", "PX", "EXAT", "PXAT"]);

/**
 * The request for one command. Bytes are its body, behind a path of the arguments before them and with the options
 * behind them in the query; a command without bytes is JSON.
 * Undefined for bytes that no request can carry: see `rawPath`, whose result may be given as `knownPath`.
 */
export function findForm(command: RestCommand, knownPath?: string): RequestForm | undefined {
  const at = command.findIndex((argument) => argument instanceof Uint8Array);
  if (at === -1) return { path: "", body: JSON.stringify(command), raw: false };
  const bytes = command[at] as Uint8Array;
  // An empty body is no argument.
  if (bytes.length === 0) return findForm(command.map((one, index) => (index === at ? "" : one)));
  const path = knownPath ?? rawPath(command, at);
  return path === undefined ? undefined : { path, body: bytes, raw: true };
}

/**
 * As `findForm`, for a command that has to be sent.
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
 * Path and query of a command whose argument `at` is the body, or undefined where the protocol has no such request: it
 * carries one argument as bytes, the last one but for options with values. Empty segments and `.` and `..` do not
 * survive in a URL, nor do lone surrogates.
 */
export function rawPath(command: RestCommand, at: number): string | undefined {
  // Behind the value of any other command stand more fields or keys.
  if (command.length > at + 1 && String(command[0]).toUpperCase() !== "SET") return undefined;
  const segments = command.slice(0, at).map(segmentOf);
  const options: string[] = [];
  for (let index = at + 1; index < command.length; index += 2) {
    const name = String(command[index]).toUpperCase();
    const argument = command[index + 1];
    const value = argument === undefined ? undefined : encode(argument);
    if (!queryOptions.has(name) || value === undefined) return undefined;
    options.push(`${name}=${value}`);
  }
  if (segments.includes(undefined)) return undefined;
  return `/${segments.join("/")}${options.length === 0 ? "" : `?${options.join("&")}`}`;
}

/** A segment of a path; undefined for what would not come out of the URL as it went in. */
function segmentOf(argument: RestArgument): string | undefined {
  if (argument === "" || argument === "." || argument === "..") return undefined;
  // A colon may stand in a path (RFC 3986 §3.3), and keys are full of them.
  return encode(argument)?.replaceAll("%3A", ":");
}

/** Percent-encoded; undefined for bytes, and for lone surrogates, which have no UTF-8. */
function encode(argument: RestArgument): string | undefined {
  if (argument instanceof Uint8Array) return undefined;
  try {
    return encodeURIComponent(argument);
  } catch {
    return undefined;
  }
}

/** The request for several commands; none of them may hold bytes. */
export function batchForm(kind: BatchKind, commands: readonly RestCommand[]): RequestForm {
  return { path: `/${kind}`, body: JSON.stringify(commands), raw: false };
}

/** One after the other, or all or none. */
export type BatchKind = "pipeline" | "multi-exec";

/** How a command is named in messages: by its name where that is a word, and never by an argument. */
export function nameOf(command: RestCommand): string {
  const name = String(command[0]).toUpperCase();
  return /^[A-Z][A-Z._]{0,30}$/.test(name) ? name : "the command";
}
