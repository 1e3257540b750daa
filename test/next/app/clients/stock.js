// The stock client under another name, so that it stays what it is where a bundler's alias replaces "@upstash/redis".
import { Redis } from "stock-redis";
import { clientOf } from "./redis.js";

const create = () => Redis.fromEnv();
export const client = clientOf(create(), create);
