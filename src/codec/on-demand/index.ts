/**
 * The half of "zstash/decode" that is loaded on demand, with the first stream or range. Everything enters here, so that
 * it is one file to fetch.
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

export { createRangeReader, readSeekTable } from "../range.ts";
export { createDecompressStream };

/** Makes the decompression streams of a module that has no engine around it. */
export function createStreamDecoder(
  module: CompiledModule,
  memory: EngineSettings,
  dictionaries: Dictionaries,
): (settings: DecompressStreamSettings) => ByteTransform {
  const pool = new StreamPool(module, memory);
  const resources = {
    engine: {
      openDecompression: (settings: DecompressContextSettings, signal: AbortSignal) =>
        openDecompression(pool, settings, signal),
    },
    dictionaries,
    pace: new Pace(),
  };
  return (settings) => createDecompressStream(resources, settings);
}
