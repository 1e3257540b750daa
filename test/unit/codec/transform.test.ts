import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { createTransform } from "../../../src/codec/transform.ts";
import type { Emit, Transformer } from "../../../src/codec/transform.ts";
import { loadZstd, ZstashError } from "../../../src/index.ts";
import type { Zstd } from "../../../src/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom } from "../../support/random.ts";
import { chunksOf, concat, skippable, sourceOf, through } from "../../support/streams.ts";
import { turnsDuring } from "../../support/event-loop.ts";

const macrotask = (): Promise<void> => new Promise((resume) => setImmediate(resume));
const settle = async (rounds = 20): Promise<void> => {
  for (let round = 0; round < rounds; round++) await macrotask();
};
const byte = (value: number): Uint8Array<ArrayBuffer> => new Uint8Array([value]);

/** Emits each byte of its input as a chunk, and notes what happens to it. */
function recorder(): { transformer: Transformer; log: string[] } {
  const log: string[] = [];
  const each = async (chunk: Uint8Array, emit: Emit): Promise<void> => {
    for (const value of chunk) {
      if (value === 255) throw new Error("255");
      await emit(byte(value));
      log.push(`emitted ${value}`);
    }
  };
  const transformer: Transformer = {
    write: each,
    async close(emit) {
      await each(byte(100), emit);
      log.push("close");
    },
    release: () => log.push("release"),
  };
  return { transformer, log };
}

describe("createTransform", () => {
  test("a chunk's output waits for the reader, one chunk at a time", async () => {
    const { transformer, log } = recorder();
    const { readable, writable } = createTransform(transformer);
    const writer = writable.getWriter();
    const written = writer.write(new Uint8Array([1, 2, 3, 4, 5]));
    await settle();
    expect(log).toEqual([]);
    const reader = readable.getReader();
    expect((await reader.read()).value).toEqual(byte(1));
    await settle();
    expect(log).toEqual(["emitted 1"]);
    for (const value of [2, 3, 4, 5]) expect((await reader.read()).value).toEqual(byte(value));
    await written;
    const closed = writer.close();
    expect((await reader.read()).value).toEqual(byte(100));
    await closed;
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(log.slice(-3)).toEqual(["emitted 100", "close", "release"]);
  });

  test("an error in the work reaches both sides, after the release", async () => {
    const { transformer, log } = recorder();
    const { readable, writable } = createTransform(transformer);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const read = reader.read();
    await expect(writer.write(byte(255))).rejects.toThrow("255");
    await expect(read).rejects.toThrow("255");
    await expect(writer.closed).rejects.toThrow("255");
    await expect(writer.write(byte(1))).rejects.toThrow("255");
    expect(log).toEqual(["release"]);
  });

  test("cancel while a write waits for the reader", async () => {
    const { transformer, log } = recorder();
    const { readable, writable } = createTransform(transformer);
    const writer = writable.getWriter();
    const reason = new Error("seen enough");
    const written = writer.write(new Uint8Array([1, 2, 3]));
    await settle();
    await readable.cancel(reason);
    await expect(written).rejects.toBe(reason);
    await expect(writer.closed).rejects.toBe(reason);
    await expect(writer.write(byte(9))).rejects.toBe(reason);
    expect(log).toEqual(["release"]);
  });

  test("cancel without a reason, before anything is written", async () => {
    const { transformer, log } = recorder();
    const { readable, writable } = createTransform(transformer);
    await readable.cancel();
    const error = await writable
      .getWriter()
      .write(byte(1))
      .then(
        () => "written",
        () => "refused",
      );
    expect(error).toBe("refused");
    expect(log).toEqual(["release"]);
  });

  test("abort while a write waits for the reader", async () => {
    const { transformer, log } = recorder();
    const { readable, writable } = createTransform(transformer);
    const writer = writable.getWriter();
    const reason = new Error("the upload stopped");
    const written = writer.write(new Uint8Array([1, 2, 3]));
    const reader = readable.getReader();
    await settle();
    await writer.abort(reason);
    await expect(written).rejects.toBe(reason);
    await expect(reader.read()).rejects.toBe(reason);
    expect(log.filter((entry) => entry === "release")).toEqual(["release"]);
  });

  test("abort while the work waits for something else than the reader", async () => {
    const log: string[] = [];
    let grant = (): void => {};
    const { readable, writable } = createTransform({
      write: () => new Promise((resolve) => (grant = resolve)),
      close: () => Promise.resolve(),
      release: () => log.push("release"),
    });
    const writer = writable.getWriter();
    const read = readable.getReader().read();
    const written = writer.write(byte(1));
    await settle();
    const aborted = writer.abort("stop");
    // The reader hears of it, and what is held is free, while the work still waits.
    await expect(read).rejects.toBe("stop");
    expect(log).toEqual(["release"]);
    grant();
    await aborted;
    await Promise.allSettled([written]);
    expect(log).toEqual(["release"]);
  });

  test("a reader that leaves early and another that goes on lose nothing", async () => {
    const { transformer } = recorder();
    const { readable, writable } = createTransform(transformer);
    const writer = writable.getWriter();
    const written = writer.write(new Uint8Array([1, 2, 3])).then(() => writer.close());
    const first = readable.getReader();
    expect((await first.read()).value).toEqual(byte(1));
    first.releaseLock();
    expect(concat(await chunksOf(readable))).toEqual(new Uint8Array([2, 3, 100]));
    await written;
  });
});

