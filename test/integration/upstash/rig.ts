/** The local server behind real HTTP for a test file, and clients of it: plain ones, and ones that compress. */
import { Redis, type RedisConfigNodejs } from "@upstash/redis";
import { afterAll, beforeAll } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { Redis as RawRedis, type RedisConfig } from "../../../src/redis.ts";
import { withCompression, type CompressionOptions } from "../../../src/upstash/index.ts";
import type { Backend } from "../../support/backends.ts";

export type ClientOptions = Partial<RedisConfigNodejs>;

export interface Clients {
  /** A client that knows nothing of compression. */
  plain(options?: ClientOptions): Redis;
  /** Where the server is. */
  endpoint(): { readonly url: string; readonly token: string };
  compressing(compression?: CompressionOptions, options?: ClientOptions): Redis;
  /** The client of `zstash/redis`. */
  raw(compression?: CompressionOptions, options?: ClientOptions): Redis;
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
    raw: (compression = {}, options = {}) =>
      new RawRedis({ ...endpoint(), enableTelemetry: false, ...options, compression } as RedisConfig),
    compressing: (compression, options) => withCompression(plain(options), compression),
  };
}
