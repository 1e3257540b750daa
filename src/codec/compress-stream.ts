/** `compressStream`: one frame that is flushed as it grows, or frames with a fixed number of decompressed bytes. */
import { ByteBuffer } from "../byte-buffer.ts";
import type { CompressionContext, EndDirective, Engine } from "../engine/engine.ts";
import { ZSTD_e_continue, ZSTD_e_end, ZSTD_e_flush } from "../engine/engine.ts";
import { SeekTableWriter } from "../format/seek-table-writer.ts";
import type { ByteTransform } from "../streams.ts";
import {
  readCompressStreamOptions,
  type CompressStreamOptions,
  type StreamSettings,
} from "./compress-options.ts";
import { FrameMaker } from "./frame-maker.ts";
import { costFactor, START_COST, type Pace } from "./pace.ts";
import { createTransform, streamClosed, type Emit, type Transformer } from "./transform.ts";

/**
 * The first flush of the ramp, in bytes of input: a block of random data of this size still fits a segment of 1340
 * bytes.
 */
const RAMP_START = 1300;
/** The interval at which the ramp stops flushing: from here on zstd's own 128 KiB blocks come often enough. */
const RAMP_END = 64 << 10;
/** The first allocation for a frame that arrives in parts: a short last frame must not take 16 MiB. */
const FRAME_BUFFER_FIRST = 4096;
/** Bytes of a frame that are gathered in one buffer. */
const FRAME_BLOCK = 1 << 20;

const nothing = new Uint8Array(0);

/** Makes a stream of one frame, or of frames of `frameSize` bytes with an optional seek table after them. */
export function createCompressStream(
  engine: Pick<Engine, "compress" | "openCompression">,
  pace: Pace,
  options?: CompressStreamOptions,
): ByteTransform {
  const settings = readCompressStreamOptions(options);
  const { frameSize } = settings;
  return createTransform(
    frameSize === undefined
      ? new SingleFrame(engine, pace, settings)
      : new FixedFrames(engine, pace, { ...settings, frameSize }),
  );
}

/** One frame, flushed at the points that the settings ask for. */
class SingleFrame implements Transformer {
  readonly #engine: Pick<Engine, "openCompression">;
  readonly #pace: Pace;
  readonly #settings: StreamSettings;
  readonly #cost: number;
  #context: CompressionContext | undefined;
  readonly #end = new AbortController();
  /** Bytes of input until the next flush, and the interval after that; Infinity for none. */
  #untilFlush: number;
  #interval: number;
  #size = 0;

  constructor(engine: Pick<Engine, "openCompression">, pace: Pace, settings: StreamSettings) {
    this.#engine = engine;
    this.#pace = pace;
    this.#settings = settings;
    this.#cost = costFactor(settings.level);
    const { flush } = settings;
    this.#interval = flush === "none" ? Infinity : flush === "ramp" ? RAMP_START : flush;
    this.#untilFlush = this.#interval;
  }

