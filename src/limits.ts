/** The numbers that several layers share, each once. Sizes are bytes, half-open nowhere: a limit itself is allowed. */

/** Compression levels of zstd (ZSTD_minCLevel is lower still; below −7 nothing gets faster). */
export const LEVEL_MIN = -7;
export const LEVEL_MAX = 22;

/** The most bytes a value may decode to, unless the caller says otherwise. */
export const DEFAULT_MAX_SIZE: number = 32 << 20;

/** The most bytes a block may decode to, whatever the window (RFC 8878 §3.1.1.2.4). */
export const BLOCK_SIZE_MAX: number = 128 << 10;

/** The most decompressed bytes of a frame of fixed size: what a range read has to decode for one byte. */
export const FRAME_SIZE_MAX: number = 16 << 20;

/** log2 of the windows that a decoder can be told to accept (ZSTD_WINDOWLOG_ABSOLUTEMIN, ZSTD_WINDOWLOG_MAX_32). */
export const WINDOW_LOG_MIN = 10;
export const WINDOW_LOG_MAX = 30;
/** RFC 9659: the window that every decoder for HTTP takes, 8 MiB. */
export const DEFAULT_MAX_WINDOW_LOG = 23;

/** Bytes read at once from a source of ranges. */
export const RANGE_READ_SIZE: number = 1 << 20;

/** What Upstash takes on most plans, as a request's body and as a response. */
export const DEFAULT_REQUEST_SIZE = 10_485_760;

/** The longest string that Redis keeps (its own default, proto-max-bulk-len). */
export const REDIS_STRING_MAX: number = 512 << 20;

/** The longest reply that is read: V8's strings end at half of that, and a response at Upstash at a hundredth. */
export const REPLY_SIZE_MAX: number = 2 ** 30;

/** Milliseconds from which a wait is told of. */
export const SLOW_WAIT = 100;
