/** The entry of the subpath "zstash/redis": everything of `@upstash/redis`, with a client that compresses. */
import { errors, Redis as SdkRedis, type RedisConfigNodejs } from "#sdk";
import { environment, runtimeName } from "./adapters/environment.ts";
import { describe, similarName } from "./check.ts";
import { ZstashError } from "./errors.ts";
import type { Fetch } from "./rest/exchange.ts";
import type { RetryOptions } from "./rest/rest-options.ts";
import { isCompressed, mark } from "./upstash/mark.ts";
import { compressionMiddleware } from "./upstash/middleware.ts";
import type { CommandReply, CommandRequest } from "./upstash/plan.ts";
import { createRequester, type RequesterOptions } from "./upstash/requester.ts";
import { compressionNames, type ClientCompressionOptions } from "./upstash/settings.ts";

export * from "#sdk";
export { readMode } from "./upstash/mode.ts";
export { zstashCode } from "./upstash/batch-error.ts";
export { ZstashError } from "./errors.ts";
export type { ZstashErrorCode } from "./errors.ts";
export type { Fetch } from "./rest/exchange.ts";
// The types of options. The SDK exports none of these names; a test checks that for each version.
export type * from "./upstash/index.ts";

/** Options of `new Redis`: those of `@upstash/redis`, and zstash's own. */
export type RedisConfig = RedisConfigNodejs & {
  /** How values are compressed: the options of `withCompression`, and `carrier`. */
  readonly compression?: ClientCompressionOptions;
  /** The function that sends the requests. Default: the platform's transport. */
  readonly fetch?: Fetch;
  /**
   * Milliseconds without a byte in either direction after which a request fails with TIMEOUT. Default 60,000; 0 means
   * no limit. While bodies of 64 KiB or more are uploaded it is longer by a second for each 32 KiB of all that go to
   * that server, because bytes that have left the process cannot be observed (on Node at most 4 MiB of each count,
   * because the rest can be). For a reply of up to 64 KiB that `fetch` reads at once it is longer by as much. Time in
   * which the event loop stood still does not count, at most ten times in one silence.
   */
  readonly timeout?: number;
};

/** The variables of a Worker's `env` that `Redis.fromEnv` reads. */
export interface RedisEnvironment {
  /** The address of the REST API, an https URL. */
  readonly UPSTASH_REDIS_REST_URL?: string | undefined;
  /** The token of the REST API. */
  readonly UPSTASH_REDIS_REST_TOKEN?: string | undefined;
  /** The address of the REST API under the name that Vercel gives it; used if `UPSTASH_REDIS_REST_URL` is not set. */
  readonly KV_REST_API_URL?: string | undefined;
  /** The token of the REST API under the name that Vercel gives it; used if `UPSTASH_REDIS_REST_TOKEN` is not set. */
  readonly KV_REST_API_TOKEN?: string | undefined;
  /** Any value but an empty one turns the SDK's telemetry headers off. */
  readonly UPSTASH_DISABLE_TELEMETRY?: unknown;
}

/** What `new Redis` takes instead of options: an object that sends requests. */
export interface RedisRequester {
  /** Whether the client's reads see its own writes, from replicas too. The client sets it. */
  readYourWrites?: boolean;
  /** The token of the last reply, which tells a replica how recent it has to be. The client reads and sets it. */
  upstashSyncToken?: string;
  /**
   * Sends one command, or several as a pipeline or a transaction, and resolves to what the server says. A client
   * compresses the values before it calls this, unless `createRequester` made the requester.
   */
  request<Result = unknown>(request: CommandRequest): Promise<CommandReply<Result>>;
}

type Undefinable<Options> = { readonly [Name in keyof Options]?: unknown };
type Environment = Readonly<Record<string, string | undefined>>;

/** The name that this client's telemetry reports. */
const SDK_NAME = "zstash@0.2.0";

/**
 * The client of `@upstash/redis`, with all its commands and options, which compresses the values that it writes and
 * decodes those that it reads. Values are stored as zstd frames and sent as bytes. Values from before read back
 * unchanged. Clients made by `withCompression` can read this client's values only with `compression: { carrier:
 * "text" }`.
 *
 * It differs from the stock client in a few ways, which docs/client.md lists. The main ones: error messages hold no
 * arguments; a request whose signal is aborted rejects with the signal's reason; a missing or wrong `url` is a TypeError
 * of the constructor and not a failure of the first command; a failed request is repeated only if it has certainly not
 * run, or if its commands may run twice.
 *
 * @throws {TypeError | RangeError} for a wrong option; the message names it, never its value
 * @example
 * ```ts
 * import { Redis } from "zstash/redis";
 *
 * const redis = new Redis({ url, token, compression: { policy: { minSize: 2048 } } });
 * await redis.set("greeting", "hello");
 * await redis.get("greeting"); // → "hello"
 * ```
 */
