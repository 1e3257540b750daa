/** A record of ten fields as JSON, MessagePack and Protocol Buffers: bytes plain and compressed, and on the connection. */
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { loadPeer } from "../peers/load.mjs";
import { withServer } from "./server.mjs";

/** An order, as an application keeps it in a hash; the first of the article's ten fields are not given, these are ours. */
const RECORD = {
  userId: 4_815_162,
  sessionId: "7b1f6c0a-52d4-4f0e-9c3e-8f4d2a6b9e01",
  productName: "Wireless noise-cancelling headphones",
  unitPrice: 249.95,
  quantity: 2,
  currency: "EUR",
  status: "processing",
  createdAt: 1_767_225_600,
  shippingCity: "Trondheim",
  expressDelivery: true,
};
const SCHEMA = `syntax = "proto3"; message Order { uint32 userId = 1; string sessionId = 2; string productName = 3;
  double unitPrice = 4; uint32 quantity = 5; string currency = 6; string status = 7; uint32 createdAt = 8;
  string shippingCity = 9; bool expressDelivery = 10; }`;

/** Bytes of payload in a segment of TCP over Ethernet. */
const SEGMENT = 1460;
const PAIRS = 20;

/** @typedef {Record<"up" | "down", { heads: number, bodies: number }>} Counts */

/**
 * @param {import("node:child_process").ChildProcess} server
 * @param {{ counted: string, token: string }} address
 */
async function measureRecord(server, { counted, token }) {
  const { encode } = /** @type {{ encode(value: unknown): Uint8Array }} */ (
    await loadPeer("@msgpack/msgpack")
  );
  const loaded = /** @type {import("../against/values.mjs").Protobuf} */ (await loadPeer("protobufjs"));
  const type = (loaded.default ?? loaded).parse(SCHEMA).root.lookupType("Order");
  const zstd = await loadZstd();
  const options = { url: counted, token, automaticDeserialization: false };
  const stock = new Redis(options);
  const compressing = new CompressingRedis({ ...options, compression: { policy: () => ({ minSize: 0 }) } });
  const base64 = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString("base64");

  /** @returns {Promise<Counts>} */
  const counts = async () => {
    const answer = once(server, "message");
    server.send("count");
    return (await answer)[0];
  };
  /** Bytes of a SET and of a GET, heads and bodies in both directions. @param {Redis} client @param {string} text */
  const wire = async (client, text) => {
    const pairs = async (/** @type {number} */ count) => {
      for (let pair = 0; pair < count; pair++) {
        await client.set("article:record", text);
        if ((await client.get("article:record")) !== text) throw new Error("another value came back");
      }
    };
    await pairs(3);
    const before = await counts();
    await pairs(PAIRS);
    const after = await counts();
    const part = (/** @type {keyof Counts} */ way) =>
      (after[way].heads + after[way].bodies - before[way].heads - before[way].bodies) / PAIRS;
    const [up, down] = [part("up"), part("down")];
    // A pair is two messages each way, each far below a segment unless the sum is above.
    return { bytes: up + down, segments: 2 * (Math.ceil(up / 2 / SEGMENT) + Math.ceil(down / 2 / SEGMENT)) };
  };

  const json = JSON.stringify(RECORD);
  const encodings = {
    JSON: { bytes: new TextEncoder().encode(json), text: json },
    MessagePack: { bytes: encode(RECORD), text: base64(encode(RECORD)) },
    "Protocol Buffers": { bytes: type.encode(RECORD).finish(), text: base64(type.encode(RECORD).finish()) },
  };
  /** @type {Record<string, { plain: number, gzip: number, zstd: number, stock: { bytes: number, segments: number }, zstash: { bytes: number, segments: number } }>} */
  const rows = {};
  for (const [name, { bytes, text }] of Object.entries(encodings)) {
    rows[name] = {
      plain: bytes.length,
      gzip: gzipSync(bytes).length,
      zstd: zstd.compress(new Uint8Array(bytes)).length,
      stock: await wire(stock, text),
      zstash: await wire(compressing, text),
    };
  }
  return rows;
}

export const measure = () =>
  withServer(async (server, { backend, ...address }) => ({
    records: await measureRecord(server, address),
    versions: { "local server on": backend },
  }));
