import type { DecoderEngine, DecompressionContext } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt, type FrameHeader } from "../format/frame.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import { Pace, START_COST } from "./pace.ts";
import type { DecompressStreamLimits } from "./parameters.ts";
import { createTransform, type Emit, type Transformer } from "./transform.ts";
import { dictionaryUnknown } from "./dictionary.ts";

const nothing = new Uint8Array(0);

/** Makes a stream that decodes any sequence of frames and skippable frames. */
export function createDecompressStream(
  engine: DecoderEngine,
  dictionaries: ReadonlyMap<number, Dictionary>,
  limits: DecompressStreamLimits,
  pace: Pace = new Pace(),
): TransformStream<Uint8Array, Uint8Array> {
  return createTransform(new StreamDecompressor(engine, pace, dictionaries, limits));
}

/**
 * Reads each frame's header itself before the engine sees a byte of the frame: it chooses the dictionary, holds the
 * claims to the limits, and says how much memory to ask for.
 */
class StreamDecompressor implements Transformer {
  readonly #engine: DecoderEngine;
  readonly #pace: Pace;
  readonly #dictionaries: ReadonlyMap<number, Dictionary>;
  readonly #maxSize: number;
  readonly #maxWindowLog: number;
  readonly #job: boolean;
  #context: DecompressionContext | undefined;
  /** Bytes of window that the context was asked for. */
  #window = 0;
  readonly #end = new AbortController();
  /** "header": bytes of the next header are gathered; "frame": the engine is inside a frame; a number: bytes of a skippable frame still to pass over. */
  #state: "header" | "frame" | number = "header";
  #header: Uint8Array = nothing;
  #frame = 0;
  #frameStart = 0;
  /** Bytes of input taken, and of output given. */
  #offset = 0;
  #size = 0;
  /** What `#size` has to be at the end of the frame, if its header says. */
  #frameEnd: number | undefined;

  constructor(
    engine: DecoderEngine,
    pace: Pace,
    dictionaries: ReadonlyMap<number, Dictionary>,
    { maxSize, maxWindowLog, job }: DecompressStreamLimits,
  ) {
    this.#engine = engine;
    this.#pace = pace;
    this.#dictionaries = dictionaries;
    this.#maxSize = maxSize;
    this.#maxWindowLog = maxWindowLog;
    this.#job = job;
  }

