/**
 * Turns the text of a server's error into ours: its code, and a message without what the server repeats of the
 * request.
 */
import { ZstashError, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";

/** Parts of the texts with which a server refuses sizes. */
const sizes: readonly (readonly [text: string, code: ZstashErrorCode])[] = [
  ["max request size exceeded", "REQUEST_LIMIT"],
  ["max single record size exceeded", "RECORD_LIMIT"],
  ["string exceeds maximum allowed size", "RECORD_LIMIT"],
];

/** The most characters of a server's text that an error repeats. */
const TEXT_MAX = 300;
/** The most characters of an argument that are searched for in a text, and the fewest: shorter ones prove nothing. */
const SECRET_MAX = 16;
const SECRET_MIN = 4;

/** The code for a server's text: REDIS unless it is about a limit. */
export function serverErrorCode(text: string): ZstashErrorCode {
  return sizes.find(([part]) => text.includes(part))?.[1] ?? "REDIS";
}

/**
 * A server's text without what it repeats of the request: Redis quotes arguments of commands that it does not know,
 * and the SDK's client appends the whole command. If one of `secrets` occurs, the rest is left out, because a text of
 * a server may quote anything that it was sent.
 */
export function cleanServerText(text: string, secrets: readonly unknown[] = []): string {
  let clean = text
    .replace(/,? (?:with args beginning with|command was): [^]*$/, "")
    .slice(0, TEXT_MAX + SECRET_MAX);
  for (const secret of secrets) {
    if (typeof secret !== "string" && typeof secret !== "number") continue;
    const part = `${secret}`.slice(0, SECRET_MAX);
    if (part.length < SECRET_MIN) continue;
    // A word such as "value" may occur in any text: it counts as an argument only in quotes.
    const quotes = /^[A-Za-z]{1,10}$/.test(part) ? ["'", '"', "`"] : [""];
    for (const shown of quotes.flatMap((quote) => [
      quote + part,
      quote + JSON.stringify(part).slice(1, -1),
    ])) {
      const at = clean.indexOf(shown);
      if (at >= 0) clean = `${clean.slice(0, at)}…`;
    }
  }
  return clean.length > TEXT_MAX ? `${clean.slice(0, TEXT_MAX)}…` : clean;
}

/** The error for what a server said about a request: "Cannot X: what it said". */
export function serverError(what: string, text: string, details: ZstashErrorDetails = {}): ZstashError {
  return new ZstashError(serverErrorCode(text), `Cannot ${what}: ${cleanServerText(text)}`, details);
}

/** Reads the body of a refusal: the `error` of a JSON body; `noReply` for pages and empty bodies. */
export function readErrorBody(body: string): {
  readonly said?: string | undefined;
  readonly noReply?: true | undefined;
} {
  try {
    const { error } = (JSON.parse(body) ?? {}) as { error?: unknown };
    return { said: typeof error === "string" ? error : undefined };
  } catch {
    return { noReply: true };
  }
}
