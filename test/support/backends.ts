/** The backends of the local server that this machine has, for tests that run on each of them. */
import { redisAvailable } from "./redis.ts";

export type Backend = "embedded" | "redis-server";

/** The backends of this machine; a missing redis-server is one visible line, and a failure under CI. */
export const backends: readonly Backend[] = redisAvailable() ? ["embedded", "redis-server"] : ["embedded"];
