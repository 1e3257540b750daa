/** Puts commands into the form of an HTTP request: bytes as a body of their own, everything else as JSON. */
import { ZstashError } from "../errors.ts";

/** An argument of a command: texts and numbers as they are written in JSON, and bytes. */
export type RestArgument = string | number | boolean | Uint8Array;

/** A command: its name and its arguments. */
export type RestCommand = readonly RestArgument[];

/** The path and the body of one HTTP request. */
export interface RequestForm {
  /** Follows the server's URL, with its query; empty for a command in JSON. */
  readonly path: string;
  readonly body: string | Uint8Array;
  /** The body is an argument itself. */
  readonly raw: boolean;
}

/**
 * Options of SET that may follow the raw argument: each takes a value, which is all that a query is documented to carry.
 * The value of any other command is followed by more fields or keys, which may have any name.
 */
const queryOptions: ReadonlySet<string> = new Set(["EX", "PX", "EXAT", "PXAT"]);

/**
 * The request for one command. Bytes are its body; the arguments before them are its path and the options after them its
 * query. A command without bytes is JSON. Undefined for bytes that no request can carry: see `rawPath`, whose result may be
 * given as `knownPath`.
 */
export function findForm(command: RestCommand, knownPath?: string): RequestForm | undefined {
  const at = command.findIndex((argument) => argument instanceof Uint8Array);
  if (at === -1) return { path: "", body: JSON.stringify(command), raw: false };
  const bytes = command[at] as Uint8Array;
  // Servers take an empty body for none.
  if (bytes.length === 0) return findForm(command.map((one, index) => (index === at ? "" : one)));
  const path = knownPath ?? rawPath(command, at);
  return path === undefined ? undefined : { path, body: bytes, raw: true };
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
 * Path and query of a command whose argument `at` is the body; undefined if the protocol has no such request. It carries
 * one argument as bytes, which only options with values may follow. Empty segments, `.`, `..` and lone surrogates do not
 * survive in a URL.
 */
export function rawPath(command: RestCommand, at: number): string | undefined {
  // The value of any other command is followed by more fields or keys.
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

/** A segment of a path; undefined for an argument that a URL would change. */
function segmentOf(argument: RestArgument): string | undefined {
  if (argument === "" || argument === "." || argument === "..") return undefined;
  // A colon may stand in a path (RFC 3986 §3.3), and keys are full of them.
  return encode(argument)?.replaceAll("%3A", ":");
}

/** Percent-encodes an argument; undefined for bytes, and for lone surrogates, which UTF-8 cannot represent. */
function encode(argument: RestArgument): string | undefined {
  if (argument instanceof Uint8Array) return undefined;
  try {
    return encodeURIComponent(argument);
  } catch {
    return undefined;
  }
}

/** The request for several commands, none of which may hold bytes. */
export function batchForm(kind: BatchKind, commands: readonly RestCommand[]): RequestForm {
  return { path: `/${kind}`, body: JSON.stringify(commands), raw: false };
}

/** The way several commands run: one after the other, or all or none. */
export type BatchKind = "pipeline" | "multi-exec";

/** The name of a command for messages, if it is a word; arguments are never shown. */
export function nameOf(command: RestCommand): string {
  const name = String(command[0]).toUpperCase();
  return /^[A-Z][A-Z._]{0,30}$/.test(name) ? name : "the command";
}
