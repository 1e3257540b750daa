/** The client that is measured against the stock one: change it here, and every cell of `wire-speed` follows. */
import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";

/**
 * The stock client's configuration.
 *
 * @typedef {import("@upstash/redis").RedisConfigNodejs} Config
 *
 * @param {Config} config
 * @returns {Redis}
 */
// With zstash/redis: import { Redis } from "zstash/redis"; … new Redis(config)
export const openCompressing = (config) =>
  withCompression(new Redis(config), { url: String(config.url), token: String(config.token) });

/** @param {Config} config @returns {Redis} */
export const openStock = (config) => new Redis(config);
