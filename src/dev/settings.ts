/** The options of createDevServer: their types, their checks and their defaults. */
import {
  describe,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireOptions,
  requireString,
} from "../check.ts";
import { DEFAULT_REQUEST_SIZE } from "../limits.ts";
import type { ZstashError } from "../errors.ts";
import type { RequestRecord } from "./request-record.ts";
import type { Seed } from "./seed.ts";

/** Features that the server leaves out, to test what clients do without them. */
export interface DevServerSwitches {
  /** Ignore `Upstash-Response-Format`: every reply is JSON. */
  readonly noResp2?: boolean | undefined;
  /** Refuse a command in the path that has a body, with 400. */
  readonly noRawBody?: boolean | undefined;
  /** Refuse EVAL, EVALSHA, SCRIPT, FCALL and FUNCTION. */
  readonly noScripts?: boolean | undefined;
  /** Send no `upstash-sync-token`. */
  readonly noSyncToken?: boolean | undefined;
}

/** Options of createDevServer. */
export interface DevServerOptions extends DevServerSwitches {
  /**
   * The backend that executes the commands. `"auto"`, the default, takes the Redis of `redis` if that is given;
   * otherwise a `redis-server` on the PATH, started on a free port; otherwise the embedded keyspace, which has no Lua
   * and runs anywhere.
   */
  readonly backend?: "auto" | "redis-server" | "embedded" | undefined;
  /** The Redis or Valkey that executes the commands: `redis://[user:password@]host[:port][/database]`. */
  readonly redis?: string | undefined;
  /** The token or tokens that clients may use. Default: a random one. */
  readonly token?: string | readonly string[] | undefined;
  /**
   * The token or tokens of clients that may only read keys that they name. Writes are refused, and so are SCAN, KEYS
   * and RANDOMKEY. Scripts (`*_RO`) run only on a started `redis-server`, whose own access rules restrict them in the
   * same way; elsewhere they are refused. Default: none.
   */
  readonly readOnlyToken?: string | readonly string[] | undefined;
  /**
   * Further host names by which clients reach the server over HTTP, besides loopback names: `"redis"` for a container
   * of that name. A request with another Host is refused, because any page can point its own domain at this server's
   * address. Default: none. Does not apply to `fetch`.
   */
  readonly hosts?: string | readonly string[] | undefined;
  /**
   * Further origins whose pages may send requests, besides loopback: `"https://app.example"`. Requests of others are
   * refused before anything runs. Default: none.
   */
  readonly origins?: string | readonly string[] | undefined;
  /** The largest request body, in bytes. Default 10,485,760. */
  readonly maxRequestSize?: number | undefined;
  /** The most bytes of strings in a response, before base64 or JSON. Default 10,485,760. */
  readonly maxResponseSize?: number | undefined;
  /** The largest string value, in bytes. Default: the limit of the backend. */
  readonly maxRecordSize?: number | undefined;
  /**
   * Commands that run before the first request, and again on `reset()`: a list, or NDJSON with one command in each
   * line, such as `["SET","key","value"]`, where bytes are `{"base64":"…"}`. With `persist` they run only if the file
   * does not exist yet. Nothing runs unless the whole seed can be read.
   */
  readonly seed?: Seed | undefined;
  /**
   * The path of a file that keeps the embedded keyspace. It is loaded at the start if it exists, and written
   * completely one second after a change and by close(), with mode 0600. Needs Node, Deno or Bun, and the embedded
   * keyspace, which `"auto"` then takes.
   */
  readonly persist?: string | undefined;
  /**
   * Called with the error when the file of `persist` cannot be written; the server then continues and tries again.
   * Called with undefined when the file could be written again. What it throws is ignored.
   */
  readonly onPersist?: ((this: void, error: ZstashError | undefined) => void) | undefined;
  /** Called with the record of every answered request, for a log. What it throws is ignored. */
  readonly onRequest?: ((this: void, record: RequestRecord) => void) | undefined;
}

/** The options of createDevServer with their defaults. */
export interface Settings extends Readonly<Record<keyof DevServerSwitches, boolean>> {
  readonly backend: NonNullable<DevServerOptions["backend"]>;
  readonly redis: string | undefined;
  /** The tokens that may do everything: at least one. */
  readonly tokens: readonly [string, ...string[]];
  readonly readOnlyTokens: readonly string[];
  /** In lower case. */
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly maxRequestSize: number;
  readonly maxResponseSize: number;
  readonly maxRecordSize: number | undefined;
  readonly onRequest: ((this: void, record: RequestRecord) => void) | undefined;
  readonly seed: Seed | undefined;
  readonly persist: string | undefined;
  readonly onPersist: ((this: void, error: ZstashError | undefined) => void) | undefined;
}

