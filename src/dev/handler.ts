import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { toBody } from "./body.ts";
import { utf8 } from "./text.ts";
import { openEvents, wantsEvents } from "./events.ts";
import { commandName } from "./rest-rules.ts";
import { refuseReadOnly } from "./read-only.ts";
import { replySize, writeError, writeJson, writeJsonArray, writeResp2 } from "./reply.ts";
import type { ReplyFormat } from "./reply.ts";
import {
  queryToken,
  readBody,
  readCommand,
  readCommands,
  readPathCommand,
  Refusal,
  sizeExceeded,
} from "./request.ts";
import { createRunner } from "./runner.ts";
import type { Access } from "./runner.ts";

/** What a server lacks, to test what clients do then. */
export interface DevServerSwitches {
  /** Ignore `Upstash-Response-Format`: every reply is JSON. */
  readonly noResp2?: boolean;
  /** Refuse a command in the path that has a body, with 400. */
  readonly noRawBody?: boolean;
  /** Refuse EVAL, EVALSHA, SCRIPT, FCALL and FUNCTION. */
  readonly noScripts?: boolean;
  /** Send no `upstash-sync-token`. */
  readonly noSyncToken?: boolean;
}

/** How the REST side behaves. */
export interface HandlerOptions extends DevServerSwitches {
  readonly tokens: readonly string[];
  readonly readOnlyTokens: readonly string[];
  /** Ends the streams of events. */
  readonly closing: AbortSignal;
  /** Bytes. */
  readonly maxRequestSize: number;
  /** Bytes of strings in the reply, before base64 or JSON. */
  readonly maxResponseSize: number;
}

const METHODS = ["GET", "HEAD", "POST", "PUT"];
const FORMAT_HEADER = "upstash-response-format";
const TOKEN_HEADER = "upstash-sync-token";
/** How long a browser may remember a preflight. */
const PREFLIGHT_SECONDS = 600;

/** A request's replies: of one command, or of a list of them. */
interface Outcome {
  readonly single: boolean;
  readonly replies: readonly RespValue[];
}

/** Upstash's REST protocol in front of a backend, as a function of a Request. It never rejects. */
export function createHandler(
  backend: Backend,
  options: HandlerOptions,
): (request: Request) => Promise<Response> {
  const runner = createRunner(backend, { noScripts: options.noScripts ?? false });
  // A sync token only has to differ from response to response, and from those of an earlier server.
  const run = crypto.randomUUID();
  let responses = 0;

  async function answer(request: Request): Promise<Response> {
    if (request.method === "OPTIONS") return new Response(null, { status: 204 });
    if (!METHODS.includes(request.method))
      throw new Refusal(405, `ERR method ${request.method} is not allowed`);
    const url = new URL(request.url);
    const access = readAccess(request, url, options);
    const writes = request.method === "POST" || request.method === "PUT";
    const endpoint = writes ? url.pathname.replace(/^\/+/, "/") : undefined;
    const format = readFormat(request, options.noResp2 === true || endpoint === "/multi-exec");
    const body = await readBody(request, options.maxRequestSize);
    const feed = readFeed(request, url);
    if (feed !== undefined) {
      const forbidden = access.readOnly ? refuseReadOnly(commandName(feed)) : undefined;
      if (forbidden !== undefined) throw new Refusal(400, forbidden);
      return openEvents(backend, feed, request, options.closing);
    }
    const { single, replies } = await execute(endpoint, url, body, access);
    const size = replies.reduce((sum, reply) => sum + replySize(reply), 0);
    if (size > options.maxResponseSize) throw new Refusal(400, sizeExceeded(options.maxResponseSize, size));
    const [first] = replies;
    const status = single && first?.kind === "error" ? 400 : 200;
    if (format === "resp2") return respond(status, writeResp2(replies), "application/octet-stream");
    const text = single && first !== undefined ? writeJson(first, format) : writeJsonArray(replies, format);
    return respond(status, [utf8(text)], "application/json");
  }

  async function execute(
    endpoint: string | undefined,
    url: URL,
    body: Uint8Array,
    access: Access,
  ): Promise<Outcome> {
    if (endpoint === "/pipeline")
      return { single: false, replies: await runner.pipeline(readCommands(body), access) };
    if (endpoint === "/multi-exec")
      return transactionOutcome(await runner.transaction(readCommands(body), access));
    if (options.noRawBody === true && endpoint !== undefined && endpoint !== "/" && body.length > 0) {
      throw new Refusal(400, "ERR a command in the path takes no body");
    }
    const command = endpoint === "/" ? readCommand(body) : readPathCommand(url, body);
    return { single: true, replies: await runner.pipeline([command], access) };
  }

  return async (request) => {
    const response = await answer(request).catch(refuse);
    allowOrigins(request, response.headers);
    if (options.noSyncToken !== true) {
      response.headers.set(TOKEN_HEADER, `${run}-${++responses}`);
      response.headers.set("access-control-expose-headers", TOKEN_HEADER);
    }
    return response;
  };
}

