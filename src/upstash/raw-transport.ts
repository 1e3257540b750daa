/** The SDK's requests over our own transport: values are sent as bytes, and frames come back as bytes. */
import { exchange, type HttpReply } from "../rest/exchange.ts";
import { RestClient } from "../rest/client.ts";
import { readReply } from "../rest/read-reply.ts";
import type { RespValue } from "../rest/resp.ts";
import { rawPath, type BatchKind, type RestCommand } from "../rest/rest-command.ts";
import { signalOf, type RestSettings } from "../rest/rest-options.ts";
import { effectOf } from "../rest/retry.ts";
import { readErrorBody, serverError, serverErrorCode } from "../rest/server-error.ts";
import { anyOf } from "../signals.ts";
import { utf8Lossy, withoutByteOrderMark } from "../text.ts";
import { isRawCarrier, type Carrier } from "../value/carrier.ts";
import { batchErrorText } from "./batch-error.ts";
import type { CommandArguments } from "./commands.ts";
import type { CommandReply, Outgoing, SdkRequest, Transport } from "./plan.ts";
import { deliverMessages } from "./subscription.ts";

/** How a text in a reply is returned. */
type ToText = (text: string) => string;

/** The transport of a client whose requests zstash sends, based on a client of the REST protocol. */
export class RawTransport implements Transport {
  readonly #settings: RestSettings;
  readonly #client: RestClient;
  readonly #carrier: Carrier;
  readonly #toText: ToText;

  /** With `keepsMark`, texts keep a byte order mark, as in the SDK without base64. */
  constructor(settings: RestSettings, carrier: Carrier, keepsMark: boolean) {
    this.#settings = settings;
    // The signal of a request is that of all its parts, and of decoding their replies.
    this.#client = new RestClient({ ...settings, signal: undefined });
    this.#carrier = carrier;
    this.#toText = keepsMark ? (text) => text : withoutByteOrderMark;
  }

  rawPath(command: CommandArguments, position: number, asked: Carrier | undefined): string | undefined {
    const asBytes = (asked ?? this.#carrier) === "raw" && this.#client.sendsBytes;
    return asBytes ? rawPath(command as RestCommand, position) : undefined;
  }

  withSignal(request: SdkRequest): SdkRequest {
    const signal = anyOf(signalOf(this.#settings.signal), request.signal);
    return signal === request.signal ? request : { ...request, signal: signal! };
  }

  async command(
    { commands, raw }: Outgoing,
    { signal, headers }: SdkRequest,
    hasValues: boolean,
  ): Promise<CommandReply> {
    const [command] = commands as readonly RestCommand[];
    const asText = raw?.asText as (() => RestCommand) | undefined;
    // Bytes that we did not make are sent as JSON, as the SDK does.
    const options = { signal, headers, rawPath: raw?.path ?? (false as const), asText };
    const reply = this.#toReply(await this.#client.command(command!, options), hasValues);
    const { error } = reply;
    if (error !== undefined && serverErrorCode(error) !== "REDIS")
      throw serverError("run the command", error);
    return reply;
  }

  async batch(
    kind: BatchKind,
    commands: readonly CommandArguments[],
    { signal, headers }: SdkRequest,
    hasValues: (index: number) => boolean,
  ): Promise<CommandReply[]> {
    // If an automatic pipeline is refused as a whole, each of its commands fails as it would alone.
    const options = { signal, headers, refusalAsReplies: kind === "pipeline" };
    const replies = await this.#client.batch(kind, commands as readonly RestCommand[], options);
    return replies.map((reply, index) => withOwnCode(this.#toReply(reply, hasValues(index))));
  }

  /** Sends a request without commands, once: a subscription, or whatever a middleware has made. */
  async other(request: SdkRequest): Promise<CommandReply | CommandReply[]> {
    const { path = [], body, headers, isStreaming, onMessage, signal } = request;
    const { fetch, url, timeout, headers: own } = this.#settings;
    const init = {
      method: "POST",
      body: body === undefined ? null : JSON.stringify(body),
      headers: { ...own, "content-type": "application/json", "upstash-encoding": "base64", ...headers },
    };
    const target = [url, ...path.map(encodeURIComponent)].join("/");
    // Between two messages there may be any time.
    const limits = { timeout: isStreaming === true ? 0 : timeout, signal };
    const reply = await exchange(fetch, target, init, limits);
    if (reply.status !== 200) throw await refusal(reply);
    if (isStreaming === true && onMessage !== undefined) {
      void deliverMessages(reply, onMessage, signal);
      return { result: 1 };
    }
    const { received } = await readReply(reply, "base64");
    if ("kind" in received) return this.#toReply(received as RespValue, false);
    return received.map((one) => this.#toReply(one, false));
  }

  #toReply(value: RespValue, hasValues: boolean): CommandReply {
    return value.kind === "error"
      ? { error: value.text }
      : { result: toResult(value, hasValues, this.#toText) };
  }
}

async function refusal(reply: HttpReply): Promise<unknown> {
  const { status } = reply;
  const { said = `the server answered ${status}`, noReply } = readErrorBody(await reply.text());
  return serverError("run the request", said, { status, effect: effectOf(status), noReply });
}

/** A size error with our code, by which `zstashCode` recognizes it among the SDK's own errors. */
function withOwnCode(reply: CommandReply): CommandReply {
  if (reply.error === undefined || serverErrorCode(reply.error) === "REDIS") return reply;
  return { error: batchErrorText(serverError("run the command", reply.error)) };
}

/** A reply as the SDK gets it from JSON. */
function toResult(value: RespValue, hasValues: boolean, toText: ToText): unknown {
  switch (value.kind) {
    case "status":
      return toText(value.text);
    case "error":
      return value.text;
    case "integer":
      // JSON has no exact number for it, and its readers do not know bigint.
      return typeof value.value === "bigint" ? value.value.toString() : value.value;
    case "bulk":
      if (value.bytes === null) return null;
      if (hasValues && isRawCarrier(value.bytes)) return value.bytes;
      return toText(utf8Lossy(value.bytes));
    case "array":
      return value.items === null ? null : value.items.map((item) => toResult(item, hasValues, toText));
  }
}