const BACKENDS: readonly string[] = ["auto", "redis-server", "embedded"] satisfies Settings["backend"][];
const NAMES: readonly string[] = [
  "backend",
  "redis",
  "token",
  "readOnlyToken",
  "hosts",
  "origins",
  "maxRequestSize",
  "maxResponseSize",
  "maxRecordSize",
  "onRequest",
  "seed",
  "persist",
  "onPersist",
  "noResp2",
  "noRawBody",
  "noScripts",
  "noSyncToken",
] satisfies (keyof DevServerOptions)[];

/**
 * Checks the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readSettings(options: DevServerOptions): Settings {
  requireOptions(options, NAMES);
  const {
    backend = "auto",
    redis,
    token = crypto.randomUUID(),
    readOnlyToken = [],
    hosts = [],
    origins = [],
    maxRequestSize = DEFAULT_REQUEST_SIZE,
    maxResponseSize = DEFAULT_REQUEST_SIZE,
    maxRecordSize,
    onRequest,
    seed,
    persist,
    onPersist,
    noResp2 = false,
    noRawBody = false,
    noScripts = false,
    noSyncToken = false,
  } = options;
  requireString("backend", backend);
  if (!BACKENDS.includes(backend))
    throw new TypeError(`"backend" must be one of ${BACKENDS.join(", ")}, got ${JSON.stringify(backend)}`);
  if (redis !== undefined) requireString("redis", redis);
  if (redis !== undefined && backend !== "auto")
    throw new TypeError(`"redis" cannot be combined with "backend", got "${backend}"`);
  const [first, ...others] = readTokens("token", token);
  if (first === undefined) throw new TypeError('"token" must hold at least one token, got an empty array');
  const readOnlyTokens = readTokens("readOnlyToken", readOnlyToken);
  if (readOnlyTokens.some((one) => one === first || others.includes(one)))
    throw new TypeError('"readOnlyToken" must differ from "token", got one token for both');
  const names = {
    hosts: readTexts("hosts", hosts, HOST, "a name without a port").map((host) => host.toLowerCase()),
    origins: readTexts("origins", origins, ORIGIN, "an origin: https://app.example"),
  };
  const sizes = { maxRequestSize, maxResponseSize, maxRecordSize };
  for (const [name, size] of Object.entries(sizes))
    if (size !== undefined) requireInteger(name, size, 1, Number.MAX_SAFE_INTEGER);
  for (const [name, callback] of Object.entries({ onRequest, onPersist }))
    if (callback !== undefined) requireFunction(name, callback);
  checkPersist(persist, backend, redis);
  const switches = { noResp2, noRawBody, noScripts, noSyncToken };
  for (const [name, isOn] of Object.entries(switches)) requireBoolean(name, isOn);
  return {
    backend: persist === undefined ? backend : "embedded",
    redis,
    tokens: [first, ...others],
    readOnlyTokens,
    ...sizes,
    onRequest,
    seed,
    persist,
    onPersist,
    ...names,
    ...switches,
  };
}

/** A Redis keeps its data by itself, and a redis-server that is started here is told to keep none. */
function checkPersist(persist: unknown, backend: string, redis: string | undefined): void {
  if (persist === undefined) return;
  requireString("persist", persist);
  if (persist === "") throw new TypeError('"persist" must be the path of a file, got an empty string');
  if (redis !== undefined || backend === "redis-server") {
    const other = redis === undefined ? 'backend "redis-server"' : '"redis"';
    throw new TypeError(`"persist" keeps the embedded keyspace alone: it cannot be combined with ${other}`);
  }
}

const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/i;
/**
 * An origin as a browser writes it: a scheme, which may be an extension's, a host, and a port unless it is the
 * scheme's default.
 */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/;

function readTexts(
  name: string,
  value: string | readonly string[],
  form: RegExp,
  expected: string,
): readonly string[] {
  const texts: unknown = typeof value === "string" ? [value] : value;
  if (!Array.isArray(texts))
    throw new TypeError(`"${name}" must be a string or an array of strings, got ${describe(value)}`);
  for (const text of texts as readonly unknown[]) {
    requireString(name, text);
    if (!form.test(text))
      throw new TypeError(`"${name}" must hold ${expected}, got ${JSON.stringify(text.slice(0, 100))}`);
  }
  return [...(texts as readonly string[])];
}

/** Errors never contain the token itself. */
function readTokens(name: string, value: string | readonly string[]): readonly string[] {
  if (typeof value !== "string" && !Array.isArray(value))
    throw new TypeError(`"${name}" must be a string or an array of strings, got ${describe(value)}`);
  const tokens = typeof value === "string" ? [value] : [...value];
  for (const token of tokens) {
    requireString(name, token);
    if (!/^[!-~]+$/.test(token))
      throw new TypeError(`"${name}" must be visible ASCII without spaces, got other characters or none`);
  }
  return tokens;
}
