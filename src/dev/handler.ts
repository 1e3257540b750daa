/**
 * Upstash's REST protocol as one function of a Request. The path of a request through this folder:
 *
 * 1. `listen.ts` serves this function over HTTP and tells what only HTTP knows: the target as it was sent, Host, address.
 *    `access.ts` refuses foreign Hosts, then foreign pages by their Origin, then wrong tokens.
 * 2. `request.ts` reads the body and the command or commands: from the path, or from JSON.
 * 3. `runner.ts` runs them in order. `rest-rules.ts` answers those that must not reach Redis (`read-only.ts` says which
 *    ones a read-only token may run), and `scripts.ts` translates what a stock Redis would refuse in a script.
 * 4. `backend.ts` describes what executes a command: `redis/` sends it over TCP, `embedded/` runs it in this process.
 *    `record-limit.ts` wraps either of them where values have a limit.
 * 5. `reply.ts` writes the replies as JSON, base64 or RESP2.
 *
 * SUBSCRIBE, PSUBSCRIBE and MONITOR leave this path after step 2: `events.ts` answers them with a stream.
 *
 * `page/` is what people see at `/` in a browser. Its requests leave this path after step 1, and are not recorded.
 */
import type { RespValue } from "../rest/resp.ts";
import { allowOrigin, METHODS, readAccess, requireHost, requireOrigin, requireOwnSite } from "./access.ts";
import type { Access, Arrival } from "./access.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { SMALL } from "./budget.ts";
import type { Share } from "./budget.ts";
import { openEvents, readFeedCommand } from "./events.ts";
import type { PageDoor } from "./page/door.ts";
import { refuseReadOnly } from "./read-only.ts";
import { RecordDraft } from "./request-record.ts";
import type { RequestRecord } from "./request-record.ts";
import type { ReplyFormat } from "./reply.ts";
import { replySize, toBody, writeError, writeJson, writeJsonArray, writeResp2 } from "./reply.ts";
import {
  declaredLength,
  failureOf,
  readBody,
  readCommand,
  readCommands,
  readFormat,
  readPathCommand,
  readTarget,
  readUrl,
  Refusal,
  sizeExceeded,
} from "./request.ts";
import type { Target } from "./request.ts";
import { createRunner } from "./runner.ts";
import type { Settings } from "./settings.ts";
import { utf8 } from "./text.ts";

const SYNC_TOKEN_HEADER = "upstash-sync-token";

/** What a request has sent. */
interface Sent {
  readonly endpoint: string | undefined;
  readonly target: Target;
  readonly body: Uint8Array;
}

/** The commands of a request, and how to run them. */
interface Call {
  readonly commands: readonly CommandBytes[];
  readonly kind: "single" | "pipeline" | "transaction";
}

/** Runs work when there is room for its replies. */
type Within = (work: () => Promise<readonly RespValue[]>) => Promise<readonly RespValue[]>;

/** The replies to a request: to one command, or to a list of them. */
interface Outcome {
  readonly single: boolean;
  readonly replies: readonly RespValue[];
}

/** Where a request comes from and where it goes, after access was allowed. */
interface Route {
  readonly target: Target;
  readonly origin: string | undefined;
  readonly share: Share | undefined;
}

/** Answers a request. A request without `arrival` was made in this process: its host does not matter. */
export type Handler = (request: Request, arrival?: Arrival) => Promise<Response>;

