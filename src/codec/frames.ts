import type { Engine } from "../engine/engine.ts";
import { SeekTableWriter } from "../format/seek-table.ts";
import { FrameCutter, MAX_FRAME_SIZE_MIN, type CutFrame } from "./frame-cutter.ts";
import { costFactor, type Pace } from "./pace.ts";
import { requireBoolean, requireInteger } from "../check.ts";
import { compressNames, readCompressOptions, type CompressOptions } from "./parameters.ts";
import { createTransform, type Emit, type Transformer } from "./transform.ts";

/** Options of `compressFrames`. */
export interface CompressFramesOptions extends CompressOptions {
  /** The most bytes a frame may have, compressed, header and checksum included: a hard bound on any input. At least 64. */
  readonly maxFrameSize: number;
  /**
   * End with a seek table (Zstandard Seekable Format 0.1.0). Default false. It is the last chunk, and the only one
   * that may pass the bound: a skippable frame of 17 bytes and 8 more for every frame before it.
   */
  readonly seekTable?: boolean;
}

const compressFramesNames: readonly string[] = [...compressNames, "maxFrameSize", "seekTable"];

/** Makes a stream whose every chunk is one whole frame of at most `maxFrameSize` bytes. */
export function createFrameStream(
  engine: Engine,
  pace: Pace,
  options: CompressFramesOptions,
): TransformStream<Uint8Array, Uint8Array> {
  const parameters = readCompressOptions(options, compressFramesNames);
  const { maxFrameSize, seekTable = false } = options ?? {};
  requireInteger("maxFrameSize", maxFrameSize, MAX_FRAME_SIZE_MIN, 2 ** 32 - 1);
  requireBoolean("seekTable", seekTable);
  const cutter = new FrameCutter((content) => engine.compress(content, parameters), maxFrameSize);
  return createTransform(new BoundedFrames(cutter, pace, costFactor(parameters.level), seekTable));
}

/** The cutter as a stream, with the seek table behind its frames. */
class BoundedFrames implements Transformer {
  readonly #cutter: FrameCutter;
  readonly #pace: Pace;
  readonly #cost: number;
  readonly #table: SeekTableWriter | undefined;

  constructor(cutter: FrameCutter, pace: Pace, cost: number, seekTable: boolean) {
    this.#cutter = cutter;
    this.#pace = pace;
    this.#cost = cost;
    this.#table = seekTable ? new SeekTableWriter() : undefined;
  }

  write(chunk: Uint8Array, emit: Emit): Promise<void> {
    return this.#emitAll(this.#cutter.push(chunk), emit);
  }

  async close(emit: Emit): Promise<void> {
    await this.#emitAll(this.#cutter.finish(), emit);
    if (this.#table !== undefined) await emit(this.#table.toBytes());
  }

  /** Nothing is held outside the heap. */
  release(): void {}

  async #emitAll(frames: Iterable<CutFrame>, emit: Emit): Promise<void> {
    let before = this.#cutter.attempted;
    for (const { frame, contentSize } of frames) {
      this.#table?.add(frame.length, contentSize);
      await emit(frame);
      await this.#pace.spend((this.#cutter.attempted - before) * this.#cost);
      before = this.#cutter.attempted;
    }
  }
}
