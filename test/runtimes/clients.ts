/** Clients of the SDK for a server, out of both of its entries. */
import { Redis } from "@upstash/redis";
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import type { UpstashContext } from "../conformance/case.ts";

export function clientsOf({ url, token }: UpstashContext["server"]): UpstashContext["connect"] {
  return ({ entry = "default", autoPipelining = true } = {}) => {
    // Chromium refuses bodies above 64 KiB of requests that are to be kept alive.
    const config = {
      url,
      token,
      enableTelemetry: false,
      keepAlive: false,
      enableAutoPipelining: autoPipelining,
    };
    return entry === "default" ? new Redis(config) : new CloudflareRedis(config);
  };
}
