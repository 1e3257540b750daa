import { RestClient } from "../rest/client.ts";
import type { RespValue } from "../rest/resp.ts";
import { rawPath, type BatchKind, type RestCommand } from "../rest/rest-command.ts";
import type { RestSettings } from "../rest/rest-options.ts";
import { serverErrorCode, serverError } from "../rest/server-error.ts";
import { isRawCarrier } from "../value/carrier.ts";
import type { CommandArguments } from "./commands.ts";
import type { CommandReply, SdkRequest } from "./sdk-request.ts";

/** As the SDK reads text, but for a byte order mark, which it drops. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The SDK's requests over our own transport: values go out as bytes, and frames come back as bytes. */
export class RawTransport {
  readonly #client: RestClient;

  constructor(settings: RestSettings) {
    this.#client = new RestClient(settings);
  }

  /** Whether argument `at` of a command can be sent as bytes. */
  carries(command: CommandArguments, at: number): boolean {
    return this.#client.sendsBytes && rawPath(command as RestCommand, at) !== undefined;
  }

  /** Sends one command. With `frames`, raw frames in its reply stay bytes; `text` is the command without bytes. */
  async command(
    command: CommandArguments,
    { signal, headers }: SdkRequest,
    frames: boolean,
    text: (() => CommandArguments) | undefined,
  ): Promise<CommandReply> {
    const asText = text as (() => RestCommand) | undefined;
    const options = { signal, headers, asText };
    const reply = toReply(await this.#client.command(command as RestCommand, options), frames);
    const { error } = reply;
    if (error !== undefined && serverErrorCode(error) !== "REDIS")
      throw serverError("run the command", error);
    return reply;
  }

  /** Sends several commands; `frames` says by their number whether raw frames in a reply stay bytes. */
  async batch(
    kind: BatchKind,
    commands: readonly CommandArguments[],
    { signal, headers }: SdkRequest,
    frames: (index: number) => boolean,
  ): Promise<CommandReply[]> {
    const replies = await this.#client.batch(kind, commands as readonly RestCommand[], { signal, headers });
    return replies.map((reply, index) => toReply(reply, frames(index)));
  }
}

function toReply(value: RespValue, frames: boolean): CommandReply {
  return value.kind === "error" ? { error: value.text } : { result: toResult(value, frames) };
}

/** A reply as the SDK has it from JSON. */
function toResult(value: RespValue, frames: boolean): unknown {
  switch (value.kind) {
    case "status":
    case "error":
      return value.text;
    case "integer":
      // JSON has no exact number for it, and what reads it knows no bigint.
      return typeof value.value === "bigint" ? value.value.toString() : value.value;
    case "bulk":
      if (value.bytes === null) return null;
      return frames && isRawCarrier(value.bytes) ? value.bytes : decoder.decode(value.bytes);
    case "array":
      return value.items === null ? null : value.items.map((item) => toResult(item, frames));
  }
}
