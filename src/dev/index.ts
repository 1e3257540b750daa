/** `zstash/dev`: a local server that is compatible with Upstash Redis over REST. This file puts its parts together. */
import { requireInteger, requireOptions, requireString } from "../check.ts";
import { ZstashError } from "../errors.ts";
import type { Backend, BackendKind } from "./backend.ts";
import { MEMORY_DEFAULT } from "./budget.ts";
import { createEmbeddedBackend } from "./embedded/index.ts";
import { createHandler } from "./handler.ts";
import type { ListenAddress, Listener } from "./listen.ts";
import { createPageDoor } from "./page/door.ts";
import { limitRecords } from "./record-limit.ts";
import { createRunner } from "./runner.ts";
import { readSeed, runSeed } from "./seed.ts";
import { withScanTypes } from "./scan-types.ts";
import { readSettings } from "./settings.ts";
import type { DevServerOptions, Settings } from "./settings.ts";
import { utf8 } from "./text.ts";

export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";
export type { BackendKind } from "./backend.ts";
export type { ListenAddress } from "./listen.ts";
export type { RequestRecord } from "./request-record.ts";
export type { Seed, SeedCommand } from "./seed.ts";
export type { DevServerOptions, DevServerSwitches } from "./settings.ts";

/** A local server that speaks Upstash's REST protocol. */
export interface DevServer {
  /**
   * Answers one request, given as `fetch` takes it, so that it can be the `fetch` option of a client. Needs no socket
   * and never rejects a request; the host in the URL does not matter. Request itself removes the segments `.` and
   * `..` of a path, so commands with such arguments have to go in a JSON body. The body of a subscription ends when
   * the request's signal aborts, when it is cancelled, and with close().
   *
   * @example
   * ```ts
   * const headers = { authorization: `Bearer ${server.token}` };
   * const response = await server.fetch("http://server/set/greeting/hello", { headers });
   * await response.json(); // → { result: "OK" }
   * ```
   */
  fetch(this: void, request: Request | string, init?: RequestInit): Promise<Response>;
  /** What executes the commands. */
  readonly backend: {
    /** Which of the three kinds it is. */
    readonly kind: BackendKind;
    /** What it is and where, for people; it contains no password. */
    readonly description: string;
  };
  /**
   * Makes a ticket for the server's page: `<url>/?ticket=<ticket>` opens it in a browser, once and within 15 minutes.
   * At most 32 tickets are valid at a time; a new one then replaces the oldest.
   *
   * @example
   * ```ts
   * const { url } = await server.listen();
   * const address = `${url}/?ticket=${server.ticket()}`;
   * const opened = await fetch(address, { headers: { accept: "text/html" }, redirect: "manual" });
   * opened.headers.get("location"); // → "/"
   * ```
   */
  ticket(this: void): string;
  /** The token that clients send: the one that was given, the first of several, or a random one. */
  readonly token: string;
  /**
   * Starts to listen; may be called once. Needs Node, Deno or Bun. Rejects with the system's error, whose `code` is
   * EADDRINUSE if the port is taken.
   *
   * @example
   * ```ts
   * const { url, port } = await server.listen();
   * url === `http://127.0.0.1:${port}`; // → true
   * ```
   */
  listen(options?: {
    /** The port, 0…65535. Default 0: a free one. */
    readonly port?: number | undefined;
    /** An IP address of this machine; 0.0.0.0 and :: mean all. Default 127.0.0.1. */
    readonly host?: string | undefined;
  }): Promise<ListenAddress>;
  /**
   * Removes every key and runs the seed again: a fresh keyspace for the next test. Rejects with ZstashError
   * UNSUPPORTED if the server was made with `redis`, because that Redis holds somebody else's data.
   *
   * @example
   * ```ts
   * const { url } = await server.listen();
   * const redis = new Redis({ url, token: server.token });
   * await redis.set("greeting", "hello");
   * await server.reset();
   * await redis.get("greeting"); // → null
   * ```
   */
  reset(): Promise<void>;
  /**
   * Stops listening, ends subscriptions, waits for running requests, closes connections, and ends the redis-server
   * that it started. May be called twice. Rejects with ZstashError REDIS, after releasing everything, if the file of
   * `persist` cannot be written.
   *
   * @example
   * ```ts
   * await server.close();
   * const { status } = await server.fetch("http://server/ping");
   * status; // → 502
   * ```
   */
  close(): Promise<void>;
}

