/** Serves a function of a Request over HTTP, on 127.0.0.1 unless told otherwise, with node:http. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import type { AddressInfo } from "node:net";
import type { Arrival } from "./access.ts";
import { ByteBudget } from "./budget.ts";
import type { Share } from "./budget.ts";

/** A URL may hold several keys of 32 KiB, each 96 KiB long when it is percent-encoded. Node's default is 16 KiB. */
const MAX_HEADER_SIZE = 1024 * 1024;
/** Longer than clients keep an idle connection, so that none uses one that closes. Node's default is 5 s. */
const KEEP_ALIVE_MS = 65_000;
/** The time that close() gives running requests, in ms, before it cuts their connections. */
const CLOSE_GRACE_MS = 2_000;

/**
 * The bytes of its body or of its reply that a client must move within the time below, while others wait for the
 * memory that it holds.
 */
const PROGRESS_SIZE = 65_536;
const PROGRESS_MS = 2_000;

export type Fetch = (request: Request, arrival: Arrival) => Promise<Response>;

/** The address of a listening server. */
export interface ListenAddress {
  /** `http://127.0.0.1:<port>`, the value for UPSTASH_REDIS_REST_URL; it contains the address if one was given. */
  readonly url: string;
  /** The port: the one that was asked for, or a free one. */
  readonly port: number;
}

export interface ListenOptions {
  /** The IP address to listen on. Default: 127.0.0.1. */
  readonly host?: string | undefined;
  /** The most bytes that the large bodies and replies of all requests hold together. Default: 64 MiB. */
  readonly memory?: number | undefined;
}

/** An open port. */
export interface Listener {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

/**
 * Serves `fetch`, which answers one request, at an address of this machine. Rejects with the system's error if the
 * port cannot be opened.
 */
export async function listen(fetch: Fetch, port: number, options: ListenOptions = {}): Promise<Listener> {
  const { host = "127.0.0.1", memory } = options;
  const budget = new ByteBudget(memory);
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_SIZE, keepAliveTimeout: KEEP_ALIVE_MS },
    (incoming, outgoing) => {
      void serve(fetch, incoming, outgoing, budget.open())
        .catch(() => outgoing.destroy())
        // A closing server does not wait for clients that keep their connections open.
        .finally(() => server.listening || outgoing.once("finish", () => setImmediate(closeIdle)));
    },
  );
  const closeIdle = (): void => closeIdleConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  // A wildcard means every address: one that can be reached from here is shown.
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : isIPv6(host) ? `[${host}]` : host;
  return { address: { url: `http://${shown}:${bound}`, port: bound }, close: () => close(server) };
}

async function serve(
  fetch: Fetch,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  share: Share,
): Promise<void> {
  const aborted = new AbortController();
  outgoing.once("close", () => aborted.abort());
  const body = new IncomingBody(incoming);
  const watch = watchProgress(incoming, outgoing, share);
  try {
    const request = toRequest(incoming, body, aborted.signal);
    const response = await answer(fetch, request, readArrival(incoming, share));
    const size = Number(response.headers.get("content-length") ?? 0);
    share.settle(incoming.method === "HEAD" ? 0 : size);
    response.headers.forEach((value, name) => outgoing.setHeader(name, value));
    outgoing.writeHead(response.status);
    if (response.body !== null) {
      if (incoming.method === "HEAD") await response.body.cancel();
      else await pipe(response.body, outgoing, aborted.signal);
    }
    outgoing.end();
    if (share.held > 0) await sent(outgoing);
  } finally {
    clearInterval(watch);
    share.settle(0);
    body.drop();
  }
}

/** Writes a stream to its end, as fast as the client reads. A client that goes away cancels it, even between chunks. */
async function pipe(
  source: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  aborted: AbortSignal,
): Promise<void> {
  const reader = source.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  if (aborted.aborted) cancel();
  aborted.addEventListener("abort", cancel);
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (!outgoing.write(chunk.value) && !outgoing.destroyed) await drained(outgoing);
    }
  } finally {
    aborted.removeEventListener("abort", cancel);
  }
}

/** Disconnects a client that holds memory for which others wait, and neither sends nor reads. */
function watchProgress(incoming: IncomingMessage, outgoing: ServerResponse, share: Share): NodeJS.Timeout {
  const { socket } = incoming;
  let before = 0;
  const watch = setInterval(() => {
    const moved = socket.bytesRead + socket.bytesWritten;
    const isSlow = moved - before < PROGRESS_SIZE;
    before = moved;
    // In between, the commands run, and nothing can move.
    const isUp = !incoming.complete || outgoing.headersSent;
    if (isSlow && isUp && share.held > 0 && share.budget.isContended) socket.destroy();
  }, PROGRESS_MS);
  return watch.unref();
}

async function answer(fetch: Fetch, request: Request | undefined, arrival: Arrival): Promise<Response> {
  try {
    if (request !== undefined) return await fetch(request, arrival);
  } catch {
    // A function other than the server's own may reject.
  }
  return new Response('{"error":"ERR malformed request"}', {
    status: 400,
    headers: { "content-type": "application/json" },
  });
}

/** Resolves when the response has been handed to the system, or its client has gone. */
function sent(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.writableFinished || outgoing.destroyed) return resolve();
    outgoing.once("finish", resolve).once("close", resolve);
  });
}

/** Resolves when the client has read what waits for it, or has gone. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off("drain", settle).off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle).on("close", settle);
  });
}

/** Makes the Request; undefined if its method or a field is one that Request does not accept. */
function toRequest(incoming: IncomingMessage, body: IncomingBody, signal: AbortSignal): Request | undefined {
  try {
    return newRequest(incoming, body, signal);
  } catch {
    return undefined;
  }
}

function newRequest(incoming: IncomingMessage, body: IncomingBody, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  const method = incoming.method ?? "GET";
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal };
  if (method !== "GET" && method !== "HEAD") Object.assign(init, { body: body.stream, duplex: "half" });
  // A URL is normalised; what was sent is in readArrival.
  const { url = "" } = incoming;
  return new Request(`http://127.0.0.1${url.startsWith("/") ? url : "/"}`, init);
}

function readArrival({ url = "", rawHeaders, socket }: IncomingMessage, share: Share): Arrival {
  const hosts = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host",
  );
  return { target: url, hosts, address: socket.localAddress ?? "", share };
}

/**
 * A request's body as a web stream that does not own its connection. Bytes that nobody reads are read and dropped, so
 * that the response arrives and the connection serves the next request. Node's own conversion destroys the connection
 * with the stream.
 */
class IncomingBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #incoming: IncomingMessage;
  #dropped = false;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        incoming.on("data", (chunk: Uint8Array) => {
          if (this.#dropped) return;
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.once("end", () => this.#dropped || controller.close());
        incoming.once("error", (error) => this.#dropped || controller.error(error));
        incoming.pause();
      },
      pull: () => void incoming.resume(),
      cancel: () => this.drop(),
    });
  }

  /** Reads the rest and drops it. */
  drop(): void {
    this.#dropped = true;
    this.#incoming.resume();
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closeIdleConnections(server);
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  try {
    await closed;
  } finally {
    clearTimeout(cut);
  }
}

/** Bun 1.2.23 throws here once the server is closed, and has closed these connections already. */
function closeIdleConnections(server: Server): void {
  try {
    server.closeIdleConnections();
  } catch {
    // What is left is cut after the grace.
  }
}
