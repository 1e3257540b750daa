/** Sends requests over `node:http` and `node:https`, at a quarter of the processor time of Node's `fetch`, or by a `fetch` that somebody relies on. */
import diagnostics from "node:diagnostics_channel";
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { pipeline, type Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { now, wallClock } from "../../timers.ts";
import { bodySize, openFlight as openFetch } from "./fetch.ts";
import type { Fetch, Flight, HttpResponse } from "./flight.ts";
import { isPlatformFetch } from "./platform-fetch.ts";

/** Idle sockets that are kept for each server; others are closed. */
const FREE_SOCKETS = 64;
/** Milliseconds that a socket may rest where the server does not say: Node's own servers close after 5 s. */
const IDLE_MAX = 4000;
/** Milliseconds before the end of what a server promises. */
const IDLE_MARGIN = 1000;
/** Bytes of a body that are handed over at once; the next follow when these have left the process. */
const SLICE = 128 << 10;
/** Bytes that the system may hold of what has left the process: Linux' largest send buffer. */
const SYSTEM_BUFFER = 4 << 20;
/** Bytes of a response that wait for a reader before the socket is paused. */
const HIGH_WATER = 128 << 10;

/** What undici tells its observers; who listens wants to see every request. */
const created = diagnostics.channel("undici:request:create");

/**
 * Sends a request by `given`; by the global `fetch` where somebody has changed it, its dispatcher, or listens to it; else
 * over node:http.
 */
export function openFlight(given: Fetch | undefined, url: string, init: RequestInit): Flight {
  if (given !== undefined || created.hasSubscribers || !isPlatformFetch()) return openFetch(given, url, init);
  return new NodeFlight(new URL(url), init);
}

/** When a socket came to rest, and how long it may. */
interface Rest {
  since: number;
  most: number;
}
const rests = new WeakMap<object, Rest>();
/** Sockets whose connection stands, its TLS handshake included. */
const ready = new WeakSet<object>();

let plainAgent: http.Agent | undefined;
let secureAgent: https.Agent | undefined;

function agentFor(secure: boolean): http.Agent {
  const options = {
    keepAlive: true,
    noDelay: true,
    maxFreeSockets: FREE_SOCKETS,
    scheduling: "lifo",
  } as const;
  if (secure) return (secureAgent ??= prepared(new https.Agent(options), "secureConnect"));
  return (plainAgent ??= prepared(new http.Agent(options), "connect"));
}

/** The methods that Node documents for overriding, with what they give back. */
interface Overridable {
  createConnection(...args: unknown[]): Socket | undefined;
  keepSocketAlive(socket: Socket): unknown;
}

/** Makes an agent note when its connections stand and since when they rest. */
function prepared<A extends http.Agent>(agent: A, standing: "connect" | "secureConnect"): A {
  const methods = agent as unknown as Overridable;
  const { createConnection, keepSocketAlive } = methods;
  methods.createConnection = (...args) => {
    const socket = createConnection.apply(agent, args);
    socket?.once(standing, () => ready.add(socket));
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
 * Closes idle sockets that the server may have closed, by the wall clock: after a freeze of the process no timer of theirs
 * has fired. Lists are in order of age, and the agent takes the last.
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
  // A clock that went back says nothing.
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
    const secure = protocol === "https:";
    const agent = agentFor(secure);
    closeOld(agent);
    this.unseen = Math.min(bodySize(init.body), SYSTEM_BUFFER);
    const request = (secure ? https : http).request({
      agent,
      method: init.method ?? "GET",
      host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
      port: port === "" ? (secure ? 443 : 80) : Number(port),
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
        // Dated as it comes: a look at the socket later would take it for a newer sign.
        this.#bytesRead = message.socket.bytesRead;
        this.#sign = now();
        noteKeepAlive(message);
        resolve(new NodeResponse(message, bodyOf(message), () => this.#done()));
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
    // A message that has an error of its own would be an event that nobody handles.
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

  /** A server may answer before it has read all; it wants no more then. */
  #done(): void {
    if (!this.#request.writableFinished) this.#request.destroy();
  }
}

/** What decodes bodies, by the coding that a server has used although none was asked for. */
const decoders: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ["br", createBrotliDecompress],
  ["deflate", createInflate],
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
]);

/** The decoded body of a message; one in an unknown coding as it is. */
function bodyOf(message: IncomingMessage): Readable {
  const create = decoders.get(message.headers["content-encoding"]?.toLowerCase() ?? "identity");
  // Bounded by its reader: it is decoded as fast as that takes it.
  return create === undefined ? message : pipeline(message, create(), () => undefined);
}

class NodeResponse implements HttpResponse {
  readonly status: number;
  readonly #message: IncomingMessage;
  /** The message, or what decodes it. */
  readonly #body: Readable;
  readonly #done: () => void;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(message: IncomingMessage, body: Readable, done: () => void) {
    this.status = message.statusCode ?? 0;
    this.#message = message;
    this.#body = body;
    this.#done = done;
    body.on("data", this.#take);
    body.on("end", this.#end);
    body.on("error", this.#fail);
    body.on("close", this.#end);
  }

  get headers(): HttpResponse["headers"] {
    const { headers } = this.#message;
    return {
      get(name) {
        const value = headers[name];
        return Array.isArray(value) ? value.join(", ") : (value ?? null);
      },
    };
  }

  get ended(): boolean {
    return this.#ended && this.#chunks.length === 0;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        if (this.#body.isPaused() && this.#size <= HIGH_WATER) this.#body.resume();
        return chunk;
      }
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#ended) return undefined;
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  readonly #take = (chunk: Uint8Array): void => {
    const { buffer, byteOffset, length } = chunk;
    // Whoever gets it may transfer it: no two chunks share a buffer.
    const whole = length === buffer.byteLength;
    this.#chunks.push(whole ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(chunk));
    this.#size += length;
    if (this.#size > HIGH_WATER) this.#body.pause();
    this.#wake?.();
  };

  readonly #end = (): void => {
    if (this.#ended || this.#failure !== undefined) return;
    if (!this.#message.complete)
      return this.#fail(new Error("the connection was closed within the response"));
    this.#ended = true;
    this.#done();
    this.#wake?.();
  };

  readonly #fail = (reason: unknown): void => {
    this.#failure ??= { reason };
    this.#wake?.();
  };
}
