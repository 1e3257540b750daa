import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import type { CodecFailure } from "../value/encode.ts";
import { batchErrorText } from "./batch-error.ts";
import type { CommandArguments } from "./commands.ts";
import { readOptions, type CompressionOptions, type Settings, type TokenHolder } from "./options.ts";
import type { RawTransport } from "./raw-transport.ts";
import { decodeReply, holdsEncoded, type ReplyPlan } from "./reply.ts";
import { encodeCommands, holdsLarge, planRequest, type RequestPlan } from "./request.ts";
import {
  readRequest,
  type CommandReply,
  type CommandRequest,
  type RequestKind,
  type SdkRequest,
  type SendRequest,
} from "./sdk-request.ts";
import { sendCommands, type Outgoing, type Send } from "./send.ts";

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
  return createMiddleware(options);
}

/** As `compressionMiddleware`; `holder` has the client's read-your-writes token. */
export function createMiddleware(options: CompressionOptions, holder?: TokenHolder): CompressionMiddleware {
  const settings = readOptions(options, holder);
  const run = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    const read = readRequest(request as SdkRequest);
    if (read === undefined) return next(request);
    const { kind, commands } = read;
    const mode = settings.mode();
    const handle = (allowed: readonly CommandArguments[]): Promise<unknown> =>
      handlePlan(request, next, kind, planRequest(kind, allowed, mode, settings), settings);
    if (!settings.guard) return handle(commands);
    return import("./on-demand.ts").then(({ guarded }) => guarded(commands, kind, settings, handle));
  };
  // The SDK's own types promise the caller's result type for whatever the server answers.
  return run as CompressionMiddleware;
}

async function handlePlan(
  request: CommandRequest,
  next: SendRequest,
  kind: RequestKind,
  plan: RequestPlan,
  settings: Settings,
): Promise<unknown> {
  const { commands, writes, reads, mode } = plan;
  const raw = settings.raw === undefined ? undefined : (settings.raw.loaded ?? (await settings.raw.load()));
  let outgoing: Outgoing = { commands };
  if (writes.length > 0) {
    const { codec } = settings;
    const loaded = codec.loaded ?? (mode === "passthrough" ? undefined : await codec.load());
    // What is small goes out in the turn in which it was asked for, so that no later request overtakes it.
    outgoing = holdsLarge(plan)
      ? await (await import("./on-demand.ts")).encodeLargeCommands(loaded, plan, settings, raw)
      : encodeCommands(loaded, plan, settings, raw);
  }
  const send = raw === undefined ? through(next, request, kind) : over(raw, request, kind, reads);
  const answer = await sendCommands(outgoing, kind, settings, send);
  return reads === undefined ? answer : decodeAnswer(answer, kind, plan, settings);
}

/** The SDK's own transport. What is not changed goes on as the same object. */
function through(next: SendRequest, request: CommandRequest, kind: RequestKind): Send {
  return ({ commands }) => {
    const body = kind === "command" ? commands[0] : commands;
    const same = kind === "command" ? request.body === body : isSameList(request.body as unknown[], commands);
    return next(same ? request : { ...request, body });
  };
}

function isSameList(list: readonly unknown[], commands: readonly unknown[]): boolean {
  return list.length === commands.length && list.every((command, index) => command === commands[index]);
}

/** Our own transport, which keeps bytes; a pipeline of one command goes as that command. */
function over(raw: RawTransport, request: SdkRequest, kind: RequestKind, reads: RequestPlan["reads"]): Send {
  return async ({ commands, first = 0, text }) => {
    const hasValues = (index: number): boolean => reads?.[first + index] !== undefined;
    const [command] = commands;
    if (commands.length > 1 || kind === "multi-exec") {
      return raw.batch(kind === "multi-exec" ? kind : "pipeline", commands, request, hasValues);
    }
    const alone = raw.command(command!, request, hasValues(0), text);
    return kind === "command" ? alone : [await alone];
  };
}

/** The reply with its values decoded. */
async function decodeAnswer(
  answer: unknown,
  kind: RequestKind,
  { commands, reads }: RequestPlan,
  settings: Settings,
): Promise<unknown> {
  const batch = kind !== "command";
  // What the SDK makes of an aborted request is no list.
  if (batch && !Array.isArray(answer)) return answer;
  const replies = (batch ? answer : [answer]) as readonly CommandReply[];
  if (replies.length !== commands.length) {
    const counts = `${commands.length} commands, got ${replies.length} replies`;
    throw new ZstashError("REDIS", `Cannot read the replies: ${counts}`);
  }
  const encoded = replies.some(({ result }, number) => {
    const plan = reads?.[number];
    return plan !== undefined && holdsEncoded(plan.reply.shape, result);
  });
  if (!encoded) return answer;
  const { codec } = settings;
  const loaded = codec.loaded ?? (await codec.load());
  if (!batch) return decodeAlone(loaded, replies[0]!, reads![0]!, settings);
  const decoded: CommandReply[] = [];
  for (const [number, reply] of replies.entries()) {
    decoded.push(await decodeOne(loaded, reply, reads![number], settings));
  }
  return decoded;
}

async function decodeAlone(
  codec: Zstd | CodecFailure,
  reply: CommandReply,
  plan: ReplyPlan,
  settings: Settings,
): Promise<CommandReply> {
  return { ...reply, result: await decodeReply(codec, plan, reply.result, settings) };
}

/** As alone, but a value that does not decode fails its own command and no other. */
async function decodeOne(
  codec: Zstd | CodecFailure,
  reply: CommandReply,
  plan: ReplyPlan | undefined,
  settings: Settings,
): Promise<CommandReply> {
  if (plan === undefined || !holdsEncoded(plan.reply.shape, reply.result)) return reply;
  try {
    return await decodeAlone(codec, reply, plan, settings);
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
    // The SDK deserialises the result of failed commands too, and expects a list where there would have been one.
    const result = Array.isArray(reply.result) ? [] : undefined;
    return { ...reply, result, error: batchErrorText(error) };
  }
}
