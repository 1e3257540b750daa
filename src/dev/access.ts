/**
 * Decides who may send requests: by Host, Origin and token. Pages of foreign sites are refused before anything runs.
 */
import type { Share } from "./budget.ts";
import { queryToken, Refusal } from "./request.ts";
import type { Target } from "./request.ts";
import type { Settings } from "./settings.ts";

/** The rights of a request's token. */
export interface Access {
  readonly readOnly: boolean;
}

/** Facts that only a request over HTTP has. */
export interface Arrival {
  /** The target of the request line as it was sent: no URL parser has changed it. */
  readonly target: string;
  /** The values of all Host fields. */
  readonly hosts: readonly string[];
  /** The address of this machine that the connection was made to. */
  readonly address: string;
  /**
   * The share of the listener's memory that the request holds; the listener takes it back at the end of the response.
   */
  readonly share: Share;
}

export const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT"];

/** The seconds for which a browser may remember a preflight. */
const PREFLIGHT_SECONDS = 600;

/** `host[:port]`: a name or an IPv4 address, or an IPv6 address in brackets. */
const AUTHORITY = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?$/;
const ORIGIN = /^https?:\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * Returns true for localhost and the names below it, 127.0.0.0/8 and [::1]: no foreign DNS server can give out these
 * names.
 */
function isLoopback(name: string): boolean {
  if (name === "[::1]") return true;
  const bare = name.replace(/\.$/, "");
  return bare === "localhost" || bare.endsWith(".localhost") || isLoopbackAddress(name);
}

function isLoopbackAddress(name: string): boolean {
  const parts = /^127\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(name)?.slice(1) ?? [];
  return parts.length === 3 && parts.every((part) => Number(part) <= 255);
}

/**
 * Returns the origin of the server as a request over HTTP sees it. The request's Host must be a loopback name, one of
 * `hosts`, or the address that its connection was made to. A page whose DNS name resolves to this server (DNS
 * rebinding) has no such Host, although its browser takes page and server for one origin.
 *
 * @param authority The host of an absolute-form target, which replaces Host.
 * @throws {Refusal} 403 for another Host, 400 for none, several or a malformed one
 */
export function requireHost(arrival: Arrival, authority: string | undefined, settings: Settings): string {
  const values = [...new Set([...arrival.hosts, ...(authority === undefined ? [] : [authority])])];
  const host = values[0]?.trim().toLowerCase() ?? "";
  const name = AUTHORITY.exec(host)?.[1];
  if (values.length !== 1 || name === undefined)
    throw new Refusal(400, "ERR a request needs one Host: a name or an address, and a port");
  const address = arrival.address.replace(/^::ffff:/, "");
  const reached = address.includes(":") ? `[${address}]` : address;
  if (!isLoopback(name) && name !== reached && !settings.hosts.includes(name)) {
    throw new Refusal(
      403,
      `ERR requests to the Host "${name}" are not answered. "zstash dev --host ${name}" allows them, as "hosts" of createDevServer does`,
    );
  }
  return `http://${host.replace(/:(80)?$/, "")}`;
}

/**
 * Returns the origin of the page that sent the request, if that page may call the server; undefined if the request
 * names no page. Pages on loopback, pages of `origins`, and pages of the server itself, whose origin is `own`, may
 * call it.
 *
 * @throws {Refusal} 403 for any other origin, including `null`, which sandboxed frames, files and redirects send
 */
export function requireOrigin(
  headers: Headers,
  own: string | undefined,
  settings: Settings,
): string | undefined {
  const origin = headers.get("origin");
  if (origin === null) return undefined;
  const name = ORIGIN.exec(origin.toLowerCase())?.[1];
  const isAllowed = (name !== undefined && isLoopback(name)) || settings.origins.includes(origin);
  if (isAllowed || origin === own) return origin;
  throw new Refusal(
    403,
    `ERR pages of the origin ${JSON.stringify(origin.slice(0, 100))} may not call. "zstash dev --allow-origin" allows one, as "origins" of createDevServer does`,
  );
}

/**
 * Refuses commands for a page that does not identify itself: with images, links and GET forms a browser sends no
 * Origin, but it tells that they come from another site.
 *
 * @throws {Refusal} 403
 */
export function requireOwnSite(headers: Headers, origin: string | undefined): void {
  const site = headers.get("sec-fetch-site");
  if (origin === undefined && site !== null && site !== "none" && site !== "same-origin")
    throw new Refusal(403, "ERR images, links and forms of other sites may not run commands");
}

/**
 * Reads the rights of the bearer token in the header, or of `_token` in the query if there is no header.
 *
 * @throws {Refusal} 401 for an unknown or missing token
 */
export function readAccess(
  headers: Headers,
  target: Target,
  origin: string | undefined,
  settings: Settings,
): Access {
  const header = headers.get("authorization");
  const token =
    header !== null
      ? /^bearer\s+(.+)$/i.exec(header.trim())?.[1]
      : mayNameToken(headers, origin)
        ? queryToken(target)
        : undefined;
  // All tokens are compared, whichever matches, so that the time tells nothing.
  const [full, reads] = [settings.tokens, settings.readOnlyTokens].map((known) =>
    known.reduce((found, one) => equalTokens(token ?? "", one) || found, false),
  );
  if (token !== undefined && full === true) return { readOnly: false };
  if (token !== undefined && reads === true) return { readOnly: true };
  throw new Refusal(401, "WRONGPASS invalid or missing auth token");
}

/**
 * Returns true if the query may hold the token. An image on a foreign page could send it there, if the page knows the
 * token. Browsers do not tell a request's site if the Host is neither loopback nor HTTPS, but they do tell that they
 * are browsers.
 */
function mayNameToken(headers: Headers, origin: string | undefined): boolean {
  const isBrowser = headers.get("user-agent")?.startsWith("Mozilla/") === true;
  return !isBrowser || origin !== undefined || headers.has("sec-fetch-site");
}

/** Compares in a time that depends only on the length of `given`. */
function equalTokens(given: string, known: string): boolean {
  let difference = given.length ^ known.length;
  for (let at = 0; at < given.length; at++)
    difference |= given.charCodeAt(at) ^ known.charCodeAt(at % known.length);
  return difference === 0;
}

/** Lets the page of an allowed origin read the response; without an origin no permission is needed. */
export function allowOrigin(request: Request, origin: string | undefined, headers: Headers): void {
  headers.append("vary", "Origin");
  if (origin === undefined) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-allow-methods", METHODS.join(", "));
  // A wildcard does not cover Authorization, so the headers that the page asks for are repeated.
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  // A page of another address space asks for this permission too.
  if (request.headers.has("access-control-request-private-network"))
    headers.set("access-control-allow-private-network", "true");
  if (request.method === "OPTIONS") headers.set("access-control-max-age", `${PREFLIGHT_SECONDS}`);
}
