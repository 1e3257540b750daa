/** Two databases behind the local server, and a stock client of the one beside a compressing client of the other. */
import type { Redis } from "@upstash/redis";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import type { RedisConfig } from "../../../src/redis.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";
import type { SdkModules } from "../../support/sdk-versions.ts";

export interface Address {
  readonly url: string;
  readonly token: string;
}

export interface Pair {
  readonly stock: Redis;
  readonly zstash: Redis;
}

export interface TwoServers {
  readonly first: Address;
  readonly second: Address;
  /** Empties both. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** On redis-servers of their own where there is one, else embedded. */
export async function startTwo(): Promise<TwoServers> {
  const closes: (() => Promise<unknown>)[] = [];
  const start = async (): Promise<DevServer> => {
    if (!redisAvailable()) return createDevServer({ backend: "embedded" });
    const redis = await startRedis();
    closes.push(() => redis.stop());
    return createDevServer({ redis: redis.url });
  };
  const servers: DevServer[] = [];
  const addresses: Address[] = [];
  for (let index = 0; index < 2; index++) {
    const server = await start();
    closes.push(() => server.close());
    servers.push(server);
    addresses.push({ url: (await server.listen()).url, token: server.token });
  }
  const [first, second] = addresses as [Address, Address];
  return {
    first,
    second,
    async flush() {
      for (const { url, token } of addresses) {
        await fetch(`${url}/flushall`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
      }
    },
    async close() {
      for (const close of closes.toReversed()) await close();
    },
  };
}

/** Clients of the same options, each of a server of its own. */
export function connectPair({ stock, zstash }: SdkModules, servers: TwoServers, config: object = {}): Pair {
  return {
    stock: new stock.Redis({ ...servers.first, enableTelemetry: false, ...config }),
    zstash: new zstash.Redis({ ...servers.second, enableTelemetry: false, ...config } as RedisConfig),
  };
}

/** What comes of a call. Of an error what a caller can tell it by, without the arguments that only the SDK repeats. */
export async function outcomeOf(call: () => unknown): Promise<object> {
  try {
    return { result: await call() };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message: withoutArguments(message) };
  }
}

/** A server's text as zstash gives it. */
export function withoutArguments(text: string): string {
  return text.replace(/,? (?:with args beginning with|command was): [^]*$/, "");
}
