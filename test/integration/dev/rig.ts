/** The rig of the local server's tests: the tokens that they use, and the backends that they run on. */
import { afterAll } from "vitest";
import type { DevServerOptions } from "../../../src/dev/index.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";

export const TOKEN = "a-token";
export const READER = "a-reader";

/** A backend by its kind, and the options that choose it. */
export type BackendCase = readonly [kind: string, options: DevServerOptions];

/** The backends of a test file, and the Redis behind the second; undefined where there is no redis-server. */
export interface Backends {
  readonly cases: readonly BackendCase[];
  readonly redis: RedisServer | undefined;
}

/** Starts the Redis, which ends after the tests of the enclosing file. */
export async function startBackends(): Promise<Backends> {
  const embedded: BackendCase = ["embedded", { backend: "embedded" }];
  if (!redisAvailable()) return { cases: [embedded], redis: undefined };
  const redis = await startRedis();
  afterAll(() => redis.stop());
  return { cases: [embedded, ["redis-url", { redis: redis.url }]], redis };
}