  async write(chunk: Uint8Array, emit: Emit): Promise<void> {
    this.#count(chunk.length);
    for (let at = 0; at < chunk.length;) {
      const end = Math.min(chunk.length, at + this.#untilFlush);
      const flush = end - at === this.#untilFlush;
      await this.#run(chunk.subarray(at, end), flush ? ZSTD_e_flush : ZSTD_e_continue, emit);
      this.#untilFlush = flush ? this.#nextInterval() : this.#untilFlush - (end - at);
      at = end;
    }
  }

  async close(emit: Emit): Promise<void> {
    const { contentSize } = this.#settings;
    if (contentSize !== undefined && this.#size < contentSize) throw wrongSize(contentSize, `${this.#size}`);
    await this.#run(nothing, ZSTD_e_end, emit);
  }

  release(): void {
    this.#end.abort(streamClosed());
    this.#context?.release();
    this.#context = undefined;
  }

  #count(length: number): void {
    const { contentSize } = this.#settings;
    this.#size += length;
    if (contentSize !== undefined && this.#size > contentSize) throw wrongSize(contentSize, "more");
  }

  #nextInterval(): number {
    if (this.#settings.flush === "ramp")
      this.#interval = this.#interval * 2 > RAMP_END ? Infinity : this.#interval * 2;
    return this.#interval;
  }

  async #run(input: Uint8Array, directive: EndDirective, emit: Emit): Promise<void> {
    const context = this.#context ?? (await this.#take());
    // The stream may have ended since the memory was granted.
    if (this.#end.signal.aborted) throw streamClosed();
    for (let rest = input; ;) {
      const { consumed, output, full, remaining } = context.step(rest, directive);
      rest = rest.subarray(consumed);
      const demand = output.length > 0 ? emit(output) : undefined;
      if (demand !== undefined) await demand;
      const pause = this.#pace.spend((consumed + output.length) * this.#cost);
      if (pause !== undefined) await pause;
      if (this.#end.signal.aborted) throw streamClosed();
      if (rest.length === 0 && (directive === ZSTD_e_continue ? !full : remaining === 0)) return;
    }
  }

  async #take(): Promise<CompressionContext> {
    const context = await this.#engine.openCompression(this.#settings, this.#end.signal);
    if (this.#end.signal.aborted) {
      context.release();
      throw streamClosed();
    }
    this.#context = context;
    await this.#pace.spend(START_COST);
    return context;
  }
}

/** Frames of a fixed number of decompressed bytes, each declaring its size. */
class FixedFrames implements Transformer {
  readonly #maker: FrameMaker;
  readonly #frameSize: number;
  readonly #table: SeekTableWriter | undefined;
  /**
   * What has arrived of a frame: full blocks, and one that is still being filled. One growing buffer would be copied
   * at once.
   */
  #full: Uint8Array[] = [];
  #part: ByteBuffer;
  /** The bytes in both. */
  #held = 0;
  #frames = 0;

  constructor(
    engine: Pick<Engine, "compress" | "openCompression">,
    pace: Pace,
    settings: StreamSettings & { readonly frameSize: number },
  ) {
    this.#maker = new FrameMaker(engine, pace, settings);
    this.#frameSize = settings.frameSize;
    this.#table = settings.seekTable ? new SeekTableWriter() : undefined;
    this.#part = this.#newPart();
  }

  async write(chunk: Uint8Array, emit: Emit): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const end = Math.min(chunk.length, at + this.#frameSize - this.#held);
      // A frame that lies completely in one chunk is compressed from there.
      if (end - at === this.#frameSize) await this.#frame([chunk.subarray(at, end)], emit);
      else {
        this.#append(chunk.subarray(at, end));
        if (this.#held === this.#frameSize) await this.#flush(emit);
      }
      at = end;
    }
  }

  async close(emit: Emit): Promise<void> {
    if (this.#held > 0 || this.#frames === 0) await this.#flush(emit);
    if (this.#table !== undefined) await emit(this.#table.toBytes());
  }

  release(): void {
    this.#maker.release();
    this.#full = [];
    this.#part = new ByteBuffer(0, 0);
  }

  #newPart(): ByteBuffer {
    return new ByteBuffer(Math.min(this.#frameSize, FRAME_BLOCK), FRAME_BUFFER_FIRST);
  }

  #append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#part.length === FRAME_BLOCK) {
        this.#full.push(this.#part.bytes);
        this.#part = this.#newPart();
      }
      const piece = bytes.subarray(at, at + FRAME_BLOCK - this.#part.length);
      this.#part.append(piece);
      this.#held += piece.length;
      at += piece.length;
    }
  }

  async #flush(emit: Emit): Promise<void> {
    const last = this.#part.bytes;
    const parts = [...this.#full, last];
    this.#full = [];
    this.#part.drop(last.length);
    this.#held = 0;
    await this.#frame(parts, emit);
  }

  async #frame(parts: readonly Uint8Array[], emit: Emit): Promise<void> {
    const made = this.#maker.make(...parts);
    const frame = made instanceof Promise ? await made : made;
    this.#frames += 1;
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    this.#table?.add(frame.length, size);
    await emit(frame);
  }
}

function wrongSize(contentSize: number, got: string): RangeError {
  return new RangeError(`"contentSize" said ${contentSize} bytes, got ${got}`);
}
