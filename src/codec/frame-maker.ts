/** Makes whole frames of content in memory, and gives the event loop back where one takes long. */
import { ByteBuffer } from "../byte-buffer.ts";
import {
  ZSTD_e_end,
  type CompressionContext,
  type CompressSettings,
  type CompressStreamSettings,
  type Engine,
} from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import { costFactor, START_COST, type Pace } from "./pace.ts";
import { streamClosed } from "./transform.ts";

/** First allocation for a frame that is made in steps. */
const OUTPUT_FIRST = 65536;

/**
 * Makes frames for one stream. What takes some 10 ms (100 ms at levels above 9) or less is made at once, the rest in
 * steps. Such a frame is a job: its content is in memory and so is its destination, so it waits for no stream, and it
 * holds its context only while it is made.
 */
export class FrameMaker {
  readonly #engine: Pick<Engine, "compress" | "openCompression">;
  readonly #pace: Pace;
  readonly #settings: CompressSettings;
  readonly #cost: number;
  readonly #atOnce: number;
  readonly #end = new AbortController();

  constructor(
    engine: Pick<Engine, "compress" | "openCompression">,
    pace: Pace,
    { level, checksum, dictionary, parameters }: CompressSettings,
  ) {
    this.#engine = engine;
    this.#pace = pace;
    this.#settings = { level, checksum, dictionary, parameters };
    this.#cost = costFactor(level);
    this.#atOnce = mostAtOnce(level);
  }

  /** One frame of `content`, which nobody changes meanwhile; a promise only where the event loop has to run. */
  make(content: Uint8Array): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    if (content.length > this.#atOnce) return this.#makeInSteps(content);
    const frame = this.#engine.compress(content, this.#settings);
    const pause = this.#pace.spend(content.length * this.#cost);
    return pause === undefined ? frame : pause.then(() => frame);
  }

  /** Ends what is being made. */
  release(): void {
    this.#end.abort(streamClosed());
  }

  async #makeInSteps(content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const job: CompressStreamSettings = {
      ...this.#settings,
      contentSize: content.length,
      targetCBlockSize: undefined,
      job: true,
    };
    let context: CompressionContext;
    try {
      context = await this.#engine.openCompression(job, this.#end.signal);
    } catch (error) {
      // Engines of others may have no streams.
      if (!(error instanceof ZstashError && error.code === "UNSUPPORTED")) throw error;
      return this.#engine.compress(content, this.#settings);
    }
    try {
      await this.#pace.spend(START_COST);
      return await this.#run(context, content);
    } finally {
      context.release();
    }
  }

  async #run(context: CompressionContext, content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    // ZSTD_compressBound, rounded up.
    const frame = new ByteBuffer(content.length + (content.length >>> 7) + 1024, OUTPUT_FIRST);
    for (let rest = content; ;) {
      if (this.#end.signal.aborted) throw streamClosed();
      const { consumed, output, remaining } = context.step(rest, ZSTD_e_end);
      rest = rest.subarray(consumed);
      frame.append(output);
      await this.#pace.spend((consumed + output.length) * this.#cost);
      if (rest.length === 0 && remaining === 0) return frame.bytes.slice();
    }
  }
}

/** Content that is compressed at once, in bytes. */
function mostAtOnce(level: number): number {
  if (level <= 2) return 2 << 20;
  if (level <= 4) return 1 << 20;
  return level <= 9 ? 256 << 10 : 128 << 10;
}
