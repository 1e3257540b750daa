// Hono with the handler of ../handler behind a route: the response passes through Hono and its middlewares.
import { serve } from "@hono/node-server";
import { createHandler } from "example-handler";
import { Hono } from "hono";

const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, PORT = "3000" } = process.env;
const handle = createHandler({ url, token });

const app = new Hono();
app.use("/reports/*", async (context, next) => {
  const start = performance.now();
  await next();
  context.header("server-timing", `redis;dur=${(performance.now() - start).toFixed(1)}`);
});
app.get("/reports/*", (context) => handle(context.req.raw));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(PORT) }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}/reports/2026`),
);
