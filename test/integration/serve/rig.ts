/** The rig of the tests over HTTP: what serves as a user would, a Response into Node's server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { afterAll, beforeAll } from "vitest";

/** Serves `answer` while the tests of the enclosing block run, and gives a function that gives the address. */
export function useAnswers(answer: (request: Request) => Promise<Response>): () => string {
  const app = createServer((incoming, outgoing) => {
    const leaving = new AbortController();
    outgoing.once("close", () => leaving.abort());
    const headers = new Headers(incoming.headers as Record<string, string>);
    const request = new Request(`http://localhost${incoming.url}`, { headers, signal: leaving.signal });
    void (async () => {
      const response = await answer(request);
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) return void outgoing.end();
      await pipeline(Readable.fromWeb(response.body as NodeStream), outgoing);
    })().catch(() => outgoing.destroy());
  });
  let base: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    app.closeAllConnections();
    app.close();
  });
  return () => base;
}
