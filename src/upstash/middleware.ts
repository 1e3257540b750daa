import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { CodecFailure } from "../value/encode.ts";
import { batchErrorText } from "./batch-error.ts";
import type { CommandArguments } from "./commands.ts";
import { readOptions, type CompressionOptions, type Settings } from "./options.ts";
import { decodeReply, holdsEncoded, type ReplyPlan } from "./reply.ts";
import { encodeCommands, planRequest, type RequestPlan } from "./request.ts";

/** A request of the SDK, as far as it matters here: one command, or an array of commands, already serialised. */
export interface CommandRequest {
  body?: unknown;
}

/** The reply to one command. */
export interface CommandReply<Result = unknown> {
  result?: Result;
  error?: string;
}

/** Sends a request on; a request of several commands is answered by an array of replies. */
export type SendRequest = (request: CommandRequest) => Promise<CommandReply>;

/** What `redis.use()` takes. */
export type CompressionMiddleware = <Result>(
  request: CommandRequest,
  next: SendRequest,
) => Promise<CommandReply<Result>>;

/**
 * The middleware of `withCompression` by itself, for whoever holds a client's requester.
 *
 * Requests and their arrays are never changed; one without values to compress goes on as the same object.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 * @example
 * ```ts
 * const compress = compressionMiddleware();
 * const request = requester.request.bind(requester);
 * requester.request = (command) => compress(command, request);
 * ```
 */
export function compressionMiddleware(options: CompressionOptions = {}): CompressionMiddleware {
  const settings = readOptions(options);
  const run = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    const { body } = request;
    if (!Array.isArray(body) || body.length === 0) return next(request);
    const batch = Array.isArray(body[0]);
    const commands = (batch ? body : [body]) as readonly CommandArguments[];
    const mode = settings.mode();
    const plan = planRequest(commands, mode, settings);
    if (plan.writes.length === 0) return receive(next(request), plan, batch, settings);

    const { loaded } = settings.codec;
    const send = (codec: Zstd | CodecFailure | undefined): Promise<unknown> => {
      const encoded = encodeCommands(codec, plan, settings);
      const changed = encoded === commands ? request : { ...request, body: batch ? encoded : encoded[0] };
      return receive(next(changed), plan, batch, settings);
    };
    if (loaded !== undefined || mode === "passthrough") return send(loaded);
    return settings.codec.load().then(send);
  };
  // The SDK's own types promise the caller's result type for whatever the server answers.
  return run as CompressionMiddleware;
}

/** The reply with its values decoded. */
function receive(
  reply: Promise<unknown>,
  { commands, reads }: RequestPlan,
  batch: boolean,
  settings: Settings,
): Promise<unknown> {
  if (reads === undefined) return reply;
  return reply.then((answer) => {
    if (batch && !Array.isArray(answer)) return answer;
    const replies = (batch ? answer : [answer]) as readonly CommandReply[];
    if (replies.length !== commands.length) {
      const counts = `${commands.length} commands, got ${replies.length} replies`;
      throw new ZstashError("REDIS", `Cannot read the replies: ${counts}`);
    }
    const encoded = replies.some(({ result }, number) => {
      const plan = reads[number];
      return plan !== undefined && holdsEncoded(plan.reply.shape, result);
    });
    if (!encoded) return answer;
    const decode = (codec: Zstd | CodecFailure): unknown =>
      batch
        ? replies.map((one, number) => decodeOne(codec, one, reads[number], settings))
        : decodeAlone(codec, replies[0]!, reads[0]!, settings);
    const { loaded } = settings.codec;
    return loaded === undefined ? settings.codec.load().then(decode) : decode(loaded);
  });
}

function decodeAlone(
  codec: Zstd | CodecFailure,
  reply: CommandReply,
  plan: ReplyPlan,
  settings: Settings,
): CommandReply {
  return { ...reply, result: decodeReply(codec, plan, reply.result, settings) };
}

/** As alone, but a value that does not decode fails its own command and no other. */
function decodeOne(
  codec: Zstd | CodecFailure,
  reply: CommandReply,
  plan: ReplyPlan | undefined,
  settings: Settings,
): CommandReply {
  if (plan === undefined || !holdsEncoded(plan.reply.shape, reply.result)) return reply;
  try {
    return decodeAlone(codec, reply, plan, settings);
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    // The SDK deserialises the result of failed commands too, and expects a list where there would have been one.
    const result = Array.isArray(reply.result) ? [] : undefined;
    return { ...reply, result, error: batchErrorText(error) };
  }
}
