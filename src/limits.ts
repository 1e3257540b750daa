/**
 * The numbers that several layers share, each defined once. Sizes are in bytes, and a limit itself is still allowed.
 */

/**
 * The compression levels that zstash takes. zstd's own minimum (ZSTD_minCLevel) is lower, but below −7 nothing gets
 * faster.
 */
export const LEVEL_MIN = -7;
export const LEVEL_MAX = 22;

/** The most bytes that a value may decode to, unless the caller sets another limit. */
export const DEFAULT_MAX_SIZE: number = 32 << 20;

/** The most bytes that one block may decode to, whatever the window (RFC 8878 §3.1.1.2.4). */
export const BLOCK_SIZE_MAX: number = 128 << 10;

/** The most decompressed bytes in one frame of fixed size: a range read has to decode that much for one byte. */
export const FRAME_SIZE_MAX: number = 16 << 20;

/** log2 of the windows that a decoder can be told to accept (ZSTD_WINDOWLOG_ABSOLUTEMIN, ZSTD_WINDOWLOG_MAX_32). */
export const WINDOW_LOG_MIN = 10;
export const WINDOW_LOG_MAX = 30;
/** The window that every zstd decoder for HTTP accepts: 8 MiB (RFC 9659). */
export const DEFAULT_MAX_WINDOW_LOG = 23;

/** Bytes that one read from a range source asks for. */
export const RANGE_READ_SIZE: number = 1 << 20;

/** The limit of most Upstash plans for a request's body and for a response, in bytes. */
export const DEFAULT_REQUEST_SIZE = 10_485_760;

/** The longest string that Redis keeps: the default of its proto-max-bulk-len. */
export const REDIS_STRING_MAX: number = 512 << 20;

/** The longest reply that is read, in bytes: V8's strings end at half of it, and Upstash's responses at a hundredth. */
export const REPLY_SIZE_MAX: number = 2 ** 30;

/** Milliseconds after which a wait is reported as an event. */
export const SLOW_WAIT = 100;
