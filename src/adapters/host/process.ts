/** Defaults for hosts that run one program for a long time: Deno, Bun, a page. */
import type { UnitAccess } from "../../text.ts";

/** The default limit of linear memory for the contexts of all streams of a codec, in bytes. */
export const DEFAULT_MEMORY_LIMIT: number = 256 << 20;

/** The default limit of the bytes that all values of one reply may decode to together. */
export const DEFAULT_MAX_REPLY_SIZE: number = 128 << 20;

/** True if this host ends requests without notice to whoever waits for them or holds something for them. */
export const REQUESTS_END_SILENTLY = false;

/** Strings have no faster way into memory and out of it than TextEncoder and TextDecoder here. */
export const unitAccess: UnitAccess | undefined = undefined;
