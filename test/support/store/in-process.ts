/** A local server without sockets, stores on it, and a look at what lies in Redis that no fault reaches. */
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { createDevServer, type DevServer, type DevServerOptions } from "../../../src/dev/index.ts";
import { listen } from "../../../src/dev/listen.ts";
import { RestClient } from "../../../src/rest/client.ts";
import type { Fetch } from "../../../src/rest/exchange.ts";
import { readRestOptions } from "../../../src/rest/rest-options.ts";
import type { RespValue } from "../../../src/rest/resp.ts";
import type { RestCommand } from "../../../src/rest/rest-command.ts";
import { createStore, type Store, type StoreOptions } from "../../../src/store/index.ts";

export const TOKEN = "store-token";
export const READ_ONLY_TOKEN = "store-reader";

export interface InProcess {
  readonly zstd: Zstd;
  readonly server: DevServer;
  /** Sends to the server without sockets. */
  readonly fetch: Fetch;
  /** A store; without `fetch` it sends to the server without sockets, without repeats. */
  store(options?: Partial<StoreOptions>): Store;
  /** Runs a command past everything that may fail; an error reply throws. */
  command(...command: RestCommand): Promise<RespValue>;
  number(...command: RestCommand): Promise<number>;
  bytes(key: string): Promise<Uint8Array | null>;
  /** Milliseconds to live of all temporary keys. */
  temporaries(): Promise<ReadonlyMap<string, number>>;
  /** Listens on a port of its own. */
  listen(): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }>;
  close(): Promise<void>;
}

/** Starts a server; by default on the embedded keyspace. */
export async function startInProcess(options: DevServerOptions = {}): Promise<InProcess> {
  const backend = options.redis === undefined ? { backend: "embedded" as const } : {};
  const server = await createDevServer({
    ...backend,
    token: TOKEN,
    readOnlyToken: READ_ONLY_TOKEN,
    ...options,
  });
  const zstd = await loadZstd();
  const fetch: Fetch = (input, init) => server.fetch(new Request(input, init));
  const url = "http://127.0.0.1:9";
  const client = new RestClient(readRestOptions({ url, token: TOKEN, fetch, retry: false }));
  const command = async (...words: RestCommand): Promise<RespValue> => {
    const reply = await client.command(words);
    if (reply.kind === "error") throw new Error(`${String(words[0])}: ${reply.text}`);
    return reply;
  };
  const number = async (...words: RestCommand): Promise<number> => {
    const reply = await command(...words);
    if (reply.kind !== "integer") throw new Error(`${String(words[0])}: no number`);
    return Number(reply.value);
  };
  return {
    zstd,
    server,
    fetch,
    command,
    number,
    store: (more = {}) => createStore({ url, token: TOKEN, zstd, fetch, retry: false, ...more }),
    async bytes(key) {
      const reply = await command("GET", key);
      return reply.kind === "bulk" ? reply.bytes : null;
    },
    async temporaries() {
      const reply = await command("KEYS", "*:zstash:*");
      const found = new Map<string, number>();
      for (const item of (reply.kind === "array" ? reply.items : null) ?? []) {
        if (item.kind !== "bulk" || item.bytes === null) continue;
        const key = new TextDecoder().decode(item.bytes);
        found.set(key, await number("PTTL", key));
      }
      return found;
    },
    async listen() {
      const { address, close } = await listen((request) => server.fetch(request), 0);
      return { ...address, close };
    },
    close: () => server.close(),
  };
}

/** A stream of these bytes in chunks, of a size that nobody knows; tells whether it was cancelled, and with what. */
export function sourceOf(
  bytes: Uint8Array,
  chunk: number = 10_000,
): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly cancelled: readonly unknown[];
  readonly read: number;
} {
  const cancelled: unknown[] = [];
  let at = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += chunk)));
        else controller.close();
      },
      cancel(reason) {
        cancelled.push(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    cancelled,
    get read() {
      return at;
    },
  };
}

/** All bytes of a stream. */
export async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
  return Buffer.concat(chunks);
}
