/** Decides who may call: the tokens and what each allows, and the headers that let pages of other origins in. */
import { queryToken, Refusal } from "./request.ts";
import type { Settings } from "./settings.ts";

/** The rights of a request's token. */
export interface Access {
  readonly readOnly: boolean;
}

export const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT"];

/** The time for which a browser may remember a preflight. */
const PREFLIGHT_SECONDS = 600;

/**
 * The rights of a bearer token in the header, or of `_token` in the query where there is no header.
 *
 * @throws {Refusal} 401 for any other token, and for none
 */
export function readAccess(request: Request, url: URL, settings: Settings): Access {
  const header = request.headers.get("authorization");
  const token = header === null ? queryToken(url) : /^bearer\s+(.+)$/i.exec(header.trim())?.[1];
  if (token !== undefined && settings.tokens.includes(token)) return { readOnly: false };
  if (token !== undefined && settings.readOnlyTokens.includes(token)) return { readOnly: true };
  throw new Refusal(401, "WRONGPASS invalid or missing auth token");
}

/** Let pages of every origin call: every request needs a token anyway. */
export function allowOrigins(request: Request, headers: Headers): void {
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-allow-methods", METHODS.join(", "));
  // A wildcard does not cover Authorization, so the headers that the page asks for are repeated.
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  // A public page that calls a local address asks for this too.
  if (request.headers.has("access-control-request-private-network"))
    headers.set("access-control-allow-private-network", "true");
  if (request.method === "OPTIONS") headers.set("access-control-max-age", `${PREFLIGHT_SECONDS}`);
}
