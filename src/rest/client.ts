import { ZstashError } from "../errors.ts";
import { FailedAttempt, withAttempts } from "./attempts.ts";
import type { BulkReply } from "./bulk-reply.ts";
import { exchange, type HttpReply } from "./exchange.ts";
import { readReply, type Received, type ReplyFormat } from "./read-reply.ts";
import { isRepeatable, isRepeatableBatch } from "./repeatable.ts";
import { ReplyFormats } from "./reply-format.ts";
import type { RespValue } from "./resp.ts";
import {
  batchForm,
  commandForm,
  findForm,
  nameOf,
  type BatchKind,
  type RequestForm,
  type RestCommand,
} from "./rest-command.ts";
import type { RestSettings } from "./rest-options.ts";
import { errorText, serverError, serverErrorCode } from "./server-error.ts";
import { anyOf } from "./signals.ts";
import { SyncToken, tokenVariable } from "./sync-token.ts";
import { isPassing } from "./waiting.ts";

/** Options of one request. */
export interface SendOptions {
  /** Ends the request; besides the client's own signal. */
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The same command without bytes, for a server that takes no raw bodies. */
  readonly asText?: (() => RestCommand) | undefined;
  /** The path of the command with its bytes as the body, where the caller has it from `rawPath`. */
  readonly rawPath?: string | undefined;
  /** Whether it may run twice, where the caller knows better than the table of commands. */
  readonly repeatable?: boolean;
  /** Told of each attempt that failed though the server may carry it out, now or later. */
  readonly onLost?: () => void;
  /** Leave the read-your-writes token out: the request reads nothing, and 60 bytes decide whether it fits a packet. */
  readonly withoutToken?: boolean;
}

/** One request, whatever its form. */
interface Sending {
  readonly form: RequestForm;
  readonly what: string;
  readonly repeatable: boolean;
  /** Commands of a batch; undefined for one command alone. */
  readonly batch: number | undefined;
  /** A bulk string is wanted as it arrives. */
  readonly stream: boolean;
  readonly signal: AbortSignal | undefined;
  readonly headers: SendOptions["headers"];
  readonly onLost: SendOptions["onLost"] | undefined;
  readonly withoutToken: boolean;
}

/**
 * Redis over Upstash's REST protocol, byte for byte: one argument of a command may be bytes, and replies are bytes.
 *
 * What a server can do is found out as it is used: replies in RESP2, else base64; bytes in the body, else
 * `asText`. A command's own failure is a reply of kind "error". Everything else rejects: with a ZstashError REDIS
 * (its `status`), REQUEST_LIMIT, RECORD_LIMIT or TIMEOUT, or with the signal's reason.
 *
 * @example
 * ```ts
 * const reply = await client.command(["SET", "page", bytes, "EX", 60]);
 * ```
 */
export class RestClient {
  readonly #settings: RestSettings;
  readonly #syncToken: SyncToken | undefined;
  readonly #formats = new ReplyFormats();
  /** Whether the server takes raw bodies; undefined until it is known. */
  #rawBodies: boolean | undefined;

  constructor(settings: RestSettings) {
    this.#settings = settings;
    const { readYourWrites, tokens = tokenVariable() } = settings;
    this.#syncToken = readYourWrites ? new SyncToken(tokens) : undefined;
  }

  /** Whether commands with bytes can be sent, as far as is known. */
  get sendsBytes(): boolean {
    return this.#rawBodies !== false;
  }

