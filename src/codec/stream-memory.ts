/** The options of both loaders for the memory that streams share. */
import { DEFAULT_MEMORY_LIMIT, REQUESTS_END_SILENTLY } from "#host";
import { requireInteger } from "../check.ts";
import type { EngineSettings } from "../engine/engine.ts";
import { tellWait } from "./waits.ts";

/** How the streams of a codec share memory. */
export interface StreamMemoryOptions {
  /**
   * Linear memory that the contexts of all streams may use together, in bytes, 1 MiB…4 GiB. Default 256 MiB; 64 MiB
   * on Workers and edge functions, whose isolates have 128 MB. A stream that needs more than seven eighths of it (or
   * all but 8 MiB, if that is more) fails at once with OUT_OF_MEMORY.
   */
  readonly memoryLimit?: number;
  /** How long a stream waits for memory that others hold before TIMEOUT, in ms. Default 30,000. */
  readonly waitTimeout?: number;
}

/** The names of `StreamMemoryOptions`, for checks of options that include them. */
export const streamMemoryNames: readonly string[] = ["memoryLimit", "waitTimeout"];

const DEFAULT_WAIT_TIMEOUT = 30_000;
/** The longest delay that timers take. */
const WAIT_TIMEOUT_MAX = 2 ** 31 - 1;

/**
 * Reads the options, with their defaults.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readStreamMemory({
  memoryLimit = DEFAULT_MEMORY_LIMIT,
  waitTimeout = DEFAULT_WAIT_TIMEOUT,
}: StreamMemoryOptions): EngineSettings {
  requireInteger("memoryLimit", memoryLimit, 1 << 20, 2 ** 32);
  requireInteger("waitTimeout", waitTimeout, 0, WAIT_TIMEOUT_MAX);
  const onWait = (ms: number): void => tellWait("memory", ms);
  return { memoryLimit, waitTimeout, beats: REQUESTS_END_SILENTLY, onWait };
}
