// A Worker that uses the stock client with one changed line: npx wrangler dev client.js
import { Redis } from "@upstash/redis/cloudflare";
import { withCompression } from "zstash/upstash";

let redis;

export default {
  async fetch(request, env) {
    redis ??= withCompression(Redis.fromEnv(env));
    const report = {
      url: request.url,
      days: Array.from({ length: 365 }, (_, day) => ({ day, page: "/home" })),
    };
    await redis.set("example:worker", report, { ex: 3600 });
    const again = await redis.get("example:worker");
    return new Response(`${again.days.length} days read back`);
  },
};