export class Redis extends SdkRedis {
  /** Makes a client of a URL and a token, which sends its requests over zstash's own transport. */
  constructor(config: RedisConfig);
  /**
   * Makes a client of a requester. One that does not come from `createRequester` gets values in the text carrier,
   * compressed with the default options.
   */
  constructor(requester: RedisRequester);
  constructor(options: RedisConfig | RedisRequester) {
    requireClientOptions(options);
    if ("request" in options) {
      super(options);
      if (!isCompressed(options)) this.use(compressionMiddleware());
      mark(this);
      return;
    }
    super(requesterOf(options));
    const { automaticDeserialization, latencyLogging, enableAutoPipelining = true } = options;
    const { enableTelemetry = !environment()["UPSTASH_DISABLE_TELEMETRY"] } = options;
    const own = { automaticDeserialization, latencyLogging, enableTelemetry, enableAutoPipelining };
    // The SDK treats an absent option and an undefined one alike.
    this.opts = own as NonNullable<typeof this.opts>;
    this.enableTelemetry = enableTelemetry;
    this.enableAutoPipelining = enableAutoPipelining;
    this.addTelemetry({ runtime: runtimeName(), platform: platformOf(environment()), sdk: SDK_NAME });
    mark(this);
    if (enableAutoPipelining) return this.autoPipeline() as this;
  }

  /**
   * Makes a client from environment variables: `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, or else
   * `KV_REST_API_URL` and `KV_REST_API_TOKEN`, which are those of the process.
   *
   * @throws {TypeError} if the variables are not set
   * @example
   * ```ts
   * const redis = Redis.fromEnv();
   * await redis.ping(); // → "PONG"
   * ```
   */
  static override fromEnv(config?: Omit<RedisConfig, "url" | "token">): Redis;
  /**
   * Makes a client from the variables of a Worker's `env`, by the same names. Those of the process are not read if
   * `env` has one of these names, or if options follow it. An object that has none of them and stands alone is taken
   * for options, as the SDK's client for Node does with `{}`: `Redis.fromEnv(env, {})` reads `env` in any case.
   *
   * @throws {TypeError} if the variables are not set
   * @example
   * ```ts
   * const redis = Redis.fromEnv(env, { compression: { carrier: "text" } });
   * await redis.ping(); // → "PONG"
   * ```
   */
  static override fromEnv(env: RedisEnvironment, config?: Omit<RedisConfig, "url" | "token">): Redis;
  static override fromEnv(
    first: RedisEnvironment | Omit<RedisConfig, "url" | "token"> = {},
    second?: Omit<RedisConfig, "url" | "token">,
  ): Redis {
    const given = second !== undefined || environmentNames.some((name) => name in first);
    const env = given ? (first as Environment) : environment();
    const config = (given ? second : first) as Omit<RedisConfig, "url" | "token"> | undefined;
    const url = env["UPSTASH_REDIS_REST_URL"] || env["KV_REST_API_URL"];
    const token = env["UPSTASH_REDIS_REST_TOKEN"] || env["KV_REST_API_TOKEN"];
    if (!url) throw unset("UPSTASH_REDIS_REST_URL", "KV_REST_API_URL");
    if (!token) throw unset("UPSTASH_REDIS_REST_TOKEN", "KV_REST_API_TOKEN");
    const telemetry = env["UPSTASH_DISABLE_TELEMETRY"] ? { enableTelemetry: false } : {};
    return new Redis({ ...telemetry, ...config, url, token });
  }
}

const environmentNames: readonly string[] = [
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "KV_REST_API_URL",
  "KV_REST_API_TOKEN",
];

function unset(name: string, other: string): TypeError {
  return new TypeError(
    `Cannot make a client: ${name} is not set, nor is ${other} (a Worker passes its env: Redis.fromEnv(env))`,
  );
}

