import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";
import { clientOf } from "./redis.js";

const url = process.env.UPSTASH_REDIS_REST_URL;
const token = process.env.UPSTASH_REDIS_REST_TOKEN;
const create = () => withCompression(Redis.fromEnv(), { url, token });
export const client = clientOf(create(), create);
