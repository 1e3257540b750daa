// The handler of ../handler, once for route and page. It is made at the first request: a build has no database.
import { createHandler } from "example-handler";

let handler;

export function handle(request) {
  handler ??= createHandler({
    url: process.env.UPSTASH_REDIS_REST_URL,
    token: process.env.UPSTASH_REDIS_REST_TOKEN,
  });
  return handler(request);
}
