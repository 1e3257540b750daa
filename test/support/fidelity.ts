/** Clients of each kind on one local server, for tests that compare them, and bytes put into Redis beside them. */
import { Redis as SdkRedis, type RedisConfigNodejs } from "@upstash/redis";
import { afterAll, beforeAll } from "vitest";
import { createDevServer } from "../../src/dev/index.ts";
import type { ZstashEvent } from "../../src/metrics/events.ts";
import { Redis } from "../../src/redis.ts";
import { withCompression, type CompressionOptions } from "../../src/upstash/index.ts";
import type { Backend } from "./backends.ts";

/** A client of the SDK alone, one with its own transport and text, and one with bytes. */
export const kinds = ["stock", "text", "raw"] as const;
export type Kind = (typeof kinds)[number];

export interface FidelityRig {
  client(kind: Kind, compression?: CompressionOptions, options?: Partial<RedisConfigNodejs>): SdkRedis;
  /** What the clients have told since the last call. */
  events(): ZstashEvent[];
  /** Sends a command whose last argument is bytes. */
  put(command: readonly string[], bytes: Uint8Array): Promise<void>;
}

export function useFidelity(backend: Backend): FidelityRig {
  let server: Awaited<ReturnType<typeof createDevServer>> | undefined;
  let url = "";
  let told: ZstashEvent[] = [];
  beforeAll(async () => {
    server = await createDevServer({ backend });
    ({ url } = await server.listen());
  });
  afterAll(() => server?.close());
  return {
    client(kind, compression = {}, options = {}) {
      const config = { url, token: server!.token, enableTelemetry: false, ...options } as RedisConfigNodejs;
      const withEvents = {
        onEvent: (event: ZstashEvent) => event.type !== "request" && told.push(event),
        ...compression,
      };
      if (kind === "raw") return new Redis({ ...config, compression: withEvents }) as SdkRedis;
      const stock = new SdkRedis(config);
      return kind === "stock" ? stock : withCompression(stock, withEvents);
    },
    events() {
      const seen = told;
      told = [];
      return seen;
    },
    async put(command, bytes) {
      const path = command.map(encodeURIComponent).join("/");
      const headers = { authorization: `Bearer ${server!.token}` };
      const init = { method: "POST", headers, body: bytes as Uint8Array<ArrayBuffer> };
      const reply = await fetch(`${url}/${path}`, init);
      if (reply.status !== 200) throw new Error(`Cannot put bytes: ${reply.status} ${await reply.text()}`);
    },
  };
}
