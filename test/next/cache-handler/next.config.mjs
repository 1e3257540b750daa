// The recipe of docs/nextjs.md, whose calls are counted, or without it the cache that Next.js has in memory and on disk.
import { fileURLToPath } from "node:url";

const withHandler = {
  cacheHandler: fileURLToPath(new URL("./counted-cache-handler.mjs", import.meta.url)),
  cacheMaxMemorySize: 0,
};

export default process.env.CACHE_HANDLER === "1" ? withHandler : {};
