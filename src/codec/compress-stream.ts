import type { CompressionContext, EndDirective, Engine } from "../engine/engine.ts";
import { ZSTD_e_continue, ZSTD_e_end, ZSTD_e_flush } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import { writeSeekTable, type SeekTableEntry } from "../format/seek-table.ts";
import { costFactor, START_COST, type Pace } from "./pace.ts";
import { readCompressStreamOptions, type CompressStreamOptions } from "./parameters.ts";
import { createTransform, type Emit, type Transformer } from "./transform.ts";

/** First flush of the ramp, in bytes of input: a block of random data of this size still fits a 1340-byte segment. */
const RAMP_START = 1300;
/** Where the ramp stops flushing: from here on zstd's own 128 KiB blocks come often enough. */
const RAMP_END = 64 << 10;

const nothing = new Uint8Array(0);

/** Makes a stream of one frame, or of frames of `frameSize` bytes with an optional seek table behind them. */
export function createCompressStream(
  engine: Engine,
  pace: Pace,
  options?: CompressStreamOptions,
): TransformStream<Uint8Array, Uint8Array> {
  const parameters = readCompressStreamOptions(options);
  const { frameSize, seekTable, flush, level, contentSize } = parameters;
  const open = (signal: AbortSignal): Promise<CompressionContext> =>
    engine.openCompression(parameters, signal);
  const cost = costFactor(level);
  return createTransform(
    frameSize === undefined
      ? new SingleFrame(open, pace, cost, flush, contentSize)
      : new FixedFrames(engine, parameters, pace, cost, frameSize, seekTable),
  );
}

/** One frame, flushed at the points that the layout asks for. */
class SingleFrame implements Transformer {
  readonly #open: (signal: AbortSignal) => Promise<CompressionContext>;
  readonly #pace: Pace;
  readonly #cost: number;
  readonly #contentSize: number | undefined;
  #context: CompressionContext | undefined;
  readonly #end = new AbortController();
  /** Bytes of input up to the next flush, and between the one after that; Infinity for none. */
  #untilFlush: number;
  #interval: number;
  readonly #ramp: boolean;
  #size = 0;

  constructor(
    open: (signal: AbortSignal) => Promise<CompressionContext>,
    pace: Pace,
    cost: number,
    flush: "ramp" | "none" | number,
    contentSize: number | undefined,
  ) {
    this.#open = open;
    this.#pace = pace;
    this.#cost = cost;
    this.#contentSize = contentSize;
    this.#ramp = flush === "ramp";
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
    if (this.#contentSize !== undefined && this.#size < this.#contentSize) throw this.#wrongSize();
    await this.#run(nothing, ZSTD_e_end, emit);
  }

  release(): void {
    this.#end.abort(closed());
    this.#context?.release();
    this.#context = undefined;
  }

  #count(length: number): void {
    this.#size += length;
    if (this.#contentSize !== undefined && this.#size > this.#contentSize) throw this.#wrongSize();
  }

  #wrongSize(): RangeError {
    const got = this.#size > this.#contentSize! ? "more" : `${this.#size}`;
    return new RangeError(`"contentSize" said ${this.#contentSize} bytes, got ${got}`);
  }

  #nextInterval(): number {
    if (this.#ramp) this.#interval = this.#interval * 2 > RAMP_END ? Infinity : this.#interval * 2;
    return this.#interval;
  }

  async #run(input: Uint8Array, directive: EndDirective, emit: Emit): Promise<void> {
    const context = this.#context ?? (await this.#take());
    // The stream may have ended between the grant and here.
    if (this.#end.signal.aborted) throw closed();
    for (let rest = input; ;) {
      const { consumed, output, full, remaining } = context.step(rest, directive);
      rest = rest.subarray(consumed);
      if (output.length > 0) await emit(output);
      await this.#pace.spend((consumed + output.length) * this.#cost);
      if (this.#end.signal.aborted) throw closed();
      if (rest.length === 0 && (directive === ZSTD_e_continue ? !full : remaining === 0)) return;
    }
  }

  async #take(): Promise<CompressionContext> {
    const context = await this.#open(this.#end.signal);
    if (this.#end.signal.aborted) {
      context.release();
      throw closed();
    }
    this.#context = context;
    await this.#pace.spend(START_COST);
    return context;
  }
}

/** Frames of a fixed number of decompressed bytes, each declaring its size. */
class FixedFrames implements Transformer {
  readonly #engine: Engine;
  readonly #parameters: Parameters<Engine["compress"]>[1];
  readonly #pace: Pace;
  readonly #cost: number;
  readonly #frameSize: number;
  readonly #entries: SeekTableEntry[] | undefined;
  #buffer: Uint8Array = nothing;
  #filled = 0;
  #frames = 0;

  constructor(
    engine: Engine,
    parameters: Parameters<Engine["compress"]>[1],
    pace: Pace,
    cost: number,
    frameSize: number,
    seekTable: boolean,
  ) {
    this.#engine = engine;
    this.#parameters = parameters;
    this.#pace = pace;
    this.#cost = cost;
    this.#frameSize = frameSize;
    this.#entries = seekTable ? [] : undefined;
  }

  async write(chunk: Uint8Array, emit: Emit): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const end = Math.min(chunk.length, at + this.#frameSize - this.#filled);
      // A frame that lies whole in one chunk is compressed from there.
      if (end - at === this.#frameSize) await this.#frame(chunk.subarray(at, end), emit);
      else {
        this.#append(chunk.subarray(at, end));
        if (this.#filled === this.#frameSize) await this.#flush(emit);
      }
      at = end;
    }
  }

  async close(emit: Emit): Promise<void> {
    if (this.#filled > 0 || this.#frames === 0) await this.#flush(emit);
    if (this.#entries !== undefined) await emit(writeSeekTable(this.#entries));
  }

  release(): void {
    this.#buffer = nothing;
  }

  /** Grows by doubling: a last frame of few bytes must not cost a buffer of 16 MiB. */
  #append(bytes: Uint8Array): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.min(this.#frameSize, Math.max(needed, this.#buffer.length * 2, 4096)),
      );
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = needed;
  }

  async #flush(emit: Emit): Promise<void> {
    const content = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    await this.#frame(content, emit);
  }

  async #frame(content: Uint8Array, emit: Emit): Promise<void> {
    const frame = this.#engine.compress(content, this.#parameters);
    this.#frames += 1;
    this.#entries?.push({ compressedSize: frame.length, decompressedSize: content.length });
    await emit(frame);
    await this.#pace.spend(content.length * this.#cost);
  }
}

function closed(): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the stream was closed");
}
