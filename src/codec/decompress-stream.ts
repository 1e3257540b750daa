/** `decompressStream`: decodes any sequence of frames and skippable frames, in bounded memory. */
import { concatenate } from "../bytes.ts";
import type { DecoderEngine, DecompressionContext } from "../engine/engine.ts";
import type { FrameAt } from "../engine/zstd-errors.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderIfWhole, type FrameHeader } from "../format/frame.ts";
import type { ByteTransform } from "../streams.ts";
import type { DecompressStreamSettings } from "./decompress-options.ts";
import { dictionaryUnknown, withRegistered, type Dictionaries } from "./dictionaries.ts";
import { FrameContext } from "./frame-context.ts";
import { contentTooLarge, notAsClaimed, windowTooLarge } from "./frame-errors.ts";
import { decodeRun, type FrameRun } from "./frame-run.ts";
import { afterPause, RUN_COST, STEP_COST, type Pace } from "./pace.ts";
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
  readonly #context: FrameContext;
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
  /** Whether the frame that has begun lies at the start of the rest, so that a run may begin with it. */
  #mayRun = false;
  /** The `#offset` up to which frames are decoded step by step: a run of them could not be decoded. */
  #stepsUntil = 0;
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
    this.#context = new FrameContext(resources, settings);
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
      if (this.#context.isReleased) throw streamClosed();
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
    this.#context.release();
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
    if (header.type === "frame") {
      // A prefix is valid for one frame, so each frame is started with it.
      this.#mayRun = this.#settings.prefix === undefined && this.#offset >= this.#stepsUntil;
      return this.#begin(header);
    }
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
      return readFrameHeaderIfWhole(bytes, 0, this.#frame);
    } catch (error) {
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
      throw windowTooLarge(windowSize, this.#settings.maxWindowLog, this.#place);
    }
    if (contentSize !== undefined && contentSize > this.#settings.maxSize - this.#size)
      throw contentTooLarge(this.#settings.maxSize, this.#place);
    this.#frameEnd = contentSize === undefined ? undefined : this.#size + contentSize;
    const start = (): Promise<void> | undefined => this.#start(dictionary);
    const opening = this.#context.fit(windowSize);
    return opening === undefined ? start() : opening.then(start);
  }

  #start(dictionary: Dictionary | undefined): Promise<void> | undefined {
    const changed = this.#locating(() => this.#context.refer(dictionary));
    this.#state = "frame";
    // The dictionary may have had to be digested, which costs time.
    return changed && dictionary !== undefined
      ? this.#resources.pace.spend(dictionary.bytes.length)
      : undefined;
  }

  /** All frames that lie whole in the chunk, where one has just begun; else one step inside a frame. */
  #decode(emit: Emit): Promise<void> | undefined {
    if (this.#mayRun) {
      this.#mayRun = false;
      const { end, headers, output } = this.#run();
      if (output !== undefined) {
        this.#take(end);
        this.#size += output.length;
        this.#next(headers.length);
        return this.#give(output, end + headers.length * RUN_COST, emit);
      }
      this.#stepsUntil = this.#offset + end;
    }
    const { consumed, output, full, remaining } = this.#step(this.#rest.subarray(0, this.#most));
    this.#take(consumed);
    this.#size += output.length;
    if (this.#size > this.#settings.maxSize) throw contentTooLarge(this.#settings.maxSize, this.#place);
    return afterPause(this.#give(output, consumed, emit), () => this.#stepped(full, remaining));
  }

  /** Decodes the frames that lie whole at the start of the rest and need what the one needs that has begun. */
  #run(): FrameRun {
    const room = this.#settings.maxSize - this.#size;
    return decodeRun(this.#context.current, this.#rest, room, (header) => {
      const { dictionaryId: id, windowSize } = header;
      return this.#context.suits(windowSize, id === 0 ? undefined : this.#dictionaries.get(id, header));
    });
  }

  /** Hands output out, and accounts for the work; a promise where something has to be waited for. */
  #give(output: Uint8Array<ArrayBuffer>, cost: number, emit: Emit): Promise<void> | undefined {
    const { pace } = this.#resources;
    if (output.length === 0) return pace.spend(cost, STEP_COST);
    const spend = (): Promise<void> | undefined => pace.spend(cost + output.length);
    const demand = emit(output);
    return demand === undefined ? spend() : demand.then(spend);
  }

  #stepped(full: boolean, remaining: number): void {
    this.#isFull = full && remaining > 0;
    this.#most = INPUT_MAX;
    if (remaining > 0) return;
    // libzstd's streaming decoder does not check this if the last block is empty.
    if (this.#frameEnd !== undefined && this.#size !== this.#frameEnd) throw notAsClaimed(this.#place);
    this.#next();
  }

  #step(input: Uint8Array): ReturnType<DecompressionContext["step"]> {
    return this.#locating(() => this.#context.current.step(input));
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

  #next(frames = 1): void {
    this.#state = "header";
    this.#frame += frames;
    this.#most = Math.max(INPUT_MIN, 2 * (this.#offset - this.#frameStart));
  }

  /** The frame that is read. */
  get #place(): FrameAt {
    return { frame: this.#frame, offset: this.#frameStart };
  }

  /** The same error, with the position in this stream. */
  #located(error: ZstashError): ZstashError {
    return error.with(this.#place);
  }
}
