/** The interface between the codec and an implementation of zstd: methods, settings and results. */
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import type { FrameExtent } from "../format/frame.ts";

/** zstd's advanced compression parameters (ZSTD_cParameter in zstd.h). The level sets those that are left out. */
export interface CompressionParameters {
  /** log2 of the window in bytes, 10…27. Browsers' decoders accept up to 23 (RFC 9659). */
  readonly windowLog?: number;
  /**
   * log2 of the number of entries of the table that is looked up first, 6…28; an entry takes 4 bytes. A larger table
   * finds more at "fast" and "dfast", and is faster at the other strategies (ZSTD_c_hashLog).
   */
  readonly hashLog?: number;
  /**
   * log2 of the number of entries of the table with further candidates, 6…28; an entry takes 4 bytes. Not used by the
   * strategy "fast" (ZSTD_c_chainLog).
   */
  readonly chainLog?: number;
  /**
   * log2 of the number of candidates that are compared at each position, 1…29. Not used by "fast" and "dfast"
   * (ZSTD_c_searchLog).
   */
  readonly searchLog?: number;
  /**
   * The shortest match that is searched for, in bytes, 3…7. Strategies below "btopt" take 3 as 4, and those above
   * "fast" take 7 as 6 (ZSTD_c_minMatch).
   */
  readonly minMatch?: number;
  /**
   * 0…131,072. From "btopt" on, the length in bytes of a match that is good enough to end a search; at "fast", how far
   * apart the searched positions are (ZSTD_c_targetLength).
   */
  readonly targetLength?: number;
  /** ZSTD_strategy, 1 (fast) … 9 (btultra2). */
  readonly strategy?: number;
}

/** Settings of one compression. */
export interface CompressSettings {
  /** The compression level, −7…22, checked by the codec. */
  readonly level: number;
  /** Undefined if the caller did not say: an engine that supports checksums then writes one. */
  readonly checksum: boolean | undefined;
  /** The dictionary to compress with; undefined for none. */
  readonly dictionary: Dictionary | undefined;
  /** Raw content before the frame's own, to which the frame may refer. Cannot be combined with a dictionary. */
  readonly prefix?: Uint8Array | undefined;
  /** Checked advanced parameters, which replace those of the level; undefined for the level's own. */
  readonly parameters: CompressionParameters | undefined;
}

/** Settings of a compression stream. */
export interface CompressStreamSettings extends CompressSettings {
  /** The decompressed size to declare in the header, in bytes; undefined if unknown. */
  readonly contentSize: number | undefined;
  /** zstd's targetCBlockSize in bytes, 1340…131,072; undefined for blocks of any size. */
  readonly targetCBlockSize: number | undefined;
  /**
   * What sets the speed of the stream. "memory": nothing, its whole content and its destination are in memory, so it ends
   * soon by itself. "network": one end is in memory, and the other is a request of our own, which time-outs end.
   * "caller": somebody who may stop for any time.
   */
  readonly pacing: "memory" | "network" | "caller";
}

/** What sets the speed of a stream. */
export type Pacing = CompressStreamSettings["pacing"];

/** Settings of a decompression context. */
export interface DecompressContextSettings {
  /** The window size that the first frame's header asks for, in bytes. */
  readonly windowSize: number;
  /** log2 of the largest window to accept, 10…30; a frame that needs more is WINDOW_LIMIT. */
  readonly maxWindowLog: number;
  /** Raw content that frames without a dictionary may refer to. */
  readonly prefix?: Uint8Array | undefined;
  /** What sets the speed of the stream, as for compression. */
  readonly pacing: "memory" | "network" | "caller";
}

/**
 * Frames to decode, which were found and limited beforehand, so that an engine allocates nothing because of a
 * declared size.
 */
export interface DecodePlan {
  /** The input that the extents refer to. */
  readonly data: Uint8Array;
  /** The frames in order, including skippable frames: they count in the frame numbers of errors. */
  readonly frames: Iterable<FrameExtent>;
  /** The size of the output in bytes; more output is SIZE_LIMIT. */
  readonly capacity: number;
  /** The dictionary that all frames name, 0 for none; undefined where they differ, and for a single frame. */
  readonly sharedDictionary?: number | undefined;
  /** Finds dictionaries by id; it has every id that a frame names. */
  readonly dictionaries: DictionaryLookup;
  /** Raw content that frames without a dictionary may refer to. */
  readonly prefix?: Uint8Array | undefined;
}

