/**
 * Decodes frames as they arrive, on instances without a pool and without dictionaries: `decompressStream` for a page,
 * in a third of its code size.
 */
import { concatenate } from "../bytes.ts";
import { LoneDecompression } from "../engine/lone-decompression.ts";
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { readFrameHeaderIfWhole, type FrameHeader } from "../format/frame.ts";
import { macrotask } from "../timers.ts";
import type { CompiledModule } from "./module.ts";
import type { ByteGenerator } from "./pull-stream.ts";

/** Limits of decoding. */
export interface LoneLimits {
  /** The most bytes of content. */
  readonly maxSize: number;
  /** log2 of the largest window. */
  readonly maxWindowLog: number;
}

/** Bytes of input and output after which the page may draw: about 3 ms. */
const TURN = 1 << 20;
/** A larger instance is not kept for the next stream, because linear memory never shrinks. */
const KEPT_SIZE = 4 << 20;
/** Input of a frame's first step, in bytes, where the frame before took less: what it does not need is copied in vain. */
const FIRST_STEP = 1024;

/** Decodes streams of frames with one module; keeps an instance for the next stream. */
export class LoneDecoder {
  readonly #module: CompiledModule;
  #idle: LoneDecompression | undefined;

  /** Throws the error of WebAssembly if a module may not run. */
  constructor(module: CompiledModule) {
    this.#module = module;
    this.#idle = new LoneDecompression(module);
  }

  /**
   * Decodes frames and skippable frames in any order.
   *
   * @param onFrame Called with each frame's header before its content comes.
   * @throws {ZstashError} NOT_ZSTD, TRUNCATED, CORRUPT, CHECKSUM_MISMATCH, SIZE_LIMIT, WINDOW_LIMIT, DICTIONARY_UNKNOWN,
   * OUT_OF_MEMORY
   */
  async *decode(
    chunks: AsyncIterable<Uint8Array>,
    limits: LoneLimits,
    onFrame: (header: FrameHeader) => void,
  ): ByteGenerator {
    const context = this.#idle ?? new LoneDecompression(this.#module);
    this.#idle = undefined;
    let isWhole = true;
    try {
      context.begin(limits.maxWindowLog);
      yield* decodeFrames(context, chunks, { ...limits, onFrame });
    } catch (error) {
      isWhole = !(error instanceof ZstashError && error.code === "INTERNAL");
      throw error;
    } finally {
      if (isWhole && context.memorySize <= KEPT_SIZE) this.#idle = context;
    }
  }
}

interface Frames extends LoneLimits {
  readonly onFrame: (header: FrameHeader) => void;
}

async function* decodeFrames(
  context: LoneDecompression,
  chunks: AsyncIterable<Uint8Array>,
  { maxSize, maxWindowLog, onFrame }: Frames,
): ByteGenerator {
  let rest: Uint8Array = new Uint8Array(0);
  /** The current frame: its number, its offset, and whether the engine is inside it. */
  let frame = 0;
  let start = 0;
  let inside = false;
  /** Bytes of a skippable frame that have not arrived yet. */
  let skipped = 0;
  let offset = 0;
  /** Bytes of content so far, and the number that the end of the frame must reach. */
  let size = 0;
  let end: number | undefined;
  /** The most input of the next step. */
  let most = Infinity;
  let spent = 0;

  const fault = (code: ZstashErrorCode, reason: string, more?: { readonly dictionaryId: number }) =>
    new ZstashError(code, `Cannot decompress: ${reason}`, { frame, offset: start, ...more });
  const take = (count: number): void => {
    offset += count;
    rest = rest.subarray(count);
  };
  /** The header of the next frame; undefined if more bytes are needed. */
  const header = (): FrameHeader | undefined => {
    try {
      return readFrameHeaderIfWhole(rest, 0, frame);
    } catch (error) {
      throw error instanceof ZstashError ? error.with({ offset: start }) : error;
    }
  };
  const begin = ({ windowSize, dictionaryId, contentSize }: FrameHeader): void => {
    if (dictionaryId !== 0)
      throw fault("DICTIONARY_UNKNOWN", `frame ${frame} needs dictionary ${dictionaryId}`, { dictionaryId });
    if (windowSize > 2 ** maxWindowLog)
      throw fault(
        "WINDOW_LIMIT",
        `frame ${frame} needs a window of ${windowSize} bytes, over 2^${maxWindowLog}`,
      );
    if (contentSize !== undefined && contentSize > maxSize - size) throw tooLarge();
    end = contentSize === undefined ? undefined : size + contentSize;
  };
  const finish = (): void => {
    // libzstd's streaming decoder does not check this if the last block is empty.
    if (end !== undefined && end !== size)
      throw fault("CORRUPT", `frame ${frame} does not hold as many bytes as its header claims`);
    inside = false;
    frame += 1;
    most = Math.max(FIRST_STEP, 2 * (offset - start));
  };
  const tooLarge = (): ZstashError =>
    fault("SIZE_LIMIT", `the content is larger than the limit of ${maxSize} bytes`);

  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : concatenate([rest, chunk]);
    for (let isFull = false; rest.length > 0 || isFull;) {
      if (skipped > 0) {
        const count = Math.min(skipped, rest.length);
        skipped -= count;
        take(count);
      } else if (inside) {
        let step;
        try {
          step = context.step(rest.subarray(0, most));
        } catch (error) {
          throw error instanceof ZstashError ? error.with({ frame, offset: start }) : error;
        }
        const { consumed, output, full, remaining } = step;
        take(consumed);
        most = Infinity;
        size += output.length;
        if (size > maxSize) throw tooLarge();
        isFull = full && remaining > 0;
        if (output.length > 0) yield output;
        spent += consumed + output.length + 256;
        if (remaining === 0) finish();
      } else {
        start = offset;
        const next = header();
        if (next === undefined) break;
        if (next.type === "frame") {
          begin(next);
          inside = true;
        } else {
          skipped = next.headerSize + next.contentSize!;
          frame += 1;
        }
        onFrame(next);
        spent += 1024;
      }
      if (spent < TURN) continue;
      spent = 0;
      await macrotask();
    }
  }
  if (rest.length === 0 && frame > 0 && !inside && skipped === 0) return;
  throw fault("TRUNCATED", `the input ends inside frame ${skipped > 0 ? frame - 1 : frame}`).with({ offset });
}
