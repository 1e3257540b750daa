/** Frames of bounded size: the bound holds on any content, and each frame decodes alone. */
import { littleEndian } from "./build-frame.ts";
import type { Case, Context } from "./case.ts";
import { decodersOf, equal, fail, misuse } from "./case.ts";
import { concat, jsonBytes, randomBytes } from "./data.ts";
import { bytewise, pipe } from "./pipe.ts";
import type { CompressFramesOptions } from "../../src/index.ts";

/** The least bound, a small one, and what a segment on Ethernet leaves. */
const bounds = [64, 256, 1340];

/** Noise and zeros by turns: an estimate from the frame before is wrong as often as it can be. */
function alternating(seed: number, length: number): Uint8Array {
  const bytes = randomBytes(seed, length);
  for (let at = 0; at < length; at += 2 * 700) bytes.fill(0, at, at + 700);
  return bytes;
}

const contents: readonly (readonly [string, (length: number) => Uint8Array])[] = [
  ["JSON", (length) => jsonBytes(11, length)],
  ["random", (length) => randomBytes(12, length)],
  ["zeros", (length) => new Uint8Array(length)],
  ["alternating", (length) => alternating(13, length)],
  ["empty", () => new Uint8Array(0)],
];

/** Where the frame that `bytes` begins with ends (RFC 8878 §3.1.1), from its block headers. */
function frameEnd({ readFrameHeader }: Context, bytes: Uint8Array): number {
  const { headerSize, checksum } = readFrameHeader(bytes);
  for (let at = headerSize; at + 3 <= bytes.length;) {
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const isRle = ((header >> 1) & 3) === 1;
    at += 3 + (isRle ? 1 : header >> 3);
    if ((header & 1) === 1) return at + (checksum ? 4 : 0);
  }
  return fail(`a frame of ${bytes.length} bytes has no last block`);
}

/** Every chunk one whole frame within the bound that decodes alone; all of them together `data`. */
function judge(
  context: Context,
  chunks: readonly Uint8Array[],
  data: Uint8Array,
  bound: number,
  about: string,
): void {
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.length > bound) fail(`${about}: frame ${index} has ${chunk.length} bytes`);
    equal(frameEnd(context, chunk), chunk.length, `${about}: the end of frame ${index}`);
  }
  for (const [name, decoder] of decodersOf(context)) {
    const parts = chunks.map((chunk) => decoder.decompress(chunk));
    equal(concat(parts), data, `${name}, ${about}, frame by frame`);
    for (const [index, { length }] of parts.entries()) {
      const { contentSize } = context.readFrameHeader(chunks[index]!);
      equal(contentSize, length, `${name}, ${about}: the size that frame ${index} declares`);
    }
    equal(decoder.decompress(concat(chunks)), data, `${name}, ${about}, as a whole`);
  }
}

/** The chunks that come out; throws the stream's error. */
async function cut(
  { zstd }: Context,
  options: CompressFramesOptions,
  input: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const { chunks, error } = await pipe(zstd.compressFrames(options), input);
  if (error !== undefined) throw error;
  return chunks;
}

const bounded: Case[] = bounds.flatMap((maxFrameSize) =>
  contents.map(([kind, make]) => ({
    name: `bounded frames: of ${maxFrameSize} bytes, ${kind}`,
    async run(context) {
      const once = make(40_000);
      const chunks = await cut(context, { maxFrameSize }, [once]);
      judge(context, chunks, once, maxFrameSize, "in one chunk");
      // A header, a block header and a checksum take 20 bytes at most: no more frames than without any compression.
      const most = Math.ceil(once.length / (maxFrameSize - 20)) + 1;
      if (chunks.length === 0 || chunks.length > most) fail(`${chunks.length} frames, at most ${most}`);
      const slow = make(5000);
      judge(context, await cut(context, { maxFrameSize }, bytewise(slow)), slow, maxFrameSize, "in bytes");
    },
  })),
);

