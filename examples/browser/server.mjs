// The page's server: its files, the flights in each coding, and a line as slow as you like. npm run example -- --rate 10mbit
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serveKey } from "zstash/serve";
import { createStore } from "zstash/store";
import { KEY, storeFlights } from "./flights.mjs";
import { parseRate, throttle } from "./throttle.mjs";

const { values: flags } = parseArgs({ options: { rate: { type: "string", default: "unlimited" } } });
parseRate(flags.rate);
const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, PORT = "8080" } = process.env;
const store = createStore({ url, token });
const { size, storedSize } = await storeFlights(store);

const page = (name) => new URL(`./page/${name}`, import.meta.url);
/** All that the page is made of; the decoder is one file of the package, served as it is. */
const files = new Map([
  ["/", [page("index.html"), "text/html"]],
  ...["page", "run", "flights", "list", "plot", "panel"].map((name) => [
    `/${name}.js`,
    [page(`${name}.js`), "text/javascript"],
  ]),
  ["/style.css", [page("style.css"), "text/css"]],
  ["/icon.svg", [page("icon.svg"), "image/svg+xml"]],
  ["/zstash-browser.js", [new URL(import.meta.resolve("zstash/browser")), "text/javascript"]],
]);
/** The page loads nothing from elsewhere; the decoder is WebAssembly. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'";

/** The flights, in the coding that the address names: a page cannot choose its Accept-Encoding. */
async function flights(coding, signal) {
  const headers = { "content-type": "application/x-ndjson", "cache-control": "no-store" };
  switch (coding) {
    case "zstd":
    case "identity": {
      const request = new Request("http://localhost/", { headers: { "accept-encoding": coding }, signal });
      return serveKey(request, store, KEY, { headers });
    }
    case "gzip": {
      const content = await store.get(KEY, { signal });
      const body = content.pipeThrough(new CompressionStream("gzip"));
      return new Response(body, { headers: { ...headers, "content-encoding": "gzip" } });
    }
    // For a browser without zstd: the stored frame as a file, which the page decodes.
    case "stored": {
      const type = `application/zstd; type="application/x-ndjson"`;
      return new Response(await store.getCompressed(KEY, { signal }), {
        headers: { ...headers, "content-type": type },
      });
    }
    default:
      return new Response("no such coding", { status: 404 });
  }
}

async function answer(incoming, outgoing) {
  const leaving = new AbortController();
  outgoing.once("close", () => leaving.abort());
  const { pathname, searchParams } = new URL(incoming.url, "http://localhost");
  const file = files.get(pathname);
  if (file !== undefined) {
    const type = `${file[1]}; charset=utf-8`;
    outgoing.writeHead(200, {
      "content-type": type,
      "cache-control": "no-store",
      "content-security-policy": POLICY,
    });
    outgoing.end(await readFile(fileURLToPath(file[0])));
  } else if (pathname === "/settings.json") {
    outgoing.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    outgoing.end(JSON.stringify({ rate: flags.rate, size, storedSize }));
  } else if (pathname === "/flights") {
    const rate = parseRate(searchParams.get("rate") ?? flags.rate);
    const response = await flights(searchParams.get("coding"), leaving.signal);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    await pipeline(Readable.fromWeb(response.body), throttle(rate), outgoing);
  } else outgoing.writeHead(404).end();
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    if (outgoing.destroyed) return; // The client has gone away.
    console.error(error);
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500).end();
  });
});
server.listen(Number(PORT), "127.0.0.1", () => {
  const number = new Intl.NumberFormat("en-US");
  const saved = Math.round(100 * (1 - storedSize / size));
  console.log(
    `flights: ${number.format(size)} B of JSON, ${number.format(storedSize)} B in Redis, ${saved} % saved`,
  );
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
