/** Recognizes a server's errors about sizes, even if they came through the SDK. */
import { ZstashError } from "../errors.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";

/** Turns a server's error about a size into ours, without the command that the SDK repeats in it; other errors stay. */
export function asSizeError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ZstashError) return error;
  const code = serverErrorCode(error.message);
  return code === "REDIS" ? error : new ZstashError(code, `Cannot run: ${cleanServerText(error.message)}`);
}

/** Returns true if a request or its reply was too large, so that its parts may not be. */
export function isRequestLimit(error: unknown): error is ZstashError {
  return error instanceof ZstashError && error.code === "REQUEST_LIMIT";
}
