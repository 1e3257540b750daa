/** Defaults for hosts that run many short requests in one isolate of 128 MB: Workers and edge functions. */
import type { UnitAccess } from "../../text.ts";

/** The default limit of linear memory for the contexts of all streams of a codec, in bytes. */
export const DEFAULT_MEMORY_LIMIT: number = 64 << 20;

/** The default limit of the bytes that all values of one reply may decode to together. */
export const DEFAULT_MAX_REPLY_SIZE: number = 32 << 20;

/** True if this host ends requests without notice to whoever waits for them or holds something for them. */
export const REQUESTS_END_SILENTLY = true;

/** Strings have no faster way into memory and out of it than TextEncoder and TextDecoder here. */
export const unitAccess: UnitAccess | undefined = undefined;
