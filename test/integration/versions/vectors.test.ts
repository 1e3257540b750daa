/** Frozen values of every layout and form, of each version that brought one: read by this version, by 0.1.0, and by zstd. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis } from "../../../src/redis.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { fromTextCarrier } from "../../../src/value/carrier.ts";
import { loadFrozen, type Frozen } from "../../support/frozen.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";

interface Vector {
  readonly file: string;
  readonly writtenBy: string;
  readonly layout: string;
  readonly form: "frames" | "text" | "plain";
  readonly size: number;
  readonly storedSize: number;
  readonly sha256: string;
  readonly contentSha256: string;
  readonly dictionary?: string;
  /** Its content is no text, which clients refuse. */
  readonly binary?: boolean;
}

const folder = new URL("../../vectors/store/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as readonly Vector[];
const bytesOf = ({ file }: Vector): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(file, folder)));
const hash = (bytes: Uint8Array | string | null): string =>
  createHash("sha256")
    .update(bytes ?? "nothing at all")
    .digest("hex");
const dictionary = new Uint8Array(
  readFileSync(new URL("../../vectors/dictionaries/sessions-1001.dict", import.meta.url)),
);

let server: DevServer;
let frozen: Frozen;
let address: { readonly url: string; readonly token: string };
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded" });
  address = { url: (await server.listen()).url, token: server.token };
  frozen = await loadFrozen();
});
afterAll(async () => {
  frozen.remove();
  await server.close();
});

/** The whole of a stream. */
const drain = async (stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> =>
  stream === null ? null : new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());

/** Lays the bytes under a key, as a SET would. */
async function lay(key: string, bytes: Uint8Array): Promise<void> {
  const headers = { authorization: `Bearer ${address.token}` };
  const reply = await fetch(`${address.url}/set/${key}`, {
    method: "POST",
    body: bytes as BodyInit,
    headers,
  });
  expect(reply.status).toBe(200);
}

test("every layout and form is among them, and no file is left out", () => {
  const files = readdirSync(folder).filter((name) => /\.(zst|bin)$/.test(name));
  expect(files.toSorted()).toEqual(vectors.map(({ file }) => file).toSorted());
  expect(new Set(vectors.map(({ form }) => form))).toEqual(new Set(["frames", "text", "plain"]));
  for (const part of [
    "whole",
    "pieces",
    "seekable",
    "MTU",
    "flushed",
    "raw blocks",
    "uncompressed",
    "dictionary",
  ])
    expect(vectors.filter(({ layout }) => layout.includes(part)).length, part).toBeGreaterThan(0);
});

const config = { enableTelemetry: false, automaticDeserialization: false };
const stock = (): StockRedis => new StockRedis({ ...address, ...config });

describe.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (key, vector) => {
  const { form, size, contentSha256 } = vector;
  const needs = vector.dictionary !== undefined;
  const options = (): object => (needs ? { dictionaries: [dictionary] } : {});
  beforeAll(() => lay(key, bytesOf(vector)));

  test("is what it was", () => {
    expect(hash(bytesOf(vector))).toBe(vector.sha256);
  });

  test("a store reads it whole, as a stream, in pieces, in ranges and as one frame", async () => {
    const store = createStore({ ...address, ...options() });
    expect(hash(await store.getBytes(key))).toBe(contentSha256);
    expect(hash(await drain(await store.get(key)))).toBe(contentSha256);
    const whole = (await store.getBytes(key))!;
    const [start, end] = [Math.floor(size / 3), Math.floor(size / 2)];
    expect(hash(await drain(await store.getRange(key, start, end)))).toBe(hash(whole.subarray(start, end)));
    const pieces = createStore({ ...address, ...options(), pieceSize: 500 });
    expect(hash(await drain(await pieces.get(key)))).toBe(contentSha256);
    expect(await store.stat(key)).toMatchObject({ storedSize: vector.storedSize });
    const compressed = (await drain(await store.getCompressed(key)))!;
    await lay("compressed", compressed);
    expect(hash(await createStore(address).getBytes("compressed"))).toBe(contentSha256);
  });

  test("clients read it: both of bytes, one of text what lies as text", async () => {
    const text = new Redis({ ...address, ...config, compression: options() });
    if (vector.binary === true) await expect(text.get(key)).rejects.toThrow("NOT_TEXT");
    else expect(hash((await text.get<string>(key))!)).toBe(contentSha256);
    const overSdk = withCompression(stock(), options());
    if (form === "frames") await expect(overSdk.get(key)).rejects.toThrow(/raw frame/);
    else expect(hash((await overSdk.get<string>(key))!)).toBe(contentSha256);
  });

  test("0.1.0 reads it, or says that it cannot", async () => {
    const store: Store = frozen.createStore(address);
    const client = frozen.withCompression(stock(), address);
    if (needs) {
      await expect(store.getBytes(key)).rejects.toMatchObject({ code: "DICTIONARY_UNKNOWN" });
      await expect(client.get(key)).rejects.toThrow("DICTIONARY_UNKNOWN");
      return;
    }
    expect(hash(await store.getBytes(key))).toBe(contentSha256);
    expect(hash(await drain(await store.get(key)))).toBe(contentSha256);
    if (vector.binary === true) await expect(client.get(key)).rejects.toThrow("NOT_TEXT");
    else expect(hash((await client.get<string>(key))!)).toBe(contentSha256);
  });

  test.runIf(zstdCliAvailable() && !needs && form !== "plain")("zstd reads it", () => {
    const bytes = bytesOf(vector);
    const frames = form === "text" ? fromTextCarrier(new TextDecoder().decode(bytes)) : bytes;
    expect(hash(zstdDecode(frames))).toBe(contentSha256);
  });
});
