// A Cloudflare Worker with the handler of ../handler. What lies in Redis is kept in the Cache API as it is, compressed: one
// entry serves clients that take zstd, which get it untouched, and those that do not, for whom it is decoded.
import { createHandler, reportHeaders } from "example-handler";
import { serve } from "zstash/serve";

/** Seconds that a report stays in the cache of a data centre. */
const MAX_AGE = 60;

let handler;

/** What the client takes: Cloudflare replaces Accept-Encoding by its own, and keeps the client's in `cf`. */
function asClientAsked(request) {
  const headers = new Headers(request.headers);
  headers.set("accept-encoding", request.cf?.clientAcceptEncoding ?? headers.get("accept-encoding") ?? "");
  return new Request(request, { headers });
}

/** The stored frame of a report: from the cache, or from Redis into the cache. */
async function readFrame(url, context) {
  // The address alone, so that a query or a header makes no second entry.
  const key = new Request(`${url.origin}${url.pathname}`);
  const cached = await caches.default.match(key);
  if (cached !== undefined) return { frame: new Uint8Array(await cached.arrayBuffer()), from: "cache" };
  const response = await handler(new Request(key, { headers: { "accept-encoding": "zstd" } }));
  if (response.status !== 200) throw new Error(`the handler answered ${response.status}`);
  const frame = new Uint8Array(await response.arrayBuffer());
  const headers = { "content-type": "application/zstd", "cache-control": `max-age=${MAX_AGE}` };
  context.waitUntil(caches.default.put(key, new Response(frame, { headers })));
  return { frame, from: "redis" };
}

export default {
  async fetch(request, env, context) {
    handler ??= createHandler({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN });
    const url = new URL(request.url);
    const asked = asClientAsked(request);
    if (!/^\/reports\/\d{4}$/.test(url.pathname)) return handler(asked);
    const { frame, from } = await readFrame(url, context);
    return serve(asked, frame, { headers: { ...reportHeaders, "x-report-from": from } });
  },
};
