/** The servers beside Redis 7 that the store is tested on, where this machine has them: Redis 8 and Valkey. */
import { execFileSync } from "node:child_process";
import { redisPath, startRedis } from "../redis.ts";
import { requireOrSkip } from "../require-or-skip.ts";

export interface OtherServer {
  readonly name: string;
  /** False if it is not here: one line has said so. */
  readonly available: boolean;
  /** Its address: the one that the environment gives, or that of a server of its own. */
  start(): Promise<{ readonly url: string; stop(): Promise<void> }>;
}

function versionOf(path: string): number {
  const found = / v=(\d+)/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
  return Number(found?.[1] ?? 0);
}

function serverOf(name: string, variable: string, path: string | undefined): OtherServer {
  const url = process.env[variable];
  const present = (url ?? "") !== "" || path !== undefined;
  return {
    name,
    // Also under CI: no distribution that it runs on has them.
    available: requireOrSkip(name, present, `set ${variable}, or put its server on the PATH`, false),
    start: async () => (url ? { url, stop: () => Promise.resolve() } : await startRedis([], undefined, path)),
  };
}

/** Redis 8 and Valkey. */
export function otherServers(): readonly OtherServer[] {
  const redis = redisPath();
  const redis8 = redis !== undefined && versionOf(redis) >= 8 ? redis : undefined;
  return [
    serverOf("Redis 8", "ZSTASH_TEST_REDIS8_URL", redis8),
    serverOf("Valkey", "ZSTASH_TEST_VALKEY_URL", redisPath("valkey-server")),
  ];
}