/** Throws for an argument that is neither options nor a requester, and for compression options in the wrong place. */
function requireClientOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`"options" must be an object with "url" and "token", got ${describe(options)}`);
  }
  if (typeof (options as { sendCommand?: unknown }).sendCommand === "function") {
    throw new TypeError(
      '"options" must be an object with "url" and "token", got a client over TCP, such as ioredis: ' +
        'give that encodeValue(value) of "zstash/upstash" to write, and decodeValue what its getBuffer reads',
    );
  }
  const misplaced = compressionNames.find((name) => name in options);
  if (misplaced !== undefined) {
    throw new TypeError(`"${misplaced}" is not an option: did you mean "compression: { ${misplaced} }"?`);
  }
  if ("request" in options) return;
  // Versions of the SDK differ in their options: a name that resembles none of them passes, as it does there.
  for (const name of Object.keys(options)) {
    const meant = optionNames.includes(name) ? undefined : similarName(name, optionNames);
    if (meant !== undefined) throw new TypeError(`"${name}" is not an option: did you mean "${meant}"?`);
  }
}

/** The names of the SDK's options and of our own. */
const optionNames: readonly string[] = (
  "url token automaticDeserialization latencyLogging enableTelemetry enableAutoPipelining readYourWrites retry cache " +
  "keepAlive agent signal responseEncoding compression fetch timeout"
).split(" ");

/**
 * Makes the requester that sends the client's requests, and that throws the SDK's errors where the server refuses a
 * command.
 */
function requesterOf(config: RedisConfig): RedisRequester {
  const { url, token, readYourWrites, compression, timeout, responseEncoding } = config;
  const options: Undefinable<RequesterOptions> = {
    url,
    token,
    signal: signalOf(config.signal),
    readYourWrites,
    compression,
    timeout,
    responseEncoding,
    fetch: fetchOf(config),
    retry: retryOf(config.retry),
  };
  // A missing option is reported there; an option that is undefined counts as absent.
  const requester = createRequester(options as RequesterOptions);
  const { request } = requester;
  requester.request = async (sent) => {
    try {
      return await request(sent);
    } catch (error) {
      throw asSdkError(error);
    }
  };
  return requester;
}

/** The platform's fetch with the settings that the SDK lets its users choose; undefined where none is set. */
function fetchOf({ fetch: given, cache, agent, keepAlive }: RedisConfig): Fetch | undefined {
  const isDefault = agent === undefined && (cache ?? "no-store") === "no-store" && keepAlive !== true;
  if (isDefault) return given;
  const send = given ?? ((url: string, init: RequestInit) => fetch(url, init));
  // Pages refuse bodies above 64 KiB of requests with keepAlive, so it is set only if the caller asked for it.
  const own = { ...(agent !== undefined && { agent }), ...(keepAlive === true && { keepalive: true }) };
  return (url, init) => send(url, { ...init, cache: cache ?? "no-store", ...own });
}

/** The signal as the SDK takes it: null means none, and so does a function that returns null. */
function signalOf(signal: unknown): unknown {
  return typeof signal === "function" ? () => (signal() as unknown) ?? undefined : (signal ?? undefined);
}

/** The SDK's retry option as ours: the SDK takes any number, and ignores names that it does not know. */
function retryOf(retry: RedisConfig["retry"]): false | Undefinable<RetryOptions> | undefined {
  if (typeof retry !== "object" || retry === null) return retry;
  const { retries, backoff } = retry;
  return { retries, backoff };
}

/** The platform's name as the SDK reports it. */
function platformOf(env: Environment): string {
  if (env["UPSTASH_CONSOLE"]) return "console";
  if (env["VERCEL"]) return "vercel";
  return env["AWS_REGION"] ? "aws" : "unknown";
}

/** Makes errors about responses instances of the SDK's error classes too; other errors stay as they are. */
function asSdkError(error: unknown): unknown {
  if (!(error instanceof ZstashError)) return error;
  // A response that is no reply, such as a proxy's page, has an error class of its own in newer versions.
  const isPage = error.noReply === true;
  if (error.status === undefined && !isPage) return error;
  const { name: _, ...details } = error;
  // The SDK's users expect that a refused command has not run; that it may have run is worth saying.
  const { message: said } =
    error.effect === "none" && error.cause instanceof ZstashError ? error.cause : error;
  const refused = isPage
    ? new (errors.UpstashJSONParseError ?? errors.UpstashError)("")
    : new errors.UpstashError("");
  // The server's own text, as in the SDK's error: we wrote what stands before it.
  const message = isPage ? error.message : said.replace(/^Cannot run [^:]{1,40}: /, "");
  Object.defineProperty(refused, "message", { value: message, configurable: true, writable: true });
  Object.defineProperty(refused, errorMark, { value: true });
  return Object.assign(refused, details, { cause: error });
}

/** The mark by which `instanceof ZstashError` recognizes errors of zstash. */
const errorMark: unique symbol = Symbol.for("zstash.ZstashError");
