/** `decompressStream`: decodes any sequence of frames and skippable frames, in bounded memory. */
import { concatenate } from "../bytes.ts";
import type { DecoderEngine, DecompressionContext } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt, type FrameHeader } from "../format/frame.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import type { ByteTransform } from "../streams.ts";
import type { DecompressStreamSettings } from "./decompress-options.ts";
import { dictionaryUnknown, withRegistered, type Dictionaries } from "./dictionaries.ts";
import { afterPause, START_COST, STEP_COST, type Pace } from "./pace.ts";
import { createTransform, streamClosed, type Emit, type Transformer } from "./transform.ts";

/** Shared by the decompression streams of one decoder. */
export interface StreamResources {
  readonly engine: Pick<DecoderEngine, "openDecompression">;
  readonly dictionaries: Dictionaries;
  readonly pace: Pace;
}

const nothing = new Uint8Array(0);

/**
 * The most input of one step, in bytes. All of it is copied, however much is used. So a frame's first step gets at
 * most twice what the previous frame used: otherwise a million empty frames would each copy 64 KiB.
 */
const INPUT_MAX = 65536;
const INPUT_MIN = 1024;

/** Makes a stream that decodes any sequence of frames and skippable frames. */
export function createDecompressStream(
  resources: StreamResources,
  settings: DecompressStreamSettings,
): ByteTransform {
  return createTransform(new StreamDecompressor(resources, settings));
}

/**
 * Reads each frame's header itself before the engine sees a byte of the frame: the header selects the dictionary, its
 * sizes are checked against the limits, and it tells how much memory to ask for.
 */
class StreamDecompressor implements Transformer {
  readonly #resources: StreamResources;
  readonly #settings: DecompressStreamSettings;
  readonly #dictionaries: DictionaryLookup;
  #context: DecompressionContext | undefined;
  /** The window size that the context was requested for, in bytes. */
  #window = 0;
  /** The dictionary that the context has, and whether it has been given any. */
  #dictionary: Dictionary | undefined;
  #isNew = true;
  readonly #end = new AbortController();
  /**
   * "header": gathering the bytes of the next header. "frame": inside a frame. A number: the bytes of a skippable
   * frame still to skip.
   */
  #state: "header" | "frame" | number = "header";
  #header: Uint8Array = nothing;
  /** The part of the chunk that has not been used. */
  #rest: Uint8Array = nothing;
  /** Whether the last step filled its output, so that more may come without further input. */
  #isFull = false;
  /** The most input of the next step, in bytes. */
  #most: number = INPUT_MAX;
  #frame = 0;
  #frameStart = 0;
  /** Bytes of input used so far. */
  #offset = 0;
  /** Bytes of output so far. */
  #size = 0;
  /** The value of `#size` that the end of the frame must reach, if its header declares its size. */
  #frameEnd: number | undefined;

  constructor(resources: StreamResources, settings: DecompressStreamSettings) {
    this.#resources = resources;
    this.#settings = settings;
    const { dictionaries: own } = settings;
    this.#dictionaries = own ? withRegistered(own, resources.dictionaries) : resources.dictionaries;
  }

