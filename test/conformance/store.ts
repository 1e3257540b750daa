/** Values of any size: stored whole or not at all, streamed both ways, read in parts. */
import type { Case, UpstashContext } from "./case.ts";
import { equal, fail } from "./case.ts";
import { concat, jsonBytes, randomBytes, utf8 } from "./data.ts";
import { drain } from "./pipe.ts";
import { rejection, rows, same, upstashCase, type Scene } from "./upstash-case.ts";

type CreateStore = UpstashContext["createStore"];
type Store = ReturnType<CreateStore>;
type StoreOptions = Partial<Parameters<CreateStore>[0]>;
type Source = Parameters<Store["put"]>[1];

/** A database that is empty but for what the case stores. */
interface StoreScene extends Scene {
  /** A new store. */
  open(options?: StoreOptions): Store;
}

function storeCase(name: string, run: (scene: StoreScene) => Promise<void>): Case {
  return upstashCase(`store: ${name}`, (scene) =>
    run({ ...scene, open: (options = {}) => scene.createStore({ ...scene.server, ...options }) }),
  );
}

/** Bytes that no codec makes smaller, made quickly: 64 KiB, each time with another pattern over it. */
function noise(seed: number, size: number): Uint8Array {
  const block = randomBytes(seed, Math.min(size, 65_536));
  return new Uint8Array(size).map((_, at) => block[at & 65_535]! ^ Math.imul(at >>> 16, 0x35));
}

/** A stream of chunks of that many bytes. */
function streamOf(data: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= data.length) return controller.close();
      controller.enqueue(data.slice(at, (at += size)));
    },
  });
}

/** Every byte of a stream that ends well. */
async function whole(stream: ReadableStream<Uint8Array> | null, about: string): Promise<Uint8Array> {
  if (stream === null) return fail(`${about}: nothing is there`);
  const { bytes, error } = await drain(stream);
  if (error !== undefined) fail(`${about}: ${String(error)}`);
  return bytes;
}

async function rejectsWith(code: string, about: string, promise: Promise<unknown>): Promise<void> {
  const error = await rejection(about, promise);
  equal((error as { code?: unknown }).code, code, `${about} (${String(error).slice(0, 100)})`);
}

async function isMisuse(kind: string, about: string, promise: Promise<unknown>): Promise<void> {
  equal(((await rejection(about, promise)) as Error).name, kind, about);
}

const json = jsonBytes(1, 60_000);
const layouts: readonly NonNullable<NonNullable<Parameters<Store["put"]>[2]>["layout"]>[] = [
  "ramp",
  { flushSize: 1000 },
  { frameSize: 8192 },
  { mtu: 1500 },
];

/** One kind of source after the other, with the same content. */
function sourcesOf(data: Uint8Array): readonly (readonly [name: string, make: () => Source])[] {
  return [
    ["bytes", () => data],
    ["a string", () => new TextDecoder().decode(data)],
    ["a Blob", () => new Blob([data as BlobPart])],
    ["a Response", () => new Response(data as BodyInit)],
    ["a stream", () => streamOf(data, 5000)],
  ];
}

