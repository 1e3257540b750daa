/**
 * What comes back equals what went in, byte for byte and in length, whatever the parameters, sizes, content and framing.
 * `ZSTASH_LONG=1` runs a hundred times as many rounds.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { walkFrame } from "../../../src/format/frame.ts";
import { parseSeekTable } from "../../../src/format/seek-table.ts";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { seededRandom, type Random } from "../../support/random.ts";
import { chunksOf, concat, sourceOf, splitAtRandom, through } from "../../support/streams.ts";

const ROUNDS = process.env["ZSTASH_LONG"] === "1" ? 200_000 : 2_000;

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

const levels = [-7, -1, 1, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7, 9];
const slowLevels = [12, 15, 19, 22];

/** zstd's own ranges, but for tables and windows that would only cost time here. */
const ranges = {
  windowLog: [10, 18],
  hashLog: [6, 18],
  chainLog: [6, 18],
  searchLog: [1, 6],
  minMatch: [3, 7],
  targetLength: [0, 131_072],
  strategy: [1, 9],
} as const;

/** Each parameter in half of the rounds; the window in three of four, for it decides the sizes of blocks. */
function someParameters(random: Random): Record<string, number> {
  const parameters: Record<string, number> = {};
  for (const [name, [least, most]] of Object.entries(ranges)) {
    if (random.below(name === "windowLog" ? 4 : 2) !== 0)
      parameters[name] = least + random.below(most - least + 1);
  }
  // Small windows, where one block does not hold a frame.
  if (parameters["windowLog"] !== undefined && random.below(2) === 0)
    parameters["windowLog"] = 10 + random.below(3);
  return parameters;
}

/** Sizes near the numbers at which something changes: windows, blocks, fields of headers, the bound. */
function someSize(random: Random, near: readonly [bound: number, ...others: number[]]): number {
  const kind = random.below(20);
  if (kind === 0) return random.below(300);
  if (kind === 1) return random.logUniform(1, 400_000);
  if (kind < 6) return random.logUniform(1, 8000);
  // A last frame that is just full.
  if (kind < 11) return near[0]! - random.below(40);
  const base = near[random.below(near.length)]! * (1 + (random.below(3) === 0 ? random.below(4) : 0));
  return Math.max(0, base - 24 + random.below(48));
}

function someContent(random: Random, size: number): Uint8Array {
  const content = random.bytes(size);
  const kind = random.below(6);
  if (kind === 0) return new Uint8Array(size).fill(random.below(256));
  if (kind === 1) return content.map((byte) => 97 + (byte % 12));
  if (kind === 2) {
    const run = random.logUniform(1, 4000);
    for (let at = 0; at < size; at += 2 * run) content.fill(0, at, at + run);
  }
  if (kind === 3) for (let at = 300; at < size; at += 700) content.copyWithin(at, 0, 400);
  return content;
}