/** Let pages of every origin call: a token stands before everything else. */
function allowOrigins(request: Request, headers: Headers): void {
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-allow-methods", METHODS.join(", "));
  // A wildcard does not cover Authorization, so what was asked for is what is allowed.
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  // A public page that calls a local address asks for this too.
  if (request.headers.has("access-control-request-private-network"))
    headers.set("access-control-allow-private-network", "true");
  if (request.method === "OPTIONS") headers.set("access-control-max-age", `${PREFLIGHT_SECONDS}`);
}

/** The command of a request for events; undefined for any other request. */
function readFeed(request: Request, url: URL): CommandBytes | undefined {
  const first = url.pathname.replace(/^\/+/, "").split("/", 1)[0];
  if (first === "" || !wantsEvents(request, [utf8(first ?? "")])) return undefined;
  // Neither the body nor the query has a part in it.
  const bare = new URL(url);
  bare.search = "";
  return readPathCommand(bare, new Uint8Array(0));
}

function transactionOutcome(reply: RespValue): Outcome {
  return reply.kind === "array"
    ? { single: false, replies: reply.items ?? [] }
    : { single: true, replies: [reply] };
}

/** What a bearer token in the header allows, or `_token` in the query where there is no header. */
function readAccess(request: Request, url: URL, options: HandlerOptions): Access {
  const header = request.headers.get("authorization");
  const token = header === null ? queryToken(url) : /^bearer\s+(.+)$/i.exec(header.trim())?.[1];
  if (token !== undefined && options.tokens.includes(token)) return { readOnly: false };
  if (token !== undefined && options.readOnlyTokens.includes(token)) return { readOnly: true };
  throw new Refusal(401, "WRONGPASS invalid or missing auth token");
}

function readFormat(request: Request, ignoreResponseFormat: boolean): ReplyFormat {
  const base64 = request.headers.get("upstash-encoding")?.trim().toLowerCase() === "base64";
  const asked = ignoreResponseFormat ? undefined : request.headers.get(FORMAT_HEADER)?.trim().toLowerCase();
  if (asked !== undefined && asked !== "json" && asked !== "resp2") {
    throw new Refusal(400, "ERR invalid Upstash-Response-Format: json or resp2 is expected");
  }
  if (asked !== "resp2") return base64 ? "base64" : "json";
  if (base64)
    throw new Refusal(400, "ERR Upstash-Encoding cannot be combined with Upstash-Response-Format: resp2");
  return "resp2";
}

function respond(status: number, parts: readonly Uint8Array[], contentType: string): Response {
  const { body, size } = toBody(parts);
  return new Response(body, {
    status,
    headers: { "content-type": contentType, "content-length": `${size}` },
  });
}

/** The answer to what could not be run: refused by us, no backend behind us, or a fault of ours. */
function refuse(thrown: unknown): Response {
  const [status, text] =
    thrown instanceof Refusal
      ? [thrown.status, thrown.message]
      : thrown instanceof ZstashError
        ? [502, `ERR ${thrown.message}`]
        : [500, `ERR internal error: ${thrown instanceof Error ? thrown.name : "not an Error"}`];
  return respond(status, [utf8(writeError(text))], "application/json");
}
