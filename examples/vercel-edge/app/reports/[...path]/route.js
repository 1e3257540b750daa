// The handler of ../handler as a route on Vercel's edge runtime. Next.js removes Content-Encoding from what a route answers,
// so the route asks for the report decoded, and Next.js or Vercel compresses it for the client.
import { createHandler } from "example-handler";

export const runtime = "edge";

let handle;

export function GET(request) {
  // At the first request: a build has no database.
  handle ??= createHandler({
    url: process.env.UPSTASH_REDIS_REST_URL,
    token: process.env.UPSTASH_REDIS_REST_TOKEN,
  });
  const headers = new Headers(request.headers);
  headers.delete("accept-encoding");
  return handle(new Request(request.url, { headers, signal: request.signal }));
}
