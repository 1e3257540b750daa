/** Both adapters for HTTP, for tests that hold for either, and a `fetch` over the one for Node. */
import { openFlight as openFetch } from "../../../src/adapters/http/fetch.ts";
import type { Fetch } from "../../../src/adapters/http/flight.ts";
import { openFlight as openNode } from "../../../src/adapters/http/node.ts";

/** True where this run of the tests is about `fetch`: see vitest.config.ts. */
export const overFetch: boolean = process.env["ZSTASH_HTTP"] === "fetch";

/** As `fetch`, but sent by the adapter for Node: for clients whose requests a test watches. */
export const nodeFetch: Fetch = async (input, { signal, ...init }) => {
  signal?.throwIfAborted();
  const flight = openNode(undefined, input, init);
  const abort = (): void => flight.abort(signal!.reason);
  signal?.addEventListener("abort", abort);
  const { status, headers, read } = await flight.response.then((response) => ({
    status: response.status,
    headers: response.headers,
    read: () => response.read(),
  }));
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await read();
        if (chunk !== undefined) return controller.enqueue(chunk);
        signal?.removeEventListener("abort", abort);
        controller.close();
      },
      cancel: (reason) => flight.abort(reason),
    },
    { highWaterMark: 0 },
  );
  const names = ["content-type", "retry-after", "upstash-sync-token"];
  const kept = names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
  return new Response(status === 204 ? null : body, { status, headers: kept });
};

/** The `fetch` of this run. */
export const sendingFetch: Fetch = overFetch ? (input, init) => fetch(input, init) : nodeFetch;

export const adapters = { node: openNode, fetch: openFetch } as const;