/** A gigabyte of zeros in about 34 KB: blocks that repeat one byte. */
function bomb(size: number): Uint8Array {
  const blocks = size / 131_072;
  const frame = new Uint8Array(6 + blocks * 4);
  // No content size, a window of 8 MiB.
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, (23 - 10) << 3]);
  for (let block = 0; block < blocks; block++) {
    const header = (131_072 << 3) | (1 << 1) | (block === blocks - 1 ? 1 : 0);
    frame.set([header & 255, (header >> 8) & 255, header >> 16, 0], 6 + block * 4);
  }
  return frame;
}

describe("backpressure", () => {
  test("a bomb makes no more than its reader asks for", async () => {
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    const frame = bomb(1 << 30);
    expect(frame.length).toBeLessThan(100_000);
    let produced = 0;
    const { readable, writable } = zstd.decompressStream();
    const counting = readable.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          produced += 1;
          controller.enqueue(chunk);
        },
      }),
    );
    const reader = counting.getReader();
    const writer = writable.getWriter();
    const written = writer.write(frame);
    for (let chunk = 0; chunk < 3; chunk++) expect((await reader.read()).value!.length).toBeGreaterThan(0);
    await settle(50);
    expect(produced).toBeLessThanOrEqual(6);
    expect(zstd.stats().memory).toBeLessThan(16 << 20);
    await reader.cancel("enough");
    await expect(written).rejects.toBe("enough");
    expect(zstd.stats().live).toBe(0);
  });

  test("a bomb of a gigabyte is decoded in bounded memory by whoever wants it all", async () => {
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    const reader = sourceOf([bomb(1 << 30)])
      .pipeThrough(zstd.decompressStream())
      .getReader();
    let size = 0;
    let peak = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      peak = Math.max(peak, zstd.stats().memory);
    }
    expect(size).toBe(1 << 30);
    expect(peak).toBeLessThan(12 << 20);
  });
});

