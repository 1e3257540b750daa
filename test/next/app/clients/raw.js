// The client that stores bytes.
import { Redis } from "zstash/redis";
import { clientOf } from "./redis.js";

const create = () => Redis.fromEnv();
export const client = clientOf(create(), create);