  /** Sends one command. */
  async command(command: RestCommand, options: SendOptions = {}): Promise<RespValue> {
    const { asText } = options;
    const form = findForm(command, options.rawPath);
    if (form?.raw === false) return this.#single(form, command, options);
    if (form === undefined || (this.#rawBodies === false && asText !== undefined)) {
      return this.#single(commandForm(asText?.() ?? command), command, options);
    }
    const reply = await this.#single(form, command, options);
    if (reply.kind !== "error") this.#rawBodies = true;
    if (this.#rawBodies !== undefined || asText === undefined) return reply;
    // Refused for its form or for itself: the other form tells which, and a refused command has not run.
    const second = await this.#single(commandForm(asText()), command, options);
    if (second.kind !== "error") this.#rawBodies = false;
    return second;
  }

  /** Sends several commands, none of which holds bytes, and gives their replies in order. */
  async batch(
    kind: BatchKind,
    commands: readonly RestCommand[],
    options: SendOptions = {},
  ): Promise<readonly RespValue[]> {
    const what = kind === "pipeline" ? "run the pipeline" : "run the transaction";
    const repeatable = isRepeatableBatch(commands);
    const sending = this.#sending(batchForm(kind, commands), options);
    const replies = await this.#send({ ...sending, what, repeatable, batch: commands.length });
    return replies as readonly RespValue[];
  }

  /** Sends a command whose reply is a bulk string, to be read as it arrives; any other reply is given whole. */
  async open(command: RestCommand, options: SendOptions = {}): Promise<BulkReply | RespValue> {
    const { what, repeatable } = naming(command);
    const sending = { ...this.#sending(commandForm(command), options), what, repeatable, stream: true };
    return (await this.#send(sending)) as BulkReply | RespValue;
  }

  async #single(form: RequestForm, command: RestCommand, options: SendOptions): Promise<RespValue> {
    const { what, repeatable } = naming(command);
    const sending = { ...this.#sending(form, options), what, repeatable: options.repeatable ?? repeatable };
    return (await this.#send(sending)) as RespValue;
  }

  #sending(
    form: RequestForm,
    { signal, headers, onLost, withoutToken = false }: SendOptions,
  ): Omit<Sending, "what" | "repeatable"> {
    const both = anyOf(this.#settings.signal(), signal);
    return { form, batch: undefined, stream: false, signal: both, headers, onLost, withoutToken };
  }

  #send(sending: Sending): Promise<Received> {
    const { repeatable, signal, onLost } = sending;
    const { retry: policy } = this.#settings;
    return withAttempts({ policy, repeatable, signal, onLost }, async (number) => {
      const format = this.#formats.choose(sending.batch === undefined, repeatable, number);
      const received = await this.#attempt(sending, format);
      if (received === undefined) return (await this.#attempt(sending, "base64")) ?? lost();
      if (number > 0 && format === "base64" && sending.batch === undefined) this.#formats.fellBack();
      return received;
    });
  }

  /** One HTTP request; undefined where it only told that there is no RESP2, and has to be sent again. */
  async #attempt(sending: Sending, format: ReplyFormat): Promise<Received | undefined> {
    const { fetch, url, timeout } = this.#settings;
    const { form, signal } = sending;
    const token = this.#syncToken?.start();
    let reply: HttpReply | undefined;
    try {
      const headers = this.#headers(sending, format, sending.withoutToken ? undefined : token?.token);
      const init = { method: "POST", body: form.body as BodyInit, headers };
      reply = await exchange(fetch, url + form.path, init, { timeout, signal });
      token?.receive(reply.headers.get("upstash-sync-token"));
      if (reply.status !== 200) return await this.#refusal(sending, format, reply);
      const { received, resp2, lossy } = await readReply(reply, format, sending.stream);
      if (format === "resp2") this.#formats.learn(resp2);
      if (format === "resp2" && !resp2 && sending.repeatable) return undefined;
      if (lossy) throw unreadable("it came as text, in which bytes are lost");
      requireShape(received, sending);
      return received;
    } catch (error) {
      reply?.close();
      throw attemptFailure(error, signal);
    }
  }

  #headers(sending: Sending, format: ReplyFormat, token: string | undefined): Record<string, string> {
    return {
      ...this.#settings.headers,
      ...sending.headers,
      "content-type": sending.form.raw ? "application/octet-stream" : "application/json",
      ...(format === "resp2" ? { "upstash-response-format": "resp2" } : { "upstash-encoding": "base64" }),
      ...(token ? { "upstash-sync-token": token } : {}),
    };
  }

  /** What another status than 200 means: a command's own failure is its reply, all else is the request's. */
  async #refusal(
    { what, form, batch }: Sending,
    format: ReplyFormat,
    reply: HttpReply,
  ): Promise<Received | undefined> {
    const { status, headers } = reply;
    const body = await reply.text();
    const line = body.startsWith("-") ? body.slice(1).trimEnd() : undefined;
    if (line !== undefined && format === "resp2") this.#formats.learn(true);
    const text = line ?? errorText(body);
    const formRefused = form.raw && this.#rawBodies === undefined && [404, 405, 415].includes(status);
    if (batch === undefined && (formRefused || (status === 400 && text !== undefined))) {
      // It may be the header that is refused, unless the server speaks of something else.
      const aboutSize = text !== undefined && serverErrorCode(text) !== "REDIS";
      if (format === "resp2" && this.#formats.unknown && !aboutSize) return undefined;
      return { kind: "error", text: text ?? `ERR the server answered ${status}` };
    }
    throw new FailedAttempt({
      error: serverError(what, text ?? `the server answered ${status}`, status),
      mayHaveRun: status >= 500 || status === 408,
      passing: isPassing(status),
      retryAfter: headers.get("retry-after"),
    });
  }
}

function naming(command: RestCommand): { readonly what: string; readonly repeatable: boolean } {
  return { what: `run ${nameOf(command)}`, repeatable: isRepeatable(command) };
}

/** One reply for one command, and as many as there are for several. */
function requireShape(received: Received, { batch, what, stream }: Sending): void {
  if ("kind" in received) {
    if (batch === undefined && (stream || received.kind !== "stream")) return;
    throw received.kind === "error"
      ? serverError(what, received.text)
      : unreadable("one came for all commands");
  }
  if (batch === undefined) throw unreadable("one was asked for, got a list");
  if (received.length !== batch) throw unreadable(`${batch} commands, got ${received.length} replies`);
}

function unreadable(reason: string): ZstashError {
  return new ZstashError("REDIS", `Cannot read the replies: ${reason}`);
}

function lost(): never {
  throw unreadable("it comes in no form that was asked for");
}

/** What the same request would only meet again, or has waited for long enough. */
const final: ReadonlySet<string> = new Set(["TIMEOUT", "SIZE_LIMIT", "REQUEST_LIMIT", "RECORD_LIMIT"]);

/** Ends the attempts with the signal's reason, and else tells them what is known. */
function attemptFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof FailedAttempt || !(error instanceof ZstashError)) return error;
  if (signal?.aborted === true) return signal.reason;
  // The request was sent; what is wrong is the way to or from the server.
  return new FailedAttempt({ error, mayHaveRun: true, passing: !final.has(error.code) });
}
