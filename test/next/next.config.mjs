// ZSTASH_ALIAS=1 gives libraries that import "@upstash/redis" the client of zstash: the recipe of the docs.

const resolveAlias = { "@upstash/redis": "zstash/redis" };

function webpack(config) {
  // The "$" makes it exact: "@upstash/redis/cloudflare" stays what it is.
  config.resolve.alias["@upstash/redis$"] = "zstash/redis";
  return config;
}

const aliased = process.env.ZSTASH_ALIAS === "1";
/** Turbopack of Next.js 14 does not follow a package's `imports` into another package. */
const turbo = { resolveAlias: { "#sdk": "@upstash/redis/node", ...(aliased ? resolveAlias : {}) } };
const alias =
  process.env.ZSTASH_NEXT === "14"
    ? { experimental: { turbo } }
    : aliased
      ? { turbopack: { resolveAlias } }
      : {};

export default {
  ...alias,
  ...(aliased ? { webpack } : {}),
  ...(process.env.ZSTASH_COMPONENTS === "1" ? { cacheComponents: true } : {}),
};
