import { describe, expect, test } from "vitest";
import { loadModule } from "../../../src/adapters/full/inline.ts";
import { createFrameStream } from "../../../src/codec/bounded-frames.ts";
import { createCompressStream } from "../../../src/codec/compress-stream.ts";
import { costFactor, Pace } from "../../../src/codec/pace.ts";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createEngine } from "../../../src/engine/wasm.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { ZstashError } from "../../../src/errors.ts";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { createRandom } from "../../support/random.ts";
import { chunksOf, concat, sourceOf } from "../../support/streams.ts";
import { expectBytes } from "../../support/expect-bytes.ts";

const zstd = await loadZstd();
const engine = await createEngine(loadModule)({ memoryLimit: 256 << 20, waitTimeout: 30_000, beats: false });
const noise = createRandom(14).bytes(4 << 20);
/** Half noise, half zeros: frames of many blocks. */
const content = noise.map((byte, index) => (index & 1024 ? 0 : byte));

/** An engine that notes how much it is given at once, and how much from one turn of the event loop to the next. */
function watched(level: number): { engine: Engine; most: { call: number; turn: number } } {
  const most = { call: 0, turn: 0 };
  let turn = 0;
  const note = (size: number): void => {
    most.call = Math.max(most.call, size);
    if (turn === 0) setImmediate(() => (turn = 0));
    turn += size * costFactor(level);
    most.turn = Math.max(most.turn, turn);
  };
  return {
    most,
    engine: {
      ...engine,
      compress(source, settings) {
        note(source.length);
        return engine.compress(source, settings);
      },
      async openCompression(settings, signal) {
        const context = await engine.openCompression(settings, signal);
        return {
          release: () => context.release(),
          step(input, directive) {
            const step = context.step(input, directive);
            note(step.consumed);
            return step;
          },
        };
      },
    },
  };
}

describe("no frame holds the event loop for long, however large it is", () => {
  // Content of one call and of one turn, in MiB at level 1 speed: 4 ms each at 250 MB/s.
  test.each([
    [1, 2, 4],
    [3, 1, 4],
    [9, 0.25, 4],
    [19, 0.125, 20],
  ])("level %i", async (level, atOnce, inTurn) => {
    const size = level === 19 ? 1 << 20 : 4 << 20;
    const data = content.subarray(0, size);
    const makers = [
      (engine: Engine) => createCompressStream(engine, new Pace(), { level, frameSize: 16 << 20 }),
      (engine: Engine) => createCompressStream(engine, new Pace(), { level, frameSize: size >> 1 }),
      (engine: Engine) => createFrameStream(engine, new Pace(), { level, maxFrameSize: 600_000 }),
      (engine: Engine) => createFrameStream(engine, new Pace(), { level, maxFrameSize: 256 << 10 }),
    ];
    for (const make of makers) {
      const { engine, most } = watched(level);
      const frames = await chunksOf(sourceOf([data]).pipeThrough(make(engine)));
      expect(most.call).toBeLessThanOrEqual(atOnce * 2 ** 20);
      expect(most.turn).toBeLessThanOrEqual(inTurn * 2 ** 20);
      const parts = frames.map((frame) => {
        const part = zstd.decompress(frame);
        expect(readFrameHeader(frame)).toMatchObject({ contentSize: part.length, checksum: true });
        return part;
      });
      expectBytes(concat(parts), data);
    }
    expect(engine.stats()).toMatchObject({ live: 0, waiters: 0 });
  });
});

test("a stream that is cancelled while a large frame is made gives its context back", async () => {
  for (const wait of [0, 1, 5, 20]) {
    const { readable, writable } = createCompressStream(engine, new Pace(), {
      level: 9,
      frameSize: 16 << 20,
    });
    const writer = writable.getWriter();
    writer.write(content).catch(() => undefined);
    writer.close().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, wait));
    await readable.cancel("enough");
    await expect(writer.closed).rejects.toBe("enough");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(engine.stats()).toMatchObject({ live: 0, waiters: 0 });
  }
});

test("large frames wait for no stream that somebody paces", async () => {
  const small = await loadZstd({ memoryLimit: 8 << 20, waitTimeout: 100 });
  const held = Array.from({ length: 8 }, () => {
    const { readable, writable } = small.compressStream();
    writable
      .getWriter()
      .write(noise.subarray(0, 300_000))
      .catch(() => undefined);
    return readable;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(small.stats().live).toBeGreaterThan(0);
  const frames = await chunksOf(
    sourceOf([content]).pipeThrough(small.compressStream({ frameSize: 3 << 20 })),
  );
  expectBytes(concat(frames.map((frame) => small.decompress(frame))), content);
  // Those that waited in vain have failed by now on a busy machine.
  await Promise.allSettled(held.map((readable) => readable.cancel()));
});

test("an engine without streams makes large frames at once", async () => {
  const without: Engine = {
    ...engine,
    openCompression: () =>
      Promise.reject(new ZstashError("UNSUPPORTED", "Cannot stream: this engine does not")),
  };
  const stream = createCompressStream(without, new Pace(), { frameSize: 16 << 20 });
  const [frame] = await chunksOf(sourceOf([content]).pipeThrough(stream));
  expectBytes(zstd.decompress(frame!), content);
});

test.each([1, 5])(
  "a frame of 3 MiB is the same however its content is divided, at level %i",
  async (level) => {
    const make = async (size: number): Promise<ReturnType<typeof concat>> => {
      const stream = zstd.compressStream({ level, frameSize: 3 << 20 });
      return concat(await chunksOf(sourceOf(divided(content, size)).pipeThrough(stream)));
    };
    const whole = await make(content.length);
    for (const size of [65_536, 999_999, 1 << 20, 2 << 20]) expectBytes(await make(size), whole);
    expectBytes(zstd.decompress(whole), content);
    expect(readFrameHeader(whole).contentSize).toBe(3 << 20);
  },
);

/** Bytes in chunks of `size`. */
function divided(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
