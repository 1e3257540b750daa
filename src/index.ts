/** The subpath "zstash": zstd for bytes, text, streams and byte ranges. */
export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "./errors.ts";
export type {
  ByteIterator,
  ByteReader,
  ByteStream,
  ByteTransform,
  PortableByteStream,
  ReadableBytes,
} from "./streams.ts";
export { readFrameHeader, type FrameExtent, type FrameHeader } from "./format/frame.ts";
export { readDictionary, type Dictionary, type DictionaryLookup } from "./format/dictionary.ts";
export {
  parseSeekTable,
  type SeekTable,
  type SeekTableEntry,
  type SeekTableFrame,
} from "./format/seek-table.ts";
export { writeSeekTable } from "./format/seek-table-writer.ts";
export type {
  CompressFramesOptions,
  CompressionParameters,
  CompressOptions,
  CompressStreamOptions,
} from "./codec/compress-options.ts";
export type {
  DecompressOptions,
  DecompressStreamOptions,
  RangeOptions,
  RangeSource,
} from "./codec/decompress-options.ts";
export { readSeekTable } from "./codec/range.ts";
export { segmentSize, type SegmentOptions } from "./codec/segment-size.ts";
export type { CompiledModule, ModuleSource } from "./codec/module.ts";
export type { Decoder } from "./codec/decoder.ts";
export type { StreamMemoryOptions } from "./codec/stream-memory.ts";
export {
  loadZstd,
  type CompressionContext,
  type CompressSettings,
  type CompressStreamSettings,
  type DecodePlan,
  type DecompressContextSettings,
  type DecoderEngine,
  type DecompressionContext,
  type EndDirective,
  type Engine,
  type EngineFactory,
  type EngineSettings,
  type EngineStats,
  type LoadOptions,
  type StreamStep,
  type Zstd,
  type ZstdStats,
} from "./codec/zstd.ts";
