export { ZstashError, type ZstashErrorCode, type ZstashErrorDetails } from "./errors.ts";
export { readFrameHeader, type FrameHeader } from "./format/frame.ts";
export type {
  CompressionParameters,
  CompressOptions,
  CompressStreamOptions,
  DecompressOptions,
  DecompressStreamOptions,
} from "./codec/parameters.ts";
export { readDictionary, type Dictionary } from "./codec/dictionary.ts";
export type { CompressFramesOptions } from "./codec/frames.ts";
export type { RangeSource } from "./codec/range-source.ts";
export { readSeekTable, type RangeOptions } from "./codec/seekable.ts";
export { segmentSize, type SegmentOptions } from "./codec/segment-size.ts";
export { parseSeekTable, writeSeekTable, type SeekTable, type SeekTableEntry } from "./format/seek-table.ts";
export type { Decoder } from "./codec/decoder.ts";
export {
  loadZstd,
  type Engine,
  type EngineFactory,
  type LoadOptions,
  type Zstd,
  type ZstdStats,
} from "./codec/zstd.ts";
