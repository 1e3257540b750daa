/** The public door of "zstash/redis": everything of `@upstash/redis`, with a client that compresses. */
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
export { readMode } from "./upstash/settings.ts";
export type { Fetch } from "./rest/exchange.ts";
// The types of options. The SDK has none of these names; a test says so for each version.
export type * from "./upstash/index.ts";

/** Options of `new Redis`: those of `@upstash/redis`, and zstash's own. */
export type RedisConfig = RedisConfigNodejs & {
  /** How values are compressed: the options of `withCompression`, and `carrier`. */
  readonly compression?: ClientCompressionOptions;
  /** Sends the requests. Default: the platform's transport. */
  readonly fetch?: Fetch;
  /** Milliseconds without a byte from the server after which a request is TIMEOUT. Default 60,000; 0 for no limit. */
  readonly timeout?: number;
};

/** The variables of a Worker's `env` that `Redis.fromEnv` reads. */
export interface RedisEnvironment {
  readonly UPSTASH_REDIS_REST_URL?: string | undefined;
  readonly UPSTASH_REDIS_REST_TOKEN?: string | undefined;
  readonly KV_REST_API_URL?: string | undefined;
  readonly KV_REST_API_TOKEN?: string | undefined;
  readonly UPSTASH_DISABLE_TELEMETRY?: unknown;
}

/** What `new Redis` takes instead of options: something that carries requests. */
export interface RedisRequester {
  readYourWrites?: boolean;
  upstashSyncToken?: string;
  request<Result = unknown>(request: CommandRequest): Promise<CommandReply<Result>>;
}

type Undefinable<Options> = { readonly [Name in keyof Options]?: unknown };
type Environment = Readonly<Record<string, string | undefined>>;

/** What the telemetry of this client calls it. */
const SDK_NAME = "zstash@0.1.0";

/**
 * The client of `@upstash/redis`, with all its commands and options, that compresses the values it writes and decodes those
 * it reads. Values lie in Redis as zstd frames and travel as bytes. What was stored before reads back unchanged; clients of
 * `withCompression` read what this one writes only in the text carrier: `compression: { carrier: "text" }`.
 *
 * It differs from the stock client in this: no error text holds arguments; a request whose signal is aborted rejects with
 * the signal's reason; a missing or wrong `url` is a TypeError here and not a failure of the first command; what is repeated
 * after a failed connection are commands that may run twice.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong, never its value
 * @example
 * ```ts
 * import { Redis } from "zstash/redis";
 *
 * const redis = new Redis({ url, token, compression: { policy: { minSize: 2048 } } });
 * ```
 */
export class Redis extends SdkRedis {
  constructor(config: RedisConfig);
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
    // The SDK reads an absent option and an undefined one alike.
    this.opts = own as NonNullable<typeof this.opts>;
    this.enableTelemetry = enableTelemetry;
    this.enableAutoPipelining = enableAutoPipelining;
    this.addTelemetry({ runtime: runtimeName(), platform: platformOf(environment()), sdk: SDK_NAME });
    mark(this);
    if (enableAutoPipelining) return this.autoPipeline() as this;
  }

  /**
   * Makes a client of what the environment names: `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, else
   * `KV_REST_API_URL` and `KV_REST_API_TOKEN`. A Worker hands over its `env`; elsewhere it is that of the process.
   *
   * @throws {TypeError} where the variables are not set
   * @example
   * ```ts
   * const redis = Redis.fromEnv();
   * const inWorker = Redis.fromEnv(env, { compression: { carrier: "text" } });
   * ```
   */
  static override fromEnv(config?: Omit<RedisConfig, "url" | "token">): Redis;
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

/** Throws for what is neither options nor a requester, and for options of compression that lie in the wrong place. */
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
  // Versions of the SDK differ in their options: what is like none of them passes, as it does there.
  for (const name of Object.keys(options)) {
    const meant = optionNames.includes(name) ? undefined : similarName(name, optionNames);
    if (meant !== undefined) throw new TypeError(`"${name}" is not an option: did you mean "${meant}"?`);
  }
}

/** Options of the SDK and our own. */
const optionNames: readonly string[] = (
  "url token automaticDeserialization latencyLogging enableTelemetry enableAutoPipelining readYourWrites retry cache " +
  "keepAlive agent signal responseEncoding compression fetch timeout"
).split(" ");

/** The requester that sends what the client asks for, and fails with the errors of the SDK where the server refuses it. */
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
  // What is missing is an error there; an option that is undefined is one that is absent.
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

/** The platform's fetch with what the SDK lets its users set; undefined for the transport that is chosen without. */
function fetchOf({ fetch: given, cache, agent, keepAlive }: RedisConfig): Fetch | undefined {
  const isDefault = agent === undefined && (cache ?? "no-store") === "no-store" && keepAlive !== true;
  if (isDefault) return given;
  const send = given ?? ((url: string, init: RequestInit) => fetch(url, init));
  // Pages refuse bodies above 64 KiB of requests that outlive them, so that is only done if it was asked for.
  const own = { ...(agent !== undefined && { agent }), ...(keepAlive === true && { keepalive: true }) };
  return (url, init) => send(url, { ...init, cache: cache ?? "no-store", ...own });
}

/** The signal as the SDK takes it: null is none, of a function too. */
function signalOf(signal: unknown): unknown {
  return typeof signal === "function" ? () => (signal() as unknown) ?? undefined : (signal ?? undefined);
}

/** Repeats as the SDK has them: it takes any number, and names that it does not know. */
function retryOf(retry: RedisConfig["retry"]): false | Undefinable<RetryOptions> | undefined {
  if (typeof retry !== "object" || retry === null) return retry;
  const { retries, backoff } = retry;
  return { retries, backoff };
}

/** The platform as the SDK reports it. */
function platformOf(env: Environment): string {
  if (env["UPSTASH_CONSOLE"]) return "console";
  if (env["VERCEL"]) return "vercel";
  return env["AWS_REGION"] ? "aws" : "unknown";
}

/** Makes errors for what came instead of a reply instances of the SDK's classes too; others stay. */
function asSdkError(error: unknown): unknown {
  if (!(error instanceof ZstashError)) return error;
  // What is no reply, such as a proxy's page, has an error class of its own in newer versions.
  const isPage = error.noReply === true;
  if (error.status === undefined && !isPage) return error;
  const { name: _, ...details } = error;
  // That a refused command has not run goes without saying there; that it may have run does not.
  const { message: said } =
    error.effect === "none" && error.cause instanceof ZstashError ? error.cause : error;
  const refused = isPage
    ? new (errors.UpstashJSONParseError ?? errors.UpstashError)("")
    : new errors.UpstashError("");
  // The server's own text, as in the SDK's error: what stands before it is ours.
  const message = isPage ? error.message : said.replace(/^Cannot run [^:]{1,40}: /, "");
  Object.defineProperty(refused, "message", { value: message, configurable: true, writable: true });
  Object.defineProperty(refused, errorMark, { value: true });
  return Object.assign(refused, details, { cause: error });
}

/** By which `instanceof ZstashError` tells errors of zstash. */
const errorMark: unique symbol = Symbol.for("zstash.ZstashError");
