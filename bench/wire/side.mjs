/** The client that is measured against the stock one: change it here, and every cell of `wire-speed` follows. */
import { Redis as StockRedis } from "@upstash/redis";
import { Redis } from "zstash/redis";

/**
 * The stock client's configuration.
 *
 * @typedef {import("@upstash/redis").RedisConfigNodejs} Config
 *
 * @param {Config} config
 * @returns {Redis}
 */
export const openCompressing = (config) => new Redis(config);

/** @param {Config} config @returns {StockRedis} */
export const openStock = (config) => new StockRedis(config);
