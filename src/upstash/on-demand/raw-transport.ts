/** The SDK's requests over our own transport: values go out as bytes, and frames come back as bytes. */
import { RestClient } from "../../rest/client.ts";
import type { RespValue } from "../../rest/resp.ts";
import { rawPath, type BatchKind, type RestCommand } from "../../rest/rest-command.ts";
import type { RestSettings } from "../../rest/rest-options.ts";
import { serverError, serverErrorCode } from "../../rest/server-error.ts";
import { utf8Lossy, withoutByteOrderMark } from "../../text.ts";
import { isRawCarrier } from "../../value/carrier.ts";
import type { CommandArguments } from "../commands.ts";
import type { CommandReply, Outgoing, SdkRequest, Transport } from "../plan.ts";

/** The transport of the raw carrier, over a client of the REST protocol. */
export class RawTransport implements Transport {
  readonly #client: RestClient;

  constructor(settings: RestSettings) {
    this.#client = new RestClient(settings);
  }

  rawPath(command: CommandArguments, position: number): string | undefined {
    return this.#client.sendsBytes ? rawPath(command as RestCommand, position) : undefined;
  }

  async command(
    { commands, raw }: Outgoing,
    { signal, headers }: SdkRequest,
    hasValues: boolean,
  ): Promise<CommandReply> {
    const [command] = commands as readonly RestCommand[];
    const asText = raw?.asText as (() => RestCommand) | undefined;
    const options = { signal, headers, rawPath: raw?.path, asText };
    const reply = toReply(await this.#client.command(command!, options), hasValues);
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
    const replies = await this.#client.batch(kind, commands as readonly RestCommand[], { signal, headers });
    return replies.map((reply, index) => toReply(reply, hasValues(index)));
  }
}

function toReply(value: RespValue, hasValues: boolean): CommandReply {
  return value.kind === "error" ? { error: value.text } : { result: toResult(value, hasValues) };
}

/** A reply as the SDK gets it from JSON. */
function toResult(value: RespValue, hasValues: boolean): unknown {
  switch (value.kind) {
    case "status":
      return withoutByteOrderMark(value.text);
    case "error":
      return value.text;
    case "integer":
      // JSON has no exact number for it, and its readers do not know bigint.
      return typeof value.value === "bigint" ? value.value.toString() : value.value;
    case "bulk":
      if (value.bytes === null) return null;
      if (hasValues && isRawCarrier(value.bytes)) return value.bytes;
      return withoutByteOrderMark(utf8Lossy(value.bytes));
    case "array":
      return value.items === null ? null : value.items.map((item) => toResult(item, hasValues));
  }
}
