/**
 * Sends requests over `node:http` and `node:https`, at a quarter of the processor time of Node's `fetch`; or by a
 * `fetch` that the program has changed or given.
 */
import diagnostics from "node:diagnostics_channel";
import type http from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import type https from "node:https";
import type { Socket } from "node:net";
import { now, wallClock } from "../../timers.ts";
import { requireBuiltin } from "../node.ts";
import { bodySize, openFlight as openFetch } from "./fetch.ts";
import type { Fetch, Flight, HttpResponse } from "./flight.ts";
import { isPlatformFetch } from "./platform-fetch.ts";
import { NodeResponse } from "./response/node.ts";

/** The most idle sockets that are kept for each server; others are closed. */
const FREE_SOCKETS = 64;
/** Milliseconds that a socket may be idle if the server does not say: Node's own servers close after 5 s. */
const IDLE_MAX = 4000;
/** A socket is closed this many milliseconds before the time that the server announced. */
const IDLE_MARGIN = 1000;
/** Bytes of a body that are handed over at once; the next slice follows when these have left the process. */
const SLICE = 128 << 10;
/** Bytes that have left the process and may still be held by the system: Linux's largest send buffer. */
const SYSTEM_BUFFER = 4 << 20;

/** The channel on which undici tells of requests; its listeners want to see every one. */
const created = diagnostics.channel("undici:request:create");

/**
 * Sends a request by `given`; by the global `fetch` if the program has changed it or its dispatcher, or listens to
 * it; otherwise over node:http.
 */
export function openFlight(given: Fetch | undefined, url: string, init: RequestInit): Flight {
  if (given !== undefined || created.hasSubscribers || !isPlatformFetch()) return openFetch(given, url, init);
  return new NodeFlight(new URL(url), init);
}

/** When a socket became idle, and how long it may stay so. */
interface Rest {
  since: number;
  most: number;
}
const rests = new WeakMap<object, Rest>();
/** Sockets whose connection is established, including the TLS handshake. */
const ready = new WeakSet<object>();

/** A module that sends requests, and the agent that keeps its connections. */
interface Way {
  readonly sender: typeof http | typeof https;
  readonly agent: http.Agent;
}
let plain: Way | undefined;
let secure: Way | undefined;

/** Node's modules are loaded with the first request that needs them: TLS takes 5 ms that plain HTTP does not need. */
function wayOf(isSecure: boolean): Way {
  const known = isSecure ? secure : plain;
  if (known !== undefined) return known;
  const options = {
    keepAlive: true,
    noDelay: true,
    maxFreeSockets: FREE_SOCKETS,
    scheduling: "lifo",
  } as const;
  const sender = requireBuiltin(isSecure ? "node:https" : "node:http") as Way["sender"];
  const way = {
    sender,
    agent: prepared(new sender.Agent(options), isSecure ? "secureConnect" : "connect"),
  };
  return isSecure ? (secure = way) : (plain = way);
}

/** The agent's methods that Node documents for overriding, and their results. */
interface Overridable {
  createConnection(...args: unknown[]): Socket | undefined;
  keepSocketAlive(socket: Socket): unknown;
}

/** Makes an agent note when its connections are established and since when they are idle. */
function prepared<A extends http.Agent>(agent: A, standing: "connect" | "secureConnect"): A {
  const methods = agent as unknown as Overridable;
  const { createConnection, keepSocketAlive } = methods;
  methods.createConnection = (...args) => {
    const socket = createConnection.apply(agent, args);
    socket?.once(standing, () => {
      ready.add(socket);
      // Node applies `noDelay` only to sockets without TLS; with TLS the end of a body waited 40 ms for an
      // acknowledgement.
      socket.setNoDelay(true);
    });
    return socket;
  };
  methods.keepSocketAlive = (socket) => {
    const rest = rests.get(socket);
    if (rest === undefined) rests.set(socket, { since: wallClock(), most: IDLE_MAX });
    else rest.since = wallClock();
    return keepSocketAlive.call(agent, socket);
  };
  return agent;
}

