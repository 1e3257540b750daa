/** The way of a request through the wrapper: it is planned, encoded and sent, and its answer is decoded. */
import { ZstashError } from "../errors.ts";
import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { CodecFailure } from "../value/encode.ts";
import { encodeCommands } from "./encode.ts";
import { isGuarded } from "./guard.ts";
import { comparesElements } from "./lists.ts";
import {
  mayNeedParts,
  planRequest,
  readRequest,
  type CommandReply,
  type CommandRequest,
  type Outgoing,
  type RequestCommands,
  type RequestPlan,
  type SdkRequest,
  type SdkSend,
  type Send,
  type SendRequest,
  type Transport,
} from "./plan.ts";
import { RequestOrder, type Place } from "./order.ts";
import { decodeAnswer } from "./reply.ts";
import { compressedMark } from "./mark.ts";
import { readSettings, type CompressionOptions, type Settings } from "./settings.ts";
import { asSizeError, isRequestLimit } from "./size-error.ts";

/** The function that `redis.use()` takes. */
export type CompressionMiddleware = <Result>(
  request: CommandRequest,
  next: SendRequest,
) => Promise<CommandReply<Result>>;

/**
 * The middleware of `withCompression` by itself, for whoever holds a client's requester.
 *
 * Requests and their arrays are never changed; one that holds no values goes on as the same object. Where another copy of
 * the middleware lies below this one, that one leaves the values to this one.
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
  return createMiddleware(readSettings(options));
}

/** Makes the function that sends the requests of a client whose transport is ours. */
export function createRequest(settings: Settings, transport: Transport): SdkSend {
  const run = createMiddleware(settings, transport);
  const other = transport.other.bind(transport) as SendRequest;
  return (request) => run(request, other);
}

/** Makes the middleware; with a transport it sends the requests itself, and `next` gets what holds no commands. */
export function createMiddleware(settings: Settings, transport?: Transport): CompressionMiddleware {
  const { codec, auto } = settings;
  const order = new RequestOrder(settings.onEvent);
  const planOf = (read: RequestCommands): RequestPlan => planRequest(read, settings, transport !== undefined);
  const isJudged = ({ commands }: RequestCommands): boolean =>
    (settings.guard && commands.some(isGuarded)) || (settings.lists && commands.some(comparesElements));

  const isReady = ({ mode, writes, large, mayNeedParts }: RequestPlan): boolean => {
    if (large || mayNeedParts) return false;
    return writes.length === 0 || mode === "passthrough" || codec.loaded !== undefined;
  };

  /** Loads what a request needs, and encodes its values. */
  const prepare = async (plan: RequestPlan): Promise<Outgoing> => {
    if (plan.writes.length === 0) return plan;
    const loaded = codec.loaded ?? (plan.mode === "passthrough" ? undefined : await codec.load());
    if (!plan.large) return encodeCommands(loaded, plan, settings, transport);
    const half = await loadOnDemand();
    if ("error" in half) return encodeCommands(half, plan, settings, transport);
    return half.encodeLargeCommands(loaded, plan, settings, transport);
  };

  /** `held` is the place of a request that has waited already: it keeps it until it is on its way. */
  const handle = async (
    request: SdkRequest,
    next: SendRequest,
    plan: RequestPlan,
    held?: Place,
  ): Promise<unknown> => {
    // What can be sent goes out in the turn in which it was asked for; what has to wait keeps its place.
    const ready = isReady(plan);
    const place =
      held ?? (ready && order.waiting.size === 0 ? undefined : order.enter(plan.commands, !ready));
    let answering: Promise<unknown>;
    try {
      let outgoing: Outgoing = plan;
      if (place !== undefined) outgoing = await prepare(plan);
      else if (plan.writes.length > 0) outgoing = encodeCommands(codec.loaded, plan, settings, transport);
      if (place !== undefined) await place.turn();
      const send = transport === undefined ? viaSdk(next, request, plan) : viaRest(transport, request, plan);
      answering = sendCommands(outgoing, plan, settings, send);
      // Of a request in parts the last is on its way when the others have been answered.
      if (plan.mayNeedParts) await answering;
    } finally {
      place?.leave();
    }
    const answer = await answering;
    if (plan.reads === undefined || request[compressedMark] === true) return answer;
    return decodeAnswer(answer, plan, settings, loadOnDemand, auto && { request, next, transport, settings });
  };

  /** Brings the dictionaries of the keys that are written. What is sent later to the same keys waits too. */
  const prepared = async (route: Route, read: RequestCommands): Promise<unknown> => {
    const place = order.enter(read.commands, true);
    try {
      const half = await loadOnDemand();
      if (!("error" in half)) await half.bringDictionaries(read, route);
      return await begin(route, read, place);
    } finally {
      place?.leave();
    }
  };

  const guarded = async (
    request: SdkRequest,
    next: SendRequest,
    read: RequestCommands,
    held?: Place,
  ): Promise<unknown> => {
    // The judge may have to load first.
    const place = held ?? order.enter(read.commands, true);
    try {
      const half = await loadOnDemand();
      if ("error" in half) {
        const message = "Cannot run the command: the module that judges what guard allows did not load";
        throw new ZstashError("COMMAND_REFUSED", message, { cause: half.error });
      }
      return await half.guardCommands(read, settings, (commands) =>
        handle(request, next, planOf({ ...read, commands }), place),
      );
    } finally {
      place?.leave();
    }
  };

  /** Goes on with a request that has nothing more to wait for, under the kill switch of the manifest. */
  const begin = ({ request, next }: Route, asked: RequestCommands, place?: Place): Promise<unknown> => {
    const read: RequestCommands =
      auto?.loaded?.mode === "read-only" ? { ...asked, mode: "read-only" } : asked;
    if (isJudged(read)) return guarded(request, next, read, place);
    return handle(request, next, planOf(read), place);
  };

  const runNow = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    // Not by a function: this is asked of every request.
    const compressed = (request as SdkRequest)[compressedMark] === true;
    const read = compressed && transport === undefined ? undefined : readRequest(request, settings);
    if (read === undefined) return next(request);
    // The values are another middleware's: here they are only carried, and frames among the replies stay bytes.
    if (compressed) return handle(request, next, { ...planOf(read), writes: [], large: false });
    if (auto !== undefined && read.mode !== "passthrough") {
      const route: Route = { request, next, transport, settings };
      return onDemand?.hasDictionaries(read, route) === true ? begin(route, read) : prepared(route, read);
    }
    if (isJudged(read)) return guarded(request, next, read);
    return handle(request, next, planOf(read));
  };
  /** A policy that fails is an error before anything is sent. */
  const run = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    try {
      return runNow(request, next);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  // The SDK's own types promise the caller's result type for whatever the server answers.
  return run as CompressionMiddleware;
}