/**
 * Creates a local server that is compatible with Upstash Redis over REST, for tests and for work without a network.
 *
 * Rejects with ZstashError REDIS if the Redis of `redis` cannot be reached, if `redis-server` is asked for and cannot
 * be started, or if a command of the seed fails; with CORRUPT or UNSUPPORTED if the file of `persist` cannot be
 * loaded. Wrong options and a seed that cannot be read are a TypeError or a RangeError.
 *
 * @example
 * ```ts
 * const server = await createDevServer({ seed: [["SET", "greeting", "hello"]] });
 * const { url } = await server.listen();
 * const redis = new Redis({ url, token: server.token });
 * await redis.get("greeting"); // → "hello"
 * await server.close();
 * ```
 */
export async function createDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const settings = readSettings(options);
  const steps = await readSeed(settings.seed);
  const { backend: started, isFresh } = await openBackend(settings);
  const opened = withScanTypes(started);
  const { maxRecordSize } = settings;
  const backend = maxRecordSize === undefined ? opened : limitRecords(opened, maxRecordSize);
  const closing = new AbortController();
  const page = createPageDoor(backend, settings);
  const handle = createHandler(backend, settings, closing.signal, page);
  const runner = createRunner(backend, settings);
  const seed = (): Promise<void> =>
    runSeed(steps, (commands) => runner.pipeline(commands, { readOnly: false }));
  if (isFresh) {
    try {
      await seed();
    } catch (error) {
      await backend.close();
      throw error;
    }
  }
  let listener: Listener | undefined;
  let closed = false;
  return {
    async fetch(request, init) {
      if (closed) return new Response('{"error":"ERR the server is closed"}', CLOSED);
      return handle(typeof request === "string" || init !== undefined ? new Request(request, init) : request);
    },
    backend: { kind: backend.kind, description: backend.description },
    ticket: () => page.createTicket(),
    token: settings.tokens[0],
    async listen(listenOptions = {}) {
      requireOptions(listenOptions, ["port", "host"]);
      const { port = 0, host } = listenOptions;
      requireInteger("port", port, 0, 65_535);
      if (host !== undefined) requireString("host", host);
      if (closed || listener !== undefined) {
        throw new ZstashError(
          "UNSUPPORTED",
          `Cannot listen: the server ${closed ? "is closed" : "listens already"}`,
        );
      }
      // Imported only when needed: the rest of this module runs where there is no node:http.
      const { listen } = await import("./listen.ts");
      const { maxRequestSize, maxResponseSize } = settings;
      // Six of the largest requests at a time: 60 MiB by default.
      const memory = Math.max(MEMORY_DEFAULT, 6 * Math.max(maxRequestSize, maxResponseSize));
      listener = await listen(handle, port, { host, memory });
      return listener.address;
    },
    async reset() {
      if (closed) throw new ZstashError("UNSUPPORTED", "Cannot reset: the server is closed");
      if (backend.kind === "redis-url")
        throw new ZstashError(
          "UNSUPPORTED",
          'Cannot reset the Redis of "redis": send FLUSHALL if you mean it',
        );
      await backend.execute([utf8("FLUSHALL")]);
      await seed();
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

/** The response of a closed server in its own process; on its port nobody answers. */
const CLOSED = { status: 502, headers: { "content-type": "application/json" } };

/** A backend, and whether its keyspace is new and needs the seed. */
interface Opened {
  readonly backend: Backend;
  readonly isFresh: boolean;
}

async function openBackend(settings: Settings): Promise<Opened> {
  const { backend, redis, maxRecordSize } = settings;
  const fresh = (opened: Backend): Opened => ({ backend: opened, isFresh: true });
  if (redis !== undefined) {
    const { connectRedis } = await import("./redis/index.ts");
    return fresh(await connectRedis(redis));
  }
  if (backend === "embedded") return openEmbedded(settings);
  const { startRedisServer } = await import("./redis/redis-server.ts");
  const started = await startRedisServer();
  if (started !== undefined) return fresh(started);
  if (backend === "auto") return fresh(createEmbeddedBackend({ maxRecordSize }));
  throw new ZstashError("REDIS", "Cannot start redis-server: no such program on the PATH");
}

async function openEmbedded({ maxRecordSize, persist: file, onPersist }: Settings): Promise<Opened> {
  const embedded = createEmbeddedBackend({ maxRecordSize });
  if (file === undefined) return { backend: embedded, isFresh: true };
  const report = (error: ZstashError | undefined): void => {
    try {
      onPersist?.(error);
    } catch {
      // An error of the callback does not concern us.
    }
  };
  const { persist } = await import("./persist.ts");
  const { backend, loaded } = await persist(embedded, file, report);
  return { backend, isFresh: !loaded };
}
