/** The page of the local server, and its endpoints under `/_zstash/`: who may ask for what, and with which headers. */
import type { Backend } from "../backend.ts";
import { failureOf, readBody, Refusal } from "../request.ts";
import type { Settings } from "../settings.ts";
import { toText, utf8 } from "../text.ts";
import type { Activity } from "./activity.ts";
import { Clients, SNAPSHOT_MAX } from "./clients.ts";
import { readDetail } from "./detail.ts";
import { readFacts } from "./facts.ts";
import { HTML, ICON, SCRIPT, STYLE } from "./inlined.ts";
import { keyOf, listKeys } from "./keys.ts";
import type { ServerInfo } from "./protocol.ts";
import { PAGE_PATH, type Sessions } from "./sessions.ts";
import { TotalsReader } from "./totals.ts";

/** What the page is about. */
export interface PageContext {
  readonly backend: Backend;
  readonly settings: Pick<Settings, "tokens" | "readOnlyTokens">;
  readonly sessions: Sessions;
  readonly activity: Activity;
}

/** The most keys whose facts one request asks for. */
const FACTS_MAX = 100;
/** The most bytes of a request's body: 100 ids of keys of 32 KiB, in base64. */
const BODY_MAX = 5 << 20;

/** Allows the page's own files only, nothing inline, in no frame; nothing that the page shows can become markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** The files that contain no secret: the page requests everything else with its session. */
const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": ["text/html; charset=utf-8", HTML],
  [`${PAGE_PATH}page.js`]: ["text/javascript; charset=utf-8", SCRIPT],
  [`${PAGE_PATH}page.css`]: ["text/css; charset=utf-8", STYLE],
  [`${PAGE_PATH}icon.svg`]: ["image/svg+xml", ICON],
};

/** A request for data by somebody with a session. */
interface Question {
  readonly request: Request;
  readonly url: URL;
}

type Endpoint = (question: Question) => Promise<unknown>;

/** Makes the page of a server. It never rejects, and answers every request. */
export function createPage(context: PageContext): (request: Request, url: URL) => Promise<Response> {
  const { sessions } = context;
  const endpoints = createEndpoints(context);

  async function answer(request: Request, url: URL): Promise<Response> {
    const { pathname } = url;
    const ticket = url.searchParams.get("ticket");
    if (pathname === "/" && ticket !== null)
      return redirect(request.method === "GET" ? sessions.redeem(ticket) : undefined);
    const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
    if (file !== undefined && request.method !== "POST")
      return respond(200, file[1], { "content-type": file[0] });
    const endpoint = endpoints.get(`${request.method} ${pathname.slice(PAGE_PATH.length)}`);
    if (endpoint === undefined) throw new Refusal(404, "ERR the page has no such endpoint");
    const result = await endpoint({ request, url });
    return result instanceof Response ? result : respondJson(200, result);
  }

  return (request, url) => answer(request, url).catch(failure);
}

function createEndpoints(context: PageContext): ReadonlyMap<string, Endpoint> {
  const { backend, settings, sessions, activity } = context;
  const totals = new TotalsReader(backend);
  const clients = new Clients();
  /** Only the page itself, in a session, may send these requests. */
  const own =
    (endpoint: Endpoint): Endpoint =>
    (question) => {
      const { request, url } = question;
      if (!isOwn(request, url) || !sessions.has(request.headers.get("cookie")))
        throw new Refusal(401, "ERR the page needs its session: open it with a ticket, or give it the token");
      return endpoint(question);
    };
  const server: ServerInfo = {
    kind: backend.kind,
    description: backend.description,
    token: settings.tokens[0],
  };
  return new Map<string, Endpoint>([
    [
      "POST session",
      async ({ request, url }) => {
        if (!isOwn(request, url)) throw new Refusal(403, "ERR a session is opened by the page alone");
        const token = toText(await readBody(request, 4096)).trim();
        if (!settings.tokens.includes(token)) throw new Refusal(401, "WRONGPASS invalid token");
        return respondJson(200, { ok: true }, { "set-cookie": sessions.open() });
      },
    ],
    [
      "POST metrics",
      async ({ request }) => {
        requireToken(request, settings);
        clients.add(await readBody(request, SNAPSHOT_MAX));
        return { ok: true };
      },
    ],
    ["GET metrics", own(async () => clients.list())],
    ["GET server", own(async () => server)],
    ["GET totals", own(() => totals.read())],
    ["GET requests", own(async ({ url }) => activity.read(numberOf(url, "after"), numberOf(url, "since")))],
    [
      "GET keys",
      own(({ url }) => {
        const { searchParams } = url;
        const cursor = searchParams.get("cursor") ?? "0";
        return listKeys(
          backend,
          cursor,
          searchParams.get("match") ?? "",
          numberOf(url, "count") || undefined,
        );
      }),
    ],
    [
      "POST facts",
      own(async ({ request }) => {
        const ids = await readJson(request);
        if (!Array.isArray(ids) || ids.length > FACTS_MAX)
          throw new Refusal(400, `ERR an array of at most ${FACTS_MAX} ids is expected`);
        return Promise.all(ids.map((id: unknown) => readFacts(backend, requireKey(id))));
      }),
    ],
    ["POST key", own(async ({ request }) => readDetail(backend, requireKey(await readJson(request))))],
  ]);
}

/**
 * Returns true for a request of the page's own origin. Pages on other ports of this host count as the same site, so
 * browsers send them the cookie; this check tells them apart.
 */
function isOwn(request: Request, url: URL): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return false;
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === (request.headers.get("host") ?? url.host);
}

/** Clients may send figures about themselves with any token of the server; they have no cookie. */
function requireToken(request: Request, { tokens, readOnlyTokens }: PageContext["settings"]): void {
  const token = /^bearer\s+(.+)$/i.exec((request.headers.get("authorization") ?? "").trim())?.[1] ?? "";
  if (![...tokens, ...readOnlyTokens].includes(token))
    throw new Refusal(401, "WRONGPASS invalid or missing auth token");
}

function requireKey(id: unknown): Uint8Array {
  const key = keyOf(id);
  if (key === undefined) throw new Refusal(400, "ERR the id of a key is expected");
  return key;
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return JSON.parse(toText(await readBody(request, BODY_MAX)));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, "ERR the body is not JSON");
  }
}

function numberOf(url: URL, name: string): number {
  const value = Number(url.searchParams.get(name) ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/**
 * Redirects to the page without the ticket in its address. The fragment tells the page that the ticket was not valid.
 */
function redirect(cookie: string | undefined): Response {
  return respond(
    303,
    "",
    cookie === undefined ? { location: "/#ticket" } : { location: "/", "set-cookie": cookie },
  );
}

function respondJson(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return respond(status, JSON.stringify(value), { "content-type": "application/json", ...headers });
}

function respond(status: number, text: string, headers: Readonly<Record<string, string>>): Response {
  const body = utf8(text);
  return new Response(body, {
    status,
    headers: { ...HEADERS, "content-length": `${body.length}`, ...headers },
  });
}

function failure(thrown: unknown): Response {
  const [status, error] = failureOf(thrown);
  return respondJson(status, { error });
}