describe("the event loop", () => {
  test("turns while a pipeline of 256 MiB runs in memory", async () => {
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    const chunk = concat([createRandom(1).bytes(500_000), new Uint8Array(500_000)]);
    let ticks = 0;
    const interval = setInterval(() => (ticks += 1), 1);
    let size = 0;
    const turns = await turnsDuring(async () => {
      const chunks = Array.from({ length: 256 }, () => chunk);
      const stored = sourceOf(chunks).pipeThrough(zstd.compressStream());
      const reader = stored.pipeThrough(zstd.decompressStream()).getReader();
      for (let done = false; !done;) {
        const result = await reader.read();
        done = result.done;
        size += result.value?.length ?? 0;
      }
    });
    clearInterval(interval);
    expect(size).toBe(256_000_000);
    // Both directions account for all bytes: at least a turn for every MiB.
    expect(turns).toBeGreaterThan(256);
    expect(ticks).toBeGreaterThan(10);
  });

  test.each(["compressStream", "decompressStream"] as const)(
    "turns while %s is fed many chunks of one byte",
    async (direction) => {
      const zstd = await loadZstd({ memoryLimit: 64 << 20 });
      const data = createRandom(2).bytes(50_000);
      const input = direction === "compressStream" ? data : zstd.compress(data);
      const chunks = Array.from(input, byte);
      const turns = await turnsDuring(() => through(zstd[direction](), chunks));
      expect(turns).toBeGreaterThan(50);
    },
  );

  test("turns while one chunk holds many empty frames", async () => {
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    const some = Array.from({ length: 200_000 }, () => skippable(new Uint8Array(0)));
    const frame = zstd.compress(new Uint8Array(0));
    const empty = Array.from({ length: 1_000_000 }, () => frame);
    for (const frames of [some, empty]) {
      const turns = await turnsDuring(() => through(zstd.decompressStream(), [concat(frames)]));
      expect(turns).toBeGreaterThan(25);
    }
  });

  test("turns while a skippable frame is passed over in chunks of one byte", async () => {
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    const chunks = Array.from(skippable(new Uint8Array(50_000)), byte);
    const turns = await turnsDuring(() => through(zstd.decompressStream(), chunks));
    expect(turns).toBeGreaterThan(50);
  });
});

test("a chunk of many small frames is copied a few times, and not 64 KiB for each", async () => {
  const zstd = await loadZstd({ memoryLimit: 64 << 20 });
  const frame = zstd.compress(new Uint8Array(0));
  const input = concat(Array.from({ length: 20_000 }, () => frame));
  let copied = 0;
  const { set } = Uint8Array.prototype;
  const spy = vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (
    this: Uint8Array,
    source,
    at,
  ) {
    copied += source.length;
    set.call(this, source, at);
  });
  try {
    await through(zstd.decompressStream(), [input]);
  } finally {
    spy.mockRestore();
  }
  expect(copied).toBeGreaterThanOrEqual(input.length);
  expect(copied).toBeLessThan(20_000 * 2048);
});

