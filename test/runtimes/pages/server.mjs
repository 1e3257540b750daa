// The server of the browsers' page: static files with a strict policy, values of a store in every layout by `serveKey`,
// their frames as they are, and values that are broken.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { createDevServer } from "../../../dist/dev/index.js";
import { loadZstd, readDictionary } from "../../../dist/index.js";
import { serve, serveKey } from "../../../dist/serve/index.js";
import { createStore } from "../../../dist/store/index.js";

const LAYOUTS = {
  whole: {},
  pieces: { pieceSize: 30_000 },
  flushed: { layout: { flushSize: 16_384 } },
  seekable: { layout: { frameSize: 65_536 } },
  mtu: { layout: { mtu: 1500 } },
};
/** Every key whose content is `contentOf()`. */
export const KEYS = [...Object.keys(LAYOUTS), "dictionary", "wide", "text", "uncompressed"];

let content;
/** 1.3 MB of rows. */
export function contentOf() {
  content ??= Buffer.from(
    Array.from({ length: 60_000 }, (_, id) => `${id},${(id * 7919) % 9973},name ${id % 997}\n`).join(""),
  );
  return content;
}

const types = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json" };
const bytesOf = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());

async function fill({ url, token }, zstd, dictionary) {
  const place = (key, body) =>
    fetch(`${url}/set/${key}`, { method: "POST", body, headers: { authorization: `Bearer ${token}` } });
  for (const [key, { pieceSize, ...options }] of Object.entries(LAYOUTS))
    await createStore({ url, token, pieceSize }).put(key, contentOf(), options);
  const frame = zstd.compress(contentOf());
  await place("dictionary", zstd.compress(contentOf(), { dictionary }));
  await place("text", `zs1:${Buffer.from(frame).toString("base64")}`);
  await place("uncompressed", contentOf());
  // Window_Descriptor: an exponent of 14 is 16 MiB (RFC 8878 §3.1.1.1.2). The frame has to be streamed, to have one.
  const wide = await bytesOf(new Response(contentOf()).body.pipeThrough(zstd.compressStream()));
  wide[5] = 14 << 3;
  await place("wide", wide);
  const small = zstd.compress(contentOf().subarray(0, 400));
  const checksum = frame.slice();
  checksum[checksum.length - 1] ^= 1;
  await place("cut-small", small.slice(0, small.length - 8));
  await place("cut-large", frame.slice(0, frame.length >> 1));
  await place("checksum", checksum);
  await place("garbage", Buffer.concat([frame, Buffer.from("garbage")]));
  await place("cut-on-its-way", small);
}

/**
 * Sends a response. Where its body fails, the connection is reset: of one that is only closed, Firefox takes what has a length
 * and a content coding for the whole, and WebKit what comes in chunks.
 */
async function send(answering, outgoing, signal) {
  try {
    const response = await answering;
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? [])
      if (!outgoing.write(chunk)) await once(outgoing, "drain", { signal });
    outgoing.end();
  } catch {
    outgoing.socket?.resetAndDestroy();
  }
}

/** Starts the server; `report` resolves with what the page posts. */
export async function startServer(folder) {
  const dev = await createDevServer({ backend: "embedded" });
  const { url: redis } = await dev.listen();
  const zstd = await loadZstd();
  const dictionary = readDictionary(
    await readFile(new URL("../../vectors/dictionaries/sessions-1001.dict", import.meta.url)),
  );
  const address = { url: redis, token: dev.token };
  await fill(address, zstd, dictionary);
  const store = createStore({ ...address, dictionaries: [dictionary], maxWindowLog: 24 });
  /** A store whose frames end early, as behind a connection that was lost. */
  const cut = async (reading) => {
    const bytes = await bytesOf(await reading);
    return new Response(bytes.slice(0, bytes.length - 8)).body;
  };
  const lossy = {
    ...store,
    getCompressed: (key) => cut(store.getCompressed(key)),
    get: (key) => cut(store.get(key)),
  };
  let reported;
  const report = new Promise((resolve) => (reported = resolve));
  let isOffline = false;
  let goOn;
  const slow = new Promise((resolve) => (goOn = resolve));

  const answer = async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const [, first, key] = pathname.split("/");
    if (first === "report") {
      reported(await request.json());
      return new Response("");
    }
    if (first === "go-offline") isOffline = true;
    if (first === "slow-on") goOn();
    if (request.method === "POST") return new Response("");
    if (first === "keys.json") return Response.json({ keys: KEYS, size: contentOf().length });
    if (first === "value") {
      const headers = new Headers(request.headers);
      if (searchParams.has("accept")) headers.set("accept-encoding", searchParams.get("accept"));
      const { method, signal } = request;
      const from = key === "cut-on-its-way" ? lossy : store;
      return serveKey(new Request(request.url, { method, headers, signal }), from, key, {
        headers: { "content-type": "text/csv" },
      });
    }
    const frameOf = async () => bytesOf(await (key === "cut-on-its-way" ? lossy : store).getCompressed(key));
    if (first === "frame") {
      if (isOffline) return new Response("offline", { status: 503 });
      const frame = await frameOf();
      const headers = {
        "content-type": 'application/zstd; type="text/csv"',
        "content-length": `${frame.length}`,
      };
      return new Response(frame, { headers });
    }
    if (first === "base64") return new Response(`zs1:${Buffer.from(await frameOf()).toString("base64")}`);
    if (first === "slow") {
      const frame = await bytesOf(await store.getCompressed("whole"));
      const half = frame.length >> 1;
      const parts = [() => frame.subarray(0, half), () => slow.then(() => frame.subarray(half))];
      const body = new ReadableStream({
        async pull(controller) {
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(await part());
        },
      });
      return new Response(body, { headers: { "content-type": "application/zstd" } });
    }
    const isStrict = first === "strict";
    const file = await readFile(join(folder, isStrict ? key : pathname)).catch(() => undefined);
    if (file === undefined) return new Response("none", { status: 404 });
    const policy = isStrict ? "script-src 'self'" : "script-src 'self' 'wasm-unsafe-eval'";
    return serve(request, new Uint8Array(file), {
      headers: {
        "content-type": types[extname(pathname)] ?? "text/plain",
        "content-security-policy": `default-src 'self'; ${policy}`,
        "service-worker-allowed": "/",
      },
    });
  };

  const server = createServer((incoming, outgoing) => {
    const leaving = new AbortController();
    outgoing.once("close", () => leaving.abort());
    const { method, headers } = incoming;
    const body = method === "POST" ? Readable.toWeb(incoming) : undefined;
    const request = new Request(`http://127.0.0.1${incoming.url}`, {
      method,
      headers,
      body,
      duplex: "half",
      signal: leaving.signal,
    });
    void send(answer(request), outgoing, leaving.signal);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    report,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await dev.close();
    },
  };
}
