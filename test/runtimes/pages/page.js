// What every browser must show of stored values: each layout and each outcome of the negotiation by the hash of its bytes,
// and what is broken as an error. The page posts what it found to the server that it came from.
import { decodeResponse, decodeStored, fetchDecoded } from "zstash/browser";

const checks = [];
const hashOf = async (bytes) =>
  Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
const bytesOf = async (response) => new Uint8Array(await response.arrayBuffer());

async function check(name, run) {
  try {
    checks.push({ name, found: await run() });
  } catch (error) {
    checks.push({ name, found: `${error.name} ${error.code ?? ""} ${error.message}` });
  }
}

/** The hash of a body that came whole; `status` must be the response's. */
async function shown(response, status = 200) {
  if (response.status !== status) return `status ${response.status}`;
  return hashOf(await bytesOf(response));
}

/** "error" where a body cannot be read, as it must not; else what was read. */
async function refused(asking) {
  try {
    const response = await asking;
    const { length } = await bytesOf(response);
    return response.ok ? `${length} bytes` : "error";
  } catch {
    return "error";
  }
}

const noStore = { cache: "no-store" };
const { keys, size } = await (await fetch("./keys.json", noStore)).json();

for (const key of keys) {
  const url = `./value/${key}`;
  await check(`${key}: as the browser asks`, async () => shown(await fetch(url, noStore)));
  await check(`${key}: as the browser asks, by fetchDecoded`, async () =>
    shown(await fetchDecoded(url, noStore)),
  );
  await check(`${key}: identity`, async () => shown(await fetch(`${url}?accept=identity`, noStore)));
  // WebKit does not decode it, and gives the frame.
  await check(`${key}: zstd, asked for or not`, async () =>
    shown(await fetchDecoded(`${url}?accept=zstd`, noStore)),
  );
  await check(`${key}: a stored frame as application/zstd`, async () => {
    const response = await fetchDecoded(`./frame/${key}`, noStore);
    const type = response.headers.get("content-type");
    return type === "text/csv" ? shown(response) : `type ${type}`;
  });
  await check(`${key}: base64 as a body and as a string`, async () => {
    const response = await fetchDecoded(`./base64/${key}`, noStore);
    const text = await (await fetch(`./base64/${key}`, noStore)).text();
    const [body, string] = [await shown(response), await hashOf(await decodeStored(text))];
    return body === string ? body : `${body} and ${string}`;
  });
  await check(`${key}: a range`, async () =>
    shown(await fetch(url, { ...noStore, headers: { range: "bytes=1000-200999" } }), 206),
  );
  await check(`${key}: a range past the end`, async () => {
    const { status } = await fetch(url, { ...noStore, headers: { range: `bytes=${size}-` } });
    return `status ${status}`;
  });
  await check(`${key}: not modified, or no tag`, async () => {
    const first = await fetch(url, noStore);
    await first.arrayBuffer();
    const etag = first.headers.get("etag");
    if (etag === null) return "304 or no tag";
    const { status } = await fetch(url, { ...noStore, headers: { "if-none-match": etag } });
    return status === 304 ? "304 or no tag" : `status ${status}`;
  });
  await check(`${key}: HEAD`, async () => shown(await fetch(url, { ...noStore, method: "HEAD" })));
  await check(`${key}: neither coding`, async () => {
    const { status } = await fetch(`${url}?accept=identity;q=0`, noStore);
    return `status ${status}`;
  });
}

for (const broken of ["cut-small", "cut-large", "cut-on-its-way", "checksum", "garbage"]) {
  await check(`${broken}: as the browser asks`, () => refused(fetch(`./value/${broken}`, noStore)));
  await check(`${broken}: zstd`, () => refused(fetchDecoded(`./value/${broken}?accept=zstd`, noStore)));
  await check(`${broken}: a frame as application/zstd`, () =>
    refused(fetchDecoded(`./frame/${broken}`, noStore)),
  );
}

await check("progress goes up to its totals", async () => {
  const seen = [];
  const response = await fetchDecoded("./frame/whole", noStore, { onProgress: (at) => seen.push(at) });
  const hash = await shown(response);
  const last = seen.at(-1);
  const good =
    seen.length > 2 &&
    seen.every(({ size: now }, at) => now >= (seen[at - 1]?.size ?? 0)) &&
    last.size === size &&
    last.declaredSize === size &&
    last.storedSize === last.totalStoredSize;
  return good ? hash : JSON.stringify(last);
});

await check("the first rows are there before the last byte has been sent", async () => {
  const response = await fetchDecoded("./slow", noStore);
  const reader = response.body.getReader();
  const { value } = await reader.read();
  const parts = [value];
  // The server sends the other half when it is told to.
  await fetch("./slow-on", { method: "POST" });
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
  return hashOf(await new Blob(parts).arrayBuffer());
});

await check("a limit ends the body", () =>
  refused(fetchDecoded("./frame/whole", noStore, { maxSize: 1000 })),
);

const inWorker = (path) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(`${path}?/frame/seekable`, { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      worker.terminate();
      resolve(data);
    });
    worker.addEventListener("error", ({ message }) =>
      reject(new Error(message || "the worker did not start")),
    );
  });
await check("a worker", () => inWorker("./worker.js"));
await check("a worker whose policy forbids WebAssembly", () => inWorker("./strict/worker.js"));

await check("a service worker answers from its cache, offline", async () => {
  await navigator.serviceWorker.register("./service-worker.js", { type: "module" });
  await navigator.serviceWorker.ready;
  while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 20));
  const first = await shown(await fetch("./offline/whole"));
  await fetch("./go-offline", { method: "POST" });
  const second = await shown(await fetch("./offline/whole"));
  const names = await caches.keys();
  const kept = await (await caches.open(names[0])).match("./frame/whole");
  const { length } = await bytesOf(kept.clone());
  const third = await shown(await decodeResponse(kept));
  if (length > size / 2) return `the cache holds ${length} bytes`;
  return first === second && second === third ? first : `${first} ${second} ${third}`;
});

await fetch("./report", { method: "POST", body: JSON.stringify({ checks, agent: navigator.userAgent }) });
