// A library that makes a client of its own.
import { createClient } from "@vercel/kv";

const kv = createClient({
  url: process.env.UPSTASH_REDIS_REST_URL,
  token: process.env.UPSTASH_REDIS_REST_TOKEN,
});

/** A library that makes a client of its own: the bundler's alias decides which. */
export async function POST(request) {
  const value = await request.json();
  await kv.set("library:own:value", value);
  const again = await kv.get("library:own:value");
  return new Response(`value=${again.word} count=${again.filler.length};`);
}
