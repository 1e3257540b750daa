/**
 * Upstash's REST protocol as one function of a Request. The way of a request through this folder:
 *
 * 1. `handler.ts` checks the method, and `access.ts` the token.
 * 2. `request.ts` reads the body and the command or commands: from the path, or from JSON.
 * 3. `runner.ts` runs them in order. `rest-rules.ts` answers those that must not reach Redis (`read-only.ts` says which
 *    ones a read-only token may run), and `scripts.ts` translates what a stock Redis would refuse in a script.
 * 4. `backend.ts` describes what executes a command: `redis/` sends it over TCP, `embedded/` runs it in this process.
 *    `record-limit.ts` wraps either of them where values have a limit.
 * 5. `reply.ts` writes the replies as JSON, base64 or RESP2.
 *
 * SUBSCRIBE, PSUBSCRIBE and MONITOR leave this way after step 2: `events.ts` answers them with a stream. `listen.ts`
 * serves the function over HTTP.
 *
 * `page/` is what people see at `/` in a browser. Its requests leave this way after step 1, and no record tells of them.
 */
import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import { allowOrigins, METHODS, readAccess } from "./access.ts";
import type { Access } from "./access.ts";
import { commandName } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { openEvents, readFeedCommand } from "./events.ts";
import type { PageDoor } from "./page/door.ts";
import { refuseReadOnly } from "./read-only.ts";
import { RecordDraft } from "./request-record.ts";
import type { RequestRecord } from "./request-record.ts";
import { replySize, toBody, writeError, writeJson, writeJsonArray, writeResp2 } from "./reply.ts";
import {
  readBody,
  readCommand,
  readCommands,
  readFormat,
  readPathCommand,
  Refusal,
  sizeExceeded,
} from "./request.ts";
import { createRunner } from "./runner.ts";
import type { Settings } from "./settings.ts";
import { utf8 } from "./text.ts";

const SYNC_TOKEN_HEADER = "upstash-sync-token";

/** A request that has been read. */
interface Call {
  readonly endpoint: string | undefined;
  readonly url: URL;
  readonly body: Uint8Array;
  readonly access: Access;
}

/** The replies to a request: to one command, or to a list of them. */
interface Outcome {
  readonly single: boolean;
  readonly replies: readonly RespValue[];
}

/** A handler in front of a backend. It never rejects; its streams of events end when `closing` aborts. */
export function createHandler(
  backend: Backend,
  settings: Settings,
  closing: AbortSignal,
  page: PageDoor,
): (request: Request) => Promise<Response> {
  const runner = createRunner(backend, settings);
  // A sync token only has to differ from response to response, and from those of an earlier server.
  const run = crypto.randomUUID();
  let responses = 0;

  /** Tells the owner of the server, whose callback cannot fail a request. */
  function report(record: RequestRecord): void {
    page.note(record);
    try {
      settings.onRequest?.(record);
    } catch {
      // Its error is its own.
    }
  }

  async function answer(request: Request, draft: RecordDraft): Promise<Response> {
    if (request.method === "OPTIONS") return new Response(null, { status: 204 });
    if (!METHODS.includes(request.method))
      throw new Refusal(405, `ERR method ${request.method} is not allowed`);
    const ofPage = page.answer(request);
    if (ofPage !== undefined) {
      draft.isOfPage = true;
      return ofPage;
    }
    const url = new URL(request.url);
    const access = readAccess(request, url, settings);
    const hasEndpoint = request.method === "POST" || request.method === "PUT";
    const endpoint = hasEndpoint ? url.pathname.replace(/^\/+/, "/") : undefined;
    const format = readFormat(request, !settings.noResp2 && endpoint !== "/multi-exec");
    const body = await readBody(request, settings.maxRequestSize);
    draft.requestSize = body.length;
    const feedCommand = readFeedCommand(request, url);
    if (feedCommand !== undefined) {
      draft.commands = [feedCommand];
      const forbidden = access.readOnly ? refuseReadOnly(commandName(feedCommand)) : undefined;
      if (forbidden !== undefined) throw new Refusal(400, forbidden);
      return openEvents(backend, feedCommand, request, closing);
    }
    const { single, replies } = await execute({ endpoint, url, body, access }, draft);
    const size = replies.reduce((sum, reply) => sum + replySize(reply), 0);
    if (size > settings.maxResponseSize) throw new Refusal(400, sizeExceeded(settings.maxResponseSize, size));
    const [first] = replies;
    const status = single && first?.kind === "error" ? 400 : 200;
    if (single && first?.kind === "error") draft.error = first.text;
    if (format === "resp2") return respond(status, writeResp2(replies), "application/octet-stream");
    const text = single && first !== undefined ? writeJson(first, format) : writeJsonArray(replies, format);
    return respond(status, [utf8(text)], "application/json");
  }

  /** POST and PUT have endpoints for JSON; any other path is a command itself. */
  async function execute({ endpoint, url, body, access }: Call, draft: RecordDraft): Promise<Outcome> {
    if (endpoint === "/pipeline" || endpoint === "/multi-exec") {
      const commands = readCommands(body);
      draft.commands = commands;
      if (endpoint === "/multi-exec") return transactionOutcome(await runner.transaction(commands, access));
      return { single: false, replies: await runner.pipeline(commands, access) };
    }
    if (settings.noRawBody && endpoint !== undefined && endpoint !== "/" && body.length > 0) {
      throw new Refusal(400, "ERR a command in the path takes no body");
    }
    const command = endpoint === "/" ? readCommand(body) : readPathCommand(url, body);
    draft.commands = [command];
    return { single: true, replies: await runner.pipeline([command], access) };
  }

  return async (request) => {
    const draft = new RecordDraft(request.method);
    const response = await answer(request, draft).catch((thrown: unknown) => failure(thrown, draft));
    if (draft.isOfPage) return response;
    allowOrigins(request, response.headers);
    if (!settings.noSyncToken) {
      response.headers.set(SYNC_TOKEN_HEADER, `${run}-${++responses}`);
      response.headers.set("access-control-expose-headers", SYNC_TOKEN_HEADER);
    }
    const size = response.headers.get("content-length");
    report(draft.finish(response.status, size === null ? undefined : Number(size)));
    return response;
  };
}

/** A transaction that did not run has one reply, the error. */
function transactionOutcome(reply: RespValue): Outcome {
  return reply.kind === "array"
    ? { single: false, replies: reply.items ?? [] }
    : { single: true, replies: [reply] };
}

function respond(status: number, parts: readonly Uint8Array[], contentType: string): Response {
  const { body, size } = toBody(parts);
  return new Response(body, {
    status,
    headers: { "content-type": contentType, "content-length": `${size}` },
  });
}

/** The response to a request that failed: it was refused, the backend failed (502), or the server has a fault (500). */
function failure(thrown: unknown, draft: RecordDraft): Response {
  const [status, text] =
    thrown instanceof Refusal
      ? [thrown.status, thrown.message]
      : thrown instanceof ZstashError
        ? [502, `ERR ${thrown.message}`]
        : [500, `ERR internal error: ${thrown instanceof Error ? thrown.name : "not an Error"}`];
  draft.error = text;
  return respond(status, [utf8(writeError(text))], "application/json");
}
