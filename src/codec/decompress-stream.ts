/** `decompressStream`: decodes any sequence of frames and skippable frames, in bounded memory. */
import type { DecoderEngine, DecompressionContext } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt, type FrameHeader } from "../format/frame.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import type { ByteTransform } from "../streams.ts";
import type { DecompressStreamSettings } from "./decompress-options.ts";
import { dictionaryUnknown, type Dictionaries } from "./dictionaries.ts";
import { START_COST, type Pace } from "./pace.ts";
import { createTransform, streamClosed, type Emit, type Transformer } from "./transform.ts";

/** Shared by the decompression streams of one decoder. */
export interface StreamResources {
  readonly engine: Pick<DecoderEngine, "openDecompression">;
  readonly dictionaries: Dictionaries;
  readonly pace: Pace;
}

const nothing = new Uint8Array(0);

/** Makes a stream that decodes any sequence of frames and skippable frames. */
export function createDecompressStream(
  resources: StreamResources,
  settings: DecompressStreamSettings,
): ByteTransform {
  return createTransform(new StreamDecompressor(resources, settings));
}

/**
 * Reads each frame's header itself before the engine sees a byte of the frame: it chooses the dictionary, holds the
 * claims to the limits, and says how much memory to ask for.
 */
class StreamDecompressor implements Transformer {
  readonly #resources: StreamResources;
  readonly #settings: DecompressStreamSettings;
  #context: DecompressionContext | undefined;
  /** Bytes of window that the context was asked for. */
  #window = 0;
  /** The dictionary that the context was told of last, and whether it has been told of any. */
  #dictionary: Dictionary | undefined;
  #isNew = true;
  readonly #end = new AbortController();
  /**
   * "header": bytes of the next header are gathered; "frame": the engine is inside a frame; a number: bytes of a
   * skippable frame still to pass over.
   */
  #state: "header" | "frame" | number = "header";
  #header: Uint8Array = nothing;
  #frame = 0;
  #frameStart = 0;
  /** Bytes of input taken. */
  #offset = 0;
  /** Bytes of output given. */
  #size = 0;
  /** The `#size` that the end of the frame has to meet, if its header declares one. */
  #frameEnd: number | undefined;