const others: Case[] = [
  {
    name: "bounded frames: few and full where content compresses",
    async run(context) {
      const data = jsonBytes(14, 60_000);
      const chunks = await cut(context, { maxFrameSize: 1340 }, [data]);
      const stored = concat(chunks).length;
      if (stored * 2 > data.length) fail(`${data.length} bytes became ${stored}`);
      if (stored < 0.7 * 1340 * (chunks.length - 1)) fail(`${chunks.length} frames hold ${stored} bytes`);
    },
  },
  {
    name: "bounded frames: what fits a segment of the network",
    async run(context) {
      const data = jsonBytes(15, 50_000);
      for (const mtu of [576, 1280, 1500, 9000]) {
        const maxFrameSize = context.segmentSize({ mtu });
        if (maxFrameSize < 64 || maxFrameSize >= mtu) fail(`${maxFrameSize} bytes of ${mtu}`);
        const chunks = await cut(context, { maxFrameSize }, [data]);
        judge(context, chunks, data, maxFrameSize, `an MTU of ${mtu}`);
      }
    },
  },
  {
    name: "bounded frames: levels and no checksum hold the bound",
    needs: ["levels"],
    async run(context) {
      const data = concat(jsonBytes(16, 6000), randomBytes(17, 6000), new Uint8Array(6000));
      for (const level of [-7, 1, 5, 9]) {
        for (const checksum of [true, false]) {
          const chunks = await cut(context, { maxFrameSize: 300, level, checksum }, [data]);
          judge(context, chunks, data, 300, `level ${level}, checksum ${checksum}`);
          for (const chunk of chunks.slice(0, 5)) {
            equal(context.readFrameHeader(chunk).checksum, checksum, `level ${level}, the checksum`);
          }
        }
      }
    },
  },
  {
    name: "bounded frames: output before the last input",
    async run({ zstd }) {
      for (const maxFrameSize of bounds) {
        const { readable, writable } = zstd.compressFrames({ maxFrameSize });
        const writer = writable.getWriter();
        const reader = readable.getReader();
        let first = 0;
        const read = reader.read().then(({ value }) => (first = value?.length ?? 0));
        let early = true;
        const written = writer
          .write(randomBytes(18, 4000))
          .then(() => new Promise((resume) => setTimeout(resume, 1)))
          .then(() => {
            if (first > 0) return;
            // All is taken and nothing came of it: the end is told, so that the case fails and does not wait.
            early = false;
            return writer.close();
          })
          .catch(() => {});
        await read;
        if (!early || first === 0) fail(`${maxFrameSize}: nothing came out before the end`);
        await reader.cancel();
        await written;
      }
      equal(zstd.decompress(zstd.compress("afterwards")).length, 10, "the next call works");
    },
  },
  {
    name: "bounded frames: with a seek table as their last chunk",
    async run(context) {
      for (const [kind, make] of contents) {
        const data = make(20_000);
        for (const maxFrameSize of bounds) {
          const chunks = await cut(context, { maxFrameSize, seekTable: true }, [data]);
          const frames = chunks.slice(0, -1);
          const about = `${kind}, ${maxFrameSize}`;
          judge(context, frames, data, maxFrameSize, about);
          const entries = frames.map((chunk) => {
            const contentSize = context.zstd.decompress(chunk).length;
            return concat(littleEndian(chunk.length, 4), littleEndian(contentSize, 4));
          });
          const footer = concat(littleEndian(frames.length, 4), [Uint8Array.of(0)], MAGIC_AT_THE_END);
          const payload = concat(entries, footer);
          const table = concat(littleEndian(0x184d2a5e, 4), littleEndian(payload.length, 4), payload);
          equal(chunks.at(-1), table, `${about}, the table`);
          for (const [name, decoder] of decodersOf(context)) {
            equal(decoder.decompress(concat(chunks)), data, `${name}, ${about}, with the table`);
          }
        }
      }
    },
  },
  {
    name: "bounded frames: wrong options are refused and named",
    run({ zstd }) {
      const make = (options: unknown) => () => zstd.compressFrames(options as CompressFramesOptions);
      for (const maxFrameSize of [63, 0, -1, 64.5, NaN, Infinity, 2 ** 32]) {
        misuse("RangeError", "maxFrameSize", `${maxFrameSize}`, make({ maxFrameSize }));
      }
      for (const maxFrameSize of [undefined, null, "64", 64n]) {
        misuse("TypeError", "maxFrameSize", typeof maxFrameSize, make({ maxFrameSize }));
      }
      for (const seekTable of [1, "true", null]) {
        misuse("TypeError", "seekTable", String(seekTable), make({ maxFrameSize: 64, seekTable }));
      }
      misuse("TypeError", "maxFrameSize", "no options", make(undefined));
    },
  },
];

/** Seekable_Magic_Number. */
const MAGIC_AT_THE_END = littleEndian(0x8f92eab1, 4);

export const boundedFrames: readonly Case[] = [...bounded, ...others];
