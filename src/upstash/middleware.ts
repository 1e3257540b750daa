/** The way of a request through the wrapper: it is planned, encoded and sent, and its answer is decoded. */
import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { CommandArguments } from "./commands.ts";
import { encodeCommands } from "./encode.ts";
import {
  planRequest,
  readRequest,
  type CommandReply,
  type CommandRequest,
  type Outgoing,
  type RequestKind,
  type RequestPlan,
  type SdkRequest,
  type Send,
  type SendRequest,
  type Transport,
} from "./plan.ts";
import { decodeAnswer } from "./reply.ts";
import { readSettings, type CompressionOptions, type Settings, type TokenHolder } from "./settings.ts";

/** The function that `redis.use()` takes. */
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

/** Makes the middleware; `holder` is the client that shows its read-your-writes token. */
export function createMiddleware(options: CompressionOptions, holder?: TokenHolder): CompressionMiddleware {
  const settings = readSettings(options, holder);
  const { codec, rest } = settings;
  let transport: Transport | undefined;

  const handle = async (request: SdkRequest, next: SendRequest, plan: RequestPlan): Promise<unknown> => {
    if (rest !== undefined && transport === undefined) {
      const { RawTransport } = await loadOnDemand();
      transport ??= new RawTransport(rest);
    }
    let outgoing: Outgoing = plan;
    if (plan.writes.length > 0) {
      const loaded = codec.loaded ?? (plan.mode === "passthrough" ? undefined : await codec.load());
      // Small values go out in the turn in which they were written, so that no later request overtakes them.
      outgoing = plan.large
        ? await (await loadOnDemand()).encodeLargeCommands(loaded, plan, settings, transport)
        : encodeCommands(loaded, plan, settings, transport);
    }
    const send =
      transport === undefined ? viaSdk(next, request, plan.kind) : viaRest(transport, request, plan);
    const answer = await sendCommands(outgoing, plan.kind, settings, send);
    return plan.reads === undefined ? answer : decodeAnswer(answer, plan, settings, loadOnDemand);
  };

  const run = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    const read = readRequest(request, settings);
    if (read === undefined) return next(request);
    if (!settings.guard) return handle(request, next, planRequest(read, settings));
    return loadOnDemand().then(({ guardCommands }) =>
      guardCommands(read, settings, (commands) =>
        handle(request, next, planRequest({ ...read, commands }, settings)),
      ),
    );
  };
  // The SDK's own types promise the caller's result type for whatever the server answers.
  return run as CompressionMiddleware;
}

/** Loads what most clients never need: the raw carrier's transport, large values, request limits and `guard`. */
function loadOnDemand() {
  return import("./on-demand/index.ts");
}

/** Sends through the SDK's own transport. A request that is not changed goes on as the same object. */
function viaSdk(next: SendRequest, request: CommandRequest, kind: RequestKind): Send {
  return ({ commands }) => {
    const body = kind === "command" ? commands[0] : commands;
    return next(request.body === body ? request : { ...request, body });
  };
}

/** Sends through our own transport, which keeps bytes; a pipeline of one command goes as that command. */
function viaRest(transport: Transport, request: SdkRequest, { kind, reads }: RequestPlan): Send {
  return async (outgoing) => {
    const { commands, offset = 0 } = outgoing;
    const hasValues = (index: number): boolean => reads?.[offset + index] !== undefined;
    if (commands.length > 1 || kind === "multi-exec") {
      return transport.batch(kind === "multi-exec" ? kind : "pipeline", commands, request, hasValues);
    }
    const reply = transport.command(outgoing, request, hasValues(0));
    return kind === "command" ? reply : [await reply];
  };
}

/**
 * Sends commands in as many requests as their size asks for. A pipeline is divided between its commands. A request that
 * cannot be divided is refused where `maxRequestSize` was given, and else left to the server, whose plan may allow more.
 *
 * @throws {ZstashError} REQUEST_LIMIT
 */
async function sendCommands(
  outgoing: Outgoing,
  kind: RequestKind,
  { maxRequestSize }: Settings,
  send: Send,
): Promise<unknown> {
  const limit = maxRequestSize ?? DEFAULT_REQUEST_SIZE;
  const { commands } = outgoing;
  const divisible = kind === "pipeline" && commands.length > 1;
  if ((divisible || maxRequestSize !== undefined) && mayExceed(commands, limit)) {
    const { requireSize, sendInParts } = await loadOnDemand();
    if (divisible) return sendInParts(commands, limit, maxRequestSize !== undefined, send);
    requireSize(outgoing, kind, limit);
  }
  try {
    return await send(outgoing);
  } catch (error) {
    const { sendInHalves } = await loadOnDemand();
    return sendInHalves(error, outgoing, divisible, send);
  }
}

/** Returns true if commands may take more than `limit` bytes in JSON, at six a character, without writing them. */
function mayExceed(commands: readonly CommandArguments[], limit: number): boolean {
  let size = 2;
  for (const command of commands) {
    size += 3;
    for (const argument of command) {
      size += 3 + mostBytes(argument);
      if (size > limit) return true;
    }
  }
  return false;
}

/** The most bytes that an argument takes in JSON, or as bytes. */
function mostBytes(argument: unknown): number {
  if (typeof argument === "string") return 6 * argument.length;
  // Else it is a number, a boolean or null.
  return argument instanceof Uint8Array ? argument.length : 30;
}
