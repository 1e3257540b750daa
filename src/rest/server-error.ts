/** Turns the text of a server's error into ours: its code, and a message without what the server repeats of a request. */
import { ZstashError, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";

/** Parts of the texts with which a server refuses sizes. */
const sizes: readonly (readonly [text: string, code: ZstashErrorCode])[] = [
  ["max request size exceeded", "REQUEST_LIMIT"],
  ["max single record size exceeded", "RECORD_LIMIT"],
  ["string exceeds maximum allowed size", "RECORD_LIMIT"],
];

/** Characters of a server's text that an error repeats. */
const TEXT_MAX = 300;

/** The code for a server's text; REDIS for all but limits. */
export function serverErrorCode(text: string): ZstashErrorCode {
  return sizes.find(([part]) => text.includes(part))?.[1] ?? "REDIS";
}

/**
 * A server's text without what it repeats of the request: Redis quotes arguments of commands that it does not know,
 * the SDK's client appends the whole command.
 */
export function cleanServerText(text: string): string {
  const clean = text.replace(/,? (?:with args beginning with|command was): [^]*$/, "");
  return clean.length > TEXT_MAX ? `${clean.slice(0, TEXT_MAX)}…` : clean;
}

/** The error for what a server said of a request: "Cannot X: what it said". */
export function serverError(what: string, text: string, details: ZstashErrorDetails = {}): ZstashError {
  return new ZstashError(serverErrorCode(text), `Cannot ${what}: ${cleanServerText(text)}`, details);
}

/** The `error` of a body that is an error reply in JSON; undefined for HTML pages and the like. */
export function errorText(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
