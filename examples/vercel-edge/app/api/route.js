import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";

export const runtime = "edge";
export const dynamic = "force-dynamic";

export async function GET() {
  const redis = withCompression(Redis.fromEnv());
  const report = { days: Array.from({ length: 365 }, (_, day) => ({ day, page: "/home" })) };
  await redis.set("example:vercel-edge", report, { ex: 3600 });
  const again = await redis.get("example:vercel-edge");
  return new Response(`${again.days.length} days read back`);
}