  async write(chunk: Uint8Array, emit: Emit): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#state === "header") rest = await this.#readHeader(rest, emit);
      else if (this.#state === "frame") rest = await this.#decode(rest, emit);
      else rest = this.#skip(rest, this.#state);
    }
  }

  async close(): Promise<void> {
    if (this.#state === "header" && this.#header.length === 0 && this.#frame > 0) return;
    // Says NOT_ZSTD or CORRUPT where what is there could not have become a frame.
    if (this.#state === "header" && this.#header.length > 0) this.#tryHeader(this.#header);
    throw new ZstashError("TRUNCATED", `Cannot decompress: the input ends inside frame ${this.#frame}`, {
      frame: this.#frame,
      offset: this.#offset,
    });
  }

  release(): void {
    this.#end.abort(closed());
    this.#context?.release();
    this.#context = undefined;
  }

  /** Gathers bytes until they make a whole header; the rest of the input follows it. */
  async #readHeader(input: Uint8Array, emit: Emit): Promise<Uint8Array> {
    if (this.#header.length === 0) this.#frameStart = this.#offset;
    const known = this.#header.length;
    const taken = input.subarray(0, FRAME_HEADER_SIZE_MAX - known);
    const gathered = new Uint8Array(known + taken.length);
    gathered.set(this.#header);
    gathered.set(taken, known);
    const header = this.#tryHeader(gathered);
    if (header === undefined) {
      this.#header = gathered;
      this.#offset += taken.length;
      return input.subarray(taken.length);
    }
    this.#header = nothing;
    const used = header.headerSize - known;
    this.#offset += used;
    if (header.type === "skippable") {
      this.#beginSkipping(header.contentSize!);
      await this.#pace.spend(used);
      return input.subarray(used);
    }
    await this.#begin(header);
    await this.#decode(gathered.subarray(0, header.headerSize), emit, 0);
    return input.subarray(used);
  }

  /** The header, or undefined where more bytes are needed. */
  #tryHeader(bytes: Uint8Array): FrameHeader | undefined {
    try {
      return readFrameHeaderAt(bytes, 0, this.#frame);
    } catch (error) {
      if (error instanceof ZstashError && error.code === "TRUNCATED") return undefined;
      throw error instanceof ZstashError ? this.#located(error) : error;
    }
  }

  async #begin(header: FrameHeader): Promise<void> {
    const { dictionaryId, windowSize, contentSize } = header;
    const dictionary = this.#dictionaries.get(dictionaryId);
    if (dictionaryId !== 0 && dictionary === undefined) {
      throw dictionaryUnknown(dictionaryId, this.#frame, this.#frameStart);
    }
    if (windowSize > 2 ** this.#maxWindowLog) {
      throw new ZstashError(
        "WINDOW_LIMIT",
        `Cannot decompress: frame ${this.#frame} needs a window of ${windowSize} bytes, over 2^${this.#maxWindowLog}`,
        { frame: this.#frame, offset: this.#frameStart },
      );
    }
    if (contentSize !== undefined && contentSize > this.#maxSize - this.#size) throw this.#tooLarge();
    const context =
      this.#context !== undefined && windowSize <= this.#window
        ? this.#context
        : await this.#take(Math.max(windowSize, BLOCK_SIZE_MAX));
    this.#locating(() => context.begin(dictionary));
    this.#state = "frame";
    this.#frameEnd = contentSize === undefined ? undefined : this.#size + contentSize;
  }

  /**
   * A context with room for a window. One that has less is given back first: the pool counts windows, and a stream
   * that held one context while it waited for another could wait for itself.
   */
  async #take(window: number): Promise<DecompressionContext> {
    this.#context?.release();
    this.#context = undefined;
    const context = await this.#engine.openDecompression(
      { windowSize: window, maxWindowLog: this.#maxWindowLog, job: this.#job },
      this.#end.signal,
    );
    if (this.#end.signal.aborted) {
      context.release();
      throw closed();
    }
    this.#context = context;
    this.#window = window;
    await this.#pace.spend(START_COST);
    if (this.#end.signal.aborted) throw closed();
    return context;
  }

  /** Decodes up to the end of the frame; the rest of the input follows it. `counted` false: the header's own bytes. */
  async #decode(input: Uint8Array, emit: Emit, counted = 1): Promise<Uint8Array> {
    let rest = input;
    for (;;) {
      const { consumed, output, full, remaining } = this.#step(rest);
      rest = rest.subarray(consumed);
      this.#offset += consumed * counted;
      this.#size += output.length;
      if (this.#size > this.#maxSize) throw this.#tooLarge();
      if (output.length > 0) await emit(output);
      await this.#pace.spend(consumed + output.length);
      if (this.#end.signal.aborted) throw closed();
      if (remaining === 0) {
        // libzstd's stream does not look where the last block is empty.
        if (this.#frameEnd !== undefined && this.#size !== this.#frameEnd) throw this.#notAsClaimed();
        this.#next();
        return rest;
      }
      if (rest.length === 0 && !full) return rest;
    }
  }

  #step(input: Uint8Array): ReturnType<DecompressionContext["step"]> {
    return this.#locating(() => this.#context!.step(input));
  }

  #locating<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof ZstashError ? this.#located(error) : error;
    }
  }

  #beginSkipping(length: number): void {
    if (length === 0) this.#next();
    else this.#state = length;
  }

  #skip(input: Uint8Array, left: number): Uint8Array {
    const skipped = Math.min(left, input.length);
    this.#offset += skipped;
    this.#beginSkipping(left - skipped);
    return input.subarray(skipped);
  }

  #next(): void {
    this.#state = "header";
    this.#frame += 1;
  }

  #notAsClaimed(): ZstashError {
    return new ZstashError(
      "CORRUPT",
      `Cannot decompress: frame ${this.#frame} does not hold as many bytes as its header claims`,
      { frame: this.#frame, offset: this.#frameStart },
    );
  }

  #tooLarge(): ZstashError {
    return new ZstashError(
      "SIZE_LIMIT",
      `Cannot decompress: the content is larger than the limit of ${this.#maxSize} bytes`,
      {
        frame: this.#frame,
        offset: this.#frameStart,
      },
    );
  }

  /** The same error, with the place in this stream. */
  #located(error: ZstashError): ZstashError {
    const { zstdCode, dictionaryId, cause } = error;
    return new ZstashError(error.code, error.message, {
      frame: this.#frame,
      offset: this.#frameStart,
      ...(zstdCode === undefined ? {} : { zstdCode }),
      ...(dictionaryId === undefined ? {} : { dictionaryId }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

function closed(): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the stream was closed");
}
