/** Two servers with databases of their own, and pairs of clients: a plain one of the first, a compressing one of the second. */
import { Redis, type RedisConfigNodejs } from "@upstash/redis";
import { Redis as CloudflareRedis, type RedisConfigCloudflare } from "@upstash/redis/cloudflare";
import { createDevServer, type DevServer, type DevServerSwitches } from "../../../src/dev/index.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import {
  withCompression,
  type CompressionMode,
  type CompressionOptions,
} from "../../../src/upstash/index.ts";
import { startRedis } from "../redis.ts";
import { startHashProxy } from "./hash-proxy.ts";
import type { Backend } from "../backends.ts";

/** Two clients of the same kind, each of a server of its own. */
export interface Pair {
  readonly name: string;
  readonly plain: Redis;
  readonly wrapped: Redis;
}

export type Carrier = "text" | "raw";
export const carriers: readonly Carrier[] = ["text", "raw"];
export type ClientKind = keyof typeof kinds;

interface Kind {
  /** "@upstash/redis", or its entry for Cloudflare; zstash/redis is one for both. */
  readonly entry: "node" | "cloudflare";
  readonly config: Partial<RedisConfigNodejs>;
  readonly compression: CompressionOptions;
}

const node = (config: Partial<RedisConfigNodejs>, compression: CompressionOptions): Kind => ({
  entry: "node",
  config,
  compression,
});
const cloudflare = (config: Partial<RedisConfigNodejs>, compression: CompressionOptions): Kind => ({
  entry: "cloudflare",
  config,
  compression,
});

interface Address {
  readonly url: string;
  readonly token: string;
}

function connectPlain({ entry, config }: Kind, address: Address): Redis {
  const own = { ...address, enableTelemetry: false, ...config };
  if (entry === "node") return new Redis(own as RedisConfigNodejs);
  return new CloudflareRedis(own as RedisConfigCloudflare) as unknown as Redis;
}

const modes: readonly CompressionMode[] = ["on", "read-only", "on", "shadow"];

/** Clients of every kind, each with a policy of its own. */
const kinds = {
  "auto-pipelining": node({}, {}),
  "no auto-pipelining": node({ enableAutoPipelining: false }, { policy: { minSize: 0, minSavings: 0 } }),
  "JSON replies": node(
    { responseEncoding: false },
    { policy: ({ size }) => size > 500 && { level: 3, minSize: 0 } },
  ),
  "no deserialization": node(
    { automaticDeserialization: false, enableAutoPipelining: false },
    { policy: { minSize: 64, level: -5 } },
  ),
  /** In another mode from step to step. */
  cloudflare: cloudflare({}, {}),
  "cloudflare, bare": cloudflare(
    { enableAutoPipelining: false, automaticDeserialization: false, responseEncoding: false },
    { policy: { minSize: 1 } },
  ),
} as const satisfies Readonly<Record<string, Kind>>;

export const clientKinds: readonly ClientKind[] = Object.keys(kinds) as ClientKind[];

/** What is done to values, by the events of the compressing clients. */
export interface Counts {
  compressed: number;
  escaped: number;
  /** Requests whose body was a value in bytes. */
  bytes: number;
}

export const noCounts = (): Counts => ({ compressed: 0, escaped: 0, bytes: 0 });

/** How far a sequence is. */
export interface Progress {
  step: number;
}

export interface Servers {
  /** Where the compressing clients' server is. */
  readonly wrapped: { readonly url: string; readonly token: string };
  /** Empties both databases and connects clients that share them. `adapt` changes how those of a kind compress. */
  connect(
    carrier: Carrier,
    counts: Counts,
    progress?: Progress,
    adapt?: (kind: ClientKind) => CompressionOptions,
  ): Promise<ReadonlyMap<ClientKind, Pair>>;
  close(): Promise<void>;
}

/** Starts the two servers; on a redis-server each has one of its own. */
export async function startServers(backend: Backend, switches: DevServerSwitches): Promise<Servers> {
  const closes: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closes.splice(0).toReversed()) await one();
  };
  const start = async (): Promise<{ url: string; token: string }> => {
    const server = await open(backend, switches, closes);
    closes.push(() => server.close());
    return { url: (await server.listen()).url, token: server.token };
  };
  try {
    const [first, second] = [await start(), await start()];
    return {
      wrapped: second,
      close,
      async connect(carrier, counts, progress = { step: 0 }, adapt = () => ({})) {
        for (const address of [first, second]) await connectPlain(node({}, {}), address).flushall();
        return new Map(
          clientKinds.map((name) => {
            const kind = kinds[name];
            const adapted = adapt(name);
            const compression: CompressionOptions = {
              ...kind.compression,
              ...adapted,
              ...(name === "cloudflare" ? { mode: () => modes[progress.step % modes.length]! } : {}),
              onEvent: (event) => {
                const { type } = event;
                adapted.onEvent?.(event);
                if (type === "compressed" || type === "escaped") counts[type] += 1;
              },
            };
            const wrapped =
              carrier === "text"
                ? withCompression(connectPlain(kind, second), compression)
                : new CompressingRedis({
                    ...second,
                    enableTelemetry: false,
                    ...kind.config,
                    fetch: counting(counts),
                    compression,
                  });
            return [name, { name, plain: connectPlain(kind, first), wrapped }];
          }),
        );
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function counting(counts: Counts): typeof fetch {
  return (input, init) => {
    if (init?.body instanceof Uint8Array) counts.bytes += 1;
    return fetch(input, init);
  };
}

async function open(
  backend: Backend,
  switches: DevServerSwitches,
  closes: (() => Promise<void>)[],
): Promise<DevServer> {
  if (backend === "embedded") return createDevServer({ backend, ...switches });
  const redis = await startRedis();
  closes.push(() => redis.stop());
  const proxy = await startHashProxy(redis);
  closes.push(() => proxy.close());
  return createDevServer({ redis: proxy.url, ...switches });
}
