// A route on Node that sends the stored bytes untouched. It lies in pages/, because Next.js 15 and 16 remove Content-Encoding
// from what a route in app/ answers, and a browser would take the compressed bytes for the report.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { handle } from "../../../reports.js";

export default async function reports(incoming, outgoing) {
  const leaving = new AbortController();
  outgoing.once("close", () => leaving.abort());
  const { method, headers } = incoming;
  const address = new URL(incoming.url, "http://localhost");
  try {
    const response = await handle(new Request(address, { method, headers, signal: leaving.signal }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else await pipeline(Readable.fromWeb(response.body), outgoing);
  } catch (error) {
    if (leaving.signal.aborted) return; // The client has gone away.
    // A connection that is cut is how a client learns that the body is not whole.
    outgoing.destroy(error);
    throw error;
  }
}
