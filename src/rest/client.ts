/** The client of Redis over HTTP: it sends commands, reads their replies, and finds out what the server supports. */
import { ZstashError } from "../errors.ts";
import { announce, requestChannel } from "../metrics/channels.ts";
import type { RetryEvent, TransportEvent } from "../metrics/events.ts";
import { isCertificateError } from "./connection-error.ts";
import { anyOf, exchange, type HttpReply } from "./exchange.ts";
import {
  type BulkReply,
  holdsStrings,
  readReply,
  type Received,
  type ReplyFormat,
  ReplyFormats,
  requireShape,
  type Resp2Reader,
  unreadable,
} from "./read-reply.ts";
import { cleanReplies, readRefusal, refusedBatch, secretsOf, type Resend } from "./refusal.ts";
import { isRepeatable, isRepeatableBatch } from "./repeatable.ts";
import { replyLimit } from "./reply-limit.ts";
import type { RespValue } from "./resp.ts";
import {
  batchForm,
  commandForm,
  findForm,
  jsonForm,
  nameOf,
  URL_MAX,
  type BatchKind,
  type RequestForm,
  type RestCommand,
  type Sending,
  type SendOptions,
} from "./rest-command.ts";
import { signalOf, type RestSettings } from "./rest-options.ts";
import { afterLostAttempt, FailedAttempt, isPassing, repeatFailed, type RetriedAttempt } from "./retry.ts";
import { cleanServerText } from "./server-error.ts";
import { startTrace } from "./trace.ts";

/** The settings of one attempt of a request. */
interface Attempt {
  readonly format: ReplyFormat;
  readonly signal: AbortSignal | undefined;
  /** The index of the attempt, from 0. */
  readonly index: number;
}

/** Refusals after which raw bodies are given up, once one was accepted; before that the first refusal is enough. */
const RAW_REFUSALS_MAX = 2;

/** Error codes that the same request would only get again, and those of time-outs. */
const finalCodes: ReadonlySet<string> = new Set(["TIMEOUT", "SIZE_LIMIT", "REQUEST_LIMIT", "RECORD_LIMIT"]);

/**
 * A client of Redis over Upstash's REST protocol that is exact to the byte: one argument of a command may be bytes,
 * and replies are bytes.
 *
 * The client finds out what a server supports as it uses it: replies in RESP2 or else in base64, bytes as a body or
 * else `asText`. A command's own failure is a reply of kind "error". Any other failure rejects: with a ZstashError
 * REDIS (with its `status`), REQUEST_LIMIT, RECORD_LIMIT or TIMEOUT, whose `effect` says whether the command may have
 * run, or with the signal's reason.
 *
 * @example
 * ```ts
 * const reply = await client.command(["SET", "page", bytes, "EX", 60]);
 * ```
 */
export class RestClient {
  readonly #settings: RestSettings;
  readonly #formats = new ReplyFormats();
  /** The number of requests so far that asked for the token, and the latest of them whose reply brought one. */
  readonly #order = { started: 0, newest: 0 };
  /** True if the server accepts raw bodies; undefined until it is known. */
  #rawBodies: boolean | undefined;
  #rawRefusals = 0;

  constructor(settings: RestSettings) {
    this.#settings = settings;
  }

  /** False once the server is known to refuse raw bodies. */
  get sendsBytes(): boolean {
    return this.#rawBodies !== false;
  }

  /** Sends an event to the listener and the channels; callers use it for their own fallbacks, too. */
  announce(event: TransportEvent): void {
    announce(event, this.#settings.onEvent);
  }

  /** Sends one command. */
  async command(command: RestCommand, options: SendOptions = {}): Promise<RespValue> {
    const form = this.#formOf(command, options);
    return (await this.#send(describe(command, form, options))) as RespValue;
  }

  /** Sends several commands, none of which has bytes, and resolves to their replies in order. */
  async batch(
    kind: BatchKind,
    commands: readonly RestCommand[],
    options: SendOptions = {},
  ): Promise<readonly RespValue[]> {
    const replies = await this.#send({
      form: batchForm(kind, commands),
      commands,
      batch: kind,
      repeatable: () => isRepeatableBatch(commands),
      readResp2: undefined,
      options,
    });
    return replies as readonly RespValue[];
  }

