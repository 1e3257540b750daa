/** `compressFrames`: a stream whose every chunk is one whole frame of bounded size. */
import type { Engine } from "../engine/engine.ts";
import { SeekTableWriter } from "../format/seek-table.ts";
import type { ByteTransform } from "../streams.ts";
import { readCompressFramesOptions, type CompressFramesOptions } from "./compress-options.ts";
import { FrameCutter, type CutFrame } from "./frame-cutter.ts";
import { costFactor, type Pace } from "./pace.ts";
import { createTransform, type Emit, type Transformer } from "./transform.ts";

/** Makes a stream whose every chunk is one whole frame of at most `maxFrameSize` bytes. */
export function createFrameStream(
  engine: Pick<Engine, "compress">,
  pace: Pace,
  options: CompressFramesOptions,
): ByteTransform {
  const { maxFrameSize, seekTable, ...settings } = readCompressFramesOptions(options);
  const { windowLog } = settings.parameters ?? {};
  const windowSize = windowLog === undefined ? undefined : 2 ** windowLog;
  const cutter = new FrameCutter((content) => engine.compress(content, settings), maxFrameSize, windowSize);
  return createTransform(new BoundedFrames(cutter, pace, costFactor(settings.level), seekTable));
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
