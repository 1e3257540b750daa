// The stock client with one changed line; it stores a value and reads it back. npm run client
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