/**
 * Closes idle sockets that the server may have closed. The wall clock decides, because no timer fires while a process
 * is frozen. The lists are in order of age, and the agent takes the last socket.
 */
function closeOld(agent: http.Agent): void {
  const time = wallClock();
  for (const sockets of Object.values(agent.freeSockets)) {
    if (sockets === undefined || sockets.length === 0) continue;
    const all = isOld(sockets.at(-1)!, time);
    for (const socket of sockets) {
      if (!all && !isOld(socket, time)) break;
      socket.destroy();
    }
  }
}

function isOld(socket: object, time: number): boolean {
  const rest = rests.get(socket);
  // A clock that was set back tells nothing.
  return rest !== undefined && (time - rest.since > rest.most || time < rest.since);
}

/** Notes how long the server keeps a connection. */
function noteKeepAlive({ headers, socket }: IncomingMessage): void {
  const hint = headers["keep-alive"];
  const seconds = hint === undefined ? undefined : /\btimeout=(\d+)/i.exec(String(hint))?.[1];
  const most = seconds === undefined ? IDLE_MAX : Math.max(0, Number(seconds) * 1000 - IDLE_MARGIN);
  const rest = rests.get(socket);
  if (rest === undefined) rests.set(socket, { since: 0, most });
  else rest.most = most;
}

class NodeFlight implements Flight {
  readonly response: Promise<HttpResponse>;
  readonly unseen: number;
  readonly #request: ClientRequest;
  #body: Uint8Array | undefined;
  #at = 0;
  #sign = 0;
  #bytesRead = 0;
  #message: IncomingMessage | undefined;

  constructor({ protocol, hostname, port, pathname, search }: URL, init: RequestInit) {
    const isSecure = protocol === "https:";
    const { sender, agent } = wayOf(isSecure);
    closeOld(agent);
    this.unseen = Math.min(bodySize(init.body), SYSTEM_BUFFER);
    const request = sender.request({
      agent,
      method: init.method ?? "GET",
      host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
      port: port === "" ? (isSecure ? 443 : 80) : Number(port),
      path: pathname + search,
      // Bodies are compressed already, or too small.
      headers: { "accept-encoding": "identity", ...(init.headers as Record<string, string> | undefined) },
    });
    this.#request = request;
    this.response = new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("close", () => reject(new Error("socket hang up")));
      request.on("response", (message) => {
        this.#message = message;
        // Dated when it arrives: a later look at the socket would take it for a newer sign.
        this.#bytesRead = message.socket.bytesRead;
        this.#sign = now();
        noteKeepAlive(message);
        resolve(new NodeResponse(message, () => this.#done()));
      });
    });
    request.on("socket", (socket) => (this.#bytesRead = socket.bytesRead));
    this.#send(init.body as string | Uint8Array | undefined);
  }

  lastSign(): number {
    const bytesRead = this.#request.socket?.bytesRead ?? 0;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#sign = now();
    }
    return this.#sign;
  }

  get unsent(): boolean {
    const { socket } = this.#request;
    return socket === null || !ready.has(socket);
  }

  abort(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error("the request was ended", { cause: reason });
    // A message that is destroyed with an error of its own would emit an event that nobody handles.
    this.#message?.destroy(error);
    this.#request.destroy(error);
  }

  #send(body: string | Uint8Array | undefined): void {
    const size = bodySize(body);
    if (body === undefined || size <= SLICE) return void this.#request.end(body);
    this.#body = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.#request.setHeader("content-length", this.#body.length);
    this.#sendSlice();
  }

  readonly #sendSlice = (): void => {
    const body = this.#body!;
    this.#sign = now();
    const slice = body.subarray(this.#at, (this.#at += SLICE));
    if (this.#at < body.length) this.#request.write(slice, (error) => error ?? this.#sendSlice());
    else {
      this.#body = undefined;
      this.#request.end(slice, () => (this.#sign = now()));
    }
  };

  /** A server may answer before it has read everything; then it wants no more. */
  #done(): void {
    if (!this.#request.writableFinished) this.#request.destroy();
  }
}