  constructor(resources: StreamResources, settings: DecompressStreamSettings) {
    this.#resources = resources;
    this.#settings = settings;
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
    // Throws NOT_ZSTD or CORRUPT if these bytes could not have begun a frame.
    if (this.#state === "header" && this.#header.length > 0) this.#tryHeader(this.#header);
    throw new ZstashError("TRUNCATED", `Cannot decompress: the input ends inside frame ${this.#frame}`, {
      frame: this.#frame,
      offset: this.#offset,
    });
  }

  release(): void {
    this.#end.abort(streamClosed());
    this.#context?.release();
    this.#context = undefined;
  }

  /** Gathers bytes until they make a whole header. Returns the rest of the input. */
  async #readHeader(input: Uint8Array, emit: Emit): Promise<Uint8Array> {
    const known = this.#header.length;
    if (known === 0) {
      this.#frameStart = this.#offset;
      const header = this.#tryHeader(input);
      if (header?.type === "frame") {
        // The engine reads the header once more, with what follows it.
        const beginning = this.#begin(header);
        if (beginning !== undefined) await beginning;
        if (this.#end.signal.aborted) throw streamClosed();
        return input;
      }
    }
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
      const pause = this.#resources.pace.spend(used);
      if (pause !== undefined) await pause;
      return input.subarray(used);
    }
    await this.#begin(header);
    if (this.#end.signal.aborted) throw streamClosed();
    await this.#decode(gathered.subarray(0, header.headerSize), emit, 0);
    return input.subarray(used);
  }

  /** The header, or undefined if more bytes are needed. */
  #tryHeader(bytes: Uint8Array): FrameHeader | undefined {
    try {
      return readFrameHeaderAt(bytes, 0, this.#frame);
    } catch (error) {
      if (error instanceof ZstashError && error.code === "TRUNCATED") return undefined;
      throw error instanceof ZstashError ? this.#located(error) : error;
    }
  }

  /** Begins a frame; a promise where a context has to be had for it. */
  #begin(header: FrameHeader): Promise<void> | undefined {
    const { dictionaryId, windowSize, contentSize } = header;
    const dictionary = this.#resources.dictionaries.get(dictionaryId);
    if (dictionaryId !== 0 && dictionary === undefined) {
      throw dictionaryUnknown(dictionaryId, this.#frame, this.#frameStart);
    }
    if (windowSize > 2 ** this.#settings.maxWindowLog) {
      throw new ZstashError(
        "WINDOW_LIMIT",
        `Cannot decompress: frame ${this.#frame} needs a window of ${windowSize} bytes, over 2^${this.#settings.maxWindowLog}`,
        { frame: this.#frame, offset: this.#frameStart },
      );
    }
    if (contentSize !== undefined && contentSize > this.#settings.maxSize - this.#size)
      throw this.#tooLarge();
    this.#frameEnd = contentSize === undefined ? undefined : this.#size + contentSize;
    if (this.#context !== undefined && windowSize <= this.#window) {
      return this.#start(this.#context, dictionary);
    }
    return this.#take(Math.max(windowSize, BLOCK_SIZE_MAX)).then((context) =>
      this.#start(context, dictionary),
    );
  }

  #start(context: DecompressionContext, dictionary: Dictionary | undefined): Promise<void> | undefined {
    if (this.#dictionary !== dictionary || this.#isNew) this.#locating(() => context.begin(dictionary));
    const changed = this.#dictionary !== dictionary;
    this.#isNew = false;
    this.#dictionary = dictionary;
    this.#state = "frame";
    // It may have had to be digested.
    return changed && dictionary !== undefined
      ? this.#resources.pace.spend(dictionary.bytes.length)
      : undefined;
  }

  /**
   * A context with room for a window. One that has less is given back first: the pool counts windows, and a stream
   * that held one context while it waited for another could wait for itself.
   */
  async #take(window: number): Promise<DecompressionContext> {
    this.#context?.release();
    this.#context = undefined;
    const { maxWindowLog, job } = this.#settings;
    const context = await this.#resources.engine.openDecompression(
      { windowSize: window, maxWindowLog, job },
      this.#end.signal,
    );
    if (this.#end.signal.aborted) {
      context.release();
      throw streamClosed();
    }
    this.#context = context;
    this.#window = window;
    this.#isNew = true;
    await this.#resources.pace.spend(START_COST);
    if (this.#end.signal.aborted) throw streamClosed();
    return context;
  }

  /** Decodes up to the end of the frame. Returns the rest of the input. `counted` is 0 for a header, which is counted already. */
  async #decode(input: Uint8Array, emit: Emit, counted = 1): Promise<Uint8Array> {
    let rest = input;
    for (;;) {
      const { consumed, output, full, remaining } = this.#step(rest);
      rest = rest.subarray(consumed);
      this.#offset += consumed * counted;
      this.#size += output.length;
      if (this.#size > this.#settings.maxSize) throw this.#tooLarge();
      const demand = output.length > 0 ? emit(output) : undefined;
      if (demand !== undefined) await demand;
      const pause = this.#resources.pace.spend(consumed + output.length);
      if (pause !== undefined) await pause;
      if (this.#end.signal.aborted) throw streamClosed();
      if (remaining === 0) {
        // libzstd's stream does not check this if the last block is empty.
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
      `Cannot decompress: the content is larger than the limit of ${this.#settings.maxSize} bytes`,
      { frame: this.#frame, offset: this.#frameStart },
    );
  }

  /** The same error, with the place in this stream. */
  #located(error: ZstashError): ZstashError {
    return error.with({ frame: this.#frame, offset: this.#frameStart });
  }
}
