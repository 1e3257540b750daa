export { ZstashError, type ZstashErrorCode, type ZstashErrorDetails } from "./errors.ts";
export { readFrameHeader, type FrameHeader } from "./format/frame.ts";
export type { CompressOptions, DecompressOptions } from "./codec/parameters.ts";
export type { Decoder } from "./codec/decoder.ts";
export { loadZstd, type Engine, type EngineFactory, type LoadOptions, type Zstd } from "./codec/zstd.ts";
