/** What a host gives that runs many short requests in one isolate of 128 MB: Workers and edge functions. */

/** Linear memory for the contexts of all streams of a codec, in bytes, where the caller does not say. */
export const DEFAULT_MEMORY_LIMIT: number = 64 << 20;

/** The most bytes that the values of one reply may decode to together, where the caller does not say. */
export const DEFAULT_MAX_REPLY_SIZE: number = 32 << 20;

/** Whether requests end here without a word to whoever waits for them or holds something for them. */
export const REQUESTS_END_SILENTLY = true;
