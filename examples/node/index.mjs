// node index.mjs, with UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN in the environment
import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";

const redis = withCompression(Redis.fromEnv());

const report = {
  year: 2026,
  days: Array.from({ length: 365 }, (_, day) => ({ day, visits: day * 3, page: "/home" })),
};
await redis.set("example:node", report, { ex: 3600 });

const again = await redis.get("example:node");
console.log(`${again.days.length} days read back`);