describe("what comes back is what went in", () => {
  test(
    "one frame, frames of fixed size, frames of bounded size",
    async () => {
      const random = seededRandom(16);
      for (let round = 0; round < ROUNDS; round++) {
        const some = random.below(40) === 0 ? slowLevels : levels;
        const level = some[random.below(some.length)]!;
        const parameters = someParameters(random);
        const settings = {
          level,
          ...(random.below(4) !== 0 && { parameters }),
          ...(random.below(3) === 0 && { checksum: random.below(2) === 0 }),
        };
        const bound = random.below(3) === 0 ? 64 + random.below(2000) : random.logUniform(64, 200_000);
        const window = 2 ** (parameters["windowLog"] ?? 17);
        const size = someSize(random, [bound, window, 256, 65_792, 131_072]);
        const content = someContent(random, size);
        const chunks = splitAtRandom(content, random);
        const seekTable = random.below(3) === 0;
        const where = `round ${round}: ${size} bytes, bound ${bound}, ${JSON.stringify(settings)}`;
        try {
          if (random.below(4) === 0) {
            const flush = ["ramp", "none", 1 + random.below(4000)][random.below(3)] as
              "ramp" | "none" | number;
            const declared = random.below(2) === 0 ? { contentSize: size } : {};
            const target = random.below(4) === 0 ? { targetCBlockSize: 1340 + random.below(4000) } : {};
            const options = { ...settings, ...declared, ...target, flush };
            const frame = await through(zstd.compressStream(options), chunks);
            expectBytes(zstd.decompress(frame), content);
            expectBytes(await through(zstd.decompressStream(), splitAtRandom(frame, random)), content);
            expectBytes(zstd.decompress(zstd.compress(content, settings)), content);
          }
          if (random.below(4) === 0) {
            const frameSize = Math.max(1, Math.ceil(size / (1 + random.below(30))));
            const made = await chunksOf(
              sourceOf(chunks).pipeThrough(zstd.compressStream({ ...settings, frameSize, seekTable })),
            );
            checkFrames(made, seekTable, content, (_, contentSize, isLast) => {
              if (!isLast) expect(contentSize).toBe(frameSize);
            });
          }
          const made = await chunksOf(
            sourceOf(chunks).pipeThrough(
              zstd.compressFrames({ ...settings, maxFrameSize: bound, seekTable }),
            ),
          );
          checkFrames(made, seekTable, content, (frame) => expect(frame.length).toBeLessThanOrEqual(bound));
        } catch (error) {
          throw new Error(where, { cause: error });
        }
      }
    },
    Math.max(120_000, ROUNDS * 60),
  );

  // A last frame that does not fit was tried again with more content than there was.
  test.each([
    [1374, 1390, 10],
    [1373, 1390, 10],
    [50 * 1375 + 1374, 1390, 10],
    [131_072, 131_100, 14],
  ])("%i bytes of noise in frames of %i with windowLog %i", async (size, maxFrameSize, windowLog) => {
    const random = seededRandom(size);
    for (let round = 0; round < 20; round++) {
      const content = random.bytes(size);
      const transform = zstd.compressFrames({ maxFrameSize, parameters: { windowLog }, seekTable: true });
      const frames = await chunksOf(sourceOf([content]).pipeThrough(transform));
      checkFrames(frames, true, content, (frame) => expect(frame.length).toBeLessThanOrEqual(maxFrameSize));
    }
  });

  test("a frame whose size field is longer than that of the frame before fits its bound all the same", async () => {
    // The first frame holds so much that compresses that few bytes are left of what decides the next one's header.
    const random = seededRandom(3);
    for (const maxFrameSize of [300, 66_000, 131_100]) {
      const content = concat([
        new Uint8Array(1 << 20),
        random.bytes(200),
        random.bytes(3 * maxFrameSize),
        random.bytes(100),
      ]);
      for (const checksum of [true, false]) {
        const transform = zstd.compressFrames({ maxFrameSize, checksum });
        const frames = await chunksOf(sourceOf(splitAtRandom(content, random)).pipeThrough(transform));
        checkFrames(frames, false, content, (frame) =>
          expect(frame.length).toBeLessThanOrEqual(maxFrameSize),
        );
      }
    }
  });
});

/** Each chunk is one frame that decodes alone and declares its size; all of them are the content. */
function checkFrames(
  made: readonly Uint8Array[],
  seekTable: boolean,
  content: Uint8Array,
  check: (frame: Uint8Array, contentSize: number, isLast: boolean) => void,
): void {
  const frames = seekTable ? made.slice(0, -1) : made;
  const contents = frames.map((frame, index) => {
    const { header, end } = walkFrame(frame, 0, 0);
    expect(end).toBe(frame.length);
    const part = zstd.decompress(frame);
    expect(header.contentSize).toBe(part.length);
    check(frame, part.length, index === frames.length - 1);
    return part;
  });
  expectBytes(concat(contents), content);
  if (!seekTable) return;
  const file = concat(made);
  const table = parseSeekTable(file, file.length)!;
  expect(table.size).toBe(content.length);
  expect(table.frameCount).toBe(frames.length);
}
