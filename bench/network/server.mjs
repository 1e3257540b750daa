// The local server on an address of the lab: `node bench/network/server.mjs ADDRESS`, in the server's namespace. It says over IPC where it
// is, and ends with its parent. Several ports keep connections, so that no client sends into a congestion window that
// another one has opened; the last of them closes each connection after its answer, so that every request there is cold. Some ports
// more speak TLS.
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Readable } from "node:stream";
import { createDevServer } from "zstash/dev";
import { createCertificate } from "../wire/certificate.mjs";

const WARM_PORTS = 10;
const SECURE_PORTS = 3;
const FIRST_PORT = 9000;
const FIRST_SECURE_PORT = 9100;
/** Above what 10 MiB of JSON become in a request: the limits of a plan are not what is measured. */
const MAX_SIZE = 64 << 20;

/**
 * @param {Handler} fetch
 * @param {import("node:http").IncomingMessage} incoming
 * @param {import("node:http").ServerResponse} outgoing
 * @param {boolean} warm
 *
 * @typedef {import("zstash/dev").DevServer["fetch"]} Handler
 */
async function answer(fetch, incoming, outgoing, warm) {
  if (!warm) outgoing.shouldKeepAlive = false;
  const { method, url, headers } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const init = { method, headers, body: hasBody ? Readable.toWeb(incoming) : null, duplex: "half" };
  // The types of Node's streams and headers are not those of the web.
  const request = new Request(
    `http://${headers.host}${url}`,
    /** @type {RequestInit} */ (/** @type {unknown} */ (init)),
  );
  const response = await fetch(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body !== null) {
    for await (const piece of response.body) {
      if (!outgoing.write(piece) && !outgoing.destroyed) {
        await drained(outgoing);
      }
    }
  }
  outgoing.end();
}

/**
 * Until more can be written, or nothing any more.
 *
 * @param {import("node:http").ServerResponse} outgoing
 * @returns {Promise<void>}
 */
function drained(outgoing) {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
}

/**
 * @param {Handler} fetch
 * @param {{ host: string, port: number, isWarm: boolean, certificate?: { key: Buffer, cert: Buffer } }} where
 */
async function listen(fetch, { host, port, isWarm, certificate }) {
  const options = { keepAliveTimeout: 120_000, noDelay: true };
  /** @type {import("node:http").RequestListener} */
  const handle = (incoming, outgoing) => {
    answer(fetch, incoming, outgoing, isWarm).catch(() => outgoing.destroy());
  };
  const server =
    certificate === undefined
      ? createServer(options, handle)
      : createSecureServer({ ...options, ...certificate }, handle);
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

// Ctrl-C reaches the whole group of processes; the end comes from the parent, after the clients'.
process.on("SIGINT", () => undefined);
const [host] = process.argv.slice(2);
const server = await createDevServer({
  backend: "redis-server",
  maxRequestSize: MAX_SIZE,
  maxResponseSize: MAX_SIZE,
});
const certificate = createCertificate(host);
const { key, cert } = certificate;
/** @type {(import("node:http").Server | import("node:https").Server)[]} */
const listeners = [];
for (let index = 0; index <= WARM_PORTS; index++) {
  const where = { host, port: FIRST_PORT + index, isWarm: index < WARM_PORTS };
  listeners.push(await listen(server.fetch, where));
}
for (let index = 0; index < SECURE_PORTS; index++) {
  const where = { host, port: FIRST_SECURE_PORT + index, isWarm: true, certificate: { key, cert } };
  listeners.push(await listen(server.fetch, where));
}
process.once("disconnect", () => {
  certificate.remove();
  for (const listener of listeners) listener.closeAllConnections();
  void server.close().finally(() => process.exit(0));
});
// A new link is a new path: connections that have learnt another one's round trip and losses are closed.
process.on("message", () => {
  for (const listener of listeners) listener.closeIdleConnections();
  process.send?.({ closed: true });
});
/** @param {string} protocol @param {number} first @param {number} count */
const urls = (protocol, first, count) =>
  Array.from({ length: count }, (_, index) => `${protocol}://${host}:${first + index}`);
process.send?.({
  warm: urls("http", FIRST_PORT, WARM_PORTS),
  cold: urls("http", FIRST_PORT + WARM_PORTS, 1)[0],
  secure: urls("https", FIRST_SECURE_PORT, SECURE_PORTS),
  certificate: certificate.path,
  token: server.token,
  backend: server.backend.description,
});
