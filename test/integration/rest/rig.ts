/** A server on real HTTP, clients whose requests fail, and a client whose requests do not. */
import { Redis, type RedisConfigNodejs } from "@upstash/redis";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import { listen } from "../../../src/dev/listen.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { Redis as CompressingRedis, type RedisConfig } from "../../../src/redis.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { outcomeOf, type Expected, type Outcome } from "../../support/faults/judge.ts";
import { TOKEN, large, type Operation } from "../../support/faults/operations.ts";

export interface ClientSettings {
  readonly url?: string;
  readonly autoPipelining: boolean;
  readonly transport?: Pick<RedisConfig, "fetch" | "retry" | "timeout">;
  /** Requests before the faults, so that the client knows what its server can do. */
  readonly warm?: boolean;
}

export interface FaultRig {
  readonly url: string;
  readonly port: number;
  /** Requests that the server has answered with 200. */
  readonly ran: number;
  /** A client of the raw carrier. */
  client(settings: ClientSettings): Promise<Redis>;
  /** A client of the text carrier, which sends through the global `fetch`; `sent` counts what leaves the middleware. */
  textClient(autoPipelining: boolean, sent: () => void): Redis;
  /** A key that nothing else uses. */
  key(): string;
  prepare(operation: Operation, key: string): Promise<unknown>;
  state(operation: Operation, key: string): Promise<unknown>;
  /** What comes of an operation that meets no fault. */
  expected(operation: Operation): Promise<Expected>;
  /** Runs an operation that may meet a fault, and looks at what it has left. */
  run(operation: Operation, client: Redis, key: string): Promise<{ outcome: Outcome; state: unknown }>;
  close(): Promise<void>;
}

export async function startRig(): Promise<FaultRig> {
  const server = await createDevServer({ backend: "embedded", token: TOKEN });
  let ran = 0;
  const listener = await listen(async (request) => {
    const response = await server.fetch(request);
    if (response.status === 200) ran += 1;
    return response;
  }, 0);
  const { url, port } = listener.address;
  const zstd = await loadZstd();
  const sdk = (autoPipelining: boolean, options: Partial<RedisConfigNodejs> = {}): Redis =>
    new Redis({
      url,
      token: TOKEN,
      enableTelemetry: false,
      enableAutoPipelining: autoPipelining,
      ...options,
    } as RedisConfigNodejs);
  const raw = (options: Partial<RedisConfig>): Redis =>
    new CompressingRedis({ url, token: TOKEN, enableTelemetry: false, compression: { zstd }, ...options });
  // Without sockets: what is asked here is no part of what is tested.
  const inside: Fetch = (input, init) => server.fetch(new Request(input, init));
  const clean = raw({ enableAutoPipelining: false, fetch: inside });
  let keys = 0;
  const key = (): string => `fault:${++keys}`;
  const rig: FaultRig = {
    url,
    port,
    get ran() {
      return ran;
    },
    async client({ url: through = url, autoPipelining, transport, warm = false }) {
      const redis = raw({ url: through, enableAutoPipelining: autoPipelining, ...transport });
      if (warm) {
        await untilDone(() => redis.set("warm", large));
        await untilDone(() => redis.get("warm"));
      }
      return redis;
    },
    textClient(autoPipelining, sent) {
      const redis = sdk(autoPipelining, { retry: { retries: 0, backoff: () => 0 } });
      redis.use((request, next) => {
        sent();
        return next(request);
      });
      return withCompression(redis, { zstd });
    },
    key,
    prepare: (operation, at) => operation.prepare(clean, at),
    state: (operation, at) => operation.state(clean, at),
    async expected(operation) {
      const at = key();
      await operation.prepare(clean, at);
      const before = await operation.state(clean, at);
      const result = await operation.run(clean, at);
      return { before, result, after: await operation.state(clean, at) };
    },
    async run(operation, client, at) {
      const outcome = await outcomeOf(() => operation.run(client, at));
      return { outcome, state: await operation.state(clean, at) };
    },
    async close() {
      await listener.close();
      await server.close();
    },
  };
  return rig;
}

/** Tries again: the timeout of a client whose server is to fall silent may be too short for a busy machine. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      await work();
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Collects what is rejected and never handled; the process must not be told of it by anyone else. */
export function watchRejections(): { readonly seen: readonly unknown[]; stop(): void } {
  const seen: unknown[] = [];
  const note = (reason: unknown): void => void seen.push(reason);
  process.on("unhandledRejection", note);
  return { seen, stop: () => void process.off("unhandledRejection", note) };
}