describe("contexts go back", () => {
  const data = createRandom(3).bytes(5000);
  const endings: Record<string, (zstd: Zstd) => Promise<unknown>> = {
    async "cancel in the middle"(zstd) {
      const { readable, writable } = zstd.compressStream({ flush: 100 });
      const reader = readable.getReader();
      const written = writable.getWriter().write(data);
      await reader.read();
      await reader.cancel("enough");
      return Promise.allSettled([written]);
    },
    async "abort in the middle"(zstd) {
      const { readable, writable } = zstd.compressStream({ flush: 100 });
      const reader = readable.getReader();
      const writer = writable.getWriter();
      const written = writer.write(data);
      await reader.read();
      const read = reader.read().then(() => reader.read());
      return Promise.allSettled([writer.abort("stop"), written, read]);
    },
    async "corrupt in the middle"(zstd) {
      const frame = zstd.compress(data).slice();
      frame[frame.length - 1]! ^= 1;
      return Promise.allSettled([through(zstd.decompressStream(), [frame])]);
    },
    async "a failing destination"(zstd) {
      const full = new WritableStream<Uint8Array>({
        write: () => Promise.reject(new Error("the disk is full")),
      });
      const stream = sourceOf([data, data, data]).pipeThrough(zstd.compressStream({ flush: 100 }));
      return Promise.allSettled([stream.pipeTo(full)]);
    },
    async "a signal"(zstd) {
      const controller = new AbortController();
      const endless = new ReadableStream<Uint8Array>({ pull: (source) => source.enqueue(data) });
      const stream = endless.pipeThrough(zstd.compressStream());
      const done = stream.pipeTo(
        new WritableStream({
          write() {
            controller.abort();
          },
        }),
        { signal: controller.signal },
      );
      return Promise.allSettled([done]);
    },
    async "a for await that breaks"(zstd) {
      const stream = sourceOf([zstd.compress(data)]).pipeThrough(zstd.decompressStream());
      for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) if (chunk.length > 0) break;
    },
    async "all three layers of a pipeline"(zstd) {
      const stream = sourceOf([zstd.compress(data)])
        .pipeThrough(zstd.decompressStream())
        .pipeThrough(zstd.compressStream({ flush: 50 }))
        .pipeThrough(zstd.decompressStream());
      const reader = stream.getReader();
      await reader.read();
      await reader.cancel();
    },
  };

  /** Three instances, each of which has had its turn in either direction. */
  const warm = async (zstd: Zstd): Promise<void> => {
    const three = (
      make: () => TransformStream<Uint8Array, Uint8Array>,
      input: Uint8Array,
    ): Promise<unknown> =>
      Promise.all([1, 2, 3].map(() => through(make(), [input.subarray(0, 1500), input.subarray(1500)])));
    await three(() => zstd.compressStream({ flush: 50 }), data);
    await three(() => zstd.decompressStream(), zstd.compress(data));
  };

  test.each(Object.entries(endings))("%s: 300 times, live 0 and linear memory flat", async (_name, end) => {
    const zstd = await loadZstd({ memoryLimit: 16 << 20 });
    await warm(zstd);
    await end(zstd);
    await settle();
    const before = zstd.stats();
    for (let round = 0; round < 300; round++) await end(zstd);
    await settle();
    expect(zstd.stats()).toEqual({ ...before, live: 0, waiters: 0 });
    expectBytes(zstd.decompress(await through(zstd.compressStream(), [data])), data);
  });

  test("2,000 aborted streams and 10,000 cycles of one-shot leave linear memory flat", async () => {
    const zstd = await loadZstd({ memoryLimit: 16 << 20 });
    const all = Object.values(endings);
    const bad = zstd.compress(data).slice();
    bad[100]! ^= 255;
    const cycle = (): void => {
      expectBytes(zstd.decompress(zstd.compress(data)), data);
      expect(() => zstd.decompress(bad)).toThrow(ZstashError);
    };
    await warm(zstd);
    for (const end of all) await end(zstd);
    cycle();
    await settle();
    const before = zstd.stats();
    for (let round = 0; round < 2000; round++) await all[round % all.length]!(zstd);
    for (let round = 0; round < 10_000; round++) cycle();
    await settle();
    expect(zstd.stats()).toEqual({ ...before, live: 0, waiters: 0 });
  });

  test("abandoned streams are reclaimed", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const zstd = await loadZstd({ memoryLimit: 64 << 20 });
    /** Held until they are counted: a collection of the engine's own may come at any time. */
    const held: unknown[] = [];
    const open = async (): Promise<void> => {
      const { readable, writable } = zstd.compressStream({ flush: 100 });
      const writer = writable.getWriter();
      void writer.write(data);
      const reader = readable.getReader();
      await reader.read();
      const { readable: other, writable: input } = zstd.decompressStream();
      const inputWriter = input.getWriter();
      void inputWriter.write(zstd.compress(data).subarray(0, 4000));
      held.push([readable, writer, reader, other, inputWriter]);
    };
    for (let stream = 0; stream < 10; stream++) await open();
    while (zstd.stats().live < 20) await settle(5);
    expect(held).toHaveLength(10);
    expect(zstd.stats().live).toBe(20);
    held.length = 0;
    // Callbacks come some turns after a collection, and on a busy machine late.
    for (let round = 0; round < 2000 && zstd.stats().live > 0; round++) {
      collect();
      await settle(5);
    }
    expect(zstd.stats().live).toBe(0);
    expectBytes(zstd.decompress(await through(zstd.compressStream(), [data])), data);
  });
});
