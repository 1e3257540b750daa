/** The client of Redis over HTTP: sends commands, reads their replies, and finds out what the server can do. */
import { ZstashError } from "../errors.ts";
import { anyOf, exchange, type HttpReply } from "./exchange.ts";
import {
  readReply,
  requireShape,
  unreadable,
  type BulkReply,
  type Received,
  type ReplyFormat,
} from "./read-reply.ts";
import { isRepeatable, isRepeatableBatch } from "./repeatable.ts";
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
import { afterLostAttempt, effectOf, FailedAttempt, isPassing, withAttempts } from "./retry.ts";
import { errorText, serverError, serverErrorCode } from "./server-error.ts";
import { ReplyFormats, SyncToken, tokenVariable } from "./server-state.ts";

/** Options of one request. */
export interface SendOptions {
  /** Ends the request; the client's own signal does so too. */
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The same command without bytes, for a server that takes no raw bodies. */
  readonly asText?: (() => RestCommand) | undefined;
  /** Path of the command with its bytes as the body, if the caller has it from `rawPath`. */
  readonly rawPath?: string | undefined;
  /** Says whether the command may run twice, if the caller knows better than the table of commands. */
  readonly repeatable?: boolean | undefined;
  /** Called after each failed attempt that the server may carry out, now or later. */
  readonly onLost?: (() => void) | undefined;
  /** Leaves the read-your-writes token out: the request reads nothing, and its 60 bytes decide whether it fits a packet. */
  readonly withoutToken?: boolean | undefined;
}

/** One request: what is sent, and what kind of reply is expected. */
interface Sending {
  readonly form: RequestForm;
  /** Names the request in messages, such as "run GET". */
  readonly what: string;
  readonly repeatable: boolean;
  /** Commands of a batch; undefined for one command alone. */
  readonly batch: number | undefined;
  /** A bulk string is given as a stream. */
  readonly stream: boolean;
  readonly options: SendOptions;
}

/** One command alone, whose form is not chosen yet. */
type DescribedCommand = Omit<Sending, "form">;

/** Statuses with which a server may refuse a raw body that it does not know. */
const formRefusals: readonly number[] = [404, 405, 415];

/** Codes of errors that the same request would only meet again, and of time-outs. */
const finalCodes: ReadonlySet<string> = new Set(["TIMEOUT", "SIZE_LIMIT", "REQUEST_LIMIT", "RECORD_LIMIT"]);