  async write(chunk: Uint8Array, emit: Emit): Promise<void> {
    this.#rest = chunk;
    let pause = this.#resources.pace.spend(0);
    if (pause !== undefined) await pause;
    // Nothing is awaited that is ready: 30 MB of empty frames are three million.
    while (this.#rest.length > 0 || this.#isFull) {
      pause = this.#advance(emit);
      if (pause === undefined) continue;
      await pause;
      if (this.#end.signal.aborted) throw streamClosed();
    }
  }

  async close(): Promise<void> {
    if (this.#state === "header" && this.#header.length === 0 && this.#frame > 0) return;
    // Throws NOT_ZSTD or CORRUPT if these bytes cannot begin a frame.
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

  /** Processes the next part of the input; returns a promise if something has to be waited for. */
  #advance(emit: Emit): Promise<void> | undefined {
    if (this.#state === "header") return this.#readHeader();
    if (this.#state === "frame") return this.#decode(emit);
    return this.#skip(this.#state);
  }

  /** Reads a header that lies completely in the input, or gathers its bytes. */
  #readHeader(): Promise<void> | undefined {
    if (this.#header.length > 0) return this.#gatherHeader();
    this.#frameStart = this.#offset;
    const header = this.#tryHeader(this.#rest);
    if (header === undefined) return this.#gatherHeader();
    // The engine reads a frame's header once more, together with what follows it.
    if (header.type === "frame") return this.#begin(header);
    this.#take(header.headerSize);
    return this.#beginSkipping(header.contentSize!);
  }

  /** Gathers bytes until they are a whole header. */
  #gatherHeader(): Promise<void> | undefined {
    const known = this.#header.length;
    const gathered = concatenate([this.#header, this.#rest.subarray(0, FRAME_HEADER_SIZE_MAX - known)]);
    const header = this.#tryHeader(gathered);
    if (header === undefined) {
      this.#header = gathered;
      this.#take(gathered.length - known);
      return undefined;
    }
    this.#header = nothing;
    this.#take(header.headerSize - known);
    if (header.type === "skippable") return this.#beginSkipping(header.contentSize!);
    const feed = (): void => void this.#step(gathered.subarray(0, header.headerSize));
    const beginning = this.#begin(header);
    return afterPause(beginning, feed);
  }

  /** Counts input that has been used. */
  #take(size: number): void {
    this.#offset += size;
    this.#rest = this.#rest.subarray(size);
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

  /** Begins a frame; returns a promise if it has to wait for a context. */
  #begin(header: FrameHeader): Promise<void> | undefined {
    const { dictionaryId, windowSize, contentSize } = header;
    const dictionary = dictionaryId === 0 ? undefined : this.#dictionaries.get(dictionaryId, header);
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
    return this.#open(Math.max(windowSize, BLOCK_SIZE_MAX)).then((context) =>
      this.#start(context, dictionary),
    );
  }

  #start(context: DecompressionContext, dictionary: Dictionary | undefined): Promise<void> | undefined {
    // A prefix is valid for one frame.
    const changes = this.#dictionary !== dictionary || this.#isNew || this.#settings.prefix !== undefined;
    if (changes) this.#locating(() => context.begin(dictionary));
    const changed = this.#dictionary !== dictionary;
    this.#isNew = false;
    this.#dictionary = dictionary;
    this.#state = "frame";
    // The dictionary may have had to be digested, which costs time.
    return changed && dictionary !== undefined
      ? this.#resources.pace.spend(dictionary.bytes.length)
      : undefined;
  }

  /**
   * Gets a context with room for a window. A context with less room is given back first: the pool counts windows, and
   * a stream that held one context while it waited for another could wait for itself.
   */
  async #open(window: number): Promise<DecompressionContext> {
    this.#context?.release();
    this.#context = undefined;
    const { maxWindowLog, prefix, job } = this.#settings;
    const context = await this.#resources.engine.openDecompression(
      { windowSize: window, maxWindowLog, prefix, job },
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

  /** Runs one step inside a frame. */
  #decode(emit: Emit): Promise<void> | undefined {
    const { consumed, output, full, remaining } = this.#step(this.#rest.subarray(0, this.#most));
    this.#take(consumed);
    this.#size += output.length;
    if (this.#size > this.#settings.maxSize) throw this.#tooLarge();
    const after = (): void => this.#stepped(full, remaining);
    const { pace } = this.#resources;
    if (output.length === 0) return afterPause(pace.spend(consumed, STEP_COST), after);
    const spend = (): Promise<void> | undefined => pace.spend(consumed + output.length);
    const demand = emit(output);
    return afterPause(demand === undefined ? spend() : demand.then(spend), after);
  }

  #stepped(full: boolean, remaining: number): void {
    this.#isFull = full && remaining > 0;
    this.#most = INPUT_MAX;
    if (remaining > 0) return;
    // libzstd's streaming decoder does not check this if the last block is empty.
    if (this.#frameEnd !== undefined && this.#size !== this.#frameEnd) throw this.#notAsClaimed();
    this.#next();
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

  #beginSkipping(length: number): Promise<void> | undefined {
    if (length === 0) this.#next();
    else this.#state = length;
    return this.#resources.pace.spend(0, STEP_COST);
  }

  #skip(left: number): undefined {
    const skipped = Math.min(left, this.#rest.length);
    this.#take(skipped);
    if (skipped === left) this.#next();
    else this.#state = left - skipped;
  }

  #next(): void {
    this.#state = "header";
    this.#frame += 1;
    this.#most = Math.max(INPUT_MIN, 2 * (this.#offset - this.#frameStart));
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

  /** The same error, with the position in this stream. */
  #located(error: ZstashError): ZstashError {
    return error.with({ frame: this.#frame, offset: this.#frameStart });
  }
}