export const storeCases: readonly Case[] = [
  storeCase("every kind of source, in one request and in pieces", async ({ context, open, stored }) => {
    const text = utf8(new TextDecoder().decode(json.subarray(0, 20_000)));
    for (const store of [open(), open({ pieceSize: 2000 })]) {
      for (const data of [text, new Uint8Array(0)]) {
        for (const [name, make] of sourcesOf(data)) {
          const result = await store.put("k", make());
          equal(result?.size, data.length, `${name}: its size`);
          const frame = await stored("GET", "k");
          equal(result?.storedSize, frame.length, `${name}: its stored size`);
          equal(context.readFrameHeader(frame).contentSize, data.length, `${name}: what its header declares`);
          equal(context.zstd.decompress(frame), data, name);
          equal(await whole(await store.get("k"), name), data, `${name}, as a stream`);
          equal(await store.getBytes("k"), data, `${name}, as bytes`);
          equal(utf8((await store.getText("k")) ?? ""), data, `${name}, as text`);
          equal(await whole(await store.getCompressed("k"), name), frame, `${name}, as it lies`);
        }
      }
    }
  }),
  storeCase(
    "2 MB stream in pieces, both ways, and appear at once",
    async ({ context, open, stored, plain }) => {
      const data = noise(2, 2_000_000);
      const store = open({ pieceSize: 300_000 });
      const sent: number[] = [];
      const parts = streamOf(data, 50_000).getReader();
      let left = data.length / 50_000;
      const source = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (--left === 5) equal(await plain.exists("k"), 0, "a value whose upload runs");
          const { done, value } = await parts.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      });
      const result = await store.put("k", source, {
        ttl: 600,
        onProgress: ({ sentSize }) => {
          if (sentSize <= (sent.at(-1) ?? 0)) fail("progress went back");
          sent.push(sentSize);
        },
      });
      const frame = await stored("GET", "k");
      equal(result?.storedSize, frame.length, "what was stored");
      equal(sent.at(-1), frame.length, "the last progress");
      equal(sent.length > 5, true, "several pieces");
      equal(context.readFrameHeader(frame).contentSize, data.length, "the content size of a stream");
      equal((await plain.ttl("k")) > 500, true, "its time to live");
      equal(await plain.dbsize(), 1, "keys that are left");
      equal(await whole(await open().get("k"), "one GET"), data, "one GET");
      equal(await whole(await store.get("k"), "pieces"), data, "pieces");
    },
  ),
  storeCase("every layout is zstd that is read whole, in pieces and in parts", async (scene) => {
    const { context, open, stored } = scene;
    for (const [index, layout] of layouts.entries()) {
      const about = JSON.stringify(layout);
      const store = open(index % 2 === 0 ? {} : { pieceSize: 7000 });
      const result = await store.put("k", streamOf(json, 9000), { layout });
      const file = await stored("GET", "k");
      equal(context.zstd.decompress(file), json, `${about}: by the codec`);
      equal(await store.getBytes("k"), json, `${about}: by the store`);
      const stat = await store.stat("k");
      equal(stat?.size, json.length, `${about}: size`);
      equal(stat?.storedSize, file.length, `${about}: stored size`);
      equal(stat?.frameCount, result?.frameCount, `${about}: frames`);
      equal(stat?.form, index < 2 ? "frame" : "seekable", `${about}: form`);
      equal(stat?.ttl, undefined, `${about}: time to live`);
      for (const [start, end] of [
        [0, 10],
        [8190, 8195],
        [30_000, 50_000],
        [59_000, 70_000],
        [60_000, undefined],
      ] as const) {
        const part = await whole(await store.getRange("k", start, end), about);
        equal(part, json.slice(start, end), `${about}: ${start} to ${end}`);
      }
    }
  }),
  storeCase("with an mtu every frame fits a segment and decodes alone", async ({ context, open, stored }) => {
    const bound = context.segmentSize({ mtu: 1500 });
    for (const data of [json, noise(3, 20_000)]) {
      const result = await open().put("k", data, { layout: { mtu: 1500 } });
      const file = await stored("GET", "k");
      const source = {
        size: file.length,
        read: async (start: number, end: number) => file.slice(start, end),
      };
      const table = await context.readSeekTable(source);
      if (table === undefined || result === null) return fail("there is no seek table");
      const contents: Uint8Array[] = [];
      let largest = 0;
      for (let index = 0; index < result.frameCount; index++) {
        const { start, end } = table.frame(index);
        largest = Math.max(largest, end - start);
        contents.push(context.zstd.decompress(file.subarray(start, end)));
      }
      equal(concat(contents), data, "all frames, each alone");
      equal(largest, result.largestFrame, "the largest frame");
      equal(largest <= bound, true, `a frame of ${largest} bytes in a segment of ${bound}`);
    }
  }),
  storeCase("the first bytes decode while the rest is still to come", async ({ open }) => {
    for (const layout of ["ramp", { mtu: 1500 }] as const) {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      const holding = async (input: string, init: RequestInit): Promise<Response> => {
        const response = await fetch(input, init);
        if (typeof init.body !== "string" || !init.body.includes('"GET"')) return response;
        const bytes = new Uint8Array(await response.arrayBuffer());
        let at = 0;
        const body = new ReadableStream<Uint8Array>(
          {
            async pull(controller) {
              if (at === 1460) await released;
              const end = at === 0 ? 1460 : bytes.length;
              controller.enqueue(bytes.slice(at, end));
              at = end;
              if (at === bytes.length) controller.close();
            },
          },
          { highWaterMark: 0 },
        );
        return new Response(body, { status: response.status, headers: response.headers });
      };
      const store = open({ fetch: holding });
      await store.put("k", json, { layout });
      const stream = await store.get("k");
      if (stream === null) return fail("nothing is there");
      const reader = stream.getReader();
      const first = await reader.read();
      if (first.done) return fail("nothing was decoded");
      release();
      reader.releaseLock();
      equal(concat(first.value, await whole(stream, "the rest")), json, JSON.stringify(layout));
    }
  }),
  storeCase("ifAbsent, a time to live and delete", async ({ open, plain }) => {
    for (const store of [open(), open({ pieceSize: 3000 })]) {
      equal((await store.put("k", json, { ifAbsent: true, ttl: 100 }))?.size, json.length, "the first");
      equal(await store.put("k", "other", { ifAbsent: true }), null, "the second");
      equal(await store.getBytes("k"), json, "the value");
      const ttl = (await store.stat("k"))?.ttl ?? 0;
      equal(ttl > 90 && ttl <= 100, true, `a time to live of ${ttl}`);
      await store.put("k", "other");
      equal(await plain.ttl("k"), -1, "the time to live of the next value");
      equal(await store.delete("k"), true, "delete");
      equal(await store.delete("k"), false, "delete again");
      equal(await plain.dbsize(), 0, "keys that are left");
      for (const nothing of [
        await store.get("k"),
        await store.getBytes("k"),
        await store.getText("k"),
        await store.getRange("k", 0, 1),
        await store.getCompressed("k"),
        await store.stat("k"),
      ]) {
        equal(nothing, null, "what is not there");
      }
    }
  }),
  storeCase("store and wrapper read each other's values", async ({ open, wrap, plain }) => {
    const text = JSON.stringify(rows);
    await plain.set("plain", rows);
    await wrap("text").set("text", rows);
    await wrap("raw").set("raw", rows);
    for (const store of [open(), open({ pieceSize: 300 })]) {
      for (const [key, form] of [
        ["plain", "plain"],
        ["text", "text"],
        ["raw", "frame"],
      ] as const) {
        equal(await store.getText(key), text, key);
        equal((await store.stat(key))?.form, form, `${key}: form`);
        equal((await store.stat(key))?.size, text.length, `${key}: size`);
        const part = await whole(await store.getRange(key, 100, 200), key);
        equal(part, utf8(text.slice(100, 200)), `${key}: a part`);
      }
      for (const layout of layouts) {
        await store.put("k", text, { layout });
        same(await wrap("raw").get("k"), rows, JSON.stringify(layout));
      }
    }
  }),
  storeCase("a value that is replaced is read anew", async ({ open }) => {
    const [reader, writer] = [open(), open()];
    for (const layout of [{ frameSize: 4096 }, { mtu: 1500 }, "ramp"] as const) {
      for (const seed of [4, 5, 6]) {
        // Alike in all sizes.
        const data = noise(seed, 30_000);
        await writer.put("k", data, { layout });
        const part = await whole(await reader.getRange("k", 12_000, 13_000), JSON.stringify(layout));
        equal(part, data.slice(12_000, 13_000), `${JSON.stringify(layout)} ${seed}`);
      }
    }
  }),
  storeCase("requests are few, and a part is little", async ({ open }) => {
    let seen: string[] = [];
    let received = 0;
    const counting = async (input: string, init: RequestInit): Promise<Response> => {
      seen.push(new URL(input).pathname.split("/")[1] ?? "");
      const response = await fetch(input, init);
      const bytes = await response.arrayBuffer();
      received += bytes.byteLength;
      return new Response(bytes, { status: response.status, headers: response.headers });
    };
    const store = open({ fetch: counting });
    const count = async (work: () => Promise<unknown>): Promise<number> => {
      seen = [];
      received = 0;
      await work();
      return seen.length;
    };
    // Whether it runs scripts, and knows RESP2.
    await store.stat("k");
    equal(
      await count(() => store.put("k", noise(7, 900_000), { layout: { frameSize: 16_384 } })),
      1,
      "a put",
    );
    equal(await count(() => store.getBytes("k")), 1, "a get");
    const range = (): Promise<Uint8Array> =>
      store.getRange("k", 5000, 5100).then((part) => whole(part, "a part"));
    equal(await count(range), 2, "a part");
    equal(received < 80_000, true, `a part of 100 bytes in ${received}`);
    equal(await count(range), 1, "another part");
    equal(await count(() => store.put("absent", json, { ifAbsent: true })), 1, "a put for an absent key");
  }),
  storeCase(
    "a source that fails, and a signal: the error itself, and the old value",
    async ({ open, plain }) => {
      const failure = new Error("by intent");
      for (const options of [{}, { pieceSize: 2000 }]) {
        const store = open(options);
        await store.put("k", "old");
        let number = 0;
        const failing = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (number++ < 8) controller.enqueue(randomBytes(number, 3000));
            else controller.error(failure);
          },
        });
        equal(await rejection("a failing source", store.put("k", failing)), failure, "a failing source");
        const controller = new AbortController();
        const hanging = new ReadableStream<Uint8Array>({
          start: (out) => out.enqueue(randomBytes(9, 9000)),
          pull: () => controller.abort(failure),
        });
        const put = store.put("k", hanging, { signal: controller.signal });
        equal(await rejection("a signal", put), failure, "a signal");
        equal(await store.getText("k"), "old", "the old value");
        const get = store.get("k", { signal: controller.signal });
        equal(await rejection("a signal that was aborted", get), failure, "a signal that was aborted");
        // What may still arrive would end by itself.
        for (const key of await plain.keys("*:zstash:*")) {
          equal((await plain.ttl(key)) <= 60, true, "the rest of a temporary key");
        }
      }
    },
  ),
  storeCase("temporary keys are found and removed", async ({ open, plain }) => {
    const store = open();
    // A name that `temporaryKey` has made, and what an upload begins with.
    const key = "k:zstash:c9fbfa61a7e65487645ae83779010aab";
    const mark = "zstash upload, not complete\n";
    await plain.set(key, mark);
    await plain.set(`k:zstash:${"0123456789abcdef".repeat(2)}`, mark);
    const found: unknown[] = [];
    for await (const each of store.temporaryKeys()) found.push(each);
    same(found, [{ key, size: mark.length, ttl: -1, abandoned: true }], "what is found");
    equal(await store.removeTemporaryKeys([key]), 1, "removed");
    equal(await plain.dbsize(), 1, "keys that are left");
  }),
  storeCase(
    "damage and limits are errors with a code, mistakes are TypeErrors and RangeErrors",
    async (scene) => {
      const { open, stored } = scene;
      const store = open();
      await store.put("k", json);
      const frame = await stored("GET", "k");
      await scene.store("short", frame.slice(0, -10));
      const flipped = frame.slice();
      flipped[frame.length - 1]! ^= 1;
      await scene.store("flipped", flipped);
      await rejectsWith("TRUNCATED", "a frame that is cut off", store.getBytes("short"));
      await rejectsWith("CHECKSUM_MISMATCH", "another checksum", store.getBytes("flipped"));
      await rejectsWith("SIZE_LIMIT", "a large value", store.getBytes("k", { maxSize: 1000 }));
      await store.put("bytes", Uint8Array.of(0xff, 0xfe));
      await rejectsWith("NOT_TEXT", "no text", store.getText("bytes"));
      await rejectsWith("RECORD_LIMIT", "a limit", open({ maxRecordSize: 500 }).put("k", json));
      await isMisuse("TypeError", "a number", store.put("k", 7 as unknown as Source));
      await isMisuse("TypeError", "no key", store.get(undefined as unknown as string));
      await isMisuse("RangeError", "no time", store.put("k", "value", { ttl: 0 }));
      await isMisuse("RangeError", "a range that ends before it starts", store.getRange("k", 2, 1));
      await isMisuse(
        "TypeError",
        "two layouts",
        store.put("k", "", { layout: { mtu: 1500, frameSize: 100 } }),
      );
      equal(await store.getBytes("k"), json, "the value after all that");
    },
  ),
];
