// Node's own server with the handler of ../handler, which takes a Request and gives a Response.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createHandler } from "example-handler";

const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, PORT = "3000" } = process.env;
const handle = createHandler({ url, token });

async function answer(incoming, outgoing) {
  const leaving = new AbortController();
  outgoing.once("close", () => leaving.abort());
  const { method, headers } = incoming;
  const address = new URL(incoming.url, "http://localhost");
  const response = await handle(new Request(address, { method, headers, signal: leaving.signal }));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body), outgoing);
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    if (outgoing.destroyed) return; // The client has gone away.
    console.error(error);
    // A connection that is cut is how a client learns that the body is not whole.
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500).end();
  });
});
server.listen(Number(PORT), "127.0.0.1", () =>
  console.log(`http://127.0.0.1:${server.address().port}/reports/2026`),
);
