/** One value of each length from 64 bytes to a gibibyte: at once, as a stream, and through the store. */
import { createHash } from "node:crypto";
import { loadZstd } from "zstash";
import { createStore } from "zstash/store";
import { streamOfSize } from "./values.mjs";

const MIB = 2 ** 20;

/** Milliseconds of some work. @template Result @param {() => Promise<Result>} work @returns {Promise<[number, Result]>} */
async function timed(work) {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

/** Reads a stream to its end: its length and hash. @param {ReadableStream<Uint8Array> | null} stream */
async function hashOf(stream) {
  if (stream === null) throw new Error("there is no value");
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, hash: hash.digest("hex") };
}

/** `compress` and `decompress` in memory. @param {number} size */
export async function whole(size) {
  const zstd = await loadZstd();
  const bytes = new Uint8Array(await new Response(streamOfSize(size)).arrayBuffer());
  const [there, frame] = await timed(async () => zstd.compress(bytes));
  const [back, value] = await timed(async () => zstd.decompress(frame, { maxSize: size }));
  return {
    stored: frame.length,
    there,
    back,
    memory: zstd.stats().memory,
    right: Buffer.compare(value, bytes) === 0,
  };
}

/** A compression stream that leads into a decompression stream; nothing is held. @param {number} size */
export async function stream(size) {
  const zstd = await loadZstd();
  const sent = createHash("sha256");
  let stored = 0;
  const [ms, received] = await timed(() =>
    hashOf(
      streamOfSize(size, (chunk) => void sent.update(chunk))
        .pipeThrough(zstd.compressStream({ level: 1 }))
        .pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              stored += chunk.length;
              controller.enqueue(chunk);
            },
          }),
        )
        .pipeThrough(zstd.decompressStream()),
    ),
  );
  return { stored, there: ms, memory: zstd.stats().memory, right: received.hash === sent.digest("hex") };
}

/**
 * `put` and `get` of a stream.
 *
 * @param {number} size
 * @param {{ url: string, token: string }} address
 */
export async function stored(size, { url, token }) {
  const zstd = await loadZstd({ memoryLimit: 64 * MIB });
  let requests = 0;
  const store = createStore({
    url,
    token,
    zstd,
    onEvent: (event) => void (requests += Number(event.type === "request")),
  });
  const sent = createHash("sha256");
  const [there, put] = await timed(() =>
    store.put(
      "scale:size",
      streamOfSize(size, (chunk) => void sent.update(chunk)),
    ),
  );
  const up = requests;
  const [back, received] = await timed(async () => hashOf(await store.get("scale:size")));
  const down = requests - up;
  await store.delete("scale:size");
  return {
    stored: put?.storedSize ?? 0,
    there,
    back,
    memory: zstd.stats().memory,
    requests: [up, down],
    right: received.hash === sent.digest("hex") && received.size === size,
  };
}
