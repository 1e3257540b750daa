/** The subpath "zstash/decode": the decoder alone. */
export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "./errors.ts";
export type { ByteIterator, ByteReader, ByteStream, ByteTransform, PortableByteStream } from "./streams.ts";
export { readFrameHeader, type FrameHeader } from "./format/frame.ts";
export { readDictionary, type Dictionary, type DictionaryLookup } from "./format/dictionary.ts";
export type { SeekTable, SeekTableFrame } from "./format/seek-table.ts";
export type {
  DecompressOptions,
  DecompressStreamOptions,
  RangeOptions,
  RangeSource,
} from "./codec/decompress-options.ts";
export type { CompiledModule, ModuleSource } from "./codec/module.ts";
export type { Decoder } from "./codec/decoder.ts";
export type { StreamMemoryOptions } from "./codec/stream-memory.ts";
export { loadDecoder, type LoadDecoderOptions } from "./codec/load-decoder.ts";
