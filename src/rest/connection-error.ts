/** Makes errors of requests that met no server or lost it, and says of each whether the command may have run. */
import { ZstashError } from "../errors.ts";

/** Codes of certificates that were refused; every platform checks them before it sends anything. */
const CERTIFICATE =
  /^(?:CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)$/;
/** Codes of connections that were never made, Bun's among them. */
const UNCONNECTED =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$/;
/** Codes of TLS handshakes that failed, in which no server has read a request. */
const HANDSHAKE =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|TLSV1_UNRECOGNIZED_NAME|TLSV13_ALERT_CERTIFICATE_REQUIRED|(?:SSLV3|TLSV1)_ALERT_(?:HANDSHAKE_FAILURE|PROTOCOL_VERSION))$/;
const LOOKUP = /^(?:ENOTFOUND|EAI_\w+)$/;

/** What errors of connections have on one platform or another. */
interface PlatformError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The error that says why, below those that only say that something failed. */
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
 * The error for a connection that failed; its effect is "none" where no byte can have left: `unsent`, or what the
 * platform's error says.
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
  const reason = detail === undefined ? what : `${what} (${detail})`;
  return new ZstashError("REDIS", `Cannot reach the server${at}: ${reason}`, {
    effect: before ? "none" : "unknown",
    cause: withoutBytes(cause),
  });
}

/** What an error of a platform may keep: names, codes and addresses. Parsers of HTTP add the bytes that they got. */
const keptProperties: readonly string[] =
  "name message stack cause errors code errno syscall hostname host address port reason".split(" ");

/** An error of a platform as it is, or a copy without what may hold bytes of a request or of a reply. */
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

/** A message without what it quotes: parsers of JSON and of headers quote what they were given. */
function withoutQuotes(message: string): string {
  return message.replace(/"[^]*"/, '"…"').slice(0, 1000);
}

/** True for what a platform says of a request that it does not take, `cache` for one; URLs may hold a key. */
function isRefusedInit(cause: unknown): cause is TypeError {
  if (!(cause instanceof TypeError) || cause.cause !== undefined) return false;
  return (
    /init|field|option|implement|support|mode|cache|duplex/i.test(cause.message) &&
    !cause.message.includes("://")
  );
}

/** True for a certificate that was refused: the same request would meet it again. */
export function isCertificateError(cause: unknown): boolean {
  const { code } = rootOf(cause);
  return typeof code === "string" && CERTIFICATE.test(code);
}

/** The error for a server that was silent for `limit` milliseconds. */
export function silenceError(limit: number): ZstashError {
  return new ZstashError("TIMEOUT", `Cannot reach the server: no sign of life for ${limit} ms`, {
    effect: "unknown",
  });
}

/** The error for a response that leads elsewhere: nobody else gets the token and the value. */
export function redirectError(url: string, status: number, location: string | null): ZstashError {
  const target = location === null ? undefined : hostOf(location, url);
  const where = target === undefined ? "elsewhere" : `to ${target}`;
  const reason = `it redirects ${where}, which is not followed; take that server's own URL`;
  return new ZstashError("REDIS", `Cannot reach the server: ${reason}`, { status, effect: "unknown" });
}

/** Host and port alone: a path may hold a key. */
function hostOf(url: string, base?: string): string | undefined {
  try {
    return new URL(url, base).host;
  } catch {
    return undefined;
  }
}

/**
 * Whether an error is its host's control flow and none of ours: Next.js and React end a rendering by throwing through
 * `fetch`, and read their marks again above.
 */
export function isHostControlFlow(error: unknown): boolean {
  return typeof error === "object" && error !== null && ("digest" in error || "$$typeof" in error);
}