/** The result of a step of a stream. */
export interface StreamStep {
  /** The number of input bytes that were used. */
  readonly consumed: number;
  /** The output of the step, a copy; empty if there is none yet. */
  readonly output: Uint8Array<ArrayBuffer>;
  /** True if the output is full, so that more may come without further input. */
  readonly full: boolean;
  /**
   * When compressing: bytes still to be flushed, 0 when the directive is complete. When decompressing: 0 at the end
   * of a frame, otherwise a hint of how much input is wanted.
   */
  readonly remaining: number;
}

/** ZSTD_EndDirective (zstd.h). */
export const ZSTD_e_continue = 0;
export const ZSTD_e_flush = 1;
export const ZSTD_e_end = 2;
/**
 * What becomes of the input after a step, as ZSTD_EndDirective (zstd.h) numbers it: 0 collects more, 1 ends the block,
 * so that a reader can decode all input so far, 2 ends the frame.
 */
export type EndDirective = 0 | 1 | 2;

/** A compression context held by one stream. One step takes at most 64 KiB, so that no step blocks for long. */
export interface CompressionContext {
  /**
   * Compresses the beginning of `input`, as much as fits; the step tells how much that was. The directive takes effect
   * with the step that uses the end of `input`: call it with the rest until `remaining` is 0.
   */
  step(input: Uint8Array, directive: EndDirective): StreamStep;
  /** Returns the context to the pool; called exactly once. */
  release(): void;
}

/** A decompression context held by one stream. */
export interface DecompressionContext {
  /** Decodes the beginning of `input`, as much as fits; the step tells how much that was, and where a frame ends. */
  step(input: Uint8Array): StreamStep;
  /** Selects the dictionary of the next frame. */
  begin(dictionary: Dictionary | undefined): void;
  /**
   * Decodes frames that follow each other in one call, in place of steps: whole frames of at most 64 KiB, which declare
   * `size` bytes of content together, at most 128 KiB, and use the dictionary of `begin`. Undefined if it cannot decode
   * them: `step` then starts at the first frame. An engine may leave this method out.
   */
  decodeRun?(frames: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined;
  /** Returns the context to the pool; called exactly once. */
  release(): void;
}

/** The contexts of streams and the linear memory. */
export interface EngineStats {
  /** Contexts that streams hold. */
  readonly live: number;
  /** Contexts kept for the next stream. */
  readonly idle: number;
  /** Streams that wait for a context. */
  readonly waiters: number;
  /** Linear memory of all instances in bytes. */
  readonly memory: number;
}

/**
 * One implementation of decoding. Engines hold no options and no limits: the codec plans, the engine computes.
 * A method that throws leaves the engine usable.
 */
export interface DecoderEngine {
  /** Decodes into a new array; or into `into`, and returns the filled part of it. */
  decompress<Memory extends ArrayBufferLike = ArrayBuffer>(
    plan: DecodePlan,
    into?: Uint8Array<Memory>,
  ): Uint8Array<Memory>;
  /** Decodes to text. Invalid UTF-8 is NOT_TEXT; a byte order mark is kept. */
  decompressText(plan: DecodePlan): string;
  /**
   * Waits for a context within the memory limit. TIMEOUT after `waitTimeout`; OUT_OF_MEMORY at once for a stream that
   * can never fit. Aborting `signal` ends the wait with its reason.
   */
  openDecompression(settings: DecompressContextSettings, signal: AbortSignal): Promise<DecompressionContext>;
}

/** One implementation of zstd. */
export interface Engine extends DecoderEngine {
  /** Makes one frame that declares its content size. A string is encoded as UTF-8, lone surrogates as U+FFFD. */
  compress(source: Uint8Array | string, settings: CompressSettings): Uint8Array<ArrayBuffer>;
  /** Waits for a context as `openDecompression` does. */
  openCompression(settings: CompressStreamSettings, signal: AbortSignal): Promise<CompressionContext>;
  /** Counts contexts and memory at this moment. */
  stats(): EngineStats;
}

/** Settings of an engine. */
export interface EngineSettings {
  /** Linear memory that the contexts of all streams may use together, in bytes. */
  readonly memoryLimit: number;
  /** How long a stream waits for a context before TIMEOUT, in ms. */
  readonly waitTimeout: number;
  /**
   * True if requests end without notice, as on Workers: holders of contexts must then show that they live, and
   * waiters look for themselves.
   */
  readonly beats: boolean;
  /** Called after a slow wait for a context, with its milliseconds. */
  readonly onWait?: ((ms: number) => void) | undefined;
}

/** Makes an engine; rejects with WASM_UNAVAILABLE if it cannot. May be called again after a failure. */
export type EngineFactory = (settings: EngineSettings) => Promise<Engine>;
