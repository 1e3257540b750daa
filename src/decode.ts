export { ZstashError, type ZstashErrorCode, type ZstashErrorDetails } from "./errors.ts";
export { readFrameHeader, type FrameHeader } from "./format/frame.ts";
export type { DecompressOptions, DecompressStreamOptions } from "./codec/parameters.ts";
export { readDictionary, type Dictionary } from "./codec/dictionary.ts";
export type { RangeSource } from "./codec/range-source.ts";
export type { RangeOptions } from "./codec/seekable.ts";
export type { Decoder } from "./codec/decoder.ts";
export { loadDecoder, type LoadDecoderOptions } from "./codec/load-decoder.ts";
