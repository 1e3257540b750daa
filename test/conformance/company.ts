/** Many calls at once on one client, one store and one codec: what passes alone has proven nothing. */
import type { Case } from "./case.ts";
import { equal } from "./case.ts";
import { same, upstashCase, type Carrier } from "./upstash-case.ts";

/** Rows whose JSON is about 130 KB, and 4 KB. */
const rowsOf = (count: number): object[] =>
  Array.from({ length: count }, (_, id) => ({ id, name: `name ${id % 97}`, ok: true }));
const large = rowsOf(3300);
const small = rowsOf(100);

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());

function clientCase(carrier: Carrier): Case {
  return upstashCase(
    `company: 32 reads and 16 writes at once on one client, ${carrier}`,
    async ({ wrap }) => {
      const redis = wrap(carrier);
      await Promise.all([redis.set("large", large), redis.set("small", small)]);
      const [reads] = await Promise.all([
        times(32, (index) => redis.get(index % 2 ? "large" : "small")),
        times(16, (index) => redis.set(`written ${index}`, index % 2 ? large : small)),
      ]);
      for (const [index, read] of reads.entries()) same(read, index % 2 ? large : small, `read ${index}`);
      const written = await times(16, (index) => redis.get(`written ${index}`));
      for (const [index, value] of written.entries())
        same(value, index % 2 ? large : small, `write ${index}`);
    },
  );
}

function orderCase(carrier: Carrier): Case {
  return upstashCase(
    `company: the last of 8 writes to a key is what is there, ${carrier}`,
    async ({ wrap }) => {
      // A client whose codec is still to be loaded, and a large value before small ones.
      const redis = wrap(carrier);
      await times(8, (index) =>
        redis.set("key", index === 0 ? large : `${index} ${"x".repeat(index * 400)}`),
      );
      equal(await redis.get("key"), `7 ${"x".repeat(2800)}`, "the value of the last");
    },
  );
}

export const companyCases: readonly Case[] = [
  clientCase("text"),
  clientCase("raw"),
  orderCase("text"),
  orderCase("raw"),
  upstashCase("company: 16 values at once through one store, while readers stand still", async (scene) => {
    const { context, createStore, server } = scene;
    const { zstd } = context;
    const store = createStore({ ...server, zstd });
    const text = JSON.stringify(large).repeat(3);
    const content = new TextEncoder().encode(text);
    await store.put("download", text);
    const paused = await times(8, async () => {
      const reader = (await store.get("download"))!.getReader();
      const { value } = await reader.read();
      equal(value !== undefined && value.length > 0, true, "a first chunk");
      return reader;
    });
    await times(16, (index) => store.put(`value ${index}`, content));
    for (const back of await times(16, (index) => store.getBytes(`value ${index}`)))
      equal(back, content, "back");
    const copies = await times(4, async (index) => {
      await store.put(`copy ${index}`, (await store.get("download"))!);
      return store.getText(`copy ${index}`);
    });
    for (const copy of copies) equal(copy, text, "a copy");
    await Promise.all(paused.map((reader) => reader.cancel()));
  }),
  {
    name: "company: 24 streams in both directions at once, and one-shot work between them",
    needs: ["streams"],
    async run({ zstd }) {
      const content = new TextEncoder().encode(JSON.stringify(large));
      const frame = zstd.compress(content);
      const source = (bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> =>
        new ReadableStream({
          start(controller) {
            for (let at = 0; at < bytes.length; at += 20_000)
              controller.enqueue(bytes.slice(at, at + 20_000));
            controller.close();
          },
        });
      const results = await times(24, async (index) => {
        if (index % 3 === 0) return bytesOf(source(frame).pipeThrough(zstd.decompressStream()));
        if (index % 3 === 1) {
          const frames = source(content).pipeThrough(zstd.compressStream());
          return bytesOf(frames.pipeThrough(zstd.decompressStream()));
        }
        await Promise.resolve();
        return zstd.decompress(zstd.compress(content));
      });
      for (const [index, result] of results.entries()) equal(result, content, `stream ${index}`);
      const { live, waiters } = zstd.stats();
      equal(live + waiters, 0, "contexts that are held or waited for");
    },
  },
];
