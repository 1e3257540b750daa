/** `zstash/dev`: a local server that is compatible with Upstash Redis over REST. This file puts its parts together. */
import { requireInteger, requireOptions } from "../check.ts";
import { ZstashError } from "../errors.ts";
import type { Backend, BackendKind } from "./backend.ts";
import { createEmbeddedBackend } from "./embedded/index.ts";
import { createHandler } from "./handler.ts";
import type { ListenAddress, Listener } from "./listen.ts";
import { createPageDoor } from "./page/door.ts";
import { limitRecords } from "./record-limit.ts";
import { readSettings } from "./settings.ts";
import type { DevServerOptions, Settings } from "./settings.ts";

export type { BackendKind } from "./backend.ts";
export type { ListenAddress } from "./listen.ts";
export type { RequestRecord } from "./request-record.ts";
export type { DevServerOptions, DevServerSwitches } from "./settings.ts";

/** A local server that speaks Upstash's REST protocol. */
export interface DevServer {
  /**
   * Answer one request, given as `fetch` takes it, so that it is the `fetch` option of a client. Needs no socket and
   * never rejects a request; the host in the URL does not matter. A subscription's body ends when the request's signal aborts, when it is cancelled, and with close().
   */
  fetch(this: void, request: Request | string, init?: RequestInit): Promise<Response>;
  /** The backend that executes the commands, and where it is, in words; without a password. */
  readonly backend: { readonly kind: BackendKind; readonly description: string };
  /**
   * A ticket for the server's page: `<url>/?ticket=<ticket>` opens it in a browser, once and within 15 minutes. At most 32
   * are valid at a time; the oldest makes room.
   *
   * @example
   * ```ts
   * console.log(`${url}/?ticket=${server.ticket()}`);
   * ```
   */
  ticket(this: void): string;
  /** The first of the tokens. */
  readonly token: string;
  /**
   * Listen on 127.0.0.1, once. Port 0, the default, takes a free one. Needs Node, Deno or Bun. Rejects with the
   * system's error, its `code` EADDRINUSE if the port is taken.
   */
  listen(options?: { readonly port?: number | undefined }): Promise<ListenAddress>;
  /**
   * Stop listening, end subscriptions, let running requests end, close connections, end the started redis-server. Can
   * be called twice.
   */
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
  const settings = readSettings(options);
  const opened = await openBackend(settings);
  const { maxRecordSize } = settings;
  const backend = maxRecordSize === undefined ? opened : limitRecords(opened, maxRecordSize);
  const closing = new AbortController();
  const page = createPageDoor(backend, settings);
  const handle = createHandler(backend, settings, closing.signal, page);
  let listener: Listener | undefined;
  let closed = false;
  return {
    fetch: async (request, init) =>
      handle(typeof request === "string" || init !== undefined ? new Request(request, init) : request),
    backend: { kind: backend.kind, description: backend.description },
    ticket: () => page.createTicket(),
    token: settings.tokens[0],
    async listen(listenOptions = {}) {
      requireOptions(listenOptions, ["port"]);
      const { port = 0 } = listenOptions;
      requireInteger("port", port, 0, 65_535);
      if (closed || listener !== undefined) {
        throw new ZstashError(
          "UNSUPPORTED",
          `Cannot listen: the server ${closed ? "is closed" : "listens already"}`,
        );
      }
      // Imported when it is needed: the rest of this module runs where there is no node:http.
      const { listen } = await import("./listen.ts");
      listener = await listen(handle, port);
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

async function openBackend({ backend, redis, maxRecordSize }: Settings): Promise<Backend> {
  if (redis !== undefined) {
    const { connectRedis } = await import("./redis/index.ts");
    return connectRedis(redis);
  }
  if (backend === "embedded") return createEmbeddedBackend({ maxRecordSize });
  const { startRedisServer } = await import("./redis/redis-server.ts");
  const started = await startRedisServer();
  if (started !== undefined) return started;
  if (backend === "auto") return createEmbeddedBackend({ maxRecordSize });
  throw new ZstashError("REDIS", "Cannot start redis-server: no such program on the PATH");
}
