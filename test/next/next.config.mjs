// ZSTASH_ALIAS=1 gives libraries that import "@upstash/redis" the client of zstash: the recipe of the docs.

const resolveAlias = { "@upstash/redis": "zstash/redis" };

function webpack(config) {
  // The "$" makes it exact: "@upstash/redis/cloudflare" stays what it is.
  config.resolve.alias["@upstash/redis$"] = "zstash/redis";
  return config;
}

const alias =
  process.env.ZSTASH_NEXT === "14"
    ? { experimental: { turbo: { resolveAlias } } }
    : { turbopack: { resolveAlias } };

export default {
  ...(process.env.ZSTASH_ALIAS === "1" ? { ...alias, webpack } : {}),
  ...(process.env.ZSTASH_COMPONENTS === "1" ? { cacheComponents: true } : {}),
};
