/**
 * Makes the errors of requests that reached no server or lost the connection, and decides whether the command may
 * have run.
 */
import { ZstashError } from "../errors.ts";

/** Error codes of refused certificates, which every platform checks before it sends anything. */
const CERTIFICATE =
  /^(?:CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)$/;
/** Error codes of connections that were never made, including Bun's. */
const UNCONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$/;
/** Error codes of failed TLS handshakes, after which no server has read a request. */
const HANDSHAKE =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|TLSV1_UNRECOGNIZED_NAME|TLSV13_ALERT_CERTIFICATE_REQUIRED|(?:SSLV3|TLSV1)_ALERT_(?:HANDSHAKE_FAILURE|PROTOCOL_VERSION))$/;
const LOOKUP = /^(?:ENOTFOUND|EAI_\w+)$/;

/** The properties of connection errors on different platforms. */
interface PlatformError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The error that gives the reason, below those that only say that something failed. */
function rootOf(error: unknown): PlatformError {
  let root: PlatformError = {};
  for (let one = error, depth = 0; typeof one === "object" && one !== null && depth < 5; depth++) {
    root = one as PlatformError;
    if (typeof root.code === "string" && !("errors" in root)) break;
    one = root.cause ?? root.errors?.[0];
  }
  return root;
}

/**
 * The error for a failed connection. Its effect is "none" if no byte can have left: by `unsent`, or by the platform's
 * error.
 */
export function connectionError(url: string, cause: unknown, unsent: boolean): ZstashError {
  const { code, syscall, message } = rootOf(cause);
  const name = typeof code === "string" && /^\w{1,60}$/.test(code) ? code : undefined;
  const certificate = name !== undefined && CERTIFICATE.test(name);
  const before =
    unsent ||
    certificate ||
    (name !== undefined && (UNCONNECTED.test(name) || HANDSHAKE.test(name))) ||
    syscall === "connect" ||
    syscall === "getaddrinfo" ||
    // Deno says it in words.
    (typeof message === "string" && /client error \(Connect\)/.test(message));
  const what = !before
    ? "the connection failed"
    : name !== undefined && LOOKUP.test(name)
      ? "its name cannot be looked up"
      : certificate
        ? "its certificate was refused"
        : name === "ECONNREFUSED" || name === "ConnectionRefused"
          ? "it refused the connection"
          : "no connection could be made";
  const at = before ? ` at ${hostOf(url)}` : "";
  const detail = name ?? (isRefusedInit(cause) ? withoutQuotes(cause.message) : undefined);
  const advice = !certificate && before ? ': check "url" (UPSTASH_REDIS_REST_URL)' : "";
  const reason = `${what}${detail === undefined ? "" : ` (${detail})`}${advice}`;
  return new ZstashError("REDIS", `Cannot reach the server${at}: ${reason}`, {
    effect: before ? "none" : "unknown",
    cause: withoutBytes(cause),
  });
}

/**
 * The properties of a platform's error that are kept: names, codes and addresses. HTTP parsers add the bytes that
 * they received.
 */
const keptProperties: readonly string[] =
  "name message stack cause errors code errno syscall hostname host address port reason".split(" ");

/** A platform's error, or a copy without properties that may contain bytes of a request or a reply. */
function withoutBytes(error: unknown, depth: number = 0): unknown {
  if (typeof error !== "object" || error === null) return error;
  if (depth > 4) return undefined;
  const { name, message, stack, cause, errors } = error as Error & PlatformError;
  const inner = withoutBytes(cause, depth + 1);
  const several = Array.isArray(errors) ? errors.map((one) => withoutBytes(one, depth + 1)) : undefined;
  const said = typeof message === "string" ? withoutQuotes(message) : "";
  const isClean =
    error instanceof Error &&
    said === message &&
    inner === cause &&
    (several?.every((one, index) => one === errors![index]) ?? true) &&
    Reflect.ownKeys(error).every((key) => {
      const value = (error as unknown as Record<PropertyKey, unknown>)[key];
      return keptProperties.includes(String(key)) || typeof value === "number" || typeof value === "boolean";
    });
  if (isClean) return error;
  const copy = new Error(said, inner === undefined ? undefined : { cause: inner });
  const define = (key: string, value: unknown): void =>
    void Object.defineProperty(copy, key, { value, configurable: true, writable: true });
  if (typeof name === "string") define("name", name);
  if (typeof stack === "string" && said === message) define("stack", stack);
  if (several !== undefined) define("errors", several);
  for (const key of keptProperties.slice(keptProperties.indexOf("code"))) {
    const value = (error as Readonly<Record<string, unknown>>)[key];
    if (typeof value === "string" || typeof value === "number") Object.assign(copy, { [key]: value });
  }
  return copy;
}

/** A message without its quotations: parsers of JSON and of headers quote their input. */
function withoutQuotes(message: string): string {
  return message.replace(/"[^]*"/, '"…"').slice(0, 1000);
}

/**
 * Returns true for the error of a platform that does not accept an option of a request, such as `cache`. URLs may
 * contain a key.
 */
function isRefusedInit(cause: unknown): cause is TypeError {
  if (!(cause instanceof TypeError) || cause.cause !== undefined) return false;
  return (
    /init|field|option|implement|support|mode|cache|duplex/i.test(cause.message) &&
    !cause.message.includes("://")
  );
}

/** Returns true for a refused certificate: the same request would be refused again. */
export function isCertificateError(cause: unknown): boolean {
  const { code } = rootOf(cause);
  return typeof code === "string" && CERTIFICATE.test(code);
}

/** The error for a server that has been silent for `time` milliseconds, by the clock. */
export function silenceError(time: number): ZstashError {
  return new ZstashError("TIMEOUT", `Cannot reach the server: no sign of life for ${time} ms`, {
    effect: "unknown",
  });
}

/** The error for a redirect: no other server gets the token and the value. */
export function redirectError(url: string, status: number, location: string | null): ZstashError {
  const target = location === null ? undefined : hostOf(location, url);
  const where = target === undefined ? "elsewhere" : `to ${target}`;
  const reason = `it redirects ${where}, which is not followed; take that server's own URL`;
  return new ZstashError("REDIS", `Cannot reach the server: ${reason}`, { status, effect: "unknown" });
}

/** Only host and port: a path may contain a key. */
function hostOf(url: string, base?: string): string | undefined {
  try {
    return new URL(url, base).host;
  } catch {
    return undefined;
  }
}

/**
 * Returns true if an error is the host's control flow and not ours: Next.js and React end a rendering by throwing
 * through `fetch`, and recognize their marks again above.
 */
export function isHostControlFlow(error: unknown): boolean {
  return typeof error === "object" && error !== null && ("digest" in error || "$$typeof" in error);
}
