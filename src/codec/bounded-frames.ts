/** `compressFrames`: a stream in which every chunk is one whole frame of bounded size. */
import type { Engine } from "../engine/engine.ts";
import { SeekTableWriter } from "../format/seek-table-writer.ts";
import type { ByteTransform } from "../streams.ts";
import { readCompressFramesOptions, type CompressFramesOptions } from "./compress-options.ts";
import { FrameCutter, type CutFrame } from "./frame-cutter.ts";
import { FrameMaker } from "./frame-maker.ts";
import type { Pace } from "./pace.ts";
import { createTransform, type Emit, type Transformer } from "./transform.ts";

/** Makes a stream in which every chunk is one whole frame of at most `maxFrameSize` bytes. */
export function createFrameStream(
  engine: Pick<Engine, "compress" | "openCompression">,
  pace: Pace,
  options: CompressFramesOptions,
): ByteTransform {
  const { maxFrameSize, seekTable, ...settings } = readCompressFramesOptions(options);
  const { windowLog } = settings.parameters ?? {};
  const windowSize = windowLog === undefined ? undefined : 2 ** windowLog;
  const maker = new FrameMaker(engine, pace, settings);
  const cutter = new FrameCutter((content) => maker.make(content), maxFrameSize, windowSize);
  return createTransform(new BoundedFrames(cutter, maker, seekTable));
}

/** The cutter as a stream, with the seek table after its frames. */
class BoundedFrames implements Transformer {
  readonly #cutter: FrameCutter;
  readonly #maker: FrameMaker;
  readonly #table: SeekTableWriter | undefined;

  constructor(cutter: FrameCutter, maker: FrameMaker, seekTable: boolean) {
    this.#cutter = cutter;
    this.#maker = maker;
    this.#table = seekTable ? new SeekTableWriter() : undefined;
  }

  write(chunk: Uint8Array, emit: Emit): Promise<void> {
    return this.#emitAll(this.#cutter.push(chunk), emit);
  }

  async close(emit: Emit): Promise<void> {
    await this.#emitAll(this.#cutter.finish(), emit);
    if (this.#table !== undefined) await emit(this.#table.toBytes());
  }

  release(): void {
    this.#maker.release();
  }

  async #emitAll(frames: AsyncIterable<CutFrame>, emit: Emit): Promise<void> {
    for await (const { frame, contentSize } of frames) {
      this.#table?.add(frame.length, contentSize);
      await emit(frame);
    }
  }
}
