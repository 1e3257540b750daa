// Deno.serve takes the handler of ../handler as it is.
import { createHandler } from "example-handler";

const handle = createHandler({
  url: Deno.env.get("UPSTASH_REDIS_REST_URL"),
  token: Deno.env.get("UPSTASH_REDIS_REST_TOKEN"),
});

Deno.serve(
  {
    hostname: "127.0.0.1",
    port: Number(Deno.env.get("PORT") ?? "3000"),
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}/reports/2026`),
  },
  handle,
);
