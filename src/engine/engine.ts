import type { FrameExtent } from "../format/frame.ts";

/** Parameters of one compression, validated. */
export interface EngineCompressParameters {
  readonly level: number;
  /** Undefined where the caller did not say: an engine that has checksums writes one. */
  readonly checksum: boolean | undefined;
}

/** Frames to decode, found and bounded beforehand, so that an engine allocates nothing on a claim. */
export interface DecodePlan {
  /** The input that the extents refer to. */
  readonly data: Uint8Array;
  /** Frames in order; skippable frames are left out. */
  readonly frames: Iterable<FrameExtent>;
  /** Output bytes to provide; more output is SIZE_LIMIT. */
  readonly capacity: number;
}

/**
 * One implementation of zstd. Engines hold no options and no limits: the codec plans, the engine computes.
 * A method that throws leaves the engine usable.
 */
export interface Engine {
  /** Makes one frame that declares its content size. A string is encoded as UTF-8, lone surrogates as U+FFFD. */
  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array;
  /** Decodes into a new array, or into `into` and returns its filled part. */
  decompress(plan: DecodePlan, into?: Uint8Array): Uint8Array;
  /** Decodes to text: fatal UTF-8 (NOT_TEXT), a BOM is kept. */
  decompressText(plan: DecodePlan): string;
}

/** Makes an engine; rejects with WASM_UNAVAILABLE where it cannot. May be called again after a failure. */
export type EngineFactory = () => Promise<Engine>;
