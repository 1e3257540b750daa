/** What a write sends to a replica, adds to the append-only file and leaves in a snapshot, with compression and without. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "@upstash/redis";
import { createDevServer } from "zstash/dev";
import { Redis as CompressingRedis } from "zstash/redis";
import { withCompression } from "zstash/upstash";
import { readValues } from "../against/values.mjs";
import { record } from "../interleave.mjs";
import { startRedis } from "./redis.mjs";

/** The client alone, and zstash with each carrier. */
export const WRITERS = /** @type {const} */ (["stock", "raw", "text"]);

/** Values by their names in the corpus; what is no text goes as base64, as applications send it to the stock client. */
const CORPORA = ["json", "ndjson-logs", "html", "csv", "records-protobuf", "base64", "random"];
const LARGEST = 1 << 20;
const LIMIT = 64 << 20;
/** Milliseconds that a replica may take to have everything. */
const PATIENCE = 20_000;

/**
 * Bytes of a write: what lies in Redis, what went to the replica, what the append-only file grew by, what a snapshot has of it.
 *
 * @typedef {{ stored: number, replicated: number, appended: number, snapshot: number }} Bytes
 */

/**
 * @param {readonly { name: string, text: string }[]} values
 * @param {{ repeats: number, largest: number }} counts `repeats` keys of each value, and so many bytes at most
 */
async function measureValues(values, { repeats, largest }) {
  const replicated = ["--repl-ping-replica-period", "3600", "--repl-diskless-sync-delay", "0"];
  const appended = ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"];
  const master = await startRedis([...replicated, ...appended]);
  const replica = await startRedis(["--replicaof", "127.0.0.1", `${master.port}`]).catch(async (error) => {
    await master.stop();
    throw error;
  });
  const limits = { maxRequestSize: LIMIT, maxResponseSize: LIMIT };
  /** @type {import("zstash/dev").DevServer[]} */
  const servers = [];
  try {
    for (const { url } of [master, replica]) servers.push(await createDevServer({ redis: url, ...limits }));
    const [writes, reads] = await Promise.all(
      servers.map(async (server) => ({ url: (await server.listen()).url, token: server.token })),
    );
    const options = { automaticDeserialization: false, enableAutoPipelining: false };
    const open = (/** @type {{ url: string, token: string }} */ address) => ({
      stock: new Redis({ ...options, ...address }),
      raw: new CompressingRedis({ ...options, ...address }),
      text: withCompression(new Redis({ ...options, ...address })),
    });
    const [clients, readers] = [open(writes), open(reads)];
    await caughtUp(master, replica);
    // The stream begins with a SELECT, which is no part of a write.
    await clients.stock.set("first", "write");

    /** @param {(typeof WRITERS)[number]} writer @param {string} text @returns {Promise<Bytes>} */
    const write = async (writer, text) => {
      await master.ask("FLUSHALL");
      const empty = await snapshotSize(master);
      const count = Math.max(1, Math.min(repeats, Math.floor(largest / text.length)));
      const [offset, file] = await positions(master);
      for (let index = 0; index < count; index++) await clients[writer].set(`value:${index + 10}`, text);
      const [offsetAfter, fileAfter] = await positions(master);
      await caughtUp(master, replica);
      if ((await readers[writer].get("value:10")) !== text)
        throw new Error(`${writer}: the replica has another value`);
      return {
        stored: await clients.stock.strlen("value:10"),
        replicated: (offsetAfter - offset) / count,
        appended: (fileAfter - file) / count,
        snapshot: ((await snapshotSize(master)) - empty) / count,
      };
    };
    const rows = [];
    for (const { name, text } of values) {
      const sides = record(WRITERS, () => /** @type {Bytes | undefined} */ (undefined));
      for (const writer of WRITERS) sides[writer] = await write(writer, text);
      rows.push({
        name,
        size: new TextEncoder().encode(text).length,
        sides: /** @type {Record<(typeof WRITERS)[number], Bytes>} */ (sides),
      });
    }
    return { rows, version: await master.info("server", "redis_version") };
  } finally {
    for (const server of servers) await server.close();
    await replica.stop();
    await master.stop();
  }
}

/** @typedef {Awaited<ReturnType<typeof startRedis>>} Server */

/** Where the stream of replication and the append-only file end. @param {Server} master */
const positions = async (master) =>
  Promise.all(
    [
      ["replication", "master_repl_offset"],
      ["persistence", "aof_current_size"],
    ].map(async ([section, field]) => Number(await master.info(section, field))),
  );

/** Waits until the replica has all that the master has. @param {Server} master @param {Server} replica */
async function caughtUp(master, replica) {
  for (const start = performance.now(); performance.now() - start < PATIENCE;) {
    const offset = await master.info("replication", "master_repl_offset");
    const isUp = (await replica.info("replication", "master_link_status")) === "up";
    if (isUp && (await replica.info("replication", "slave_repl_offset")) === offset) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the replica does not follow");
}

/** Bytes of a snapshot of all there is. @param {Server} master */
async function snapshotSize(master) {
  await master.ask("SAVE");
  return statSync(join(master.folder, "dump.rdb")).size;
}

/** @param {boolean} quick */
export async function measure(quick) {
  const values = (await readValues({ quick }))
    .filter(({ corpus, bytes }) => CORPORA.includes(corpus) && bytes.length <= LARGEST)
    .map(({ name, corpus, bytes }) => {
      const isText = !["records-protobuf", "random"].includes(corpus);
      const text = Buffer.from(bytes).toString(isText ? "utf8" : "base64");
      return { name: isText ? name : `${name}, as base64`, text };
    });
  const { rows, version } = await measureValues(values, { repeats: quick ? 2 : 20, largest: 4 << 20 });
  return { rows, versions: { "redis-server": version } };
}
