// A stock client that stores text: `withCompression` around it.
import { Redis } from "stock-redis";
import { withCompression } from "zstash/upstash";
import { clientOf } from "./redis.js";

const create = () => withCompression(Redis.fromEnv());
export const client = clientOf(create(), create);
