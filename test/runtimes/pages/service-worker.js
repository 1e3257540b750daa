// The recipe of docs/browsers.md: the cache keeps stored frames as small as they are, and answers with their content.
import { decodeResponse } from "zstash/browser";

const CACHE = "values";
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  const at = pathname.indexOf("/offline/");
  if (at >= 0) event.respondWith(answer(`.${pathname.slice(at).replace("/offline/", "/frame/")}`));
});

async function answer(path) {
  const cache = await caches.open(CACHE);
  let response = await cache.match(path);
  if (response === undefined) {
    response = await fetch(path);
    if (response.ok) await cache.put(path, response.clone());
  }
  return decodeResponse(response);
}
