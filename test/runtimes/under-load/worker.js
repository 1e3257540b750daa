// A Worker as an application has it: clients and stores made once an isolate, shared by all of its requests.
import { Redis } from "@upstash/redis/cloudflare";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { serveKey } from "zstash/serve";
import { createStore } from "zstash/store";
import { withCompression } from "zstash/upstash";

let clients;

/** Bytes of Redis that responses were made of. */
let read = 0;

/** Codecs that responses have asked for. */
let loads = 0;
const loading = () => {
  loads += 1;
  return loadZstd();
};

async function counted(input, init) {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  const count = new TransformStream({
    transform(chunk, controller) {
      read += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(count), response);
}

function connect({ URL: url, TOKEN: token }) {
  const stock = () => new Redis({ url, token, enableTelemetry: false });
  return {
    text: withCompression(stock()),
    raw: new CompressingRedis({ url, token, enableTelemetry: false }),
    store: createStore({ url, token }),
    served: createStore({ url, token, fetch: counted, zstd: loading }),
    auto: withCompression(stock(), { dictionaries: "auto" }),
  };
}

/** A client of one request, as many Workers have it: what it knows of dictionaries is its isolate's. */
const ofRequest = ({ URL: url, TOKEN: token }, onEvent) =>
  new CompressingRedis({
    url,
    token,
    enableTelemetry: false,
    compression: { dictionaries: "auto", carrier: "text", onEvent },
  });

const session = (id) => ({
  session: (id * 7919).toString(16),
  user: { id, name: "ada", roles: ["editor", "owner"], country: "NO" },
  cart: [{ sku: `SKU-${id}`, quantity: 2, price: { currency: "EUR", amount: 12.5 } }],
  createdAt: "2026-11-24T10:00:00Z",
});

const rows = (count) => Array.from({ length: count }, (_, id) => ({ id, name: `name ${id % 97}`, ok: true }));

const routes = {
  alive: () => "alive",
  async set({ client, key, count }) {
    await client.set(key, rows(count));
    return "set";
  },
  async put({ store, key, count }) {
    await store.put(key, JSON.stringify(rows(count)));
    return "put";
  },
  /** Random lines, which hardly compress, so that a body is long on its way. */
  async fill({ store, key, count }) {
    const line = () => crypto.getRandomValues(new Uint8Array(3 << 14));
    const chunks = Array.from({ length: count }, () => btoa(String.fromCharCode(...line())));
    await store.put(key, chunks.join("\n"));
    return "filled";
  },
  async get({ client, key, count }) {
    const all = await Promise.all(Array.from({ length: count }, () => client.get(key)));
    return all.map((value) => value?.length).join();
  },
  async bytes({ store, key }) {
    return `${(await store.getBytes(key)).length}`;
  },
  /** A read with a time limit, without which the page goes on. */
  async race({ client, key, count, ms }) {
    const read = Promise.all(Array.from({ length: count }, () => client.get(key)));
    read.catch(() => undefined);
    return Promise.race([read.then(() => "read"), new Promise((resolve) => setTimeout(resolve, ms, "late"))]);
  },
  /** Writes a small value, and says which dictionary it has. */
  async save({ env, clients: { auto }, carrier, key, count }) {
    let id = 0;
    const client =
      carrier === "auto"
        ? auto
        : ofRequest(env, ({ type, dictionaryId }) => type === "compressed" && (id = dictionaryId));
    await client.set(key, session(count));
    return `${id}`;
  },
  async load({ env, clients: { auto }, carrier, key, count }) {
    const value = await (carrier === "auto" ? auto : ofRequest(env)).get(key);
    return `${JSON.stringify(value) === JSON.stringify(session(count))}`;
  },
  /** The first write of an isolate, which ends with its request while it asks for the manifest. */
  forsake({ env, key, count }) {
    void ofRequest(env)
      .set(key, session(count))
      .catch(() => undefined);
    return "answered";
  },
  /** A write that nobody awaits. */
  forgot({ client, key, count }) {
    void client.set(key, rows(count)).catch(() => undefined);
    return "answered";
  },
  async download({ store, key }) {
    return new Response(await store.get(key));
  },
  serve: ({ clients: { served }, key, request }) => serveKey(request, served, key, { zstd: loading }),
  loads: () => `${loads}`,
  read: () => `${read}`,
  /** Whether contexts are to be had: so many streams at once, each to its end. */
  async streams({ count }) {
    const zstd = await loadZstd();
    const one = async () => {
      const frames = new Blob(["x".repeat(1000)]).stream().pipeThrough(zstd.compressStream());
      return (await new Response(frames.pipeThrough(zstd.decompressStream())).text()).length;
    };
    return (await Promise.all(Array.from({ length: count }, one))).join();
  },
  async stats() {
    return JSON.stringify((await loadZstd()).stats());
  },
};

export default {
  async fetch(request, env) {
    clients ??= connect(env);
    const { pathname, searchParams } = new URL(request.url);
    const options = Object.fromEntries(searchParams);
    const { carrier = "text", key = "k", count = 1, ms = 0 } = options;
    try {
      const answer = await routes[pathname.slice(1)]({
        client: clients[carrier],
        store: clients.store,
        clients,
        env,
        request,
        carrier,
        key,
        count: Number(count),
        ms: Number(ms),
      });
      return answer instanceof Response ? answer : new Response(answer);
    } catch (error) {
      return new Response(`${error?.code ?? error?.name}: ${error?.message}`, { status: 500 });
    }
  },
};
