/**
 * The half of "zstash/decode" that is loaded on demand, with the first stream or range. Everything is imported here,
 * so that there is one file to fetch.
 */
import type { DecompressContextSettings, EngineSettings } from "../../engine/engine.ts";
import { openDecompression } from "../../engine/stream-decompression.ts";
import { StreamPool } from "../../engine/stream-pool.ts";
import type { ByteTransform } from "../../streams.ts";
import type { DecompressStreamSettings } from "../decompress-options.ts";
import type { Dictionaries } from "../dictionaries.ts";
import type { CompiledModule } from "../module.ts";
import { Pace } from "../pace.ts";
import { createDecompressStream } from "../decompress-stream.ts";
import type { RangeDecoder } from "../range-frame.ts";
import { createRangeReader } from "../range.ts";

/** Streams and ranges of one module, which share their memory and their pace. */
export interface StreamDecoder {
  decompressStream(settings: DecompressStreamSettings): ByteTransform;
  createRangeReader(decoder: RangeDecoder): ReturnType<typeof createRangeReader>;
}

/** Makes the decompression streams of a module that has no engine around it. */
export function createStreamDecoder(
  module: CompiledModule,
  memory: EngineSettings,
  dictionaries: Dictionaries,
): StreamDecoder {
  const pool = new StreamPool(module, memory);
  const resources = {
    engine: {
      openDecompression: (settings: DecompressContextSettings, signal: AbortSignal) =>
        openDecompression(pool, settings, signal),
    },
    dictionaries,
    pace: new Pace(),
  };
  return {
    decompressStream: (settings) => createDecompressStream(resources, settings),
    createRangeReader: (decoder) => createRangeReader(decoder, resources.pace),
  };
}
