/** The engine over zstash's own WebAssembly module: one instance for one-shot work, a pool of them for streams. */
import type { Engine, EngineFactory } from "./engine.ts";
import { explainFailure } from "./exports.ts";
import { createOneShot } from "./one-shot.ts";
import { openCompression } from "./stream-compression.ts";
import { openDecompression } from "./stream-decompression.ts";
import { StreamPool } from "./stream-pool.ts";

/** Makes the factory of engines over a compiled zstash module. */
export function createEngine(load: () => Promise<WebAssembly.Module>): EngineFactory {
  return ({ memoryLimit }) => explainFailure(async () => overModule(await load(), memoryLimit));
}

function overModule(module: WebAssembly.Module, memoryLimit: number): Engine {
  const oneShot = createOneShot(module);
  const streams = new StreamPool(module, memoryLimit);
  return {
    compress: oneShot.compress,
    decompress: oneShot.decompress,
    decompressText: oneShot.decompressText,
    async openCompression(settings, signal) {
      return openCompression(streams, settings, oneShot.estimateStream(settings), signal);
    },
    openDecompression: (windowSize, maxWindowLog, signal) =>
      openDecompression(streams, windowSize, maxWindowLog, signal),
    stats() {
      const { memory, ...counts } = streams.stats();
      return { ...counts, memory: memory + oneShot.memorySize() };
    },
  };
}
