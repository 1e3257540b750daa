/** Makes whole frames of content in memory, and lets the event loop run during long ones. */
import { concatenate } from "../bytes.ts";
import {
  ZSTD_e_continue,
  ZSTD_e_end,
  type CompressionContext,
  type CompressSettings,
  type CompressStreamSettings,
  type Engine,
} from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import { joinInTurns } from "./join.ts";
import { costFactor, START_COST, type Pace } from "./pace.ts";
import { streamClosed } from "./transform.ts";

/**
 * Makes frames for one stream. A frame that takes at most some 10 ms (100 ms at levels above 9) is made at once, a
 * longer one in steps. Such a frame is a job: its content and its destination are in memory, so it waits for no
 * stream, and it holds its context only while it is made.
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

  /**
   * Makes one frame of the parts, which must not change meanwhile. Returns a promise only if the event loop has to
   * run.
   */
  make(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    if (size > this.#atOnce) return this.#makeInSteps(parts, size);
    const content = parts.length === 1 ? parts[0]! : concatenate(parts);
    const frame = this.#engine.compress(content, this.#settings);
    const pause = this.#pace.spend(content.length * this.#cost);
    return pause === undefined ? frame : pause.then(() => frame);
  }

  /** Stops the frame that is being made. */
  release(): void {
    this.#end.abort(streamClosed());
  }

  async #makeInSteps(parts: readonly Uint8Array[], size: number): Promise<Uint8Array<ArrayBuffer>> {
    const job: CompressStreamSettings = {
      ...this.#settings,
      contentSize: size,
      targetCBlockSize: undefined,
      pacing: "memory",
    };
    let context: CompressionContext;
    try {
      context = await this.#engine.openCompression(job, this.#end.signal);
    } catch (error) {
      // Other engines may have no streams.
      if (!(error instanceof ZstashError && error.code === "UNSUPPORTED")) throw error;
      return this.#engine.compress(concatenate(parts), this.#settings);
    }
    try {
      await this.#pace.spend(START_COST);
      return await this.#run(context, parts);
    } finally {
      context.release();
    }
  }

  async #run(context: CompressionContext, parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
    const frame: Uint8Array[] = [];
    for (const [index, part] of parts.entries()) {
      const directive = index === parts.length - 1 ? ZSTD_e_end : ZSTD_e_continue;
      for (let rest = part; ;) {
        if (this.#end.signal.aborted) throw streamClosed();
        const { consumed, output, full, remaining } = context.step(rest, directive);
        rest = rest.subarray(consumed);
        if (output.length > 0) frame.push(output);
        await this.#pace.spend((consumed + output.length) * this.#cost);
        if (rest.length === 0 && (directive === ZSTD_e_continue ? !full : remaining === 0)) break;
      }
    }
    return joinInTurns(frame);
  }
}

/** The most content that is compressed at once, in bytes. */
function mostAtOnce(level: number): number {
  if (level <= 2) return 2 << 20;
  if (level <= 4) return 1 << 20;
  return level <= 9 ? 256 << 10 : 128 << 10;
}