/**
 * Loads what most clients never need: large values, request limits and the judge of guard. It may be missing, as on a
 * page that is older than the server: then this gives the error, and the request goes on without it.
 */
async function loadOnDemand(): Promise<OnDemand | CodecFailure> {
  try {
    return (onDemand = await importOnDemand());
  } catch (error) {
    return { error };
  }
}

const importOnDemand = () => import("./on-demand/index.ts");
type OnDemand = Awaited<ReturnType<typeof importOnDemand>>;
type Route = Parameters<OnDemand["hasDictionaries"]>[1];

/** What has been loaded, once it is there. */
let onDemand: OnDemand | undefined;

/**
 * Sends through the SDK's own transport. A request without values goes on as the same object; one with values says that
 * they are taken care of.
 */
function viaSdk(next: SendRequest, request: CommandRequest, { kind, writes, reads }: RequestPlan): Send {
  const holdsValues = writes.length > 0 || reads !== undefined;
  return ({ commands }) => {
    const body = kind === "command" ? commands[0] : commands;
    if (holdsValues) return next({ ...request, body, [compressedMark]: true } as CommandRequest);
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
  { kind, mayNeedParts: mayBeLarge }: RequestPlan,
  { maxRequestSize }: Settings,
  send: Send,
): Promise<unknown> {
  const limit = maxRequestSize ?? DEFAULT_REQUEST_SIZE;
  const divisible = kind === "pipeline" && outgoing.commands.length > 1;
  // Encoded it may be small.
  if (mayBeLarge && mayNeedParts(outgoing.commands, kind, maxRequestSize)) {
    const half = await loadOnDemand();
    // Without it the size is the server's to judge.
    if (!("error" in half)) {
      if (divisible) return half.sendInParts(outgoing.commands, limit, maxRequestSize !== undefined, send);
      half.requireSize(outgoing, kind, limit);
    }
  }
  let failure: unknown;
  try {
    return await send(outgoing);
  } catch (error) {
    failure = asSizeError(error);
  }
  if (!isRequestLimit(failure)) throw failure;
  const half = await loadOnDemand();
  if ("error" in half) throw failure;
  return half.sendInHalves(failure, outgoing, divisible, send);
}
