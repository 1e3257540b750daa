/** The path of a request through the wrapper: it is planned, encoded and sent, and its answer is decoded. */
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
import { untilAborted } from "../signals.ts";
import { RequestOrder, type Place } from "./order.ts";
import { decodeAnswer } from "./reply.ts";
import { compressedMark } from "./mark.ts";
import { readSettings, type CompressionOptions, type Settings } from "./settings.ts";
import { asSizeError, isRequestLimit } from "./size-error.ts";

/** The type of function that `redis.use()` takes. */
export type CompressionMiddleware = <Result>(
  request: CommandRequest,
  next: SendRequest,
) => Promise<CommandReply<Result>>;

/**
 * Makes the middleware of `withCompression` alone, for programs that have access to a client's requester.
 *
 * Requests and their arrays are never changed; a request without values is passed on as the same object. Another copy
 * of the middleware below this one leaves the values to this one.
 *
 * @throws {TypeError | RangeError} for a wrong option; the message names it
 * @example
 * ```ts
 * const compress = compressionMiddleware();
 * const { request } = requester;
 * requester.request = (command) => compress(command, request);
 * await requester.request({ body: ["SET", "greeting", "hello"] }); // → { result: "OK" }
 * ```
 */
export function compressionMiddleware(options: CompressionOptions = {}): CompressionMiddleware {
  return createMiddleware(readSettings(options));
}

/** Makes the function that sends the requests of a client that uses our transport. */
export function createRequest(settings: Settings, transport: Transport): SdkSend {
  const run = createMiddleware(settings, transport);
  const other = transport.other.bind(transport) as SendRequest;
  return async (request) => run(transport.withSignal(request), other);
}

/**
 * Makes the middleware. With a transport it sends the requests itself, and `next` gets only requests without
 * commands.
 */
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

  /** `held` is the place of a request that has waited already: it keeps it until it is sent. */
  const handle = async (
    request: SdkRequest,
    next: SendRequest,
    plan: RequestPlan,
    held?: Place,
  ): Promise<unknown> => {
    // A request that can be sent is sent in the turn in which it was made; one that has to wait keeps its place.
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
      // The last part of a divided request is sent when the others have been answered.
      if (plan.mayNeedParts) await answering;
    } finally {
      place?.leave();
    }
    const answer = await answering;
    if (plan.reads === undefined || request[compressedMark] === true) return answer;
    const { signal = settings.signal } = request;
    const limits = signal === settings.signal ? settings : { ...settings, signal };
    const route = auto && { request, next, transport, settings };
    return untilAborted(decodeAnswer(answer, plan, limits, loadOnDemand, route), signal);
  };

  /** Fetches the dictionaries of the keys that are written. Later requests on the same keys wait too. */
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
    // The check of `guard` may have to be loaded first.
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

  /** Continues with a request that has nothing more to wait for, and applies the kill switch of the manifest. */
  const begin = ({ request, next }: Route, asked: RequestCommands, place?: Place): Promise<unknown> => {
    const read: RequestCommands =
      auto?.loaded?.mode === "read-only" ? { ...asked, mode: "read-only" } : asked;
    if (isJudged(read)) return guarded(request, next, read, place);
    return handle(request, next, planOf(read), place);
  };

  const runNow = (request: CommandRequest, next: SendRequest): Promise<unknown> => {
    // Not by a function: this is asked for every request.
    const compressed = (request as SdkRequest)[compressedMark] === true;
    const read = compressed && transport === undefined ? undefined : readRequest(request, settings);
    if (read === undefined) return next(request);
    // Another middleware handles the values: here they are only sent, and frames in the replies stay bytes.
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
  // The SDK's own types promise the caller's result type for any answer of the server.
  return run as CompressionMiddleware;
}

/**
 * Loads the part that most clients never need: large values, request limits and the check of `guard`. It may be
 * missing, as on a page that is older than its server: then this returns the error, and the request continues without
 * it.
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

/** The part that has been loaded, once it is there. */
let onDemand: OnDemand | undefined;

/**
 * Sends through the SDK's own transport. A request without values goes on as the same object; one with values is
 * marked as handled.
 */
function viaSdk(next: SendRequest, request: CommandRequest, { kind, writes, reads }: RequestPlan): Send {
  const holdsValues = writes.length > 0 || reads !== undefined;
  return ({ commands }) => {
    const body = kind === "command" ? commands[0] : commands;
    if (holdsValues) return next({ ...request, body, [compressedMark]: true } as CommandRequest);
    return next(request.body === body ? request : { ...request, body });
  };
}

/** Sends through our own transport, which keeps bytes; a pipeline of one command is sent as that command. */
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
 * Sends commands in as many requests as their size requires. A pipeline is divided between its commands. A request
 * that cannot be divided is refused if `maxRequestSize` was given, and otherwise left to the server, whose plan may
 * allow more.
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
    // Without it the server judges the size.
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
