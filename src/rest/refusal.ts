/**
 * Interprets the statuses with which servers and proxies refuse: what is sent again in another form, and what is an
 * error.
 */
import type { ZstashErrorDetails } from "../errors.ts";
import type { HttpReply } from "./exchange.ts";
import type { Received, ReplyFormat, ReplyFormats } from "./read-reply.ts";
import type { RestCommand, Sending } from "./rest-command.ts";
import type { RespValue } from "./resp.ts";
import { effectOf, FailedAttempt, isPassing } from "./retry.ts";
import { cleanServerText, readErrorBody, serverError, serverErrorCode } from "./server-error.ts";

/** The request has to be sent again, in a simpler form. */
export interface Resend {
  readonly kind: "resend";
  /** The form: the reply in base64 instead of RESP2, or the command in JSON instead of its bytes as the body. */
  readonly as: "base64" | "json";
  /** True if the command has run, and its reply cannot be used. */
  readonly ran: boolean;
  /** The status of the refusal. */
  readonly status?: number | undefined;
  /** True if the refusal is about a length of this request, and says nothing about others. */
  readonly aboutLength?: boolean | undefined;
}

/** What a client knows when a request is refused. */
export interface RefusalState {
  readonly format: ReplyFormat;
  readonly formats: ReplyFormats;
  /** True if the server takes raw bodies; undefined until it is known. */
  readonly rawBodies: boolean | undefined;
  /** What no message may repeat. */
  readonly secrets: () => readonly unknown[];
}

/** Statuses with which a server or a proxy refuses a raw body or its URL, and may still accept JSON. */
const formRefusals: readonly number[] = [404, 405, 415];
const lengthRefusals: readonly number[] = [413, 414, 431];

/** The verb in every error of a request: it does not tell whether the command was alone in it. */
const RUN = "run the command";

/**
 * Interprets a status other than 200: a command's own failure is its reply; a form that may be the reason is given up
 * for this request; anything else is the failure of the request.
 */
export async function readRefusal(
  sending: Sending,
  reply: HttpReply,
  { format, formats, rawBodies, secrets }: RefusalState,
): Promise<Received | Resend> {
  const { form, batch, options } = sending;
  const { status, headers } = reply;
  const body = await reply.text();
  const line = body.startsWith("-") ? body.slice(1).trimEnd() : undefined;
  if (line !== undefined && format === "resp2") formats.learn(true);
  const { said, noReply } = line === undefined ? readErrorBody(body) : { said: line };
  const isRedisError = status === 400 && said !== undefined;
  // A text about a plan's limits concerns the value in any form.
  const aboutSize = said !== undefined && serverErrorCode(said) !== "REDIS";
  const aboutLength = lengthRefusals.includes(status);
  const formRefused =
    form.raw && !aboutSize && (aboutLength || formRefusals.includes(status) || status === 400);
  const text = cleanServerText(said ?? `the server answered ${status}`, secrets());
  const asJson: Resend = { kind: "resend", as: "json", ran: false, status, aboutLength };
  if (formRefused && !isRedisError && options.asText !== undefined) return asJson;
  const mayBeForm = formRefused && formRefusals.includes(status) && rawBodies === undefined;
  if (batch === undefined && (isRedisError || mayBeForm)) {
    // The header that asks for RESP2 or the raw body may be the reason: sending it again shows which.
    if (format === "resp2" && formats.unknown && !aboutSize) {
      return { kind: "resend", as: "base64", ran: false, status };
    }
    if (formRefused && rawBodies === undefined && options.asText !== undefined) return asJson;
    return { kind: "error", text: said === undefined ? `ERR ${text}` : text };
  }
  // Redis itself has answered with a refusal of the batch: its effect is certain.
  if (isRedisError) return refusedBatch(sending, text, { status });
  const advice = status === 401 ? ': check "token" (UPSTASH_REDIS_REST_TOKEN)' : "";
  const error = serverError(RUN, `${text}${advice}`, { status, effect: effectOf(status), noReply });
  throw new FailedAttempt(error, { passing: isPassing(status), retryAfter: headers.get("retry-after") });
}

/** A batch that Redis refuses as a whole: an error for each command, or for all of them. */
export function refusedBatch(
  { commands, options }: Sending,
  text: string,
  details: ZstashErrorDetails,
): Received {
  if (options.refusalAsReplies === true && serverErrorCode(text) === "REDIS") {
    return commands.map(() => ({ kind: "error", text }));
  }
  throw new FailedAttempt(serverError(RUN, text, details), { passing: false });
}

/** What no text of a server may repeat: the arguments of commands, and the token. */
export function secretsOf(
  commands: readonly RestCommand[],
  { authorization = "" }: Readonly<Record<string, string>>,
): readonly unknown[] {
  return [authorization.replace("Bearer ", ""), ...commands.flatMap(([, ...args]) => args)];
}

/** The replies of a batch, with the texts of errors cleaned of what they repeat of it. */
export function cleanReplies(
  replies: readonly RespValue[],
  secrets: () => readonly unknown[],
): readonly RespValue[] {
  if (!replies.some(({ kind }) => kind === "error")) return replies;
  const hidden = secrets();
  return replies.map((reply) =>
    reply.kind === "error" ? { kind: "error", text: cleanServerText(reply.text, hidden) } : reply,
  );
}
