// The handlers of docs/nextjs.md, whose calls are counted, or without them what Next.js has in memory and on disk. Next.js 15 has "use cache" behind a flag.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { dependencies } = JSON.parse(readFileSync(path("./package.json"), "utf8"));
const isOld = dependencies.next.startsWith("15.");
const given = process.env.CACHE_HANDLER === "1";
const handlers = given ? { cacheHandlers: { default: path("./counted-use-cache-handler.mjs") } } : {};

export default {
  ...(given ? { cacheHandler: path("./counted-cache-handler.mjs"), cacheMaxMemorySize: 0 } : {}),
  ...(isOld ? { experimental: { useCache: true, ...handlers } } : { cacheComponents: true, ...handlers }),
};
