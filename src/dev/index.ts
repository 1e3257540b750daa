import { ZstashError } from "../errors.ts";
import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { Backend, BackendKind } from "./backend.ts";
import { createEmbeddedBackend } from "./embedded/index.ts";
import { createHandler } from "./handler.ts";
import { limitRecords } from "./record-limit.ts";
import type { DevServerSwitches } from "./handler.ts";

export type { BackendKind } from "./backend.ts";
export type { DevServerSwitches } from "./handler.ts";

/** Options of createDevServer. */
export interface DevServerOptions extends DevServerSwitches {
  /**
   * What executes the commands. `"auto"`, the default: the Redis of `redis` if that is given, else a `redis-server`
   * found on the PATH and started on a free port, else the embedded keyspace, which has no Lua and runs anywhere.
   */
  readonly backend?: "auto" | "redis-server" | "embedded";
  /** A Redis or Valkey to stand in front of: `redis://[user:password@]host[:port][/database]`. */
  readonly redis?: string;
  /** The token or tokens that clients may use. Default: a random one. */
  readonly token?: string | readonly string[];
  /**
   * The token or tokens of clients that may only read. Writes, scripts other than `*_RO`, SCAN and KEYS are refused.
   * Default: none.
   */
  readonly readOnlyToken?: string | readonly string[];
  /** The most bytes of a request's body. Default 10,485,760. */
  readonly maxRequestSize?: number;
  /** The most bytes of strings in a response, before base64 or JSON. Default 10,485,760. */
  readonly maxResponseSize?: number;
  /** The most bytes of a string value. Default: as many as the backend takes. */
  readonly maxRecordSize?: number;
}

/** Where a listening server is reached. */
export interface ListenAddress {
  /** `http://127.0.0.1:<port>`, what UPSTASH_REDIS_REST_URL is set to. */
  readonly url: string;
  readonly port: number;
}

/** A local server that speaks Upstash's REST protocol. */
export interface DevServer {
  /**
   * Answer one request. Needs no socket and never rejects; the host in the URL does not matter. A subscription's
   * body ends when the request's signal aborts, when it is cancelled, and with close().
   */
  fetch(this: void, request: Request): Promise<Response>;
  /** What executes the commands, and where, in words; without a password. */
  readonly backend: { readonly kind: BackendKind; readonly description: string };
  /** The first of the tokens. */
  readonly token: string;
  /**
   * Listen on 127.0.0.1, once. Port 0, the default, takes a free one. Needs Node, Deno or Bun. Rejects with the
   * system's error, its `code` EADDRINUSE if the port is taken.
   */
  listen(options?: { readonly port?: number }): Promise<ListenAddress>;
  /** Stop listening, end subscriptions, let running requests end, close connections, end the started redis-server. Can be called twice. */
  close(): Promise<void>;
}

/**
 * Create a local server that is compatible with Upstash Redis over REST, for tests and for work without a network.
 *
 * Rejects with ZstashError REDIS if the Redis of `redis` cannot be reached, or if `redis-server` is asked for and
 * cannot be started. Wrong options are a TypeError or a RangeError.
 *
 * @example
 * ```ts
 * const server = await createDevServer();
 * const { url } = await server.listen();
 * const redis = new Redis({ url, token: server.token });
 * await server.close();
 * ```
 */
export async function createDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const tokens = readTokens("token", options.token ?? crypto.randomUUID());
  const [token] = tokens;
  if (token === undefined) throw new TypeError('"token" expected at least one, got none');
  const readOnlyTokens = readTokens("readOnlyToken", options.readOnlyToken ?? []);
  if (readOnlyTokens.some((one) => tokens.includes(one)))
    throw new TypeError('"readOnlyToken" expected other tokens than "token", got one of both');
  const maxRequestSize = readSize("maxRequestSize", options.maxRequestSize ?? DEFAULT_REQUEST_SIZE);
  const maxResponseSize = readSize("maxResponseSize", options.maxResponseSize ?? DEFAULT_REQUEST_SIZE);
  if (options.maxRecordSize !== undefined) readSize("maxRecordSize", options.maxRecordSize);
  const opened = await openBackend(options);
  const backend = options.maxRecordSize === undefined ? opened : limitRecords(opened, options.maxRecordSize);
  const closing = new AbortController();
  const fetch = createHandler(backend, {
    ...options,
    tokens,
    readOnlyTokens,
    maxRequestSize,
    maxResponseSize,
    closing: closing.signal,
  });
  let listener: { readonly address: ListenAddress; close(): Promise<void> } | undefined;
  let closed = false;
  return {
    fetch,
    backend: { kind: backend.kind, description: backend.description },
    token,
    async listen({ port = 0 } = {}) {
      if (closed || listener !== undefined) {
        throw new ZstashError(
          "UNSUPPORTED",
          `Cannot listen: the server ${closed ? "is closed" : "listens already"}`,
        );
      }
      // Imported when it is needed: the rest of this module runs where there is no node:http.
      const { listen } = await import("./listen.ts");
      listener = await listen(fetch, port);
      return listener.address;
    },
    async close() {
      closed = true;
      closing.abort();
      try {
        await listener?.close();
      } finally {
        await backend.close();
      }
    },
  };
}

async function openBackend({ backend = "auto", redis, maxRecordSize }: DevServerOptions): Promise<Backend> {
  if (!["auto", "redis-server", "embedded"].includes(backend)) {
    throw new TypeError(`"backend" expected "auto", "redis-server" or "embedded", got ${typeof backend}`);
  }
  if (redis !== undefined) {
    if (backend !== "auto")
      throw new TypeError(`"redis" cannot be combined with "backend", got "${backend}"`);
    const { connectRedis } = await import("./redis.ts");
    return connectRedis(redis);
  }
  const embedded = maxRecordSize === undefined ? {} : { maxRecordSize };
  if (backend === "embedded") return createEmbeddedBackend(embedded);
  const { startRedisServer } = await import("./redis-server.ts");
  const started = await startRedisServer();
  if (started !== undefined) return started;
  if (backend === "auto") return createEmbeddedBackend(embedded);
  throw new ZstashError("REDIS", "Cannot start redis-server: no such program on the PATH");
}

function readTokens(name: string, token: string | readonly string[]): readonly string[] {
  const tokens = typeof token === "string" ? [token] : [...token];
  if (tokens.every((one) => typeof one === "string" && /^[!-~]+$/.test(one))) return tokens;
  throw new TypeError(`"${name}" expected one or more texts of visible ASCII, got something else`);
}

function readSize(name: string, size: number): number {
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new RangeError(`"${name}" expected an integer > 0, got ${size}`);
}
