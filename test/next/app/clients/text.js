import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";
import { clientOf } from "./redis.js";

const create = () => withCompression(Redis.fromEnv());
export const client = clientOf(create(), create);