/**
 * Redis over Upstash's REST protocol, byte for byte: one argument of a command may be bytes, and replies are bytes.
 *
 * The client finds out what a server can do as it uses it: replies in RESP2 or else in base64, bytes as a body or else
 * `asText`. A command's own failure is a reply of kind "error". Everything else rejects: with a ZstashError REDIS
 * (its `status`), REQUEST_LIMIT, RECORD_LIMIT or TIMEOUT, whose `effect` says whether the command may have run, or with
 * the signal's reason.
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
  /** True if the server takes raw bodies; undefined until it is known. */
  #rawBodies: boolean | undefined;

  constructor(settings: RestSettings) {
    this.#settings = settings;
    const { readYourWrites, tokens = tokenVariable() } = settings;
    this.#syncToken = readYourWrites ? new SyncToken(tokens) : undefined;
  }

  /** False once the server is known to take no raw bodies. */
  get sendsBytes(): boolean {
    return this.#rawBodies !== false;
  }

  /** Sends one command. */
  async command(command: RestCommand, options: SendOptions = {}): Promise<RespValue> {
    const { asText } = options;
    const described = describeCommand(command, options);
    const form = findForm(command, options.rawPath);
    if (form?.raw === false) return this.#single(form, described);
    if (form === undefined || (this.#rawBodies === false && asText !== undefined)) {
      return this.#single(commandForm(asText?.() ?? command), described);
    }
    const reply = await this.#single(form, described);
    if (reply.kind !== "error") this.#rawBodies = true;
    if (this.#rawBodies !== undefined || asText === undefined) return reply;
    // The raw body or the command was refused; resending as JSON tells which. A refused command has not run.
    const second = await this.#single(commandForm(asText()), described);
    if (second.kind !== "error") this.#rawBodies = false;
    return second;
  }

  /** Sends several commands, none of which holds bytes, and gives their replies in order. */
  async batch(
    kind: BatchKind,
    commands: readonly RestCommand[],
    options: SendOptions = {},
  ): Promise<readonly RespValue[]> {
    const replies = await this.#send({
      form: batchForm(kind, commands),
      what: kind === "pipeline" ? "run the pipeline" : "run the transaction",
      repeatable: isRepeatableBatch(commands),
      batch: commands.length,
      stream: false,
      options,
    });
    return replies as readonly RespValue[];
  }

  /** Sends a command whose reply is a bulk string, to be read as it arrives; any other reply is given whole. */
  async open(command: RestCommand, options: SendOptions = {}): Promise<BulkReply | RespValue> {
    const sending = { ...describeCommand(command, options), form: commandForm(command), stream: true };
    return (await this.#send(sending)) as BulkReply | RespValue;
  }

  async #single(form: RequestForm, described: DescribedCommand): Promise<RespValue> {
    return (await this.#send({ ...described, form })) as RespValue;
  }

  /** Sends a request as often as it takes. */
  #send(sending: Sending): Promise<Received> {
    const { repeatable, batch, options } = sending;
    const { retry, signal: own } = this.#settings;
    const signal = anyOf(typeof own === "function" ? own() : own, options.signal);
    const { onLost } = options;
    return withAttempts({ retry, repeatable, signal, onLost }, async (index) => {
      const format = this.#formats.choose(batch === undefined, repeatable, index);
      const received = await this.#attempt(sending, format, signal);
      if (received === undefined) {
        const again = await this.#attempt(sending, "base64", signal).catch((error: unknown) => {
          throw afterLostAttempt(error);
        });
        return again ?? unreadableReply();
      }
      if (index > 0 && format === "base64" && batch === undefined) this.#formats.fellBack();
      return received;
    });
  }

  /** Sends one HTTP request; undefined if it only showed that the server has no RESP2: it has to be sent again. */
  async #attempt(
    sending: Sending,
    format: ReplyFormat,
    signal: AbortSignal | undefined,
  ): Promise<Received | undefined> {
    const { fetch, url, timeout, headers } = this.#settings;
    const { form, options } = sending;
    const sync = this.#syncToken?.start();
    const token = options.withoutToken === true ? undefined : sync?.token;
    let reply: HttpReply | undefined;
    try {
      const init = {
        method: "POST",
        body: form.body as BodyInit,
        headers: {
          ...headers,
          ...options.headers,
          "content-type": form.raw ? "application/octet-stream" : "application/json",
          ...(format === "resp2" ? { "upstash-response-format": "resp2" } : { "upstash-encoding": "base64" }),
          ...(token ? { "upstash-sync-token": token } : {}),
        },
      };
      reply = await exchange(fetch, url + form.path, init, { timeout, signal });
      sync?.receive(reply.headers.get("upstash-sync-token"));
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

  /** Reads a status other than 200: a command's own failure is its reply, all else is the request's failure. */
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
    const formRefused = form.raw && this.#rawBodies === undefined && formRefusals.includes(status);
    const redisError = status === 400 && text !== undefined;
    if (batch === undefined && (formRefused || redisError)) {
      // The header may be refused, unless the server speaks of something else.
      const aboutSize = text !== undefined && serverErrorCode(text) !== "REDIS";
      if (format === "resp2" && this.#formats.unknown && !aboutSize) return undefined;
      return { kind: "error", text: text ?? `ERR the server answered ${status}` };
    }
    // Redis itself answers a batch that it refuses: nothing is left to say of its effect.
    const details = redisError ? { status } : { status, effect: effectOf(status) };
    const error = serverError(what, text ?? `the server answered ${status}`, details);
    throw new FailedAttempt(error, { passing: isPassing(status), retryAfter: headers.get("retry-after") });
  }
}

function describeCommand(command: RestCommand, options: SendOptions): DescribedCommand {
  return {
    repeatable: options.repeatable ?? isRepeatable(command),
    what: `run ${nameOf(command)}`,
    batch: undefined,
    stream: false,
    options,
  };
}

/** The server answered in neither RESP2 nor base64 JSON. */
function unreadableReply(): never {
  throw unreadable("it comes in no form that was asked for");
}

/** The signal's reason, or a failure that may be followed by another attempt: something broke after the request was sent. */
function attemptFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof FailedAttempt || !(error instanceof ZstashError)) return error;
  if (signal?.aborted === true) return signal.reason;
  const failure = error.effect === undefined ? error.with({ effect: "unknown" }) : error;
  // A status that was read already says whether the same request may succeed later.
  const final = finalCodes.has(error.code) || (error.status !== undefined && !isPassing(error.status));
  return new FailedAttempt(failure, { passing: !final });
}