  /** Sends a command whose reply `readBulk` reads: a bulk string as it arrives, any other reply whole. */
  async open(
    command: RestCommand,
    readResp2: Resp2Reader,
    options: SendOptions = {},
  ): Promise<BulkReply | RespValue> {
    const sending = { ...describe(command, commandForm(command), options), readResp2 };
    return (await this.#send(sending)) as BulkReply | RespValue;
  }

  #formOf(command: RestCommand, { rawPath, asText }: SendOptions): RequestForm {
    if (asText !== undefined && this.#rawBodies === false) return commandForm(asText());
    if (rawPath === false) return jsonForm(command);
    if (rawPath !== undefined) {
      const body = command.find((argument) => argument instanceof Uint8Array);
      return { path: rawPath, body: body as Uint8Array, raw: true };
    }
    // A command that can also be written as text does not need a long URL.
    const form = findForm(command, asText === undefined ? Infinity : URL_MAX);
    return form ?? commandForm(asText?.() ?? command);
  }

  /** Sends a request, repeats it as the policy allows, and uses another form if the server refuses the first one. */
  async #send(sending: Sending): Promise<Received> {
    const { repeatable, batch, options } = sending;
    const { onLost } = options;
    const own = signalOf(this.#settings.signal);
    const signal = own === undefined ? options.signal : anyOf(own, options.signal);
    const { retry } = this.#settings;
    const onRetry = (failed: RetriedAttempt): void => this.announce(retryEvent(sending, failed));
    let current = sending;
    let refused: Resend | undefined;
    const attempt = async (index: number): Promise<Received> => {
      if (index > 0 && options.shorter !== undefined) {
        const less = options.shorter();
        current = { ...sending, form: batch === undefined ? jsonForm(less[0]!) : batchForm(batch, less) };
      }
      let format = this.#formats.choose(batch === undefined, repeatable, index);
      let withoutResp2 = index > 0 && format === "base64";
      let ran = false;
      for (;;) {
        let received: Received | Resend;
        try {
          received = await this.#attempt(current, { format, signal, index });
        } catch (error) {
          throw ran ? afterLostAttempt(error) : error;
        }
        if (!("kind" in received) || received.kind !== "resend") {
          this.#learn(current, received, refused);
          if (withoutResp2 && batch === undefined && this.#formats.fellBack()) this.#announceBase64(sending);
          return received;
        }
        ran ||= received.ran;
        format = "base64";
        if (received.as === "base64") withoutResp2 = true;
        else {
          refused = received;
          current = { ...sending, form: jsonForm(options.asText!()) };
        }
      }
    };
    try {
      return await attempt(0);
    } catch (thrown) {
      return repeatFailed(thrown, { retry, repeatable: repeatable(), signal, onLost, onRetry }, attempt);
    }
  }

  /** Learns from a reply whether the server accepts raw bodies. */
  #learn(sending: Sending, received: Received, refused: Resend | undefined): void {
    if ("kind" in received && received.kind === "error") return;
    if (sending.form.raw) {
      this.#rawBodies = true;
      this.#rawRefusals = 0;
    } else if (refused !== undefined) {
      const { status, aboutLength } = refused;
      const most = this.#rawBodies === true ? RAW_REFUSALS_MAX : 1;
      if (!aboutLength && ++this.#rawRefusals >= most) this.#rawBodies = false;
      this.announce({ type: "fallback", command: titleOf(sending), from: "raw", to: "json", status });
    }
  }

  #announceBase64(sending: Sending): void {
    this.announce({ type: "fallback", command: titleOf(sending), from: "resp2", to: "base64" });
  }

  /** Sends one HTTP request. */
  async #attempt(sending: Sending, { format, signal, index }: Attempt): Promise<Received | Resend> {
    const { fetch, url, timeout, headers, tokens, onEvent } = this.#settings;
    const { form, options, commands, batch } = sending;
    const order = ++this.#order.started;
    const token = tokens.readYourWrites && options.withoutToken !== true ? tokens.upstashSyncToken : "";
    const trace =
      requestChannel.hasSubscribers || onEvent !== undefined
        ? startTrace(titleOf(sending), index + 1, form.body, onEvent)
        : undefined;
    let reply: HttpReply | undefined;
    try {
      const sent: Record<string, string> = { ...headers, ...options.headers };
      sent["content-type"] = form.raw ? "application/octet-stream" : "application/json";
      if (format === "resp2") sent["upstash-response-format"] = "resp2";
      else sent["upstash-encoding"] = "base64";
      if (token) sent["upstash-sync-token"] = token;
      // As the SDK does if its telemetry is on.
      if (index > 0 && headers["upstash-telemetry-sdk"]) sent["upstash-telemetry-retry"] = `${index}`;
      const init = { method: "POST", body: form.body as BodyInit, headers: sent };
      reply = await exchange(fetch, url + form.path, init, { timeout, signal });
      trace?.watch(reply);
      // The token of a request that was started later stays. A reply without a token removes it, as in the SDK.
      const given = reply.headers.get("upstash-sync-token");
      if (order >= this.#order.newest && (given !== null || reply.status === 200)) {
        if (given !== null) this.#order.newest = order;
        if (tokens.readYourWrites) tokens.upstashSyncToken = given ?? "";
      }
      const secrets = (): readonly unknown[] => secretsOf(commands, headers);
      if (reply.status !== 200) {
        const state = { format, formats: this.#formats, rawBodies: this.#rawBodies, secrets };
        return await readRefusal(sending, reply, state);
      }
      const { received, resp2, lossy } = await readReply(
        reply,
        format,
        sending.readResp2,
        replyLimit(commands, options.maxReplySize),
      );
      if (reply.ended === true) trace?.end();
      if (format === "resp2" && this.#formats.learn(resp2)) this.#announceBase64(sending);
      // Strings in JSON may have lost bytes. A reply without strings is complete: no command runs twice for it.
      if (format === "resp2" && !resp2 && holdsStrings(received) && sending.repeatable())
        return { kind: "resend", as: "base64", ran: true };
      if (lossy) throw unreadable("it came as text, in which bytes are lost");
      if ("kind" in received && received.kind === "error") {
        const text = cleanServerText(received.text, secrets());
        return batch === undefined
          ? { kind: "error", text }
          : refusedBatch(sending, text, { status: reply.status });
      }
      requireShape(received, batch === undefined ? undefined : commands.length);
      return Array.isArray(received) ? cleanReplies(received as readonly RespValue[], secrets) : received;
    } catch (error) {
      reply?.close();
      const failure = attemptFailure(error, signal);
      trace?.end(failure instanceof FailedAttempt ? failure.error : failure);
      throw failure;
    }
  }
}

function describe(command: RestCommand, form: RequestForm, options: SendOptions): Sending {
  const repeatable = (): boolean => options.repeatable ?? isRepeatable(command);
  return { form, commands: [command], batch: undefined, repeatable, readResp2: undefined, options };
}

/** The name of a request in events: its command, or the kind of a batch. */
function titleOf({ batch, commands }: Sending): string {
  return batch ?? nameOf(commands[0]!);
}

function retryEvent(sending: Sending, { attempt, wait, error }: RetriedAttempt): RetryEvent {
  const { code, effect = "unknown", status } = error;
  return { type: "retry", command: titleOf(sending), attempt, wait, code, effect, status };
}

/** Returns the signal's reason, or a failure that may be followed by another attempt. */
function attemptFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof FailedAttempt || !(error instanceof ZstashError)) return error;
  if (signal?.aborted === true) return signal.reason;
  const failure = error.effect === undefined ? error.with({ effect: "unknown" }) : error;
  // If the status was read, it tells whether the same request may succeed later; a refused certificate stays refused.
  const { code, status, cause } = failure;
  const final =
    finalCodes.has(code) || (status !== undefined && !isPassing(status)) || isCertificateError(cause);
  return new FailedAttempt(failure, { passing: !final });
}
