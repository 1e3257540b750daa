/** The local server behind real HTTP for a test file, and clients of it: plain ones, and ones that compress. */
import { Redis, type RedisConfigNodejs } from "@upstash/redis";
import { afterAll, beforeAll } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { withCompression, type CompressionOptions } from "../../../src/upstash/index.ts";
import { redisAvailable } from "../../support/redis.ts";

export type Backend = "embedded" | "redis-server";

/** The backends of this machine; a missing redis-server is one visible line, and a failure under CI. */
export const backends: readonly Backend[] = redisAvailable() ? ["embedded", "redis-server"] : ["embedded"];

export type ClientOptions = Partial<RedisConfigNodejs>;

export interface Clients {
  /** A client that knows nothing of compression. */
  plain(options?: ClientOptions): Redis;
  /** Where the server is. */
  endpoint(): { readonly url: string; readonly token: string };
  compressing(compression?: CompressionOptions, options?: ClientOptions): Redis;
}

/** Starts a server before the tests of the enclosing describe block and ends it after them. */
export function useClients(backend: Backend): Clients {
  let server: Awaited<ReturnType<typeof createDevServer>> | undefined;
  let url = "";
  beforeAll(async () => {
    server = await createDevServer({ backend });
    ({ url } = await server.listen());
  });
  afterAll(() => server?.close());
  const plain = (options: ClientOptions = {}): Redis =>
    new Redis({ url, token: server!.token, enableTelemetry: false, ...options } as RedisConfigNodejs);
  const endpoint = (): { url: string; token: string } => ({ url, token: server!.token });
  return {
    plain,
    endpoint,
    compressing: (compression, options) => withCompression(plain(options), compression),
  };
}

/** What a promise was rejected with; fails where it was not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)?.slice(0, 200)}`);
}
