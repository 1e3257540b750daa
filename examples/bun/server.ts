// Bun.serve takes the handler of ../handler as it is.
import { createHandler } from "example-handler";

const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, PORT = "3000" } = process.env;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(PORT),
  fetch: createHandler({ url, token }),
});
console.log(`http://127.0.0.1:${server.port}/reports/2026`);