/** Makes a handler for a backend. It never rejects; its event streams end when `closing` aborts. */
export function createHandler(
  backend: Backend,
  settings: Settings,
  closing: AbortSignal,
  page: PageDoor,
): Handler {
  const runner = createRunner(backend, settings);
  // A sync token only has to differ between responses, and from those of an earlier server.
  const run = crypto.randomUUID();
  let responses = 0;

  /** Tells the owner of the server, whose callback cannot fail a request. */
  function report(record: RequestRecord): void {
    page.note(record);
    try {
      settings.onRequest?.(record);
    } catch {
      // An error of the callback does not concern us.
    }
  }

  /**
   * Checks a request before anything else. A request that is refused here gets no header that would let a page read
   * why.
   */
  function admit(request: Request, arrival: Arrival | undefined): Route {
    const { headers, method, url } = request;
    if (arrival === undefined) {
      return { target: readUrl(url), origin: requireOrigin(headers, undefined, settings), share: undefined };
    }
    const target = readTarget(arrival.target, method);
    const own = requireHost(arrival, target.authority, settings);
    const origin = requireOrigin(headers, own, settings);
    if (/(^|,)\s*websocket\b/i.test(headers.get("upgrade") ?? ""))
      throw new Refusal(400, "ERR WebSockets are not served");
    return { target, origin, share: arrival.share };
  }

  async function answer(request: Request, route: Route, draft: RecordDraft): Promise<Response> {
    const { target, origin, share } = route;
    if (request.method === "OPTIONS") return new Response(null, { status: 204 });
    if (!METHODS.includes(request.method))
      throw new Refusal(405, `ERR method ${request.method} is not allowed`);
    // Before the rule about other sites: a link in a browser's terminal counts as coming from one.
    const ofPage = page.answer(request);
    if (ofPage !== undefined) {
      draft.isOfPage = true;
      return ofPage;
    }
    requireOwnSite(request.headers, origin);
    const access = readAccess(request.headers, target, origin, settings);
    const hasEndpoint = request.method === "POST" || request.method === "PUT";
    const endpoint = hasEndpoint ? target.path : undefined;
    const format = readFormat(request, !settings.noResp2 && endpoint !== "/multi-exec");
    if (share !== undefined) await awaitRoom(request, share);
    const body = await readBody(request, settings.maxRequestSize);
    draft.requestSize = body.length;
    share?.settle(2 * body.length);
    const feedCommand = readFeedCommand(request, target);
    if (feedCommand !== undefined) {
      draft.commands = [feedCommand];
      const forbidden = access.readOnly ? refuseReadOnly(commandName(feedCommand)) : undefined;
      if (forbidden !== undefined) throw new Refusal(400, forbidden);
      return openEvents(backend, feedCommand, request, closing);
    }
    const call = readCall({ endpoint, target, body });
    draft.commands = call.commands;
    const { single, replies } = await execute(call, access, (work) =>
      share === undefined
        ? work()
        : share.budget.run(share, call.commands, reserved(format), { work, signal: request.signal }),
    );
    const size = replies.reduce((sum, reply) => sum + replySize(reply), 0);
    if (size > settings.maxResponseSize) throw new Refusal(400, sizeExceeded(settings.maxResponseSize, size));
    const [first] = replies;
    const status = single && first?.kind === "error" ? 400 : 200;
    if (single && first?.kind === "error") draft.error = first.text;
    if (format === "resp2") return respond(status, writeResp2(replies), "application/octet-stream");
    const text = single && first !== undefined ? writeJson(first, format) : writeJsonArray(replies, format);
    return respond(status, [utf8(text)], "application/json");
  }

  /** Waits until there is room for the body and its copy. The length of a chunked body is unknown. */
  async function awaitRoom(request: Request, share: Share): Promise<void> {
    const length = request.body === null ? 0 : (declaredLength(request) ?? settings.maxRequestSize);
    if (length > SMALL && length <= settings.maxRequestSize)
      await share.budget.take(share, 2 * length, request.signal);
  }

  /** The bytes of the largest response, besides the replies that it is written from. */
  function reserved(format: ReplyFormat): number {
    return settings.maxResponseSize * (format === "resp2" ? 1 : 2);
  }

  /** POST and PUT have endpoints for JSON; any other path is a command itself. */
  function readCall({ endpoint, target, body }: Sent): Call {
    if (endpoint === "/pipeline" || endpoint === "/multi-exec")
      return { commands: readCommands(body), kind: endpoint === "/pipeline" ? "pipeline" : "transaction" };
    if (settings.noRawBody && endpoint !== undefined && endpoint !== "/" && body.length > 0) {
      throw new Refusal(400, "ERR a command in the path takes no body");
    }
    return {
      commands: [endpoint === "/" ? readCommand(body) : readPathCommand(target, body)],
      kind: "single",
    };
  }

  async function execute({ kind, commands }: Call, access: Access, within: Within): Promise<Outcome> {
    let failed = false;
    const replies = await within(async () => {
      if (kind !== "transaction") return runner.pipeline(commands, access);
      const reply = await runner.transaction(commands, access);
      // A transaction that did not run has a single reply, the error.
      failed = reply.kind !== "array";
      return reply.kind === "array" ? (reply.items ?? []) : [reply];
    });
    return { single: kind === "single" || failed, replies };
  }

  return async (request, arrival) => {
    const draft = new RecordDraft(request.method);
    let route: Route | undefined;
    const respondTo = async (): Promise<Response> => {
      route = admit(request, arrival);
      return answer(request, route, draft);
    };
    const response = await respondTo().catch((thrown: unknown) => failure(thrown, draft));
    if (draft.isOfPage) return response;
    allowOrigin(request, route?.origin, response.headers);
    if (!settings.noSyncToken) {
      response.headers.set(SYNC_TOKEN_HEADER, `${run}-${++responses}`);
      // A refused request gets no header that would let a page read why.
      if (response.headers.has("access-control-allow-origin"))
        response.headers.set("access-control-expose-headers", SYNC_TOKEN_HEADER);
    }
    const size = response.headers.get("content-length");
    report(draft.finish(response.status, size === null ? undefined : Number(size)));
    return response;
  };
}

function respond(status: number, parts: readonly Uint8Array[], contentType: string): Response {
  const { body, size } = toBody(parts);
  return new Response(body, {
    status,
    headers: { "content-type": contentType, "content-length": `${size}` },
  });
}

/** The response to a request that failed. */
function failure(thrown: unknown, draft: RecordDraft): Response {
  const [status, text] = failureOf(thrown);
  draft.error = text;
  return respond(status, [utf8(writeError(text))], "application/json");
}
