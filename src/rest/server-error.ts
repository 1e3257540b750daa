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
/** Characters of an argument by which it is found in a text, and the fewest: what is shorter says nothing. */
const SECRET_MAX = 16;
const SECRET_MIN = 4;

/** The code for a server's text; REDIS for all but limits. */
export function serverErrorCode(text: string): ZstashErrorCode {
  return sizes.find(([part]) => text.includes(part))?.[1] ?? "REDIS";
}

/**
 * A server's text without what it repeats of the request: Redis quotes arguments of commands that it does not know,
 * the SDK's client appends the whole command. Where one of `secrets` occurs, the rest is left out: a text that a server
 * writes may quote anything that it was sent.
 */
export function cleanServerText(text: string, secrets: readonly unknown[] = []): string {
  let clean = text
    .replace(/,? (?:with args beginning with|command was): [^]*$/, "")
    .slice(0, TEXT_MAX + SECRET_MAX);
  for (const secret of secrets) {
    if (typeof secret !== "string" && typeof secret !== "number") continue;
    const part = `${secret}`.slice(0, SECRET_MAX);
    if (part.length < SECRET_MIN) continue;
    // A word may stand in any text by chance, "value" for one: it is an argument where it is quoted.
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

/** The error for what a server said of a request: "Cannot X: what it said". */
export function serverError(what: string, text: string, details: ZstashErrorDetails = {}): ZstashError {
  return new ZstashError(serverErrorCode(text), `Cannot ${what}: ${cleanServerText(text)}`, details);
}

/** What the body of a refusal says: the `error` of one in JSON; `noReply` for pages and empty bodies. */
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
