// One real redis-server, the local server in front of it, and clients of each kind.
import { Redis as SdkRedis } from "@upstash/redis";
import { createDevServer } from "../../src/dev/index.ts";
import { Redis } from "../../src/redis.ts";
import { withCompression } from "../../src/upstash/index.ts";
import { startHashProxy } from "../support/equality/hash-proxy.ts";
import { startRedis } from "../support/redis.ts";

/** The stock client, the same compressing over its own transport, and the one whose values travel as bytes. */
export const kinds = ["stock", "text", "raw"];

export async function startServers() {
  const redis = await startRedis();
  const proxy = await startHashProxy(redis);
  const server = await createDevServer({ redis: proxy.url });
  const { url } = await server.listen();
  const endpoint = { url, token: server.token };
  return {
    redis,
    endpoint,
    /** @param {"stock" | "text" | "raw"} kind */
    client(kind, options = {}, compression = {}) {
      const config = { ...endpoint, enableTelemetry: false, ...options };
      if (kind === "raw") return new Redis({ ...config, compression });
      const stock = new SdkRedis(config);
      return kind === "stock" ? stock : withCompression(stock, compression);
    },
    async close() {
      await server.close();
      await proxy.close();
      await redis.stop();
    },
  };
}

/** Bytes of all values that are strings or lie in hashes, lists, sets and sorted sets. */
export async function storedBytes(stock) {
  const script = `local size = 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local type = redis.call('TYPE', key).ok
  if type == 'string' then size = size + redis.call('STRLEN', key)
  elseif type == 'hash' then for _, value in ipairs(redis.call('HVALS', key)) do size = size + #value end
  elseif type == 'list' then for _, value in ipairs(redis.call('LRANGE', key, 0, -1)) do size = size + #value end
  elseif type == 'set' then for _, value in ipairs(redis.call('SMEMBERS', key)) do size = size + #value end
  elseif type == 'zset' then for _, value in ipairs(redis.call('ZRANGE', key, 0, -1)) do size = size + #value end end
end
return size`;
  return stock.eval(script, [], []);
}
